"""Rows of losses and of the encodings of labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kdist.backend.tensorflow.tensors import (
    as_tensor,
    name_of,
    normalize_axis,
    promote,
    to_float,
)
from kdist.core import config


# ---- losses --------------------------------------------------------------------------------------
def _check_same_shape(target: Any, output: Any) -> None:
    a, b = target.shape, output.shape
    if a.rank != b.rank or any(
        p is not None and q is not None and p != q for p, q in zip(a, b, strict=True)
    ):
        raise ValueError(
            f"target and output must have the same shape, and have {tuple(a)} and {tuple(b)}."
        )


def _clip_probabilities(p: Any) -> Any:
    eps = config.epsilon()
    return tf.clip_by_value(p, tf.constant(eps, p.dtype), tf.constant(1.0 - eps, p.dtype))


def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    target, output = promote(target, to_float(output))
    if target.shape.rank == 0:
        raise ValueError("target and output must have at least one dim, and are scalars.")
    _check_same_shape(target, output)
    if from_logits:
        return tf.nn.softmax_cross_entropy_with_logits(target, output, axis=axis)
    output = _clip_probabilities(output / tf.reduce_sum(output, axis, keepdims=True))
    return -tf.reduce_sum(target * tf.math.log(output), axis)


def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    target, output = as_tensor(target), to_float(output)
    rank = output.shape.rank
    if rank < 1:
        raise ValueError("output must have at least one dim, and is a scalar.")
    if normalize_axis(axis, rank) != rank - 1:
        output = tf.transpose(output, [*(i for i in range(rank) if i != axis % rank), axis % rank])
    if target.shape.rank == rank and target.shape[-1] == 1:
        target = tf.squeeze(target, -1)
    if target.dtype not in (tf.int32, tf.int64):
        target = tf.cast(target, tf.int64)
    expected = output.shape[:-1]
    if target.shape.rank != rank - 1 or any(
        p is not None and q is not None and p != q
        for p, q in zip(target.shape, expected, strict=True)
    ):
        raise ValueError(
            f"target must have the shape of output without its classes, {tuple(expected)}, "
            f"and has {tuple(target.shape)}."
        )
    if not from_logits:
        # The kernel normalises, so that the logarithms of the probabilities serve as logits.
        output = tf.math.log(_clip_probabilities(output))
    return tf.nn.sparse_softmax_cross_entropy_with_logits(target, output)


def softmax_crossentropy_with_integer_labels(labels: Any, logits: Any, axis: int = -1) -> Any:
    return sparse_categorical_crossentropy(labels, logits, from_logits=True, axis=axis)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    target, output = promote(target, to_float(output))
    _check_same_shape(target, output)
    if from_logits:
        return tf.nn.sigmoid_cross_entropy_with_logits(target, output)
    output = _clip_probabilities(output)
    return -(target * tf.math.log(output) + (1 - target) * tf.math.log(1 - output))


# ---- encodings -----------------------------------------------------------------------------------
def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Any:
    x = as_tensor(x)
    if x.dtype not in (tf.uint8, tf.int8, tf.int32, tf.int64):
        x = tf.cast(x, tf.int64)
    name = name_of(dtype)
    on, off = (True, False) if name == "bool" else (None, None)
    return tf.one_hot(x, num_classes, on_value=on, off_value=off, axis=axis, dtype=name)


def multi_hot(
    inputs: Any,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: Any = None,
    sparse: bool = False,
    **kwargs: Any,
) -> Any:
    num_classes = kwargs.pop("num_tokens", num_classes)
    if num_classes is None or kwargs:
        raise ValueError(
            f"multi_hot needs num_classes, and received num_classes={num_classes} and {sorted(kwargs)}."
        )
    x = as_tensor(inputs)
    hot = one_hot(x, num_classes, axis=axis, dtype=dtype)
    along = 1 if x.shape.rank > 1 else 0
    return tf.reduce_any(hot, along) if hot.dtype == tf.bool else tf.reduce_max(hot, along)


def ctc_loss(
    target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0
) -> Any:
    output = to_float(output)
    # The kernel knows float32 alone.
    given = output.dtype if output.dtype == tf.float64 else tf.float32
    target, target_length, output_length = (
        as_tensor(x, "int32") for x in (target, target_length, output_length)
    )
    loss = tf.nn.ctc_loss(
        target,
        tf.cast(output, tf.float32),
        target_length,
        output_length,
        logits_time_major=False,
        blank_index=mask_index,
    )
    # The kernel gives some large number where the frames are too few for the labels, and for the
    # blanks that must part equal ones.
    counts = tf.range(1, tf.shape(target)[1])[None, :] < target_length[:, None]
    parted = tf.logical_and(target[:, 1:] == target[:, :-1], counts)
    needed = target_length + tf.reduce_sum(tf.cast(parted, tf.int32), axis=1)
    infinite = tf.constant(float("inf"), loss.dtype)
    return tf.cast(tf.where(needed > output_length, infinite, loss), given)


OPS: dict[str, Callable] = {
    f.__name__: f
    for f in (
        categorical_crossentropy,
        sparse_categorical_crossentropy,
        softmax_crossentropy_with_integer_labels,
        binary_crossentropy,
        ctc_loss,
        one_hot,
        multi_hot,
    )
}
