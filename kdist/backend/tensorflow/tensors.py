"""Conversions between values and TensorFlow tensors, and promotion as the rows of ops need it."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from kdist.core import config, dtypes

Tensor = tf.Tensor

# Python scalars promote weakly; everything else has a dtype of its own. `np.float64` is a subclass
# of float and is not weak.
_PYTHON = frozenset({bool, int, float, complex})


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor or variable of TensorFlow."""
    return tf.is_tensor(x)


def dtype_of(x: Any) -> str:
    """Dtype name of a TensorFlow tensor."""
    return x.dtype.name


def as_tensor(x: Any, dtype: str | None = None) -> Any:
    """`x` as a tensor, of `dtype` if one is given.

    Arguments:
        x: a tensor, a variable (kdist's or TensorFlow's), a NumPy array, a Python scalar, or nested
            lists of them.
        dtype: dtype name; by default arrays keep theirs, Python floats take the float default and
            Python ints int32.
    """
    if isinstance(x, Tensor):
        return x if dtype is None or x.dtype.name == dtype else _cast(x, dtype)
    if hasattr(x, "_storage"):
        return as_tensor(x.value, dtype)
    kind = type(x)
    if kind is float and dtype is None:
        return tf.constant(x, config.floatx())
    if isinstance(x, tf.Variable):
        return as_tensor(x.value(), dtype)
    if isinstance(x, tf.IndexedSlices):
        return as_tensor(dense(x), dtype)
    if isinstance(x, tf.RaggedTensor):
        return as_tensor(x.to_tensor(), dtype)
    if isinstance(x, tf.SparseTensor):
        return as_tensor(tf.sparse.to_dense(x), dtype)
    if isinstance(x, list | tuple) and _holds_tensors(x):
        parts = [as_tensor(v) for v in x]
        name = dtype or dtypes.result_type(*(weak(v) for v in x)) if parts else dtype
        return tf.stack([as_tensor(p, name) for p in parts])
    if kind is list or kind is tuple:
        x = _as_array(x)
    elif kind.__module__.partition(".")[0] in ("jax", "jaxlib", "torch"):
        x = np.asarray(x)
    if dtype is None:
        return tf.convert_to_tensor(x)
    if (
        kind in _PYTHON
        and kind is not bool
        and dtype not in ("bool", "string")
        and (kind is not float or dtype in dtypes.FLOATS)
    ):
        return tf.constant(x, dtype)
    # TensorFlow refuses ints as bools, bools and floats as ints, so the dtype is changed after the
    # conversion.
    return as_tensor(tf.convert_to_tensor(x), dtype)


def dense(gradient: Any) -> Any:
    """A gradient as a dense tensor.

    The rows of an embedding that were looked up several times are summed.
    """
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows = gradient.dense_shape[0] if gradient.dense_shape is not None else gradient.shape[0]
    return tf.math.unsorted_segment_sum(gradient.values, gradient.indices, rows)


def _as_array(x: Any) -> Any:
    """Lists of Python numbers take the default dtypes of Python numbers, not NumPy's 64 bits."""
    array = np.asarray(x)
    if array.dtype == np.float64 and not _holds_numpy(x):
        return array.astype(tf.as_dtype(config.floatx()).as_numpy_dtype)
    if (
        array.dtype == np.int64
        and not _holds_numpy(x)
        and (not array.size or np.abs(array).max() < 2**31)
    ):
        return array.astype(np.int32)
    return array


def _holds_tensors(x: Any) -> bool:
    return any(
        tf.is_tensor(v)
        or hasattr(v, "_storage")
        or (isinstance(v, list | tuple) and _holds_tensors(v))
        for v in x
    )


def _holds_numpy(x: Any) -> bool:
    return any(
        isinstance(v, np.ndarray | np.generic) or (isinstance(v, list | tuple) and _holds_numpy(v))
        for v in x
    )


def _cast(x: Any, dtype: str) -> Any:
    return tf.cast(x, dtype)


def convert_to_tensor(x: Any, dtype: str | None = None) -> Any:
    return as_tensor(x, None if dtype is None else dtypes.standardize_dtype(dtype))


def convert_to_numpy(x: Any) -> np.ndarray:
    """The value as a NumPy array; a copy that the caller may write into."""
    if hasattr(x, "_storage"):
        x = x.value
    if isinstance(x, tf.IndexedSlices | tf.RaggedTensor | tf.SparseTensor):
        x = as_tensor(x)
    # Asked by np.array, a tensor of 16 bits warns about an argument that TensorFlow does not take.
    return np.array(x.numpy() if hasattr(x, "numpy") else x)


def weak(x: Any) -> Any:
    """What takes part in promotion: the Python type of a Python scalar, else the dtype name."""
    kind = type(x)
    if kind in _PYTHON:
        return kind
    if hasattr(x, "_storage"):
        x = x.value
    dtype = getattr(x, "dtype", None)
    if dtype is None:
        return as_tensor(x).dtype.name
    return dtypes.standardize_dtype(dtype)


def promote(*xs: Any, also: Any = None) -> list:
    """Tensors of one dtype: what `xs` promote to, together with the type `also` if one is given."""
    xs = tuple(x if type(x) in _PYTHON else as_tensor(x) for x in xs)
    kinds = [weak(x) for x in xs]
    dtype = dtypes.result_type(*kinds) if also is None else dtypes.result_type(*kinds, also)
    return [as_tensor(x, dtype) for x in xs]


def to_float(x: Any) -> Any:
    """`x` as a tensor; integers and bools become the float default."""
    x = as_tensor(x)
    return x if x.dtype.is_floating or x.dtype.is_complex else tf.cast(x, config.floatx())


def name_of(dtype: Any, default: str | None = None) -> str:
    """Canonical dtype name, or `default` (else the float default) for None."""
    return (default or config.floatx()) if dtype is None else dtypes.standardize_dtype(dtype)


def static_or_dynamic_shape(x: Any) -> list:
    """Sizes of `x`: ints where they are known, scalar tensors where not."""
    static = x.shape.as_list()
    if None not in static:
        return static
    dynamic = tf.shape(x)
    return [dynamic[i] if d is None else d for i, d in enumerate(static)]


def normalize_axis(axis: int, ndim: int) -> int:
    """A non-negative axis. Raises ValueError if it is outside of the tensor's rank."""
    if not -ndim <= axis < ndim:
        raise ValueError(
            f"axis={axis} is out of bounds for a tensor of {ndim} dims. Use {-ndim} .. {ndim - 1}."
        )
    return axis % ndim
