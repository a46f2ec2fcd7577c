"""Parts of tensors by Python's own index notation."""

from __future__ import annotations

from typing import Any

from kdist.core.spec import Spec
from kdist.ops.checks import OutOfRangeError, dtype_of, shape_of
from kdist.ops.core import convert_to_tensor, is_tensor
from kdist.ops.declare import op
from kdist.ops.numpy_shaping import flip

Tensor = Any


def _get_item(x: Any, key: Any) -> Any:
    """Python slices of an unknown size have an unknown size.

    A probe at two large sizes would not see it.
    """
    keys = key if isinstance(key, tuple) else (key,)
    if not isinstance(x, Spec) or not all(
        k is None or k is Ellipsis or type(k) in (int, slice) for k in keys
    ):
        return None
    if keys.count(Ellipsis) == 0:
        keys = (*keys, Ellipsis)
    if keys.count(Ellipsis) > 1:
        raise OutOfRangeError(f"get_item: the key {key!r} has more than one Ellipsis.")
    at = keys.index(Ellipsis)
    used = sum(k is not None and k is not Ellipsis for k in keys)
    if used > len(x.shape):
        raise OutOfRangeError(
            f"get_item: x of shape {x.shape} has {len(x.shape)} axes, "
            f"and the key {key!r} indexes {used}."
        )
    keys = (*keys[:at], *(slice(None),) * (len(x.shape) - used), *keys[at + 1 :])
    sizes, shape = iter(x.shape), []
    for k in keys:
        if k is None:
            shape.append(1)
            continue
        size = next(sizes)
        if isinstance(k, slice):
            whole = k.start is None and k.stop is None and k.step in (None, 1, -1)
            shape.append(size if whole else None if size is None else len(range(*k.indices(size))))
        elif size is not None and not -size <= k < size:
            raise OutOfRangeError(
                f"get_item: index {k} is outside the axis of size {size}; x has shape {x.shape}."
            )
    return Spec(tuple(shape), x.dtype)


def _explain(name: str, x: Any, key: Any) -> None:
    _get_item(Spec(shape_of(x), dtype_of(x)), key)


@op(rule=_get_item, explain=_explain)
def get_item(x: Tensor, key: Any) -> Tensor:
    """`x[key]`, for keys of ints, slices, None and Ellipsis; `take` picks by arrays of positions.

    Example:
        >>> ops.get_item([[1, 2], [3, 4]], (slice(None), 1))
        tensor([2, 4], dtype=torch.int32)
    """
    x = x if is_tensor(x) else convert_to_tensor(x)
    try:
        return x[key]
    except ValueError:  # torch has no negative steps
        turned = _forwards(tuple(shape_of(x)), key)
        if turned is None:
            raise
    axes, keys = turned
    return flip(x, axis=axes)[keys]


def _forwards(shape: tuple, key: Any) -> tuple[tuple, tuple] | None:
    """Axes to flip, and the key of what is flipped that has no negative step; None if `key` has none."""
    keys = key if isinstance(key, tuple) else (key,)
    used = sum(k is not None and k is not Ellipsis for k in keys)
    axis, axes, out = 0, [], []
    for k in keys:
        out.append(k)
        if isinstance(k, slice) and k.step is not None and k.step < 0:
            axes.append(axis)
            places, last = range(*k.indices(shape[axis])), shape[axis] - 1
            out[-1] = (
                slice(last - places[0], last - places[-1] + 1, -k.step) if places else slice(0)
            )
        axis += len(shape) - used if k is Ellipsis else k is not None
    return (tuple(axes), tuple(out)) if axes else None
