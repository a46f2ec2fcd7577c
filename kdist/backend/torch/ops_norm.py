"""Rows of normalisation."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kdist.backend.torch.ops_linalg import norm
from kdist.backend.torch.rows import axes, is_int
from kdist.backend.torch.tensors import alike_floats, as_float, as_tensor, promoted
from kdist.core import config
from kdist.core.old_arguments import rms_scaling

_WIDE = (torch.float32, torch.float64)


def _at_least_float32(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def moments(
    x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False
) -> tuple[Tensor, Tensor]:
    if synchronized:
        raise ValueError(
            "synchronized=True: moments see one replica's values. Use the layer BatchNormalization(synchronized=True)."
        )
    x = as_float(x)
    dims = [int(axes)] if is_int(axes) else list(axes)
    if dims and not x.ndim:  # to torch it has an axis
        raise ValueError("x has no axes.")
    # Half precision overflows in the squares.
    variance, mean = torch.var_mean(_at_least_float32(x), dim=dims, keepdim=keepdims, correction=0)
    if x.dtype is torch.float16:
        largest = torch.finfo(x.dtype).max  # rather than infinity
        mean, variance = mean.clamp(-largest, largest), variance.clamp(max=largest)
    return mean.to(x.dtype), variance if x.is_complex() else variance.to(x.dtype)


def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 0.001,
) -> Tensor:
    x = as_float(x)
    ndim = x.ndim
    if axis == -1 and ndim:
        axis = ndim - 1
    else:
        (axis,) = axes(axis, ndim)
    if axis == ndim - 1 and _kernel_is_sooner(x, mean, variance, offset, scale):
        rows = x if ndim == 2 else x.reshape(-1, x.shape[-1])
        rows = torch.batch_norm(rows, scale, offset, mean, variance, False, 0.0, epsilon, False)
        return rows if ndim == 2 else rows.reshape(x.shape)
    flat = torch.Size((x.shape[axis],))
    mean, variance, offset, scale = [
        _vector(_parameter(v, x), flat) for v in (mean, variance, offset, scale)
    ]
    factor = torch.rsqrt(variance + epsilon)
    factor = factor if scale is None else factor * scale
    shift = -mean * factor if offset is None else torch.addcmul(offset, mean, factor, value=-1)
    if axis != x.ndim - 1:
        shape = (-1, *(1,) * (x.ndim - 1 - axis))
        shift, factor = shift.reshape(shape), factor.reshape(shape)
    return torch.addcmul(shift, x, factor)


# Elements up to which torch's kernel takes less time than the few operations do that it is made of (CPU).
_SMALL = 16384


def _kernel_is_sooner(x: Tensor, mean: Any, variance: Any, *parameters: Any) -> bool:
    """Whether the kernel takes these as they are. It is slower on large tables, and the statistics get no gradient."""
    dtype = x.dtype
    if not (x.is_cpu and x.numel() <= _SMALL and dtype in _WIDE and type(x) is Tensor):
        return False
    for v in (mean, variance, *parameters):
        if v is not None and not (isinstance(v, Tensor) and v.dtype is dtype and v.ndim == 1):
            return False
    return not (mean.requires_grad or variance.requires_grad)


def batch_normalization_training(
    x: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 0.001
) -> tuple[Tensor, Tensor, Tensor]:
    x = as_float(x)
    (axis,) = axes(axis, x.ndim)
    channels = x.shape[axis]
    count = x.numel() // channels if channels else 0
    if count < 2:  # the kernel's variance divides by count - 1
        mean, variance = moments(x, [d for d in range(x.ndim) if d != axis])
        return batch_normalization(x, mean, variance, axis, offset, scale, epsilon), mean, variance
    offset, scale = (_vector(_parameter(v, x), x.shape[axis : axis + 1]) for v in (offset, scale))
    # The kernel's running statistics, which with momentum 1 are this batch's.
    plain = x.detach()
    mean, variance = plain.new_zeros(channels), plain.new_zeros(channels)

    def kernel(v: Tensor) -> Tensor:
        return torch.batch_norm(
            v, scale, offset, mean, variance, True, 1.0, epsilon, torch.backends.cudnn.enabled
        )

    first = x if axis == 1 else x.movedim(axis, 1)
    if first.is_contiguous():
        out = kernel(first).movedim(1, axis)
    else:
        # As a matrix, (elements, channels): a view where channels are the last in memory, and at least as quick
        # there as torch's channels_last formats, which are for images alone.
        last = x.movedim(axis, -1)
        out = kernel(last.reshape(-1, channels)).reshape(last.shape).movedim(-1, axis)
    # Its variance is of a sample, divided by count - 1; ours is the batch's own.
    return out, mean, variance * ((count - 1) / count)


def weighted_step(start: Any, end: Any, weight: float) -> Tensor:
    if not alike_floats(start, end):
        start, end = promoted(start, end)
    return torch.lerp(start, end, weight)


def _kernels_take(x: Any, scale: Any, offset: Any = None) -> bool:
    """Whether the kernels over the last axis take these: wide floats of one dtype. They look at the shapes themselves.

    As almost always; what else they may be takes longer to find out than small kernels run.
    """
    if not isinstance(x, Tensor) or x.dtype not in _WIDE:
        return False
    dtype = x.dtype
    return (scale is None or (isinstance(scale, Tensor) and scale.dtype is dtype)) and (
        offset is None or (isinstance(offset, Tensor) and offset.dtype is dtype)
    )


def _trailing(axis: Any, ndim: int) -> tuple[int, ...] | None:
    """The axes if they are the last ones in order, which the fused kernels normalise over; else None."""
    if axis == -1 and ndim:
        return (ndim - 1,)
    dims = tuple(sorted(axes(axis, ndim)))
    return dims if dims == tuple(range(ndim - len(dims), ndim)) else None


def _parameter(v: Any, x: Tensor) -> Tensor | None:
    """A scale or offset in the dtype of `x`."""
    if v is None:
        return None
    v = as_tensor(v)
    if v.dtype is x.dtype:
        return v
    if v.is_complex():
        raise TypeError(f"A parameter for {x.dtype} cannot be {v.dtype}.")
    return v.to(x.dtype)


def _vector(v: Tensor | None, shape: torch.Size) -> Tensor | None:
    if v is None or v.shape == shape:
        return v
    raise ValueError(f"A vector of shape {tuple(shape)} is wanted, not one of {tuple(v.shape)}.")


def _shaped(v: Tensor | None, shape: torch.Size) -> Tensor | None:
    return v if v is None or v.shape == shape else v.reshape(shape)


def layer_normalization(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: Any = -1,
    epsilon: float | None = None,
    **kwargs: Any,
) -> Tensor:
    epsilon = config.epsilon() if epsilon is None else epsilon
    if axis == -1 and not kwargs and _kernels_take(x, gamma, beta):
        try:
            return torch.layer_norm(x, x.shape[-1:], gamma, beta, epsilon)
        except RuntimeError:
            pass  # parameters of another shape; what else is wrong is raised below
    x = as_float(x)
    wide = _at_least_float32(x)
    gamma, beta = _parameter(gamma, wide), _parameter(beta, wide)
    if rms_scaling(kwargs):
        scaled = wide * torch.rsqrt(
            torch.var(wide, dim=axes(axis, x.ndim), keepdim=True, correction=0) + epsilon
        )
        return (scaled if gamma is None else scaled * _along(gamma, axis, x)).to(x.dtype)
    dims = _trailing(axis, x.ndim)
    if dims is not None:
        shape = x.shape[dims[0] :]
        out = F.layer_norm(wide, shape, _shaped(gamma, shape), _shaped(beta, shape), epsilon)
        return out if wide is x else out.to(x.dtype)
    mean, variance = moments(wide, axes(axis, x.ndim), keepdims=True)
    out = (wide - mean) * torch.rsqrt(variance + epsilon)
    out = out if gamma is None else out * _along(gamma, axis, x)
    out = out if beta is None else out + _along(beta, axis, x)
    return out.to(x.dtype)


def rms_normalization(
    x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Tensor:
    epsilon = config.epsilon() if epsilon is None else epsilon
    if axis == -1 and _kernels_take(x, scale):
        try:
            return torch.rms_norm(x, x.shape[-1:], scale, epsilon)
        except RuntimeError:
            pass  # a scale of another shape; what else is wrong is raised below
    x = as_float(x)
    wide = _at_least_float32(x)
    scale = _parameter(scale, wide)
    dims = _trailing(axis, x.ndim)
    if dims is not None and x.ndim:
        shape = x.shape[dims[0] :]
        fits = scale is None or scale.numel() == shape.numel()
        out = F.rms_norm(wide, shape, _shaped(scale, shape) if fits else None, epsilon)
        out = out if fits else out * scale
        return out if wide is x else out.to(x.dtype)
    out = wide * torch.rsqrt(
        torch.mean(wide * wide, dim=axes(axis, x.ndim), keepdim=True) + epsilon
    )
    return (out if scale is None else out * _along(scale, axis, x)).to(x.dtype)


def _along(v: Tensor, axis: Any, x: Tensor) -> Tensor:
    """A parameter over the normalised axes, shaped to broadcast against `x`."""
    dims = axes(axis, x.ndim)
    return (
        v
        if v.ndim == x.ndim
        else v.reshape([x.shape[d] if d in dims else 1 for d in range(x.ndim)])
    )


_MOST_FLOAT16 = torch.finfo(torch.float16).max


def normalize(x: Any, axis: Any = -1, order: int = 2, epsilon: float | None = None) -> Tensor:
    x = as_float(x)
    x = x.reshape(1) if x.ndim == 0 else x
    epsilon = config.epsilon() if epsilon is None else epsilon
    if order == 2:
        squares = torch.sum(x * x, dim=axes(axis, x.ndim), keepdim=True)
        most = 1.0 / epsilon
        if x.dtype is torch.float16:
            most = min(most, _MOST_FLOAT16)  # a clamp refuses what is beyond x's dtype
        return x * torch.clamp(torch.rsqrt(squares), max=most)
    return x / torch.clamp(norm(x, order, axis, True), min=epsilon)


OPS = {
    "batch_normalization": batch_normalization,
    "batch_normalization_training": batch_normalization_training,
    "layer_normalization": layer_normalization,
    "moments": moments,
    "normalize": normalize,
    "rms_normalization": rms_normalization,
    "weighted_step": weighted_step,
}
