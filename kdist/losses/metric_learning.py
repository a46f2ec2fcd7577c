"""Losses of embeddings: what is alike near, what differs far."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.core import masks
from kdist.core.replicas import replicas, sample_mask
from kdist.losses.loss import LossFunctionWrapper
from kdist.losses.reduction import applies


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
    """Circle loss of embeddings against reference embeddings.

    Sun et al. 2020, eq. 6, https://arxiv.org/abs/2002.10857.

    `log(1 + sum_n exp(gamma a_n (s_n - margin)) * sum_p exp(-gamma a_p (s_p - 1 + margin)))` with
    the cosine similarities s to references of the same (p) and of other (n) labels, and weights
    `a_p = max(1 + margin - s_p, 0)`, `a_n = max(s_n + margin, 0)`.

    Arguments:
        y_true: (batch,) or (batch, 1) int, labels.
        y_pred: (batch, dim), embeddings of length 1.
        ref_labels, ref_embeddings: (references,) and (references, dim); default: the global batch
            itself, from all replicas.
        remove_diagonal: do not compare an embedding with the reference of its own number.
        gamma, margin: scale and relaxation.

    Returns: (batch,). Where no pair of a kind exists it is 0, and its mask says to leave it out.

    Example:
        >>> embeddings = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
        >>> losses.circle([0, 0, 1, 1], embeddings) < 1e-6  # pairs of one label are alike
        tensor([True, True, True, True])
        >>> losses.circle([0, 1, 0, 1], embeddings)  # 80 * 1.4 * (1 - 0.4) twice
        tensor([134.4000, 134.4000, 134.4000, 134.4000])
    """
    y_pred = ops.convert_to_tensor(y_pred)
    labels = ops.reshape(ops.cast(y_true, "int32"), (-1,))
    rows = ops.shape(labels)[0]
    shift, real = 0, None
    references = y_pred if ref_embeddings is None else ops.convert_to_tensor(ref_embeddings)
    if ref_labels is None and ref_embeddings is None:
        mask = sample_mask()
        real = ops.cast(mask, "int32") if applies(mask, y_pred) else None
        shift = replicas().index * rows
        columns, references = _gathered(labels), _gathered(y_pred)
        real = None if real is None else ops.cast(_gathered(real), "bool")
    else:
        columns = labels if ref_labels is None else ops.cast(ref_labels, "int32")
        columns = ops.reshape(columns, (-1,))

    distances = ops.maximum(1 - ops.matmul(y_pred, ops.transpose(references)), 0.0)
    alike = ops.equal(ops.expand_dims(labels, 1), ops.expand_dims(columns, 0))
    differ = ops.logical_not(alike)
    if remove_diagonal:
        own = ops.expand_dims(ops.arange(rows) + shift, 1)
        alike = ops.logical_and(
            alike, ops.not_equal(own, ops.expand_dims(ops.arange(ops.shape(columns)[0]), 0))
        )
    if real is not None:
        alike, differ = (
            ops.logical_and(pairs, ops.expand_dims(real, 0)) for pairs in (alike, differ)
        )

    near = -gamma * ops.maximum(margin + distances, 0.0) * (margin - distances)
    far = gamma * ops.maximum(1 + margin - distances, 0.0) * (1 - margin - distances)
    # Finite where no pair exists: the gradient is then 0 and not NaN.
    none = ops.cast(-6e4 if ops.dtype(y_pred) == "float16" else -1e30, ops.dtype(y_pred))
    loss = ops.softplus(
        ops.logsumexp(ops.where(alike, near, none), axis=1)
        + ops.logsumexp(ops.where(differ, far, none), axis=1)
    )
    masks.set_keras_mask(loss, ops.greater(loss, 0))
    return loss


def _gathered(x: Any) -> Any:
    """The rows of all replicas, in the order of the replicas, (count * rows, ...)."""
    together = replicas()
    if together.count == 1:
        return x
    mine = ops.cast(ops.equal(ops.arange(together.count), together.index), ops.dtype(x))
    mine = ops.reshape(mine, (-1, *(1,) * len(x.shape)))
    everyone = together.all_sum(mine * ops.expand_dims(x, 0))
    return ops.reshape(everyone, (-1, *ops.shape(x)[1:]))


class Circle(LossFunctionWrapper):
    """`circle`, reduced over the samples that have pairs.

    Arguments:
        gamma, margin, remove_diagonal: as for `circle`.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "circle".
        dtype: what to compute in; None: the float default.

    Called with labels (batch,) and embeddings (batch, dim) of length 1, such as a model gives that
    ends in UnitNormalization; gives a scalar.

    Example:
        >>> embeddings = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
        >>> losses.Circle(gamma=10.0, margin=0.4)([0, 1, 0, 1], embeddings)  # 10 * 1.4 * 0.6 * 2
        tensor(16.8000)
    """

    _integer_labels = True
    _config_names = ("gamma", "margin", "remove_diagonal")

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: Any = None,
    ):
        super().__init__(
            circle,
            reduction,
            name,
            dtype,
            gamma=gamma,
            margin=margin,
            remove_diagonal=remove_diagonal,
        )
