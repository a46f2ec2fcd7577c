"""From what users hold to NumPy arrays, with errors that name the leaf.

Users hold NumPy arrays, pandas objects, and tensors of any framework.

No framework is imported: a type is recognised by its name and module, since whoever holds a tensor
has imported it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import optree


def has_type(value: Any, module: str, *names: str) -> bool:
    """Whether the type of `value` or a base of it is one of `names` in the package `module`."""
    return any(
        c.__name__ in names and c.__module__.split(".")[0] == module for c in type(value).__mro__
    )


def is_pandas(value: Any) -> bool:
    return has_type(value, "pandas", "DataFrame", "Series")


def is_sparse(value: Any) -> bool:
    return (
        has_type(
            value,
            "tensorflow",
            "SparseTensor",
            "RaggedTensor",
            "SparseTensorSpec",
            "RaggedTensorSpec",
        )
        or has_type(value, "scipy", "spmatrix", "sparray", "_spbase")
        or type(value).__module__.startswith("jax.experimental.sparse")
    )


def is_array(value: Any) -> bool:
    """Whether `value` is a leaf that holds samples: an array, a tensor, a frame or a series."""
    if isinstance(value, np.ndarray) or is_pandas(value) or is_sparse(value):
        return True
    return hasattr(value, "shape") and hasattr(value, "dtype") and hasattr(value, "__array__")


def float_dtype(floatx: str) -> np.dtype:
    """The dtype in which floats reach the model: for bfloat16, which NumPy lacks, float32."""
    return np.dtype("float32" if floatx == "bfloat16" else floatx)


def named_leaves(name: str, tree: Any) -> list[tuple[str, Any]]:
    """Leaves with names a user recognises: `x`, `x[0]`, `y['label']`. None is no leaf."""
    paths, leaves, _ = optree.tree_flatten_with_path(tree)
    return [
        (name + "".join(f"[{key!r}]" for key in path), leaf)
        for path, leaf in zip(paths, leaves, strict=True)
    ]


def to_numpy(name: str, value: Any) -> np.ndarray:
    """`value` as an array of numbers or booleans of at least one dim, in native byte order.

    It is a view where possible.

    name: what to call it in an error.
    Raises: TypeError for what is not an array or not numeric; ValueError for a scalar.
    """
    if is_sparse(value):
        raise TypeError(
            f"{name} is sparse or ragged ({type(value).__name__}), which is not supported. Make it"
            " dense first, e.g. `.toarray()`, `.todense()`, `tf.sparse.to_dense` or"
            " `.to_tensor()`."
        )
    if is_pandas(value):
        array = _from_pandas(name, value)
    elif has_type(value, "torch", "Tensor"):
        array = _from_torch(value)
    elif isinstance(value, np.ndarray | np.generic) or is_array(value):
        array = np.asarray(value)
    else:
        raise TypeError(
            f"{name} is {_describe(value)}, not an array. Convert it with `np.array(...)`. (In a"
            " list or tuple, every item is taken for an input of its own.)"
        )
    if array.dtype.kind not in "biufc" and array.dtype.name != "bfloat16":
        raise TypeError(
            f"{name} has dtype {array.dtype}, which no model can take. Convert it to numbers first:"
            " encode text and categories, and stack rows of equal length with `np.stack`."
        )
    if array.ndim == 0:
        raise ValueError(
            f"{name} is a scalar; data needs a batch dim, as in (n,) or (n, features). Does the"
            " dataset lack `.batch(...)`?"
        )
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def to_batch_array(name: str, value: Any, floats: np.dtype) -> np.ndarray:
    """A leaf of a batch as the model takes it.

    Floats are of the dtype `floats`; it is contiguous, and free to be written to.
    """
    array = to_numpy(name, value)
    if array.dtype.kind == "f" and array.dtype != floats:
        return np.ascontiguousarray(array, floats)
    return writeable(array)


def writeable(array: np.ndarray) -> np.ndarray:
    """The array itself if C-contiguous and writeable, else a copy.

    Frameworks share memory with it, or warn.
    """
    flags = array.flags
    return array if flags.c_contiguous and flags.writeable else array.copy(order="C")


def _from_torch(tensor: Any) -> np.ndarray:
    tensor = tensor.detach().cpu()
    if str(tensor.dtype) == "torch.bfloat16":
        tensor = tensor.float()
    return tensor.numpy()


def _from_pandas(name: str, value: Any) -> np.ndarray:
    if value.ndim == 1:
        # (n, 1), as Keras takes a series.
        value = value.to_frame(name="value" if value.name is None else value.name)
    text = [
        str(c) for c, dtype in value.dtypes.items() if getattr(dtype, "kind", "O") not in "biuf"
    ]
    if text:
        raise TypeError(
            f"{name} is a {type(value).__name__} whose columns {', '.join(text)} are not numeric. "
            "Encode them as numbers, or leave them out."
        )
    array = value.to_numpy()
    if array.dtype == object:  # columns of booleans beside numbers, or nullable columns
        array = value.to_numpy(dtype="float64", na_value=np.nan)
    return array


def _describe(value: Any) -> str:
    text = repr(value)
    return f"{text if len(text) <= 40 else text[:37] + '...'} ({type(value).__name__})"
