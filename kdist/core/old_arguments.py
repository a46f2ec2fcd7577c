"""Arguments that stand in older code and files."""

from __future__ import annotations

import warnings
from typing import Any


def rms_scaling(given: dict[str, Any]) -> bool:
    """Of the further arguments of `layer_normalization`, whether it divides by the deviation alone.

    Raises: TypeError if there are others.
    """
    unknown = sorted(set(given) - {"rms_scaling"})
    if unknown:
        raise TypeError(f"layer_normalization received unknown arguments: {unknown}.")
    if not given.get("rms_scaling", False):
        return False
    warnings.warn(
        "layer_normalization: You passed `rms_scaling=True`, which is deprecated: it divides by the deviation from a "
        "mean that it leaves in. Use rms_normalization, which divides by the root of the mean square.",
        stacklevel=4,
    )
    return True
