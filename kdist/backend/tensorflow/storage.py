"""Where a variable's value lives: one `tf.Variable` on each device of this process that trains it.

The copies are plain variables and not `tf.distribute`'s mirrored ones, so that an assignment inside
a step is one op on one device: a mirrored variable's goes through a merge of all replicas' threads,
which cannot stand inside `tf.cond` and costs time in each step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.ops.resource_variable_ops import ResourceVariable

from kdist.backend.tensorflow import placement
from kdist.backend.tensorflow.dtensor import in_global_step
from kdist.backend.tensorflow.replicas import local_replica
from kdist.backend.tensorflow.sharded_storage import ShardedStorage
from kdist.backend.tensorflow.tensors import as_tensor
from kdist.core.replicas import replicas


class Storage:
    """The copies of one variable.

    How copies relate is the variable's `aggregation`. "sum" (metrics): each replica adds to its
    own, and the value is the sum. "mean" (moving statistics): what replicas assign inside a step is
    averaged at its end, and what they have added by `add_apart`, when it is read outside of steps.
    Otherwise every replica computes and assigns the same.
    """

    def __init__(self, variable: Any, value: Any, devices: Sequence[str | None]):
        self._aggregation = variable.aggregation
        self._trainable = variable.trainable
        self._name = variable.name
        self.is_apart = False  # whether each replica adds to a copy of its own
        self._make(value, devices)

    def _make(self, value: Any, devices: Sequence[str | None]) -> None:
        self._devices = tuple(devices)
        copies = []
        # Not tf.Variable: inside of `strategy.run` it would make a mirrored one.
        for i, device in enumerate(devices):
            with tf.device(device):
                start = value if i == 0 or self._aggregation != "sum" else tf.zeros_like(value)
                copies.append(ResourceVariable(start, trainable=self._trainable, name=self._name))
        self.copies: list[tf.Variable] = copies

    def _copy(self) -> tf.Variable:
        return self.copies[local_replica()] if len(self.copies) > 1 else self.copies[0]

    def read(self) -> Any:
        copies = self.copies
        if len(copies) == 1:
            return copies[0].value()
        step = replicas()
        if step.count == 1 and (self.is_apart or self._aggregation == "sum"):
            total = tf.add_n([c.value() for c in copies])
            return total / len(copies) if self.is_apart else total
        return copies[local_replica()].value()

    def write(self, value: Any) -> None:
        step = replicas()
        if step.count > 1:
            self.assign_here(value)
            if self._aggregation == "mean":
                step.average_later(self)  # type: ignore[attr-defined]
            return
        self.copies[0].assign(value, read_value=False)
        for copy in self.copies[1:]:
            copy.assign(
                tf.zeros_like(value) if self._aggregation == "sum" else value, read_value=False
            )

    def add(self, value: Any) -> Any:
        held = self.read()
        total = tf.add(held, as_tensor(value, held.dtype.name))
        self.write(total)
        return total

    def add_apart(self, value: Any) -> None:
        """Add to this replica's copy what it alone has."""
        self.is_apart = True
        self._copy().assign_add(value, read_value=False)

    def assign_here(self, value: Any) -> None:
        """Assign this replica's copy alone."""
        self._copy().assign(value, read_value=False)

    def handle(self) -> Any:
        """The resource tensor, which is what `tf.GradientTape` and raw ops want.

        Inside a step it is that of this replica's copy.
        """
        return self._copy().handle

    def set_trainable(self, trainable: bool) -> None:
        self._trainable = bool(trainable)
        for copy in self.copies:
            copy._trainable = self._trainable

    def place(self, devices: Sequence[str | None]) -> None:
        """Have one copy on each of `devices`, with the present value.

        Graphs traced before keep the old copies, and are void.
        """
        if self._devices != tuple(devices):
            self._make(self.read(), devices)

    def stored(self) -> Any:
        """The value as it lies, to update it."""
        return self.read()

    def laid(self, value: Any) -> Any:
        """`value`, which lies where the replica that computes it needs it."""
        return value

    @property
    def is_sum(self) -> bool:
        """Whether the value is the sum of what the replicas hold."""
        return self._aggregation == "sum"


def make_storage(
    variable: Any, make_value: Callable[[], Any], layout: Any
) -> Storage | ShardedStorage:
    """A storage born with `make_value()`.

    It lies in parts if the layout cuts it; else whole, on every device of this process that the
    layout's mesh names, or on the default one.
    """
    if layout is not None and (not layout.is_replicated or in_global_step()):
        with tf.init_scope():
            return ShardedStorage(variable, _outside_graphs(make_value(), variable), layout)
    # A variable born in a step, by a layer that builds itself late, has a copy for each replica.
    devices = getattr(replicas(), "devices", None) or placement.devices_of(layout)
    # Out of any graph that is being traced: the variable outlives it.
    with tf.init_scope():
        return Storage(variable, _outside_graphs(make_value(), variable), devices)


def _outside_graphs(value: Any, variable: Any) -> Any:
    """The value itself, or that of a constant which a graph being traced holds."""
    if isinstance(value, tf.__internal__.EagerTensor):
        return value
    static = tf.get_static_value(value)
    if static is None:
        raise ValueError(
            f"Variable {variable.path!r} is created inside a compiled step, with an initial value "
            "computed in it. Create the variable before (in build()), or pass an initializer."
        )
    return tf.constant(static)


def lie_whole(variable: Any, devices: Sequence[str | None]) -> None:
    """Have one copy of the variable on each of `devices`."""
    storage = variable._storage
    if isinstance(storage, ShardedStorage):
        variable._storage = Storage(variable, storage.read(), devices)
    else:
        storage.place(devices)
