"""Rows of random ops. All are stateless: a seed, shape (2,), says what is drawn.

Inside a step of several replicas the replica's number is folded into the seed, so that replicas
draw different numbers while the seed's state stays the same on all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kdist.backend.tensorflow.tensors import as_tensor, name_of, static_or_dynamic_shape, to_float
from kdist.core import dtypes
from kdist.core.replicas import replicas

_INT32_MAX = 2**31 - 1


def _key(seed: Any) -> Any:
    """The seed as TensorFlow's stateless ops want it under XLA: two int32."""
    if seed is None:
        raise ValueError("seed=None: a row of a random op needs a seed tensor of shape (2,).")
    seed = as_tensor(seed)
    if seed.dtype != tf.int32:
        seed = tf.cast(tf.math.floormod(tf.cast(seed, tf.int64), _INT32_MAX), tf.int32)
    step = replicas()
    return (
        seed
        if step.count == 1
        else tf.random.experimental.stateless_fold_in(seed, as_tensor(step.index, "int32"))
    )


def _in_float32(draw: Callable, dtype: str) -> Any:
    """For the draws that have no bfloat16 kernel."""
    return as_tensor(draw("float32" if dtype in ("bfloat16", "float16") else dtype), dtype)


def normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    name = name_of(dtype)
    return tf.random.stateless_normal(shape, _key(seed), dtype=name) * as_tensor(
        stddev, name
    ) + as_tensor(mean, name)


def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    name = name_of(dtype)
    return tf.random.stateless_truncated_normal(shape, _key(seed), dtype=name) * as_tensor(
        stddev, name
    ) + as_tensor(mean, name)


def uniform(
    shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    name = name_of(dtype)
    if dtypes.is_int(name):
        return randint(shape, minval, maxval, name, seed)
    low, high = as_tensor(minval, name), as_tensor(maxval, name)
    return tf.random.stateless_uniform(shape, _key(seed), dtype=name) * (high - low) + low


def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> Any:
    name = dtypes.standardize_dtype(dtype)
    wide = name if name in ("int32", "int64") else "int64"
    out = tf.random.stateless_uniform(
        shape,
        _key(seed),
        minval=as_tensor(minval, wide),
        maxval=as_tensor(maxval, wide),
        dtype=wide,
    )
    return as_tensor(out, name)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    out = tf.random.stateless_categorical(to_float(logits), num_samples, _key(seed), dtype=tf.int64)
    return as_tensor(out, dtypes.standardize_dtype(dtype))


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """A fraction `rate` of the inputs becomes 0 and the rest is divided by `1 - rate`."""
    x = to_float(inputs)
    if not 0 <= rate <= 1:
        raise ValueError(f"rate={rate} must lie between 0 and 1.")
    if rate == 0:
        return x
    if rate == 1:
        return tf.zeros_like(x)
    sizes = static_or_dynamic_shape(x)
    mask_shape = (
        sizes
        if noise_shape is None
        else [d if n is None else n for n, d in zip(noise_shape, sizes, strict=True)]
    )
    # The comparison is made in float32: in half precision `rate` itself would be rounded.
    keep = (
        tf.random.stateless_uniform(
            mask_shape, _key(seed), dtype=tf.float64 if x.dtype == tf.float64 else tf.float32
        )
        >= rate
    )
    return tf.where(keep, x * tf.constant(1.0 / (1.0 - rate), x.dtype), tf.zeros((), x.dtype))


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    x = as_tensor(x)
    order = tf.argsort(tf.random.stateless_uniform([static_or_dynamic_shape(x)[axis]], _key(seed)))
    return tf.gather(x, order, axis=axis)


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Any:
    draw = lambda name: tf.random.stateless_gamma(
        shape, _key(seed), alpha=tf.broadcast_to(as_tensor(alpha, name), shape), dtype=name
    )
    return _in_float32(draw, name_of(dtype))


def binomial(
    shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> Any:
    draw = lambda name: tf.random.stateless_binomial(
        shape,
        _key(seed),
        as_tensor(counts, name),
        as_tensor(probabilities, name),
        output_dtype=name,
    )
    return _in_float32(draw, name_of(dtype))


def bernoulli(shape: Any, p: Any = 0.5, dtype: Any = None, seed: Any = None) -> Any:
    """1 with probability `p`, else 0."""
    return tf.cast(
        tf.random.stateless_uniform(shape, _key(seed)) < as_tensor(p, "float32"), name_of(dtype)
    )


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Any:
    """X / (X + Y) of gamma-distributed X and Y, drawn from two keys."""
    key = _key(seed)
    name = name_of(dtype)
    wide = "float32" if name in ("bfloat16", "float16") else name
    draw = lambda a, data: tf.random.stateless_gamma(
        shape,
        tf.random.experimental.stateless_fold_in(key, data),
        alpha=tf.broadcast_to(as_tensor(a, wide), shape),
        dtype=wide,
    )
    x, y = draw(alpha, 0), draw(beta, 1)
    return as_tensor(x / (x + y), name)


_ROWS = (
    normal,
    truncated_normal,
    uniform,
    randint,
    categorical,
    dropout,
    shuffle,
    gamma,
    binomial,
    bernoulli,
    beta,
)
OPS: dict[str, Callable] = {f"random_{f.__name__}": f for f in _ROWS}
