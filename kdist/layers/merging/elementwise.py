"""`Add`, `Subtract`, `Multiply`, `Average`, `Maximum`, `Minimum`, and their functions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from kdist import ops
from kdist.core import masks
from kdist.layers.merging.base import ElementwiseMerge


class Add(ElementwiseMerge):
    """The sum of a list of tensors. Example: `Add()([x, y])`."""

    adds_inputs = True

    def _merge(self, inputs: list) -> Any:
        return functools.reduce(ops.add, inputs)


class Subtract(ElementwiseMerge):
    """The difference of two tensors.

    Example: `Subtract()([x, y])`. Raises: ValueError unless there are two.
    """

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if len(input_shape) != 2:
            raise ValueError(
                "A `Subtract` layer should be called on exactly 2 inputs. Received: "
                f"input_shape={input_shape}"
            )

    def _merge(self, inputs: list) -> Any:
        if len(inputs) != 2:
            raise ValueError(
                "A `Subtract` layer should be called on exactly 2 inputs. Received: "
                f"inputs={inputs}"
            )
        return ops.subtract(inputs[0], inputs[1])


class Average(ElementwiseMerge):
    """The mean of a list of tensors. Example: `Average()([x, y])`."""

    adds_inputs = True

    def _merge(self, inputs: list) -> Any:
        return ops.divide(functools.reduce(ops.add, inputs), len(inputs))


class Multiply(ElementwiseMerge):
    """The product of a list of tensors; a masked step counts as 1.

    Example: `Multiply()([x, y])`.
    """

    keeps_tensor_split = True  # of a gated block, whose two sides are cut alike

    def _merge(self, inputs: list) -> Any:
        return _merge_masked(ops.multiply, inputs)


class Maximum(ElementwiseMerge):
    """The element-wise largest of a list of tensors, of those that do not mask it.

    Example: `Maximum()([x, y])`.
    """

    def _merge(self, inputs: list) -> Any:
        return _merge_masked(ops.maximum, inputs)


class Minimum(ElementwiseMerge):
    """The element-wise smallest of a list of tensors, of those that do not mask it.

    Example: `Minimum()([x, y])`.
    """

    def _merge(self, inputs: list) -> Any:
        return _merge_masked(ops.minimum, inputs)


def _merge_masked(op: Callable, inputs: list) -> Any:
    """Reduce by `op`, where a step that an input masks does not take part."""
    kept = [masks.get_keras_mask(x) for x in inputs]
    if all(m is None for m in kept):
        return functools.reduce(op, inputs)
    out, out_kept = inputs[0], kept[0]
    for x, x_kept in zip(inputs[1:], kept[1:], strict=True):
        merged = op(out, x)
        if x_kept is not None:
            merged = ops.where(ops.expand_dims(x_kept, -1), merged, out)
        if out_kept is not None:
            merged = ops.where(ops.expand_dims(out_kept, -1), merged, x)
        both = out_kept is not None and x_kept is not None
        out, out_kept = merged, ops.logical_or(out_kept, x_kept) if both else None
    return out


def add(inputs: Any, **kwargs: Any) -> Any:
    """`Add(**kwargs)(inputs)`."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """`Subtract(**kwargs)(inputs)`."""
    return Subtract(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """`Average(**kwargs)(inputs)`."""
    return Average(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """`Multiply(**kwargs)(inputs)`."""
    return Multiply(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """`Maximum(**kwargs)(inputs)`."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """`Minimum(**kwargs)(inputs)`."""
    return Minimum(**kwargs)(inputs)
