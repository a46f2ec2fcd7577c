"""`Function`: a graph of operations that can be called on other tensors, without what makes a model of it."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.core import tree
from kdist.core.graph import KerasTensor
from kdist.layers.shapes import map_shapes
from kdist.models.graph import Graph
from kdist.ops.operation import Operation


class Function(Operation):
    """What computes `outputs` from `inputs`, to be computed from other tensors.

    Unlike a Functional model it holds no state: the variables of the layers in it are theirs alone, and what is
    before `inputs` is no part of it.

    Arguments:
        inputs: symbolic tensor(s), or a structure of them.
        outputs: symbolic tensor(s) or a structure of them, computed from `inputs` and nothing else.
        name: made up if absent.

    Raises: ValueError if either is empty, or if an output depends on what is not among the inputs.

    Example:
        a, b = kdist.KerasTensor((None, 3)), kdist.KerasTensor((None, 3))
        f = kdist.Function([a, b], kdist.ops.sigmoid(a + b))
        f([np.ones((2, 3)), np.zeros((2, 3))])  # (2, 3)
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None):
        super().__init__(name=name)
        for what, tensors in (("inputs", inputs), ("outputs", outputs)):
            if not tree.flatten(tensors):
                raise ValueError(f"`{what}` argument cannot be empty. Received: {tensors!r}.")
        self._graph = Graph(inputs, outputs)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs, flat."""
        return self._graph.flat_inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs, flat."""
        return self._graph.flat_outputs

    @property
    def operations(self) -> list:
        """What is called between inputs and outputs, the farthest from the outputs first."""
        return list(self._graph.operations)

    def call(self, inputs: Any) -> Any:
        return self._graph.run(self._flat(inputs))

    def compute_output_spec(self, inputs: Any) -> Any:
        return self._graph.specs(self._flat(inputs))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs, in their structure.

        `input_shape` are shapes in the structure of the inputs.
        """
        dtypes = iter(self.inputs)
        symbolic = map_shapes(lambda s: KerasTensor(s, next(dtypes).dtype), input_shape)
        return tree.map_structure(lambda x: x.shape, self.compute_output_spec(symbolic))

    def _flat(self, inputs: Any) -> list:
        """The tensors of a call, which fit what the function was made from.

        Raises: ValueError if their structure or shapes differ from these.
        """
        try:
            tree.assert_same_structure(inputs, self._graph.inputs)
        except ValueError as e:
            raise ValueError(
                f"{self!r} was called with an invalid input structure. Expected one like {self._graph.inputs}, "
                f"and received {inputs}."
            ) from e
        flat = tree.flatten(inputs)
        for x, wanted in zip(flat, self.inputs, strict=True):
            shape = ops.shape(x)
            fits = len(shape) == len(wanted.shape) and all(
                a == b or None in (a, b) for a, b in zip(shape, wanted.shape, strict=True)
            )
            if not fits:
                raise ValueError(
                    f"{self!r} was called with incompatible inputs: expected the shapes "
                    f"{[t.shape for t in self.inputs]}, and received {[ops.shape(t) for t in flat]}."
                )
        return flat

    def get_config(self) -> dict:
        raise NotImplementedError(
            f"{self!r} has no configuration: a Function is not saved. Make a kdist.Model of its inputs and outputs."
        )
