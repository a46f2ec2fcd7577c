"""Rows of activations, normalisation, attention and encodings.

Convolution and pooling are in `ops_conv`, cross-entropies in `ops_losses`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import nn

from kdist.backend.jax.kernels import kernel
from kdist.backend.jax.ops_numpy import float_unary, unary
from kdist.backend.jax.tensors import (
    as_indices,
    as_tensor,
    at_least_float32,
    floatx_or,
    promote_arrays,
    to_float,
)
from kdist.core import config
from kdist.core.old_arguments import rms_scaling


# ---- activations -----------------------------------------------------------------------------
def celu(x: Any, alpha: float = 1.0) -> jax.Array:
    return nn.celu(to_float(x), alpha=alpha)


def elu(x: Any, alpha: float = 1.0) -> jax.Array:
    return nn.elu(to_float(x), alpha=alpha)


def gelu(x: Any, approximate: bool = True) -> jax.Array:
    return nn.gelu(to_float(x), approximate)


def glu(x: Any, axis: int = -1) -> jax.Array:
    return nn.glu(to_float(x), axis=axis)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> jax.Array:
    return nn.leaky_relu(as_tensor(x), negative_slope=negative_slope)


def log_softmax(x: Any, axis: Any = -1) -> jax.Array:
    return nn.log_softmax(to_float(x), axis=axis)


def softmax(x: Any, axis: Any = -1) -> jax.Array:
    return nn.softmax(to_float(x), axis=axis)


def hard_shrink(x: Any, threshold: float = 0.5) -> jax.Array:
    x = to_float(x)
    return jnp.where(jnp.abs(x) > threshold, x, 0.0)


def soft_shrink(x: Any, threshold: float = 0.5) -> jax.Array:
    x = to_float(x)
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, 0.0))


def squareplus(x: Any, b: float = 4) -> jax.Array:
    return nn.squareplus(to_float(x), b=b)


def tanh_shrink(x: Any) -> jax.Array:
    x = to_float(x)
    return x - jnp.tanh(x)


def threshold(x: Any, threshold: float, default_value: float) -> jax.Array:
    x = as_tensor(x)
    return jnp.where(x > threshold, x, default_value)


# ---- normalisation ---------------------------------------------------------------------------
def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> jax.Array:
    parameters = (None if v is None else to_float(v) for v in (mean, variance, offset, scale))
    return _batch_normalization(to_float(x), *parameters, axis=axis, epsilon=epsilon)


@kernel("axis", "epsilon")
def _batch_normalization(
    x: jax.Array,
    mean: jax.Array,
    variance: jax.Array,
    offset: jax.Array | None,
    scale: jax.Array | None,
    axis: int,
    epsilon: float,
) -> jax.Array:
    shape = [1] * x.ndim
    shape[axis] = -1
    along = lambda v: jnp.reshape(v, shape)
    factor = jax.lax.rsqrt(along(variance) + epsilon)
    if scale is not None:
        factor = factor * along(scale)
    shift = -along(mean) * factor
    out = x * factor + (shift if offset is None else shift + along(offset))
    return out.astype(x.dtype)


def layer_normalization(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: Any = -1,
    epsilon: float | None = None,
    **kwargs: Any,
) -> jax.Array:
    uncentred = rms_scaling(kwargs)
    gamma, beta = (None if v is None else as_tensor(v) for v in (gamma, beta))
    axis = tuple(axis) if isinstance(axis, list) else axis
    return _layer_normalization(
        to_float(x), gamma, beta, axis=axis, epsilon=_epsilon(epsilon), uncentred=uncentred
    )


@kernel("axis", "epsilon", "uncentred")
def _layer_normalization(
    x: jax.Array,
    gamma: jax.Array | None,
    beta: jax.Array | None,
    axis: Any,
    epsilon: float,
    uncentred: bool,
) -> jax.Array:
    given, x = x.dtype, at_least_float32(x)
    along = _along(x, axis)
    mean = jnp.mean(x, axis, keepdims=True)
    centred = x - mean
    factor = jax.lax.rsqrt(jnp.mean(centred * centred, axis, keepdims=True) + epsilon)
    if gamma is not None:
        factor = factor * along(gamma)
    out = (x if uncentred else centred) * factor
    if beta is not None and not uncentred:
        out = out + along(beta)
    return out.astype(given)


def _along(x: jax.Array, axis: Any) -> Callable:
    """A function that shapes a parameter so that it lies along `axis` of x."""
    axes = {a % x.ndim for a in (axis if isinstance(axis, list | tuple) else (axis,))}
    shape = [n if i in axes else 1 for i, n in enumerate(x.shape)]
    return lambda v: jnp.reshape(as_tensor(v, x.dtype), shape)


def _epsilon(epsilon: float | None) -> float:
    return config.epsilon() if epsilon is None else epsilon


def rms_normalization(
    x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None
) -> jax.Array:
    axis = tuple(axis) if isinstance(axis, list) else axis
    scale = None if scale is None else as_tensor(scale)
    return _rms_normalization(to_float(x), scale, axis=axis, epsilon=_epsilon(epsilon))


@kernel("axis", "epsilon")
def _rms_normalization(
    x: jax.Array, scale: jax.Array | None, axis: Any, epsilon: float
) -> jax.Array:
    given, x = x.dtype, at_least_float32(x)
    x = x[None] if x.ndim == 0 else x
    out = x * jax.lax.rsqrt(jnp.mean(x * x, axis, keepdims=True) + epsilon)
    if scale is not None:
        scale = as_tensor(scale, x.dtype)
        out *= scale.reshape(scale.shape[max(0, scale.ndim - x.ndim) :])
    return out.astype(given)


def normalize(x: Any, axis: Any = -1, order: int = 2, epsilon: float | None = None) -> jax.Array:
    x = to_float(x)
    x = x[None] if x.ndim == 0 else x
    epsilon = _epsilon(epsilon)
    if order == 2:
        squares = jnp.sum(x * x, axis, keepdims=True)
        # 1 / epsilon is infinite in float16, and zero times it NaN.
        most = min(1.0 / epsilon, float(jnp.finfo(x.dtype).max))
        return x * jnp.minimum(jax.lax.rsqrt(squares), most)
    return x / jnp.maximum(jnp.linalg.norm(x, ord=order, axis=axis, keepdims=True), epsilon)


def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> tuple:
    # Arrays are global here: the mean over a batch that is spread over devices already is the
    # synchronised one.
    axes = tuple(axes) if isinstance(axes, list | tuple) else axes
    return _moments(to_float(x), axes=axes, keepdims=keepdims)


@kernel("axes", "keepdims")
def _moments(x: jax.Array, axes: Any, keepdims: bool) -> tuple:
    given, x = x, at_least_float32(x)
    mean = jnp.mean(x, axes, keepdims=True)
    variance = jnp.var(x, axes, keepdims=True, mean=mean)
    if not keepdims:
        mean, variance = jnp.squeeze(mean, axes), jnp.squeeze(variance, axes)
    if given.dtype == x.dtype:
        return mean, variance
    limits = jnp.finfo(jnp.float16)  # a variance may be more than half precision holds
    return tuple(jnp.clip(v, limits.min, limits.max).astype(given.dtype) for v in (mean, variance))


# ---- attention -------------------------------------------------------------------------------
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
) -> jax.Array:
    """query (b, t, heads, d), key and value (b, s, kv heads, d): (b, t, heads, d)."""
    query, key, value = promote_arrays(query, key, value)
    alike = query.shape[:1] == key.shape[:1] and key.shape[:3] == value.shape[:3]
    if not (query.ndim == key.ndim == value.ndim == 4 and alike):
        shapes = f"query {query.shape}, key {key.shape}, value {value.shape}"
        raise ValueError(
            "dot_product_attention needs arrays of shape (batch, length, heads, width): "
            f"received {shapes}."
        )
    bias = None if bias is None else as_tensor(bias, query.dtype)
    mask = None if mask is None else as_tensor(mask, "bool")
    flash_attention = config.resolve_flash_attention(flash_attention)
    # jax's own knows no such cap, rounds the softmax of 64 bits to 32, and takes one width alone.
    plain = query.dtype == jnp.float64 or value.shape[-1] != key.shape[-1]
    if attn_logits_soft_cap is not None or (plain and not flash_attention):
        return _plain_attention(
            query, key, value, bias, mask, scale, is_causal, attn_logits_soft_cap
        )
    implementation = {None: None, True: "cudnn", False: "xla"}[flash_attention]
    return nn.dot_product_attention(
        query,
        key,
        value,
        bias,
        mask,
        scale=scale,
        is_causal=is_causal,
        implementation=implementation,
    )


def _plain_attention(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    bias: Any,
    mask: Any,
    scale: Any,
    is_causal: bool,
    cap: float | None,
) -> jax.Array:
    groups = query.shape[2] // key.shape[2]
    key, value = jnp.repeat(key, groups, axis=2), jnp.repeat(value, groups, axis=2)
    wide = jnp.promote_types(query.dtype, jnp.float32)
    logits = jnp.einsum("btnh,bsnh->bnts", query, key, preferred_element_type=wide)
    logits = logits * (query.shape[-1] ** -0.5 if scale is None else scale)
    if cap is not None:
        logits = logits / (1.0 + jnp.abs(logits) / cap)
    if bias is not None:
        logits = logits + bias
    allowed = jnp.ones(logits.shape[-2:], bool)
    allowed = jnp.tril(allowed) if is_causal else allowed
    allowed = allowed if mask is None else allowed & mask
    weights = nn.softmax(jnp.where(allowed, logits, jnp.finfo(jnp.float32).min * 0.7)).astype(
        query.dtype
    )
    return jnp.einsum("bnts,bsnh->btnh", weights, value)


# ---- encodings -----------------------------------------------------------
def _dense_only(sparse: bool) -> None:
    if sparse:
        raise ValueError("sparse=True: the jax backend has dense tensors only. Leave it out.")


def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> jax.Array:
    _dense_only(sparse)
    return nn.one_hot(as_indices(x), num_classes, axis=axis, dtype=floatx_or(dtype))


def multi_hot(
    inputs: Any,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: Any = None,
    sparse: bool = False,
    **kwargs: Any,
) -> jax.Array:
    num_classes = kwargs.pop("num_tokens", num_classes)
    if kwargs:
        raise TypeError(f"multi_hot received unknown arguments: {sorted(kwargs)}.")
    if num_classes is None:
        raise ValueError("multi_hot needs num_classes, the number of classes.")
    x = as_tensor(inputs, "int32")
    return jnp.max(one_hot(x, num_classes, axis, dtype, sparse), axis=1 if x.ndim > 1 else 0)


ROWS: dict[str, Callable] = {
    **{
        n: float_unary(f)
        for n, f in {
            "hard_sigmoid": nn.hard_sigmoid,
            "hard_silu": nn.hard_silu,
            "hard_swish": nn.hard_silu,
            "hard_tanh": nn.hard_tanh,
            "log_sigmoid": nn.log_sigmoid,
            "selu": nn.selu,
            "sigmoid": nn.sigmoid,
            "silu": nn.silu,
            "swish": nn.silu,
            "softplus": nn.softplus,
            "softsign": nn.soft_sign,
        }.items()
    },
    "relu": unary(nn.relu),
    "relu6": unary(nn.relu6),
    **{
        f.__name__: f
        for f in (
            celu,
            elu,
            gelu,
            glu,
            leaky_relu,
            log_softmax,
            softmax,
            hard_shrink,
            soft_shrink,
            squareplus,
            tanh_shrink,
            threshold,
            batch_normalization,
            layer_normalization,
            rms_normalization,
            normalize,
            moments,
            dot_product_attention,
            one_hot,
            multi_hot,
        )
    },
}
