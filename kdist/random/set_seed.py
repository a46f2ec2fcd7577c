"""One seed for everything random in a program."""

from __future__ import annotations

import random as python_random

import numpy as np

from kdist.random.seed_generator import reset_global_seed_generator


class _Last:
    seed: int | None = None


def set_random_seed(seed: int) -> None:
    """Seed Python's `random`, NumPy's global generator and kdist's.

    All of kdist draws from these three: initializers and SeedGenerators without a seed of their
    own, unseeded random ops, and the order of samples. Models built and trained after it are the
    same each time.

    Arguments:
        seed: int, 0 to 2**32 - 1.

    Raises: ValueError if it is not such an int.

    Example:
        >>> kdist.utils.set_random_seed(0)
        >>> x = random.uniform((4,))
        >>> kdist.utils.set_random_seed(0)
        >>> bool(ops.all(x == random.uniform((4,))))
        True
    """
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"seed={seed!r} of set_random_seed must be an int from 0 to 2**32 - 1.")
    _Last.seed = seed
    python_random.seed(seed)
    np.random.seed(seed)
    reset_global_seed_generator()


def get_random_seed() -> int | None:
    """The seed last given to `set_random_seed`, or None."""
    return _Last.seed
