"""Where a variable's value lies under a strategy that shards: a part on each device of a mesh."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.experimental import dtensor

from kdist.backend.tensorflow.dtensor import (
    GlobalStep,
    global_step,
    native,
    one_axis_a_dim,
    parts_of,
    place,
    place_parts,
    relaid,
    whole,
)
from kdist.backend.tensorflow.tensors import as_tensor
from kdist.distribution.layout import TensorLayout


class ShardedStorage:
    """The contract's `Storage`, over a DTensor variable.

    Arguments:
        variable: the variable.
        value: its whole value, a tensor or array.
        layout: where the parts lie.
    """

    is_sum = False  # of a metric too there is one value

    def __init__(self, variable: Any, value: Any, layout: TensorLayout):
        self._name, self._trainable = variable.name, variable.trainable
        self._shape, self._dtype = tuple(variable.shape), variable.dtype
        # In which layout steps compute with the value; None: as it lies.
        self.computes: TensorLayout | None = None
        self._make(value, one_axis_a_dim(layout, self._shape))

    def _make(self, value: Any, layout: TensorLayout) -> None:
        self.layout = layout
        self._native = native(layout)
        self._variable = dtensor.DVariable(
            place(value, layout), trainable=self._trainable, name=self._name
        )

    def read(self) -> Any:
        """In a step the DTensor in the layout to compute with; outside of it the whole value."""
        step = global_step()
        if step is not None:
            value = self._held(step)
            return value if self.computes is None else relaid(value, self.computes)
        if not tf.executing_eagerly():
            return self._variable.read_value()
        return tf.constant(whole(self._variable.read_value()), self._dtype)

    def stored(self) -> Any:
        """The value as it lies, to update it: in a step, that of each device's part."""
        step = global_step()
        return self.read() if step is None else self._held(step)

    def _held(self, step: GlobalStep) -> Any:
        value = step.written.get(self)
        return self._variable.read_value() if value is None else value

    def write(self, value: Any) -> None:
        step = global_step()
        if step is not None and step.owns_graph():
            step.written[self] = dtensor.relayout(value, self._native)
        elif tf.executing_eagerly():
            self._variable.assign(place(value, self.layout), read_value=False)
        else:
            self._variable.assign(dtensor.relayout(value, self._native), read_value=False)

    def settle(self, value: Any) -> None:
        """Assign what a step wrote last."""
        self._variable.assign(value, read_value=False)

    def add(self, value: Any) -> Any:
        step = global_step()
        if step is None:
            total = tf.add(self.read(), as_tensor(value, self._dtype))
        else:
            total = tf.add(self._held(step), self.laid(as_tensor(value, self._dtype)))
        self.write(total)
        return total

    def add_apart(self, value: Any) -> None:
        """`add`: there is one value for all devices."""
        self.add(value)

    def assign_here(self, value: Any) -> None:
        """`write`: there is one value for all devices."""
        self.write(value)

    def laid(self, value: Any) -> Any:
        """A value that goes with the variable's, such as its gradient, where the parts lie."""
        if tuple(value.shape) != self._shape:
            return value
        return dtensor.relayout(value, self._native)

    def handle(self) -> Any:
        """The resource tensor, which is what `tf.GradientTape` and raw ops want."""
        step = global_step()
        if step is not None and self in step.written:
            self.settle(step.written.pop(self))
        return self._variable.handle

    def set_trainable(self, trainable: bool) -> None:
        self._trainable = self._variable._trainable = bool(trainable)

    def move(self, layout: TensorLayout) -> None:
        """Lie in `layout` from now on. Graphs traced before keep the old parts, and are void."""
        layout = one_axis_a_dim(layout, self._shape)
        if layout != self.layout:
            self._make(whole(self._variable.read_value()), layout)

    def parts(self) -> list[tuple[tuple[int, ...], np.ndarray]]:
        """(offset, values) of each part."""
        return parts_of(self._variable.read_value())

    def fill(self, read: Callable[[tuple[slice, ...]], np.ndarray]) -> None:
        """Take the value from `read(index)`, which gives a region of it."""

        def region(index: tuple[slice, ...]) -> Any:
            part = tf.cast(tf.convert_to_tensor(np.asarray(read(index))), self._dtype)
            return tf.reshape(part, [s.stop - s.start for s in index])

        self._variable.assign(place_parts(region, self._shape, self.layout), read_value=False)


def lie_in_parts(variable: Any, layout: TensorLayout) -> None:
    """Have the variable lie in `layout`, as a DTensor."""
    storage = variable._storage
    if isinstance(storage, ShardedStorage):
        storage.move(layout)
    else:
        variable._storage = ShardedStorage(variable, storage.read(), layout)
