"""Masks that travel with tensors from layer to layer (Embedding's zeros, Masking's steps)."""

from __future__ import annotations

import weakref
from typing import Any

# Tensors that refuse attributes keep their mask here; keyed by id, removed with the tensor.
_masks: dict[int, Any] = {}
_in_use = False


def set_keras_mask(x: Any, mask: Any) -> None:
    """Attach `mask` (bool, the leading dims of `x`; None to remove) to the tensor `x`."""
    global _in_use
    if mask is not None:
        _in_use = True
    try:
        x._keras_mask = mask
    except AttributeError:
        key = id(x)
        if mask is None:
            _masks.pop(key, None)
        else:
            weakref.finalize(x, _masks.pop, key, None)
            _masks[key] = mask


def get_keras_mask(x: Any) -> Any:
    """The mask attached to `x`, or None. Costs nothing in a process that never attached one."""
    if not _in_use:
        return None
    mask = getattr(x, "_keras_mask", None)
    return mask if mask is not None else _masks.get(id(x))
