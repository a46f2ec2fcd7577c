"""Rows of random draws, each from a seed of shape (2,).

The numbers are the same for the same seed, however the arrays are sharded.

The two words are the data of a Threefry key; `jax_threefry_partitionable` is jax's default, so that
an array's random bits depend on the position of each element alone, not on the devices it lies on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kdist.backend.jax.tensors import as_tensor, floatx_or, native_dtype

SEED_DTYPE = "uint32"


def key(seed: Any) -> jax.Array:
    """The key whose data are the two words of `seed`."""
    return jax.random.wrap_key_data(as_tensor(seed, SEED_DTYPE), impl="threefry2x32")


def random_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> jax.Array:
    dtype = floatx_or(dtype)
    return (jax.random.normal(key(seed), tuple(shape), dtype) * stddev + mean).astype(dtype)


def random_uniform(
    shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None
) -> jax.Array:
    return jax.random.uniform(
        key(seed), tuple(shape), floatx_or(dtype), minval=minval, maxval=maxval
    )


def random_randint(
    shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None
) -> jax.Array:
    return jax.random.randint(key(seed), tuple(shape), minval, maxval, native_dtype(dtype))


def random_truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> jax.Array:
    dtype = floatx_or(dtype)
    sample = jax.random.truncated_normal(key(seed), -2.0, 2.0, tuple(shape), dtype)
    return (sample * stddev + mean).astype(dtype)


def random_categorical(
    logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None
) -> jax.Array:
    logits = as_tensor(logits)
    shape = (logits.shape[0], num_samples)
    return jax.random.categorical(key(seed), logits[..., None], axis=1, shape=shape).astype(
        native_dtype(dtype)
    )


def random_dropout(
    inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None
) -> jax.Array:
    inputs = as_tensor(inputs)
    if rate == 0.0:
        return inputs
    if rate == 1.0:
        return jnp.zeros_like(inputs)
    noise = inputs.shape if noise_shape is None else _filled(noise_shape, inputs.shape)
    kept = jax.random.bernoulli(key(seed), 1.0 - rate, noise)
    return jnp.where(kept, inputs / (1.0 - rate), jnp.zeros((), inputs.dtype))


def _filled(noise_shape: Any, shape: tuple) -> tuple:
    """`noise_shape` with the input's sizes in place of None."""
    return tuple(n if d is None else d for n, d in zip(shape, noise_shape, strict=True))


def random_shuffle(x: Any, axis: int = 0, seed: Any = None) -> jax.Array:
    return jax.random.permutation(key(seed), as_tensor(x), axis)


def random_gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> jax.Array:
    return jax.random.gamma(key(seed), alpha, tuple(shape), floatx_or(dtype))


def random_beta(
    shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None
) -> jax.Array:
    dtype = floatx_or(dtype)
    wide = jnp.promote_types(dtype, "float32")  # jax wants parameters of the dtype it draws in
    a, b = as_tensor(alpha, wide.name), as_tensor(beta, wide.name)
    return jax.random.beta(key(seed), a, b, tuple(shape), wide).astype(dtype)


def random_binomial(
    shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> jax.Array:
    dtype = floatx_or(dtype)
    wide = jnp.promote_types(dtype, "float32")  # counts may be more than half precision holds
    n, p = as_tensor(counts, wide.name), as_tensor(probabilities, wide.name)
    return jax.random.binomial(key(seed), n, p, shape=tuple(shape), dtype=wide).astype(dtype)


ROWS: dict[str, Callable] = {
    f.__name__: f
    for f in (
        random_normal,
        random_uniform,
        random_randint,
        random_truncated_normal,
        random_categorical,
        random_dropout,
        random_shuffle,
        random_gamma,
        random_beta,
        random_binomial,
    )
}
