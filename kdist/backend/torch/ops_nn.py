"""Rows of activations, encodings and attention."""

from __future__ import annotations

import operator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from kdist.backend.torch.rows import axes, is_int, unary_float, whole
from kdist.backend.torch.tensors import as_float, as_tensor, in_dtype, promoted, torch_dtype
from kdist.core import config


# ---- activations
# ---------------------------------------------------------------------------------------------------------
def celu(x: Any, alpha: float = 1.0) -> Tensor:
    return F.celu(as_float(x), alpha)


def elu(x: Any, alpha: float = 1.0) -> Tensor:
    return F.elu(as_float(x), alpha)


def gelu(x: Any, approximate: bool = True) -> Tensor:
    return F.gelu(as_float(x), approximate="tanh" if approximate else "none")


def glu(x: Any, axis: int = -1) -> Tensor:
    return F.glu(as_float(x), dim=axis)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Tensor:
    return F.leaky_relu(as_float(x), negative_slope)


def soft_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    return F.softshrink(as_float(x), threshold)


def squareplus(x: Any, b: float = 4) -> Tensor:
    x = as_float(x)
    return (x + torch.sqrt(x * x + b)) / 2


def threshold(x: Any, threshold: float, default_value: float) -> Tensor:
    return F.threshold(as_float(x), threshold, default_value)


def over_axes(native: Any) -> Any:
    """`softmax` or `log_softmax`; over several axes at once, or all (None), by flattening them."""

    def row(x: Any, axis: Any = -1) -> Tensor:
        x = as_float(x)
        if is_int(axis):
            return native(x, axes(axis, x.ndim)[0])
        dims = axes(axis, x.ndim)
        if len(dims) == x.ndim:
            return native(x.reshape(-1), 0).reshape(x.shape)
        rest = [d for d in range(x.ndim) if d not in dims]
        order = [*rest, *dims]
        moved = x.permute(order)
        out = native(moved.reshape(*moved.shape[: len(rest)], -1), -1).reshape(moved.shape)
        return out.permute([order.index(d) for d in range(x.ndim)])

    return row


# ---- encodings
# -----------------------------------------------------------------------------------------------------------
def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Tensor:
    if sparse:
        raise ValueError("sparse=True: the torch backend has dense tensors only. Leave it out.")
    x = as_tensor(x)
    x = x if x.dtype in (torch.int32, torch.int64) else whole(x)
    classes = torch.arange(operator.index(num_classes), dtype=x.dtype, device=x.device)
    # A comparison, unlike torch's own one_hot, gives zeros for ids out of range, and asks the device for nothing.
    out = in_dtype(torch.eq(x.unsqueeze(-1), classes), torch_dtype(dtype))
    return out if axis == -1 or axis == x.ndim else torch.movedim(out, -1, axis)


def multi_hot(
    inputs: Any,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: Any = None,
    sparse: bool = False,
    **kwargs: Any,
) -> Tensor:
    num_classes = kwargs.pop("num_tokens", num_classes)
    if kwargs:
        raise TypeError(f"multi_hot received unknown arguments: {sorted(kwargs)}.")
    if num_classes is None:
        raise ValueError("multi_hot needs num_classes, the size of the dim that it makes.")
    x = as_tensor(inputs)
    return torch.amax(one_hot(x, num_classes, axis, dtype, sparse), dim=1 if x.ndim > 1 else 0)


# ---- attention
# -----------------------------------------------------------------------------------------------------------
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:
    grouped = False
    if not _are_alike(query, key, value):
        query, key, value = promoted(query, key, value)
        grouped = _are_grouped(query, key, value)
    # To (batch, heads, length, head size).
    q, k, v = query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)
    if mask is not None:
        mask = as_tensor(mask)
        mask = mask if mask.dtype is torch.bool else mask.to(torch.bool)
    if is_causal and (mask is not None or bias is not None):
        # The kernel takes a mask or the causal flag, not both.
        causal = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device).tril()
        mask, is_causal = causal if mask is None else mask & causal, False
    if bias is not None:
        bias = as_tensor(bias).to(q.dtype)
        mask = bias if mask is None else torch.where(mask, bias, _lowest(q.dtype))
    elif mask is not None:
        # A large finite number, not -inf: a row that is masked everywhere then averages, as on the other backends,
        # and is not NaN.
        mask = torch.where(mask, torch.zeros((), dtype=q.dtype, device=q.device), _lowest(q.dtype))
    flash = config.resolve_flash_attention(flash_attention)
    if attn_logits_soft_cap is not None:
        out = _capped_attention(q, k, v, mask, scale, is_causal, attn_logits_soft_cap)
    elif flash is None:
        out = _fused_attention(q, k, v, mask, is_causal, scale, grouped)
    else:
        with sdpa_kernel([SDPBackend.FLASH_ATTENTION] if flash else _NOT_FLASH):
            out = _fused_attention(q, k, v, mask, is_causal, scale, grouped)
    return out.transpose(1, 2)


# The kernels that `flash_attention=False` leaves.
_NOT_FLASH = [SDPBackend.EFFICIENT_ATTENTION, SDPBackend.CUDNN_ATTENTION, SDPBackend.MATH]


def _are_alike(query: Any, key: Any, value: Any) -> bool:
    """Whether these are tensors of one dtype and of one shape of four dims, as most often: then all is well."""
    return (
        isinstance(query, Tensor)
        and query.dtype is key.dtype is value.dtype
        and query.ndim == 4
        and query.shape == key.shape == value.shape
    )


def _are_grouped(query: Tensor, key: Tensor, value: Tensor) -> bool:
    """Whether several heads of `query` share one of `key`."""
    shapes = [tuple(x.shape) for x in (query, key, value)]
    if any(len(shape) != 4 for shape in shapes) or len({shape[0] for shape in shapes}) > 1:
        raise ValueError(
            f"query, key and value must be (batch, length, heads, head size). Received shapes: {shapes}."
        )
    return query.shape[2] != key.shape[2]


def _fused_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None,
    is_causal: bool,
    scale: float | None,
    grouped: bool,
) -> Tensor:
    """By one of torch's kernels. `grouped`: several heads of `q` to one of `k`."""
    if not grouped:
        return F.scaled_dot_product_attention(q, k, v, mask, 0.0, is_causal, scale=scale)
    return F.scaled_dot_product_attention(
        q, k, v, mask, 0.0, is_causal, scale=scale, enable_gqa=True
    )


def _lowest(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).min * 0.7


def _capped_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None,
    scale: float | None,
    is_causal: bool,
    cap: float,
) -> Tensor:
    """Attention with its logits bent into (-cap, cap) by a tanh, which the fused kernel cannot do."""
    groups = q.shape[1] // k.shape[1]
    if groups > 1:
        k, v = k.repeat_interleave(groups, dim=1), v.repeat_interleave(groups, dim=1)
    logits = q @ k.transpose(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    logits = torch.tanh(logits / cap) * cap
    if is_causal:
        causal = torch.ones(logits.shape[-2:], dtype=torch.bool, device=q.device).tril()
        logits = logits.masked_fill(~causal, _lowest(q.dtype))
    if mask is not None:
        logits = logits + mask
    return torch.softmax(logits, -1) @ v


def relu(x: Any) -> Tensor:
    x = x if isinstance(x, Tensor) else as_tensor(x)
    try:
        return torch.relu(x)
    except RuntimeError:  # to look at the dtype first would cost each call
        if x.dtype is not torch.bool:
            raise
    return torch.relu(x.int())


hard_silu = unary_float(F.hardswish)
silu = unary_float(F.silu)

OPS = {
    "celu": celu,
    "dot_product_attention": dot_product_attention,
    "elu": elu,
    "gelu": gelu,
    "glu": glu,
    "hard_sigmoid": unary_float(F.hardsigmoid),
    "hard_silu": hard_silu,
    "hard_swish": hard_silu,
    "hard_tanh": unary_float(F.hardtanh),
    "leaky_relu": leaky_relu,
    "log_sigmoid": unary_float(F.logsigmoid),
    "log_softmax": over_axes(torch.log_softmax),
    "multi_hot": multi_hot,
    "one_hot": one_hot,
    "relu": relu,
    "relu6": unary_float(F.relu6),
    "selu": unary_float(torch.selu),
    "sigmoid": unary_float(torch.sigmoid),
    "silu": silu,
    "soft_shrink": soft_shrink,
    "softmax": over_axes(torch.softmax),
    "softplus": unary_float(F.softplus),
    "softsign": unary_float(F.softsign),
    "squareplus": squareplus,
    "swish": silu,
    "tanh_shrink": unary_float(F.tanhshrink),
    "threshold": threshold,
}
