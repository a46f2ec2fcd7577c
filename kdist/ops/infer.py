"""Output specs of any traceable function.

It is evaluated abstractly at two sizes of each unknown dim.

What differs between the two evaluations depends on an unknown size and is None; what agrees is a
constant of the op.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from kdist.backend import bound as backend
from kdist.core import scopes, tree
from kdist.core.spec import Spec

# Two sizes with many common divisors, so that reshapes, splits and strides of an unknown size go
# through.
_SIZES = (840, 1680)
# Where several unknown dims are made one, these do not pass the range of int32, as the others do.
_SMALL = (24, 48)
_MAX_PINNED = 3


def probe(fn: Callable, args: tuple, kwargs: dict) -> Any:
    """Specs of `fn(*args, **kwargs)`, whose `Spec` arguments may have unknown sizes.

    If the function fails where all unknown sizes are alike (`(None, 3) @ (None, 5)`, say), as few
    of them as possible are pinned to sizes that stand in the call.

    Raises: what `fn` itself raises, if no sizes satisfy it.
    """
    leaves = tree.flatten((args, kwargs))
    unknown = [
        (i, j)
        for i, x in enumerate(leaves)
        if isinstance(x, Spec)
        for j, d in enumerate(x.shape)
        if d is None
    ]

    def at(sizes: dict) -> Any:
        filled = [
            Spec(tuple(sizes.get((i, j), d) for j, d in enumerate(x.shape)), x.dtype)
            if isinstance(x, Spec)
            else x
            for i, x in enumerate(leaves)
        ]
        a, k = tree.pack_sequence_as((args, kwargs), filled)
        # A seed drawn meanwhile must not reach its generator.
        with scopes.StatelessScope(), scopes.SymbolicScope():
            return backend.abstract_eval(fn, a, k)

    if not unknown:
        return at({})

    def at_both(pinned: dict, sizes: tuple[int, int] = _SIZES) -> Any:
        free = [slot for slot in unknown if slot not in pinned]
        if not free:
            return at(pinned)
        small, large = (at({**pinned, **dict.fromkeys(free, size)}) for size in sizes)
        return _merge(small, large)

    try:
        return at_both({})
    except Exception as first:  # whatever the framework raises for shapes that do not fit
        if len(unknown) > 2:
            try:
                return at_both({}, _SMALL)
            except Exception:  # so it is not for the sizes' product: `first` is the error to show
                pass
        sizes_given = {d for x in leaves for d in getattr(x, "shape", ()) if d is not None}
        known = sorted(sizes_given, key=lambda d: (d == 0, d))  # an empty dim broadcasts with few
        for n in range(1, min(len(unknown), _MAX_PINNED) + 1):
            for slots in itertools.combinations(unknown, n):
                for sizes in itertools.product(known, repeat=n):
                    try:
                        return at_both(dict(zip(slots, sizes, strict=True)))
                    except Exception:  # these sizes do not fit either; `first` is the error to show
                        continue
        raise first


def _merge(a: Any, b: Any) -> Any:
    def merge(x: Any, y: Any) -> Any:
        if not isinstance(x, Spec):
            return x
        if len(x.shape) != len(y.shape):
            raise ValueError(
                f"The rank of the output depends on an unknown size: {x.shape} against {y.shape}."
            )
        return Spec(
            tuple(p if p == q else None for p, q in zip(x.shape, y.shape, strict=True)), x.dtype
        )

    return tree.map_structure(merge, a, b)
