"""What dtypes an op takes of no backend."""

from __future__ import annotations

from typing import Any

import numpy as np

from kdist.core import dtypes, tree
from kdist.ops.checks import dtype_of

# Of these ops, the parameters that hold integers.
WHOLE = {
    **dict.fromkeys(("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not"), ("x", "y")),
    **dict.fromkeys(("bitwise_invert", "left_shift", "right_shift"), ("x", "y")),
    **dict.fromkeys(("bitwise_left_shift", "bitwise_right_shift"), ("x", "y")),
    **dict.fromkeys(("gcd", "lcm"), ("x1", "x2")),
    **dict.fromkeys(("take", "take_along_axis", "scatter", "scatter_update"), ("indices",)),
    **dict.fromkeys(("one_hot", "bincount"), ("x",)),
    **dict.fromkeys(
        ("segment_max", "segment_min", "segment_prod", "segment_sum"), ("segment_ids",)
    ),
    "unravel_index": ("indices",),
    "multi_hot": ("inputs",),
    "ldexp": ("x2",),
    "in_top_k": ("targets",),
    "embedding_lookup": ("ids",),
}

# Complex values have no order, and some functions no meaning for them. Where a backend computes
# something all the same, it is not what the others would.
REAL = frozenset(
    {
        "adaptive_average_pool", "adaptive_max_pool", "amax", "amin", "arctan2", "argmax", "argmin",
        "argpartition", "argsort", "average_pool", "batch_normalization_training",
        "binary_crossentropy", "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_not",
        "bitwise_or", "bitwise_right_shift", "bitwise_xor", "categorical_crossentropy", "cbrt",
        "cdist", "ceil", "celu", "clip", "corrcoef", "deg2rad", "digitize", "dot_product_attention",
        "elu", "erf", "erfc", "erfinv", "floor", "floor_divide", "fmax", "fmin", "fmod", "gelu",
        "glu", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh",
        "heaviside", "histogram", "hypot", "i0", "in_top_k", "isin", "isneginf", "isposinf",
        "leaky_relu", "left_shift", "log_sigmoid", "log_softmax",
        "logaddexp2", "logdet", "max", "max_pool", "maximum", "median", "min", "minimum", "mod",
        "nanargmax", "nanargmin", "nanmax", "nanmedian", "nanmin", "nanpercentile", "nanquantile",
        "nextafter", "normalize", "percentile", "ptp", "quantile", "rad2deg", "relu", "relu6",
        "resize", "right_shift", "searchsorted", "segment_max", "segment_min", "selu", "signbit",
        "soft_shrink", "softmax", "softplus", "sort", "sparse_plus", "sparse_sigmoid", "sparsemax",
        "threshold", "top_k", "unique",
    }
)  # fmt: skip
# Of these ops, the parameters that are so.
REAL_OF = {
    **dict.fromkeys(("ctc_loss", "mean_sparse_categorical_crossentropy"), ("output",)),
    **dict.fromkeys(("sparse_categorical_crossentropy", "sparse_hits"), ("output",)),
    "affine_transform": ("transform",),
    "ctc_decode": ("inputs",),
    "layer_normalization": ("x",),
    "map_coordinates": ("coordinates",),
    "perspective_transform": ("start_points", "end_points"),
    "scale_and_translate": ("scale", "translation"),
    "softmax_crossentropy_with_integer_labels": ("logits",),
}

# Of these ops, the parameters that hold numbers, which truth values are not.
NUMBERS = {
    **dict.fromkeys(("adaptive_average_pool", "adaptive_max_pool"), ("inputs",)),
    **dict.fromkeys(("average_pool", "max_pool"), ("inputs",)),
    **dict.fromkeys(("segment_max", "segment_min"), ("data",)),
    **dict.fromkeys(("segment_prod", "segment_sum"), ("data",)),
    **dict.fromkeys(("negative", "ptp", "sparsemax"), ("x",)),
    **dict.fromkeys(("fold", "top_k"), ("x",)),
    "perspective_transform": ("start_points", "end_points"),
    "sparse_hits": ("output",),
}


# What takes text, where the backend has it.
OF_TEXT = frozenset({"array", "cast", "convert_to_numpy", "convert_to_tensor", "shape", "size"})


# Kernels of these refuse some matrices for their values.
OF_VALUES = frozenset({"cholesky", "inv", "lu_factor", "solve"})


class WrongKindError(ValueError, TypeError):
    """An argument of a wrong kind: a TypeError of Python, and a ValueError as all bad arguments of ops."""


def is_array(x: Any) -> bool:
    return hasattr(x, "shape") and hasattr(x, "dtype")


def not_numbers(op: str, name: str, value: Any) -> None:
    """Arrays of text or of objects."""
    for x in tree.flatten(value) if isinstance(value, list | tuple) else [value]:
        kind = getattr(getattr(x, "dtype", None), "kind", None)
        if isinstance(x, np.ndarray | np.generic) and kind in "OUSMm":
            raise WrongKindError(
                f"{op}: {name} must hold numbers. Received: an array of shape {x.shape} and dtype "
                f"{x.dtype}."
            )


def no_text(op: str, arguments: dict[str, Any]) -> None:
    for name, value in arguments.items():
        not_numbers(op, name, value)


def unfit(op: str, arguments: dict[str, Any]) -> None:
    """Tensors of a dtype that the op takes on no backend."""
    found = _dtypes(arguments)
    if op in REAL or any(found.get(name) in dtypes.COMPLEX for name in REAL_OF.get(op, ())):
        _no_values_of("complex", op, found)
    for name in WHOLE.get(op, ()):
        value = arguments.get(name)
        if is_array(value) and dtype_of(value) not in (*dtypes.INTS, "bool"):
            raise WrongKindError(
                f"{op}: {name} must hold integers. Received: {name}.dtype={dtype_of(value)}."
            )
    if any(found.get(name) == "bool" for name in NUMBERS.get(op, ())):
        _no_values_of("bool", op, found)


def unexplained(op: str, arguments: dict[str, Any]) -> None:
    """A tensor of a dtype that this backend cannot take; asked where shapes and settings are right."""
    if op in OF_VALUES:
        return
    for kind in ("complex", "bool"):
        _no_values_of(kind, op, _dtypes(arguments))


def _dtypes(arguments: dict[str, Any]) -> dict[str, str]:
    return {
        name: dtype_of(x)
        for name, value in arguments.items()
        for x in (tree.flatten(value) if isinstance(value, list | tuple) else [value])
        if is_array(x) and getattr(x.dtype, "kind", "f") not in "OUSMm"
    }


def _no_values_of(kind: str, op: str, found: dict[str, str]) -> None:
    if any(d.startswith(kind) for d in found.values()):
        received = ", ".join(f"{name}.dtype={d}" for name, d in found.items())
        raise ValueError(f"{op}: cannot be computed of {kind} values. Received: {received}.")
