"""Rows of ops as they are computed on DTensors, where TensorFlow's own kernel has no rule for being cut."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import tensorflow as tf

from kdist.backend.tensorflow import ops_conv, ops_index, ops_nn
from kdist.backend.tensorflow.dtensor import GlobalStep, global_step
from kdist.backend.tensorflow.tensors import as_tensor, normalize_axis, promote, to_float


def _either(row: Callable, on_dtensors: Callable) -> Callable:
    """`row`, and in a step on DTensors the other."""

    @functools.wraps(row)
    def chosen(*args: Any, **kwargs: Any) -> Any:
        return (row if global_step() is None else on_dtensors)(*args, **kwargs)

    return chosen


def _step() -> GlobalStep:
    return cast(GlobalStep, global_step())


def _with_whole_kernels(row: Callable, kernels: int = 1) -> Callable:
    """A convolution whose image is cut along the batch alone, and whose kernels are whole: DTensor
    cuts it in no other way."""

    @functools.wraps(row)
    def whole(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        step = _step()
        given, rest = args[:kernels], args[kernels:]
        named = {k: kwargs.pop(k) for k in tuple(kwargs) if k.endswith("kernel")}
        out = row(
            step.by_rows(as_tensor(inputs)),
            *[step.whole(as_tensor(k)) for k in given],
            *rest,
            **{name: step.whole(as_tensor(k)) for name, k in named.items()},
            **kwargs,
        )
        # Said of the output too: DTensor would take over what a sharded bias after it suggests.
        return step.by_rows(out)

    return whole


def _average_pool(x: Any, size: tuple, step: tuple, padding: str) -> Any:
    """The mean of shifted views: the gradient of TensorFlow's kernel cannot be cut."""
    x = _step().by_rows(x)
    dims = range(len(size))
    sizes = x.shape.as_list()[1:-1]
    if padding == "SAME":
        out = [-(-n // s) for n, s in zip(sizes, step, strict=True)]
        needed = [max((out[d] - 1) * step[d] + size[d] - sizes[d], 0) for d in dims]
        before = [n // 2 for n in needed]
    else:
        out = [(n - k) // s + 1 for n, k, s in zip(sizes, size, step, strict=True)]
        needed = before = [0 for _ in dims]
    padded = tf.pad(x, [(0, 0), *[(b, n - b) for b, n in zip(before, needed, strict=True)], (0, 0)])
    views = []
    for offset in itertools.product(*map(range, size)):
        index = [slice(o, o + (out[d] - 1) * step[d] + 1, step[d]) for d, o in enumerate(offset)]
        views.append(padded[(slice(None), *index)])
    return tf.add_n(views) / tf.constant(_counts(sizes, out, size, step, before), x.dtype)


def _counts(sizes: list, out: list, size: tuple, step: tuple, before: list) -> np.ndarray:
    """(*out, 1): how many pixels of the image each window holds; padding does not count."""
    counts = np.ones([1] * len(out))
    for d, n in enumerate(sizes):
        start = np.arange(out[d]) * step[d] - before[d]
        held = np.minimum(start + size[d], n) - np.maximum(start, 0)
        counts = counts * held.reshape([-1 if i == d else 1 for i in range(len(out))])
    return counts[..., None]


def _batch_normalization_training(
    x: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> tuple[Any, Any, Any]:
    x = to_float(x)
    rank = x.shape.rank
    axis = normalize_axis(axis, rank)
    mean, variance = ops_nn.moments(x, [i for i in range(rank) if i != axis])
    out = ops_nn.batch_normalization(x, mean, variance, axis, offset, scale, epsilon)
    return out, tf.stop_gradient(mean), tf.stop_gradient(variance)


def _where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """TensorFlow's own row, which crashes on DTensors if the condition is a single one."""
    condition = as_tensor(condition, "bool")
    if x1 is None or x2 is None:
        return ops_index.OPS["where"](condition, x1, x2)
    x1, x2 = promote(x1, x2)
    rank = max(condition.shape.rank, x1.shape.rank, x2.shape.rank)
    shape = [1] * (rank - condition.shape.rank) + condition.shape.as_list()
    return tf.where(tf.reshape(condition, shape), x1, x2)


_ON_DTENSORS: dict[str, Callable] = {
    "average_pool": ops_conv._pool(_average_pool, keeps_dtype=False),
    "batch_normalization_training": _batch_normalization_training,
    "conv": _with_whole_kernels(ops_conv.conv),
    "conv_transpose": _with_whole_kernels(ops_conv.conv_transpose),
    "depthwise_conv": _with_whole_kernels(ops_conv.depthwise_conv),
    "where": _where,
    "separable_conv": _with_whole_kernels(ops_conv.separable_conv, kernels=2),
}


def with_dtensor_rows(rows: Mapping[str, Callable]) -> dict[str, Callable]:
    """The table of rows, with those that are computed otherwise on DTensors."""
    chosen = {name: _either(rows[name], row) for name, row in _ON_DTENSORS.items()}
    return {**rows, **chosen}
