"""What the layers that merge several inputs share."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.core import dtypes
from kdist.core.graph import KerasTensor
from kdist.layers.layer import Layer
from kdist.layers.masking import hands_on


class Merge(Layer):
    """Merges a list of tensors. Abstract: a subclass gives `_merge`."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def _merge(self, inputs: list) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not define _merge().")

    def build(self, input_shape: Any) -> None:
        """No variables; the shapes are checked here, once."""
        check_list(self, input_shape)
        self.compute_output_shape(input_shape)

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, list | tuple):
            raise ValueError(
                "A merge layer should be called on a list of inputs. Received: "
                f"inputs={inputs} (not a list of tensors)"
            )
        return self._merge(list(inputs))

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:
        dtype = dtypes.result_type(*(x.dtype for x in inputs))
        return KerasTensor(self.compute_output_shape([x.shape for x in inputs]), dtype)


class ElementwiseMerge(Merge):
    """Merges element by element; sizes of 1 and missing axes after the batch are broadcast.

    Abstract.
    """

    is_positionwise = True

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, list | tuple):
            raise ValueError(
                "A merge layer should be called on a list of inputs. Received: "
                f"inputs={inputs} (not a list of tensors)"
            )
        rank = max(len(x.shape) for x in inputs)
        return self._merge([_expand(x, rank) for x in inputs])

    def compute_output_shape(self, input_shape: Any) -> Any:
        batches = {s[0] for s in input_shape if s} - {None}
        if len(batches) > 1:
            raise ValueError(
                "Cannot merge tensors with different batch sizes. Received tensors with "
                f"shapes {input_shape}"
            )
        shape = tuple(input_shape[0][1:])
        for other in input_shape[1:]:
            shape = _broadcast(shape, tuple(other[1:]))
        return (next(iter(batches), None), *shape)

    @hands_on
    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """A step is kept if any input keeps it; no mask if an input has none."""
        if not check_masks(inputs, mask) or any(m is None for m in mask):
            return None
        merged = mask[0]
        for m in mask[1:]:
            merged = ops.logical_or(merged, m)
        return merged


def check_list(layer: Merge, input_shape: Any) -> None:
    if not input_shape or not isinstance(input_shape[0], list | tuple):
        raise ValueError(
            f"A {type(layer).__name__} layer, which merges, should be called on a list of at "
            "least 1 input. "
            f"Received: input_shape={input_shape} (not a list of shapes)"
        )


def check_masks(inputs: Any, mask: Any) -> bool:
    """Whether there are masks. Raises ValueError unless they are a list, one for each input."""
    if mask is None:
        return False
    for name, value in (("mask", mask), ("inputs", inputs)):
        if not isinstance(value, list | tuple):
            raise ValueError(f"`{name}` should be a list. Received: {name}={value}")
    if len(mask) != len(inputs):
        raise ValueError(
            "The lists `inputs` and `mask` should have the same length. Received: "
            f"inputs={inputs} of length {len(inputs)}, "
            f"and mask={mask} of length {len(mask)}"
        )
    return True


def _expand(x: Any, rank: int) -> Any:
    for _ in range(rank - len(x.shape)):
        x = ops.expand_dims(x, 1)
    return x


def _broadcast(a: tuple, b: tuple) -> tuple:
    if len(a) < len(b):
        a, b = b, a
    shape = list(a[: len(a) - len(b)])
    for i, j in zip(a[len(shape) :], b, strict=True):
        if i is None or j is None:
            shape.append(None)
        elif i != j and 1 not in (i, j):
            raise ValueError(f"Inputs have incompatible shapes. Received shapes {a} and {b}")
        else:
            shape.append(j if i == 1 else i)
    return tuple(shape)
