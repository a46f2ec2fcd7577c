"""Cross-entropies, one number per sample (no reduction over the batch).

With `from_logits` the output is before sigmoid or softmax; else it is probabilities, which are
normalised along `axis` and kept
`kdist.config.epsilon()` away from 0 and 1.
"""

from __future__ import annotations

from typing import Any

from kdist.ops import explain_nn
from kdist.ops.declare import op

Tensor = Any


@op(explain=explain_nn.crossentropy)
def binary_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False) -> Tensor:
    """-t * log(p) - (1 - t) * log(1 - p), elementwise.

    Arguments:
        target, output: one shape, e.g. (batch, classes).
        from_logits: whether `output` still needs a sigmoid.

    Example:
        >>> ops.binary_crossentropy([1.0, 0.0], [0.5, 0.25])
        tensor([0.6931, 0.2877])
        >>> ops.binary_crossentropy([1.0], [0.0], from_logits=True)
        tensor([0.6931])
    """


@op(explain=explain_nn.crossentropy)
def categorical_crossentropy(
    target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """-sum(t * log(p)) along `axis`.

    Arguments:
        target: (..., classes), probabilities or one-hot.
        output: the same shape.
        from_logits: whether `output` still needs a softmax.
        axis: the axis of the classes.

    Returns: (...).

    Example:
        >>> ops.categorical_crossentropy([[0.0, 1.0]], [[0.75, 0.25]])  # log(4)
        tensor([1.3863])
    """


@op(explain=explain_nn.sparse_crossentropy)
def sparse_categorical_crossentropy(
    target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """-log(p[t]) along `axis`.

    Arguments:
        target: (...) or (..., 1), class numbers.
        output: (..., classes).
        from_logits: whether `output` still needs a softmax.
        axis: the axis of the classes.

    Returns: (...).

    Example:
        >>> ops.sparse_categorical_crossentropy([1], [[0.75, 0.25]])  # log(4)
        tensor([1.3863])
    """
