"""Rows of products and decompositions of matrices."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kdist.backend.torch.rows import is_int, refuses
from kdist.backend.torch.tensors import alike_floats, as_float, as_tensor, kind_of, promoted, weak


def _product(native: Any, x1: Tensor, x2: Tensor) -> Tensor:
    """A product in a dtype that torch multiplies in: booleans, and integers on an accelerator, go through floats."""
    dtype = x1.dtype
    if dtype is torch.bool or (
        not dtype.is_floating_point and not dtype.is_complex and x1.device.type == "cuda"
    ):
        return native(x1.to(torch.float64), x2.to(torch.float64)).to(dtype)
    return native(x1, x2)


def matmul(x1: Any, x2: Any) -> Tensor:
    if alike_floats(x1, x2):
        return torch.matmul(x1, x2)
    x1, x2 = weak(x1), weak(x2)
    if kind_of(x1) == kind_of(x2) == "int8":  # products of bytes accumulate in 32 bits
        x1, x2 = x1.to(torch.int32), x2.to(torch.int32)
    return _product(torch.matmul, *promoted(x1, x2))


def linear(x: Any, kernel: Any, bias: Any = None) -> Tensor:
    """x (..., in) @ kernel (in, out) + bias (out,)."""
    if not (isinstance(x, Tensor) and isinstance(kernel, Tensor) and x.dtype is kernel.dtype):
        x, kernel = promoted(x, kernel)
    if bias is None:
        return torch.matmul(x, kernel)
    bias = (
        bias if isinstance(bias, Tensor) and bias.dtype is x.dtype else as_tensor(bias).to(x.dtype)
    )
    if x.ndim == 2:
        return torch.addmm(bias, x, kernel)
    # The transposed view costs less than flattening and unflattening x.
    return F.linear(x, kernel.t(), bias)


def dot(x1: Any, x2: Any) -> Tensor:
    x1, x2 = promoted(x1, x2)
    if x1.ndim == 0 or x2.ndim == 0:
        return torch.mul(x1, x2)
    if x2.ndim == 1:
        return _product(lambda a, b: torch.matmul(a, b), x1, x2)
    return _product(lambda a, b: torch.tensordot(a, b, dims=([-1], [-2])), x1, x2)


def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Tensor:
    x1, x2 = promoted(x1, x2)
    if is_int(axes):
        alike = not axes or x1.shape[-axes:] == x2.shape[:axes]
    else:
        axes = [[a] if is_int(a) else list(a) for a in axes]
        alike = [x1.shape[a] for a in axes[0]] == [x2.shape[a] for a in axes[1]]
    if not alike:  # torch broadcasts an axis of size 1
        raise ValueError("The axes that are summed over must have equal sizes.")
    return _product(lambda a, b: torch.tensordot(a, b, dims=axes), x1, x2)


def vdot(x1: Any, x2: Any) -> Tensor:
    return _product(lambda a, b: torch.vdot(a.reshape(-1), b.reshape(-1)), *promoted(x1, x2))


def outer(x1: Any, x2: Any) -> Tensor:
    x1, x2 = promoted(x1, x2)
    return torch.outer(x1.reshape(-1), x2.reshape(-1))


def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Tensor:
    if kwargs:
        raise TypeError(
            f"einsum received unknown arguments on the torch backend: {sorted(kwargs)}."
        )
    if len(operands) == 2:  # as most often
        a, b = operands
        if alike_floats(a, b):
            return torch.einsum(subscripts, a, b)
    operands = promoted(*operands)
    if operands[0].dtype is torch.int8:  # sums of bytes need more bits
        operands = tuple(x.to(torch.int32) for x in operands)
    return torch.einsum(subscripts, *operands)


def cross(
    x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Tensor:
    x1, x2 = promoted(x1, x2)
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = torch.movedim(x1, axisa, -1), torch.movedim(x2, axisb, -1)
    if {a.shape[-1], b.shape[-1]} - {2, 3}:
        raise ValueError(
            f"cross needs vectors of 2 or 3 elements, and received {a.shape[-1]} and {b.shape[-1]}."
        )
    if a.shape[-1] == b.shape[-1] == 2:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    a, b = (v if v.shape[-1] == 3 else F.pad(v, (0, 1)) for v in (a, b))
    return torch.movedim(torch.cross(*torch.broadcast_tensors(a, b), dim=-1), -1, axisc)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    x = as_float(x)
    if ord is None:
        dims = None if axis is None else axis
        return torch.linalg.vector_norm(x, 2, dim=dims, keepdim=keepdims)
    return torch.linalg.norm(x, ord=ord, dim=axis, keepdim=keepdims)


def _square(x: Any, name: str) -> Tensor:
    x = as_float(x)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError(
            f"{name} needs square matrices in the last two dims, and received shape {tuple(x.shape)}."
        )
    return x


def det(x: Any) -> Tensor:
    return torch.linalg.det(_square(x, "det"))


def inv(x: Any) -> Tensor:
    return torch.linalg.inv(_square(x, "inv"))


@refuses
def solve(a: Any, b: Any) -> Tensor:
    if not alike_floats(a, b):
        a, b = promoted(a, b, also=(float,))
    n, m = a.ndim, b.ndim
    if m != n and (m != n - 1 or b.shape[-1] != a.shape[-1]):  # it would be broadcast
        raise ValueError("b must be (..., n) or (..., n, k), with as many leading axes as a.")
    return torch.linalg.solve(a, b)


def cholesky(x: Any, upper: bool = False) -> Tensor:
    try:
        return torch.linalg.cholesky(as_float(x), upper=upper)
    except torch.linalg.LinAlgError as e:
        raise ValueError(f"cholesky: x is not positive definite: {e}") from e


def qr(x: Any, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    if mode not in ("reduced", "complete"):
        raise ValueError(f"mode={mode!r} is not known. Use 'reduced' or 'complete'.")
    x = as_float(x)
    if x.ndim < 2:
        raise ValueError(
            f"qr needs matrices in the last two dims, and received shape {tuple(x.shape)}."
        )
    q, r = torch.linalg.qr(x, mode=mode)
    return q, r


def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    x = as_float(x)
    if not compute_uv:
        return torch.linalg.svdvals(x)
    return tuple(torch.linalg.svd(x, full_matrices=full_matrices))


def cholesky_inverse(x: Any, upper: bool = False) -> Tensor:
    return torch.cholesky_inverse(as_float(x), upper=upper)


def solve_triangular(a: Any, b: Any, lower: bool = False) -> Tensor:
    a, b = promoted(a, b, also=(float,))
    if b.ndim == a.ndim - 1:
        return torch.linalg.solve_triangular(a, b[..., None], upper=not lower).squeeze(-1)
    return torch.linalg.solve_triangular(a, b, upper=not lower)


def lu_factor(x: Any) -> tuple[Tensor, Tensor]:
    lu, pivots = torch.linalg.lu_factor(as_float(x))
    return lu, pivots - 1  # LAPACK counts from 1


def pinv(x: Any, rcond: Any = None) -> Tensor:
    return torch.linalg.pinv(as_float(x), rtol=rcond)  # by default max(n, m) * eps


def jvp(fun: Callable, primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    primals = tuple(as_tensor(p) for p in primals)
    tangents = tuple(as_tensor(t).to(p.dtype) for p, t in zip(primals, tangents, strict=True))
    with warnings.catch_warnings():  # torch loads what is deprecated in torch
        warnings.simplefilter("ignore", DeprecationWarning)
        importlib.import_module("torch._decomp.decompositions_for_jvp")
    return torch.func.jvp(fun, primals, tangents, has_aux=has_aux)


OPS = {
    "cholesky": cholesky,
    "cholesky_inverse": cholesky_inverse,
    "eig": lambda x: tuple(torch.linalg.eig(as_float(x))),
    "eigh": lambda x: tuple(torch.linalg.eigh(as_float(x))),
    "jvp": jvp,
    "lu_factor": lu_factor,
    "pinv": pinv,
    "slogdet": lambda x: tuple(torch.linalg.slogdet(as_float(x))),
    "solve_triangular": solve_triangular,
    "cross": cross,
    "det": det,
    "dot": dot,
    "einsum": einsum,
    "inv": inv,
    "linear": linear,
    "matmul": matmul,
    "norm": norm,
    "outer": outer,
    "qr": qr,
    "solve": solve,
    "svd": svd,
    "tensordot": tensordot,
    "vdot": vdot,
}
