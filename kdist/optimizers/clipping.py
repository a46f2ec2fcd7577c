"""Clipping of gradients: by value, by each one's norm, or by the norm of all together."""

from __future__ import annotations

from typing import Any

from kdist import ops


def clip(grads: list, norm: float | None, global_norm: float | None, value: float | None) -> list:
    """`grads` clipped by whichever of the limits is given (and positive)."""
    if norm and norm > 0:
        return [clip_by_norm(g, norm) for g in grads]
    if global_norm and global_norm > 0:
        return clip_by_global_norm(grads, global_norm)
    if value and value > 0:
        return [ops.clip(g, -value, value) for g in grads]
    return grads


def clip_by_norm(gradient: Any, limit: float) -> Any:
    """`gradient * limit / max(norm, limit)`, with the L2 norm over all elements."""
    norm = ops.sqrt(ops.sum(ops.square(gradient)))
    return ops.divide(ops.multiply(gradient, limit), ops.maximum(norm, limit))


def clip_by_global_norm(grads: list, limit: float) -> list:
    """All of `grads` by one factor, so that their common L2 norm is at most `limit`.

    Pascanu et al., https://arxiv.org/abs/1211.5063.

    If the norm is infinite or NaN, so is everything: a diverged step must not look like a small
    one.
    """
    norm = ops.sqrt(ops.sum(ops.stack([ops.sum(ops.square(g)) for g in grads])))
    factor = ops.multiply(limit, ops.minimum(ops.divide(1.0, norm), 1.0 / limit))
    factor = ops.add(factor, ops.subtract(norm, norm))
    return [ops.multiply(g, ops.cast(factor, ops.dtype(g))) for g in grads]
