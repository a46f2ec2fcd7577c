"""What a layer gives for symbolic tensors: shapes and dtypes, without computing."""

from __future__ import annotations

from typing import Any

from kdist.core import tree
from kdist.core.graph import KerasTensor
from kdist.layers.calling import CallSignature
from kdist.layers.shapes import fit_shapes, map_shapes, shapes_of
from kdist.ops.operation import probe_call


class Symbolic:
    """`compute_output_spec` and `compute_output_shape`, each by the other. A part of `Layer`.

    A layer that defines `compute_output_shape` is spared the probing of its `call`.
    """

    name: str
    built: bool
    compute_dtype: str
    _call_signature: CallSignature

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic outputs for symbolic inputs.

        By `compute_output_shape` where the layer has one, in the compute dtype; else by probing `call`.
        """
        if type(self).compute_output_shape is Symbolic.compute_output_shape:
            return self._probe_call(args, kwargs)
        shapes = shapes_of(self._call_signature.tensor_arguments(args, kwargs))
        out = self.compute_output_shape(**fit_shapes(self.compute_output_shape, shapes, self.name))
        return self._symbolic(out)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape(s) of the output for the shape(s) of the input."""
        tensors = [self._symbolic(shape) for shape in args]
        keyed = {k.removesuffix("_shape"): self._symbolic(shape) for k, shape in kwargs.items()}
        if type(self).compute_output_shape is not Symbolic.compute_output_shape:
            raise NotImplementedError(f"{type(self).__name__}.compute_output_shape() calls itself.")
        if not self.built:
            self._build_for(tuple(tensors), keyed)
        return tree.map_structure(lambda x: x.shape, self.compute_output_spec(*tensors, **keyed))

    def _symbolic(self, shapes: Any) -> Any:
        """Tensors of the compute dtype for a structure of shapes."""
        return map_shapes(lambda s: KerasTensor(s, self.compute_dtype), shapes)

    def _probe_call(self, args: tuple, kwargs: dict) -> Any:
        """Symbolic outputs of `call`, which runs on specs or small tensors."""
        return probe_call(self.call, args, kwargs)
