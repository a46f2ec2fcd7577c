"""Rows of cross-entropies, one number per element or sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import nn

from kdist.backend.jax.kernels import kernel
from kdist.backend.jax.tensors import as_tensor, promote_arrays, to_float
from kdist.core import config


def _log_probabilities(
    output: jax.Array, from_logits: bool, axis: int, epsilon: float
) -> jax.Array:
    if from_logits:
        return nn.log_softmax(output, axis=axis)
    output = output / jnp.sum(output, axis, keepdims=True)
    return jnp.log(jnp.clip(output, epsilon, 1.0 - epsilon))


def _same_shapes(target: jax.Array, output: jax.Array, ranks: int) -> None:
    if target.shape != output.shape or target.ndim < ranks:
        raise ValueError(
            f"target and output must have the same shape, of at least {ranks} dim(s): "
            f"target.shape={target.shape}, output.shape={output.shape}."
        )


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> jax.Array:
    target, output = promote_arrays(target, output, also=float)
    _same_shapes(target, output, 0)
    return _binary_crossentropy(target, output, from_logits=from_logits, epsilon=config.epsilon())


@kernel("from_logits", "epsilon")
def _binary_crossentropy(
    target: jax.Array, output: jax.Array, from_logits: bool, epsilon: float
) -> jax.Array:
    if from_logits:
        return -target * nn.log_sigmoid(output) - (1.0 - target) * nn.log_sigmoid(-output)
    output = jnp.clip(output, epsilon, 1.0 - epsilon)
    return -(target * jnp.log(output) + (1.0 - target) * jnp.log(1.0 - output))


def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> jax.Array:
    target, output = promote_arrays(target, output, also=float)
    _same_shapes(target, output, 1)
    return _categorical_crossentropy(
        target, output, from_logits=from_logits, axis=axis, epsilon=config.epsilon()
    )


@kernel("from_logits", "axis", "epsilon")
def _categorical_crossentropy(
    target: jax.Array, output: jax.Array, from_logits: bool, axis: int, epsilon: float
) -> jax.Array:
    return -jnp.sum(target * _log_probabilities(output, from_logits, axis, epsilon), axis=axis)


def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> jax.Array:
    target, output = as_tensor(target, "int32"), to_float(output)
    if target.ndim == output.ndim and target.shape[-1:] == (1,):
        target = jnp.squeeze(target, axis=-1)
    classes = axis % output.ndim if output.ndim else 0
    if output.ndim < 1 or target.shape != output.shape[:classes] + output.shape[classes + 1 :]:
        raise ValueError(
            f"target must have the shape of output without its classes, along axis={axis}: "
            f"target.shape={target.shape}, output.shape={output.shape}."
        )
    return _sparse_categorical_crossentropy(
        target, output, from_logits=from_logits, axis=axis, epsilon=config.epsilon()
    )


@kernel("from_logits", "axis", "epsilon")
def _sparse_categorical_crossentropy(
    target: jax.Array, output: jax.Array, from_logits: bool, axis: int, epsilon: float
) -> jax.Array:
    # A one-hot product fuses into one pass over the output, and so does its gradient; a gather
    # does not on XLA's CPU.
    chosen = nn.one_hot(target, output.shape[axis], axis=axis, dtype=output.dtype)
    return -jnp.sum(chosen * _log_probabilities(output, from_logits, axis, epsilon), axis=axis)


def softmax_crossentropy_with_integer_labels(labels: Any, logits: Any, axis: int = -1) -> jax.Array:
    """labels (...) int, logits (..., classes): (...), -log softmax(logits)[labels]."""
    return sparse_categorical_crossentropy(labels, logits, True, axis)


ROWS: dict[str, Callable] = {
    f.__name__: f
    for f in (
        binary_crossentropy,
        categorical_crossentropy,
        sparse_categorical_crossentropy,
        softmax_crossentropy_with_integer_labels,
    )
}
