"""`Input`: where a graph of layers begins."""

from __future__ import annotations

from typing import Any

from kdist.core.graph import KerasTensor, Node
from kdist.layers.layer import Layer


class InputLayer(Layer):
    """The node of a graph that stands for an input. `Input()` makes one.

    Arguments:
        shape: shape of one sample, None where unknown.
        batch_size: fixed size of the batch, or None.
        batch_shape: the shape with the batch, instead of these two.
        dtype: dtype of the input.
        sparse, ragged: only None or False; inputs are dense.
        input_tensor: an existing symbolic tensor to begin at.
        optional: whether None may be passed for it.
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, dtype=None)
        if kwargs:
            raise ValueError(f"Input does not know the argument(s) {sorted(kwargs)}.")
        if input_tensor is not None:
            batch_shape, dtype = input_tensor.shape, dtype or input_tensor.dtype
        if sparse or ragged:
            raise ValueError(
                "Input(sparse=True) and Input(ragged=True) are not supported: feed dense tensors, padded where "
                "lengths differ."
            )
        if batch_shape is None:
            if shape is None:
                raise ValueError(
                    "Input needs shape= (of one sample, without the batch) or batch_shape=."
                )
            if isinstance(shape, int):
                raise ValueError(f"shape={shape} must be a tuple: Input(shape=({shape},)).")
            batch_shape = (batch_size, *shape)
        elif shape is not None:
            raise ValueError("Input takes shape or batch_shape, not both.")
        self.batch_shape = tuple(None if d is None else int(d) for d in batch_shape)
        self._input_dtype = KerasTensor((), dtype or "float32").dtype
        self.optional = optional
        self.sparse = self.ragged = False
        self.built = True
        tensor = (
            input_tensor
            if input_tensor is not None
            else KerasTensor(self.batch_shape, self._input_dtype, name=self.name)
        )
        Node(self, (), {}, tensor)

    @property
    def dtype(self) -> str:
        return self._input_dtype

    def call(self) -> Any:
        raise NotImplementedError("An InputLayer computes nothing.")

    def get_config(self) -> dict:
        return {
            "batch_shape": list(self.batch_shape),
            "dtype": self.dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": self.optional,
        }


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> KerasTensor:
    """A symbolic tensor to call layers on; `Model(inputs, outputs)` makes a model of what was called.

    Arguments:
        shape: shape of one sample, e.g. (28, 28, 1); None where a size is unknown.
        batch_size: fixed size of the batch, or None.
        dtype: dtype of the input, the float default if absent.
        sparse, ragged: only None or False; inputs are dense.
        batch_shape: the whole shape, instead of `shape` and `batch_size`.
        name: the key under which a dict of inputs holds it.
        tensor: an existing symbolic tensor to begin at.
        optional: whether None may be passed for it.

    Example:
        x = Input((784,)); y = layers.Dense(10)(x); model = Model(x, y)
    """
    layer = InputLayer(
        shape,
        batch_size,
        dtype,
        sparse,
        ragged,
        batch_shape,
        input_tensor=tensor,
        optional=optional,
        name=name,
    )
    return layer._inbound_nodes[0].outputs[0]
