"""Several steps in one dispatch: a loop on the device, for steps that are shorter than the way there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kdist.core import tree


def looped(step: Callable) -> Callable:
    """A function of the lists of batches' `data` that takes `step` on each of them.

    Arguments:
        step: a function (fixed values, replaced values, data, mask, size) that gives (new replaced values, index ->
            value of the fixed ones that it changed, what it reports).

    Returns: a function (fixed, replaced, [data, ...]), which gives the same, all after the last step.
    """

    def many(fixed: list, replaced: list, batches: list) -> tuple:
        changed_ones: set[int] = set()

        def body(carry: tuple, data: Any) -> tuple:
            fixed, replaced = carry
            after, changed, out = step(fixed, replaced, data, None, None)
            changed_ones.update(changed)
            fixed_after = [changed.get(i, value) for i, value in enumerate(fixed)]
            return (_like(fixed_after, fixed), _like(after, replaced)), out

        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *batches)
        start = _like(fixed, fixed), _like(replaced, replaced)
        (fixed, replaced), outs = jax.lax.scan(body, start, stacked)
        last = jax.tree.map(lambda leaves: leaves[-1], outs)
        return replaced, {i: fixed[i] for i in sorted(changed_ones)}, last

    return many


def _like(values: list, models: list) -> list:
    """The values in the dtypes of `models`, none of which gives way to others: a loop's are the same throughout."""
    return [jax.lax.convert_element_type(v, m.dtype) for v, m in zip(values, models, strict=True)]


def runs(batches: list) -> Iterator[list]:
    """Neighbours that are alike, so that one program can take them all; what is padded stays by itself."""
    for _, run in groupby(enumerate(batches), lambda pair: _kind(*pair)):
        yield [batch for _, batch in run]


def _kind(index: int, batch: Any) -> Any:
    if batch.mask is not None:
        return index
    leaves = tree.flatten((batch.x, batch.y, batch.sample_weight))
    return [(np.shape(a), getattr(a, "dtype", type(a))) for a in leaves if a is not None]
