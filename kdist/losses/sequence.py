"""The loss of unaligned label sequences."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.losses.loss import LossFunctionWrapper


def ctc(y_true: Any, y_pred: Any) -> Any:
    """-log of the probability that the frames say the labels in any alignment; see `ops.ctc_loss`.

    Arguments:
        y_true: (batch, max_labels) int; 0 is the blank, and fills up after the labels.
        y_pred: (batch, frames, classes), logits.

    Returns: (batch,). Raises: ValueError for other ranks.

    Example:
        >>> logits = ops.zeros((1, 3, 3))  # 3 frames, in each the 3 classes equally likely
        >>> loss = losses.ctc([[1, 2]], logits)
        >>> ops.exp(-loss) * 27  # of the 27 labellings of the frames: 12-, 1-2, -12, 112, 122
        tensor([5.])
    """
    for name, x, rank in (("y_true", y_true, 2), ("y_pred", y_pred, 3)):
        if len(ops.shape(x)) != rank:
            raise ValueError(
                f"ctc: {name} must have {rank} axes, y_true (batch, labels) and y_pred "
                f"(batch, frames, classes). Received: {name}.shape={ops.shape(x)}."
            )
    y_true = ops.cast(y_true, "int32")
    batch, frames = ops.shape(y_pred)[:2]
    count = ops.sum(ops.cast(ops.not_equal(y_true, 0), "int32"), axis=-1)
    return ops.ctc_loss(y_true, y_pred, count, frames * ops.ones((batch,), "int32"), mask_index=0)


class CTC(LossFunctionWrapper):
    """`ctc`, reduced to one number.

    Arguments:
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "ctc".
        dtype: what to compute in; None: the float default.

    Called with `y_true` (batch, max_labels) and `y_pred` (batch, frames, classes); gives a scalar.
    Raises: ValueError for an unknown reduction, and for other ranks.

    Example:
        >>> losses.CTC()([[1, 2]], ops.zeros((1, 3, 3)))  # log(27 / 5)
        tensor(1.6864)
    """

    _integer_labels = True

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "ctc",
        dtype: Any = None,
    ):
        super().__init__(ctc, reduction, name, dtype)
