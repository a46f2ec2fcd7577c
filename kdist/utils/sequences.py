"""Sequences of one length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def pad_sequences(
    sequences: Sequence,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Sequences padded, or cut, to one length.

    Arguments:
        sequences: n sequences of elements, each element of one shape.
        maxlen: the length; default, the longest's.
        dtype: of the result; `object` for strings.
        padding: "pre" or "post": where `value` is added.
        truncating: "pre" or "post": where a longer sequence is cut.
        value: what is added.

    Returns: an array (n, maxlen, *shape of an element).

    Raises: ValueError for other values of `padding` and `truncating`, or elements of other shapes.

    Example: `pad_sequences([[1], [2, 3]])` gives `[[0, 1], [2, 3]]`.
    """
    for name, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise ValueError(f"{name}={given!r} of pad_sequences must be 'pre' or 'post'.")
    for i, s in enumerate(sequences):
        if not hasattr(s, "__len__"):
            raise ValueError(f"sequences[{i}] of pad_sequences is {s!r}, and not a sequence.")
    text = dtype is object or np.dtype(dtype).kind in "OSU"
    if isinstance(value, str) and not text:
        raise ValueError(f"value={value!r} does not go with dtype={dtype!r}. Pass dtype=object.")
    length = max((len(s) for s in sequences), default=0) if maxlen is None else maxlen
    shape = next((np.asarray(s).shape[1:] for s in sequences if len(s)), ())
    out = np.full((len(sequences), length, *shape), value, dtype=dtype)
    for i, s in enumerate(sequences):
        if not len(s) or not length:
            continue
        kept = np.asarray(s[-length:] if truncating == "pre" else s[:length], dtype=dtype)
        if kept.shape[1:] != shape:
            raise ValueError(
                f"sequences[{i}] has elements of shape {kept.shape[1:]}, and the others {shape}."
            )
        where = slice(length - len(kept), length) if padding == "pre" else slice(len(kept))
        out[i, where] = kept
    return out
