"""The calls of the op table as an expert writes them in jax, eagerly: the library's functions as they are."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

array = jnp.asarray
wait = jax.block_until_ready


def _conv(layout: str) -> Callable:
    def conv(x: jax.Array, k: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(
            x, k, (1, 1), "SAME", dimension_numbers=(layout, "HWIO", layout)
        )

    return conv


def _layer_norm(x: jax.Array, g: jax.Array, b: jax.Array) -> jax.Array:
    return jax.nn.standardize(x, epsilon=1e-5) * g + b


def _rms_norm(x: jax.Array, g: jax.Array) -> jax.Array:
    return x * lax.rsqrt(jnp.mean(jnp.square(x), -1, keepdims=True) + 1e-5) * g


def _batch_norm(x: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
    return jax.nn.standardize(x, mean=m, variance=v, epsilon=1e-3)


def _max_pool(x: jax.Array) -> jax.Array:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def _average_pool(x: jax.Array) -> jax.Array:
    return lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4


def _cross_entropy(t: jax.Array, x: jax.Array) -> jax.Array:
    picked = jnp.take_along_axis(x, t[:, None], axis=-1)[:, 0]
    return jax.nn.logsumexp(x, axis=-1) - picked


def _binary_cross_entropy(t: jax.Array, x: jax.Array) -> jax.Array:
    return jnp.maximum(x, 0) - x * t + jnp.log1p(jnp.exp(-jnp.abs(x)))


def _fft(x: jax.Array, y: jax.Array) -> tuple:
    out = jnp.fft.fft(lax.complex(x, y))
    return out.real, out.imag


def _rfft(x: jax.Array) -> tuple:
    out = jnp.fft.rfft(x)
    return out.real, out.imag


CALLS: dict[str, Callable] = {
    "exp": jnp.exp,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "silu": jax.nn.silu,
    "gelu": jax.nn.gelu,
    "abs": jnp.abs,
    "log": jnp.log,
    "sqrt": jnp.sqrt,
    "add": jnp.add,
    "multiply": jnp.multiply,
    "maximum": jnp.maximum,
    "greater": jnp.greater,
    "divide": jnp.divide,
    "power": lambda x: jnp.power(x, 2.0),
    "add_scalar": lambda x: jnp.add(x, 1.5),
    "clip": lambda x: jnp.clip(x, -1.0, 1.0),
    "cast": lambda x: x.astype("float16"),
    "where": jnp.where,
    "sum": lambda x: jnp.sum(x, axis=-1),
    "mean": lambda x: jnp.mean(x, axis=-1),
    "max": lambda x: jnp.max(x, axis=-1),
    "argmax": lambda x: jnp.argmax(x, axis=-1),
    "var": lambda x: jnp.var(x, axis=-1),
    "cumsum": lambda x: jnp.cumsum(x, axis=-1),
    "sort": lambda x: jnp.sort(x, axis=-1),
    "softmax": jax.nn.softmax,
    "log_softmax": jax.nn.log_softmax,
    "logsumexp": lambda x: jax.nn.logsumexp(x, axis=-1),
    "sum_all": jnp.sum,
    "top_k": lambda x: lax.top_k(x, 5),
    "reshape": lambda x: jnp.reshape(x, (-1,)),
    "transpose": jnp.transpose,
    "expand_dims": lambda x: jnp.expand_dims(x, 1),
    "concatenate": lambda x, y: jnp.concatenate([x, y], axis=-1),
    "stack": lambda x, y: jnp.stack([x, y]),
    "pad": lambda x: jnp.pad(x, ((1, 1), (2, 2))),
    "take": lambda x, i: jnp.take(x, i, axis=0),
    "one_hot": lambda i: jax.nn.one_hot(i, 8),
    "segment_sum": lambda x, i: jax.ops.segment_sum(x, i, num_segments=8),
    "matmul": jnp.matmul,
    "einsum": lambda x, y: jnp.einsum("bti,ij->btj", x, y),
    "linear": lambda x, k, b: x @ k + b,
    "norm": jnp.linalg.norm,
    "solve": jnp.linalg.solve,
    "cholesky": jnp.linalg.cholesky,
    "rfft": _rfft,
    "fft": _fft,
    "layer_normalization": _layer_norm,
    "rms_normalization": _rms_norm,
    "batch_normalization": _batch_norm,
    "dot_product_attention": jax.nn.dot_product_attention,
    "causal_attention": lambda q, k, v: jax.nn.dot_product_attention(q, k, v, is_causal=True),
    "conv": _conv("NHWC"),
    "conv_channels_first": _conv("NCHW"),
    "max_pool": _max_pool,
    "average_pool": _average_pool,
    "sparse_categorical_crossentropy": _cross_entropy,
    "binary_crossentropy": _binary_cross_entropy,
}
