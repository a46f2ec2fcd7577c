"""Automatic names: `dense`, `dense_1`, ... per process, as Keras counts them."""

from __future__ import annotations

import re
from collections import Counter

_counts: Counter = Counter()


def to_snake_case(name: str) -> str:
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(prefix: str) -> str:
    """`prefix` for its first use in the process, then `prefix_1`, `prefix_2`, ..."""
    prefix = to_snake_case(prefix)
    n = _counts[prefix]
    _counts[prefix] += 1
    return f"{prefix}_{n}" if n else prefix


def get_uid(prefix: str = "") -> int:
    """How often `prefix` was counted, this time included: 1, then 2, ...; `auto_name` counts on."""
    _counts[prefix] += 1
    return _counts[prefix]


def reset() -> None:
    """Start counting anew (`clear_session`)."""
    _counts.clear()
