"""Ops that layers and losses use and for which some backends have one kernel. They are kdist's own,
not part of Keras's API.
"""

from __future__ import annotations

from typing import Any

from kdist.ops.declare import op
from kdist.ops.math import logsumexp
from kdist.ops.numpy_binary import add, subtract
from kdist.ops.numpy_products import matmul
from kdist.ops.numpy_shaping import expand_dims, squeeze, take, take_along_axis

Tensor = Any


@op
def linear(x: Tensor, kernel: Tensor, bias: Any = None) -> Tensor:
    """x @ kernel + bias: x (..., in), kernel (in, out), bias (out,) or None; gives (..., out)."""
    y = matmul(x, kernel)
    return y if bias is None else add(y, bias)


@op
def embedding_lookup(table: Tensor, ids: Tensor) -> Tensor:
    """Rows of `table` (rows, dim) at `ids` (any shape, int); gives (*ids.shape, dim)."""
    return take(table, ids, axis=0)


@op
def softmax_crossentropy_with_integer_labels(
    labels: Tensor, logits: Tensor, axis: int = -1
) -> Tensor:
    """-log(softmax(logits)[label]) along `axis`: labels (...) int, logits with one axis more; gives
    (...).

    Computed as logsumexp(logits) - logits[label], without the whole log-softmax.
    """
    picked = squeeze(take_along_axis(logits, expand_dims(labels, axis), axis=axis), axis)
    return subtract(logsumexp(logits, axis=axis), picked)
