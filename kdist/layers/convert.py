"""What a layer's inputs become before its `call` sees them: tensors, floats of the compute dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from kdist.backend import bound as backend
from kdist.backend.variable import Variable
from kdist.core import dtypes, masks, tree
from kdist.core.graph import KerasTensor


def convert_input(x: Any, dtype: str | None) -> Any:
    """A tensor for an array or tensor, inside structures too; anything else as it is.

    Arguments:
        x: an argument of a layer's call.
        dtype: the float dtype that floats are cast to; None to leave them. Other dtypes are never cast.
    """
    if isinstance(x, KerasTensor):
        return _cast_symbolic(x, dtype)
    if backend.is_tensor(x):
        return _cast(x, dtype)
    if isinstance(x, np.ndarray | np.generic):
        if x.dtype.kind in "OSU":
            return x
        return backend.convert_to_tensor(x, dtype if dtypes.is_float(x.dtype) else None)
    if isinstance(x, list | tuple | dict):
        convert = lambda leaf: convert_input(leaf, dtype)
        return tree.map_structure(convert, x) if tree.is_nested(x) else x
    if isinstance(x, Variable):
        return x.value
    if hasattr(x, "__array__") and hasattr(x, "dtype") and not isinstance(x, str):
        return convert_input(np.asarray(x), dtype)
    return x


def _cast(x: Any, dtype: str | None) -> Any:
    """A tensor of the dtype, with its mask."""
    if dtype is not None:
        given = backend.dtype_of(x)
        if given != dtype and given in dtypes.FLOATS:
            mask = masks.get_keras_mask(x)
            x = backend.OPS["cast"](x, dtype)
            if mask is not None:
                masks.set_keras_mask(x, mask)
    return x


def _cast_symbolic(x: KerasTensor, dtype: str | None) -> KerasTensor:
    """A symbolic tensor of the dtype that stands at the same place of the graph."""
    if dtype is None or x.dtype == dtype or not dtypes.is_float(x.dtype):
        return x
    cast = KerasTensor(x.shape, dtype, name=x.name)
    cast._keras_history, cast._keras_mask = x._keras_history, x._keras_mask
    return cast
