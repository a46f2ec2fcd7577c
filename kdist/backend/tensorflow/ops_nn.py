"""Rows of neural-network ops: activations, normalisations, attention."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kdist.backend.tensorflow.ops_elementwise import float_unary
from kdist.backend.tensorflow.ops_reduce import norm
from kdist.backend.tensorflow.tensors import (
    as_tensor,
    normalize_axis,
    promote,
    static_or_dynamic_shape,
    to_float,
)
from kdist.core import config
from kdist.core.old_arguments import rms_scaling
from kdist.core.replicas import replicas


# ---- activations ---------------------------------------------------------------------------------
def _softsign(x: Any) -> Any:
    return x / tf.cast(1 + tf.abs(x), x.dtype) if x.dtype.is_complex else tf.nn.softsign(x)


def _relu(x: Any) -> Any:
    x = as_tensor(x)
    return tf.nn.relu(tf.cast(x, tf.int32) if x.dtype == tf.bool else x)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    x = to_float(x)
    if x.dtype == tf.float64:  # the kernel holds the slope in float32
        return tf.where(x > 0, x, as_tensor(negative_slope, "float64") * x)
    return tf.nn.leaky_relu(x, negative_slope)


def elu(x: Any, alpha: float = 1.0) -> Any:
    x = to_float(x)
    out = tf.nn.elu(x)
    return out if alpha == 1 else tf.where(x > 0, out, as_tensor(alpha, x.dtype.name) * out)


def celu(x: Any, alpha: float = 1.0) -> Any:
    x = to_float(x)
    zero, a = tf.zeros((), x.dtype), as_tensor(alpha, x.dtype.name)
    return tf.maximum(x, zero) + a * tf.math.expm1(tf.minimum(x, zero) / a)


def gelu(x: Any, approximate: bool = True) -> Any:
    x = to_float(x)
    if x.dtype != tf.float64:
        return tf.nn.gelu(x, approximate)
    # TensorFlow's own rounds its constants to float32.
    if approximate:
        return 0.5 * x * (1.0 + tf.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    return 0.5 * x * (1.0 + tf.math.erf(x * math.sqrt(0.5)))


def glu(x: Any, axis: int = -1) -> Any:
    x = to_float(x)
    a, b = tf.split(x, 2, axis)
    return a * tf.sigmoid(b)


def squareplus(x: Any, b: float = 4) -> Any:
    x = to_float(x)
    return (x + tf.sqrt(tf.square(x) + as_tensor(b, x.dtype.name))) / 2


def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    x = to_float(x)
    return tf.sign(x) * tf.nn.relu(tf.abs(x) - as_tensor(threshold, x.dtype.name))


def threshold(x: Any, threshold: float, default_value: float) -> Any:
    x, t, other = promote(to_float(x), threshold, default_value)
    return tf.where(x > t, x, other)


def _hard_sigmoid(x: Any) -> Any:
    return tf.nn.relu6(x + tf.constant(3, x.dtype)) / tf.constant(6, x.dtype)


def _over_axes(kernel: Callable, x: Any, axis: Any) -> Any:
    """`kernel(x, axis)` for an int, for None (all dims) and for several dims at once."""
    x = to_float(x)
    if isinstance(axis, int) and x.shape.rank <= 5:  # which is what kernels take
        return kernel(x, axis)
    axis = [axis] if isinstance(axis, int) else axis
    sizes = static_or_dynamic_shape(x)
    if axis is None:
        return tf.reshape(kernel(tf.reshape(x, [-1]), -1), sizes)
    axes = [normalize_axis(a, len(sizes)) for a in axis]
    order = [i for i in range(len(sizes)) if i not in axes] + axes
    flat = tf.reshape(
        tf.transpose(x, order),
        [math.prod(sizes[i] for i in dims) for dims in (order[: -len(axes)], axes)],
    )
    out = tf.reshape(kernel(flat, -1), [sizes[i] for i in order])
    return tf.transpose(out, [order.index(i) for i in range(len(sizes))])


def softmax(x: Any, axis: Any = -1) -> Any:
    return _over_axes(tf.nn.softmax, x, axis)


def log_softmax(x: Any, axis: Any = -1) -> Any:
    return _over_axes(tf.nn.log_softmax, x, axis)


# ---- normalisation -------------------------------------------------------------------------------
def moments(
    x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False
) -> tuple[Any, Any]:
    """Mean and variance, computed in float32 for half precision.

    `synchronized`: over the batches of all replicas.
    """
    x = to_float(x)
    dtype = x.dtype
    half = dtype in (tf.float16, tf.bfloat16)
    if half:
        x = tf.cast(x, tf.float32)
    axes = [axes] if isinstance(axes, int) else list(axes)
    if synchronized and replicas().count > 1:
        mean, variance = _synchronized_moments(x, axes, keepdims)
    else:
        mean, variance = tf.nn.moments(x, axes, keepdims=keepdims)
    if half:
        low, high = (tf.cast(v, tf.float32) for v in (dtype.min, dtype.max))
        mean, variance = (
            tf.cast(tf.minimum(tf.maximum(v, low), high), dtype) for v in (mean, variance)
        )
    return mean, tf.math.real(variance)


def _synchronized_moments(x: Any, axes: list, keepdims: bool) -> tuple[Any, Any]:
    """Mean and variance in two passes, as one device computes them.

    E[x^2] - E[x]^2 loses the digits that a small variance needs.
    """
    all_sum = replicas().all_sum
    count = tf.cast(tf.reduce_prod(tf.gather(tf.shape(x), axes)), x.dtype)
    count = all_sum(count)
    mean = all_sum(tf.reduce_sum(x, axes, keepdims=True)) / count
    variance = (
        all_sum(tf.reduce_sum(tf.math.squared_difference(x, mean), axes, keepdims=True)) / count
    )
    return (mean, variance) if keepdims else (tf.squeeze(mean, axes), tf.squeeze(variance, axes))


def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Any:
    x = to_float(x)
    rank = x.shape.rank
    shape = [-1 if i == normalize_axis(axis, rank) else 1 for i in range(rank)]

    def along_axis(v: Any) -> Any:
        v = as_tensor(v, x.dtype.name)
        return v if axis in (-1, rank - 1) else tf.reshape(v, shape)

    factor = tf.math.rsqrt(along_axis(variance) + as_tensor(epsilon, x.dtype.name))
    if scale is not None:
        factor *= along_axis(scale)
    shift = -along_axis(mean) * factor
    return x * factor + (shift if offset is None else shift + along_axis(offset))


# cuDNN refuses less.
_LEAST_EPSILON = 1.001e-5


def batch_normalization_training(
    x: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> tuple[Any, Any, Any]:
    x = to_float(x)
    rank = x.shape.rank
    axis = normalize_axis(axis, rank)
    if axis != rank - 1 or x.dtype != tf.float32 or epsilon < _LEAST_EPSILON:
        mean, variance = moments(x, [i for i in range(rank) if i != axis])
        return batch_normalization(x, mean, variance, axis, offset, scale, epsilon), mean, variance
    shape = static_or_dynamic_shape(x)
    channels = shape[-1]
    images = x if rank == 4 else tf.reshape(x, (-1, 1, 1, channels))
    out, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=images,
        scale=tf.ones([channels]) if scale is None else as_tensor(scale, "float32"),
        offset=tf.zeros([channels]) if offset is None else as_tensor(offset, "float32"),
        mean=tf.zeros([0]),
        variance=tf.zeros([0]),
        epsilon=epsilon,
        is_training=True,
    )
    # The kernel's variance is of a sample, divided by count - 1 (by 1 if that is 0).
    count = tf.cast(tf.size(x) // channels, tf.float32)
    return (
        out if rank == 4 else tf.reshape(out, shape),
        tf.stop_gradient(mean),
        tf.stop_gradient(variance) * (tf.maximum(count - 1, 1) / tf.maximum(count, 1)),
    )


def layer_normalization(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: Any = -1,
    epsilon: float | None = None,
    **kwargs: Any,
) -> Any:
    uncentred = rms_scaling(kwargs)
    x = to_float(x)
    dtype = x.dtype
    if dtype in (tf.float16, tf.bfloat16):
        x = tf.cast(x, tf.float32)
    axes, along = _axes_and_shape(x, axis)
    eps = as_tensor(config.epsilon() if epsilon is None else epsilon, x.dtype.name)
    mean = tf.reduce_mean(x, axes, keepdims=True)
    centred = x - mean
    factor = tf.math.rsqrt(tf.reduce_mean(tf.square(centred), axes, keepdims=True) + eps)
    if gamma is not None:
        factor *= along(gamma)
    out = (x if uncentred else centred) * factor
    if beta is not None and not uncentred:
        out += along(beta)
    return out if out.dtype == dtype else tf.cast(out, dtype)


def rms_normalization(
    x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Any:
    x = to_float(x)
    dtype = x.dtype
    if dtype in (tf.float16, tf.bfloat16):
        x = tf.cast(x, tf.float32)
    axes, along = _axes_and_shape(x, axis)
    eps = as_tensor(config.epsilon() if epsilon is None else epsilon, x.dtype.name)
    out = x * tf.math.rsqrt(tf.reduce_mean(tf.square(x), axes, keepdims=True) + eps)
    if scale is not None:
        out *= along(scale)
    return out if out.dtype == dtype else tf.cast(out, dtype)


def _axes_and_shape(x: Any, axis: Any) -> tuple[list[int], Callable]:
    """The normalised dims, and a function that makes a parameter of their sizes broadcast over `x`."""
    rank = x.shape.rank
    axes = sorted(normalize_axis(a, rank) for a in ([axis] if isinstance(axis, int) else axis))
    shape = [x.shape[i] if i in axes else 1 for i in range(rank)]

    def along(v: Any) -> Any:
        v = as_tensor(v, x.dtype.name)
        if v.shape.rank > rank:
            v = tf.reshape(v, v.shape[v.shape.rank - rank :])
        return (
            v
            if v.shape.rank == rank or axes == [rank - 1] or v.shape.rank == 0
            else tf.reshape(v, shape)
        )

    return axes, along


def normalize(x: Any, axis: Any = -1, order: int = 2, epsilon: float | None = None) -> Any:
    x = to_float(x)
    if x.shape.rank == 0:
        x = x[None]
    epsilon = config.epsilon() if epsilon is None else epsilon
    if order == 2:
        inverse = tf.math.rsqrt(tf.reduce_sum(tf.square(x), axis, keepdims=True))
        # 1 / epsilon is infinite in float16, and zero times it NaN.
        most = min(1.0 / epsilon, float(x.dtype.max))
        return x * tf.minimum(inverse, as_tensor(most, x.dtype.name))
    return x / tf.maximum(
        norm(x, ord=order, axis=axis, keepdims=True), as_tensor(epsilon, x.dtype.name)
    )


# ---- attention -----------------------------------------------------------------------------------
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
) -> Any:
    """softmax(query @ key * scale + bias) @ value, per head.

    query (batch, T, heads, dim), key and value (batch, S, heads or a divisor, dim); bias and mask
    broadcast to (batch, heads, T, S).
    """
    if flash_attention:
        raise ValueError("flash_attention=True: TensorFlow has no such kernel. Pass None or False.")
    query, key, value = promote(query, key, value)
    for name, x in (("query", query), ("key", key), ("value", value)):
        if x.shape.rank != 4:
            raise ValueError(
                f"{name} must have 4 dims (batch, length, heads, dim), and has shape {tuple(x.shape)}."
            )
    alike = key.shape[:3].is_compatible_with(value.shape[:3])
    if not (alike and query.shape[:1].is_compatible_with(key.shape[:1])):  # they would broadcast
        raise ValueError("query, key and value differ in their batch, or key and value in length.")
    dtype, heads, kv_heads = query.dtype, query.shape[2], key.shape[2]
    q, k, v = (tf.transpose(x, [0, 2, 1, 3]) for x in (query, key, value))
    if heads != kv_heads and heads and kv_heads:
        k, v = (tf.repeat(x, heads // kv_heads, axis=1) for x in (k, v))
    wide = tf.float32 if dtype in (tf.float16, tf.bfloat16) else dtype
    factor = 1.0 / math.sqrt(static_or_dynamic_shape(key)[-1]) if scale is None else scale
    logits = tf.cast(tf.matmul(q, k, transpose_b=True), wide) * as_tensor(factor, wide.name)
    if attn_logits_soft_cap is not None:
        logits = tf.tanh(logits / attn_logits_soft_cap) * attn_logits_soft_cap
    if bias is not None:
        logits += as_tensor(bias, wide.name)
    if is_causal:
        t, s = static_or_dynamic_shape(logits)[2:]
        causal = tf.range(t)[:, None] >= tf.range(s)[None, :]
        mask = causal if mask is None else tf.logical_and(as_tensor(mask, "bool"), causal)
    if mask is not None:
        logits = tf.where(as_tensor(mask, "bool"), logits, tf.constant(-0.7 * wide.max, wide))
    out = tf.matmul(tf.cast(tf.nn.softmax(logits), dtype), v)
    return tf.transpose(out, [0, 2, 1, 3])


OPS: dict[str, Callable] = {
    **{
        f.__name__: f
        for f in (
            leaky_relu,
            elu,
            celu,
            gelu,
            glu,
            squareplus,
            soft_shrink,
            threshold,
            softmax,
            log_softmax,
        )
    },
    **{
        f.__name__: f
        for f in (
            moments,
            batch_normalization,
            batch_normalization_training,
            layer_normalization,
            rms_normalization,
            normalize,
        )
    },
    "dot_product_attention": dot_product_attention,
    "relu": _relu,
    "relu6": float_unary(tf.nn.relu6),
    "selu": float_unary(tf.nn.selu),
    "sigmoid": float_unary(tf.sigmoid),
    "log_sigmoid": float_unary(tf.math.log_sigmoid),
    "silu": float_unary(tf.nn.silu),
    "swish": float_unary(tf.nn.silu),
    "softplus": float_unary(tf.math.softplus),
    "softsign": float_unary(_softsign),
    "hard_sigmoid": float_unary(_hard_sigmoid),
    "hard_silu": float_unary(lambda x: x * _hard_sigmoid(x)),
    "hard_swish": float_unary(lambda x: x * _hard_sigmoid(x)),
    "hard_tanh": float_unary(
        lambda x: tf.clip_by_value(x, tf.constant(-1, x.dtype), tf.constant(1, x.dtype))
    ),
    "tanh_shrink": float_unary(lambda x: x - tf.tanh(x)),
}
