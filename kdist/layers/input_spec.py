"""`InputSpec`: what a layer's inputs must look like."""

from __future__ import annotations

from typing import Any

from kdist.core import dtypes, tree


class InputSpec:
    """Rank, shape and dtype that a layer accepts.

    Arguments:
        dtype: required dtype name.
        shape: required shape, None where any size will do.
        ndim, max_ndim, min_ndim: number of dims.
        axes: dict from a dim's index to its required size.
        allow_last_axis_squeeze: accept a trailing dim of 1 too many or too few.
        name: the name of the input, for dict inputs.
        optional: whether None is accepted.
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ):
        self.dtype = dtypes.standardize_dtype(dtype) if dtype is not None else None
        self.shape = tuple(shape) if shape is not None else None
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = {int(k): v for k, v in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name, self.optional = name, optional

    def __repr__(self) -> str:
        parts = ("dtype", "shape", "ndim", "max_ndim", "min_ndim")
        text = [f"{p}={getattr(self, p)}" for p in parts if getattr(self, p) is not None]
        return f"InputSpec({', '.join(text + ([f'axes={self.axes}'] if self.axes else []))})"

    def get_config(self) -> dict:
        return {
            k: getattr(self, k) for k in ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")
        }

    @classmethod
    def from_config(cls, config: dict) -> InputSpec:
        return cls(**config)

    def complaint(self, shape: tuple, dtype: Any) -> str | None:
        """What is wrong with an input of this `shape` and `dtype`, or None."""
        n = len(shape)
        if (
            self.shape is not None
            and self.allow_last_axis_squeeze
            and abs(n - len(self.shape)) == 1
        ):
            longer, shorter = (shape, self.shape) if n > len(self.shape) else (self.shape, shape)
            if longer[-1] in (1, None):
                return (
                    None
                    if all(
                        a is None or b is None or a == b
                        for a, b in zip(longer, shorter, strict=False)
                    )
                    else f"expected shape={self.shape}"
                )
        if self.ndim is not None and n != self.ndim:
            return f"expected ndim={self.ndim}" + (
                f" (shape={self.shape})" if self.shape is not None else ""
            )
        if self.max_ndim is not None and n > self.max_ndim:
            return f"expected at most ndim={self.max_ndim}"
        if self.min_ndim is not None and n < self.min_ndim:
            return f"expected at least ndim={self.min_ndim}"
        if self.dtype is not None and dtypes.standardize_dtype(dtype) != self.dtype:
            return f"expected dtype={self.dtype}, found dtype={dtype}"
        for axis, size in self.axes.items():
            if size is not None and axis < n and shape[axis] not in (size, None):
                return f"expected axis {axis} to have size {size}"
        if self.shape is not None and any(
            a is not None and b is not None and a != b
            for a, b in zip(self.shape, shape, strict=True)
        ):
            return f"expected shape={self.shape}"
        return None


def assert_input_compatibility(input_spec: Any, inputs: Any, layer_name: str) -> None:
    """Raise ValueError if `inputs` do not satisfy `input_spec`.

    That is one InputSpec or a structure of them. The message names the layer and both shapes.
    """
    specs = tree.flatten(input_spec)
    if isinstance(inputs, dict) and all(s.name is not None for s in specs):
        missing = [s.name for s in specs if s.name not in inputs and not s.optional]
        if missing:
            raise ValueError(
                f'Layer "{layer_name}" has no value for its input {missing[0]!r}; '
                f"it received the keys {sorted(inputs)}."
            )
        values = [inputs.get(s.name) for s in specs]
    else:
        values = tree.flatten(inputs)
    if len(values) != len(specs):
        raise ValueError(
            f'Layer "{layer_name}" expects {len(specs)} input(s), but it received {len(values)} '
            f"input tensors: {[getattr(v, 'shape', v) for v in values]}."
        )
    for i, (value, spec) in enumerate(zip(values, specs, strict=True)):
        if spec is None or (value is None and spec.optional):
            continue
        shape = getattr(value, "shape", None)
        if shape is None:
            raise ValueError(
                f'Input {i} of layer "{layer_name}" must be a tensor, and is {value!r}.'
            )
        shape = tuple(shape)
        complaint = spec.complaint(shape, getattr(value, "dtype", None))
        if complaint:
            raise ValueError(
                f'Input {i} of layer "{layer_name}" is incompatible with the layer: {complaint}, found shape={shape}.'
            )
