"""The forms that data of a step takes: x, (x,), (x, y), (x, y, sample_weight)."""

from __future__ import annotations

from typing import Any


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """Split the data of a step into inputs, targets and weights, None for those it lacks.

    Arguments:
        data: x alone (an array or a dict), or a tuple or list (x,), (x, y) or (x, y,
            sample_weight).

    Raises: ValueError for a tuple of another length.

    Example: `x, y, sample_weight = unpack_x_y_sample_weight((images, labels))` gives
        `sample_weight` None.
    """
    if not isinstance(data, tuple | list):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            "A batch has the form x, (x,), (x, y) or (x, y, sample_weight), and this one has"
            f" {len(data)} parts. Several inputs go together in x, as a tuple or a dict of arrays."
        )
    return (*data, None, None)[:3]


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The inverse of `unpack_x_y_sample_weight`.

    It gives `x` alone, (x,) if `x` is a tuple or list, (x, `y`) or (x, y, `sample_weight`).

    Example: `pack_x_y_sample_weight(images, labels)` gives `(images, labels)`.
    """
    if y is None and sample_weight is None:
        return (x,) if isinstance(x, tuple | list) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)
