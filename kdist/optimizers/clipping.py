"""Clipping of gradients: by value, by each one's norm, or by the norm of all together."""

from __future__ import annotations

from kdist import ops
from kdist.optimizers import rows


def clip(
    grads: list,
    variables: list,
    norm: float | None,
    global_norm: float | None,
    value: float | None,
) -> list:
    """The gradients of `variables` clipped by whichever of the limits is given (and positive)."""
    if norm and norm > 0:
        return clip_by_norms(grads, variables, norm)
    if global_norm and global_norm > 0:
        return clip_by_global_norm(grads, variables, global_norm)
    if value and value > 0:
        return [ops.clip(g, -value, value) for g in grads]
    return grads


def clip_by_norms(grads: list, variables: list, limit: float) -> list:
    """Each `gradient * limit / max(norm, limit)`, with the L2 norm over all elements."""
    norms = [ops.sqrt(s) for s in _square_sums(grads, variables)]
    return [
        ops.divide(ops.multiply(g, limit), ops.maximum(norm, limit))
        for g, norm in zip(grads, norms, strict=True)
    ]


def clip_by_global_norm(grads: list, variables: list, limit: float) -> list:
    """All of `grads` by one factor, so that their common L2 norm is at most `limit`.

    Pascanu et al., https://arxiv.org/abs/1211.5063.

    If the norm is infinite or NaN, so is everything: a diverged step must not look like a small
    one.
    """
    norm = ops.sqrt(ops.sum(ops.stack(_square_sums(grads, variables))))
    factor = ops.multiply(limit, ops.minimum(ops.divide(1.0, norm), 1.0 / limit))
    factor = ops.add(factor, ops.subtract(norm, norm))
    return [ops.multiply(g, ops.cast(factor, ops.dtype(g))) for g in grads]


def _square_sums(grads: list, variables: list) -> list:
    """The sum of squares of each gradient. Where processes keep parts, of all parts together."""
    row = rows.named("square_sums")
    if row is not None:
        return row(grads, variables)
    return [ops.sum(ops.square(g)) for g in grads]
