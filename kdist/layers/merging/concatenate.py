"""`Concatenate` and `concatenate`."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.layers.masking import hands_on
from kdist.layers.merging.base import Merge, check_list, check_masks


class Concatenate(Merge):
    """Joins a list of tensors along an axis; their other sizes must agree.

    Arguments:
        axis: along which.

    Raises: ValueError for shapes that do not fit. Example: `Concatenate()([x, y])`.
    """

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis

    @property
    def is_positionwise(self) -> bool:  # type: ignore[override]
        return self.axis == -1

    def _merge(self, inputs: list) -> Any:
        return ops.concatenate(inputs, axis=self.axis)

    def compute_output_shape(self, input_shape: Any) -> Any:
        check_list(self, input_shape)
        out = list(input_shape[0])
        axis = self.axis % len(out)
        for shape in input_shape[1:]:
            same_rank = len(shape) == len(out)
            if not same_rank or any(
                i != axis and a != b and None not in (a, b)
                for i, (a, b) in enumerate(zip(out, shape, strict=True))
            ):
                raise ValueError(
                    "A `Concatenate` layer requires inputs with matching shapes except for "
                    "the concatenation axis. "
                    f"Received: input_shape={input_shape}"
                )
            for i, size in enumerate(shape):
                if i == axis:
                    out[i] = None if out[i] is None or size is None else out[i] + size
                elif out[i] is None:
                    out[i] = size
        return tuple(out)

    @hands_on
    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The masks (`mask`, one or None each) joined as `inputs` are; without one all is kept."""
        if not check_masks(inputs, mask) or all(m is None for m in mask):
            return None
        full = []
        for x, m in zip(inputs, mask, strict=True):
            if m is None:
                full.append(ops.ones_like(x, dtype="bool"))
            elif len(m.shape) < len(x.shape):
                nothing = ops.zeros_like(x, dtype="bool")
                full.append(ops.logical_or(ops.expand_dims(m, -1), nothing))
            else:
                full.append(m)
        return ops.any(ops.concatenate(full, axis=self.axis), axis=-1)

    def get_config(self) -> dict:
        return {**super().get_config(), "axis": self.axis}


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """`Concatenate(axis=axis, **kwargs)(inputs)`."""
    return Concatenate(axis=axis, **kwargs)(inputs)
