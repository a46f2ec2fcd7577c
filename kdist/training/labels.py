"""Integer labels that no class has, found before the first step.

What a step makes of such a label differs from backend to backend, and is silent on most: NaN, the last class, or an
error of a kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kdist import losses
from kdist.core import tree

_TAKE_LABELS = (
    losses.sparse_categorical_crossentropy,
    losses.categorical_generalized_cross_entropy,
)


def check_labels(compile_loss: Any, y: Any, what: str = "y") -> None:
    """Look at all labels that lie in memory.

    It costs one pass over them; datasets and tensors of a framework are not looked at.

    The rule: for a loss that takes class numbers, each label is at least 0 and less than the size of the output's
    class dim, or equal to the loss's `ignore_class`.

    Arguments:
        compile_loss: the `CompileLoss`, built; or None.
        y: targets as they were passed to `fit`: an array, or a structure of them.
        what: how the message names them.

    Raises: ValueError with the first label that does not fit, where it stands, and the classes there are.
    """
    if compile_loss is None or y is None:
        return
    for name, loss, classes, target in compile_loss.labelled(y, _class_count):
        labels = _integers_in_memory(target)
        if labels is not None:
            _check(
                labels,
                classes,
                loss._fn_kwargs.get("ignore_class"),
                f"{what}[{name!r}]" if name else what,
            )


def _class_count(loss: Any, shape: tuple) -> int | None:
    """The number of classes if `loss` takes class numbers and it is known; else None."""
    if getattr(loss, "fn", None) not in _TAKE_LABELS or not shape:
        return None
    return shape[loss._fn_kwargs.get("axis", -1)]


def _integers_in_memory(target: Any) -> np.ndarray | None:
    if hasattr(target, "to_numpy") and not tree.is_nested(target):  # pandas
        target = target.to_numpy()
    usable = isinstance(target, np.ndarray) and target.dtype.kind in "iu" and target.size
    return target if usable else None


def _check(labels: np.ndarray, classes: int, ignored: int | None, what: str) -> None:
    if labels.min() >= 0 and labels.max() < classes:
        return
    wrong = (labels < 0) | (labels >= classes)
    if ignored is not None:
        wrong &= labels != ignored
    if not wrong.any():
        return
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    advice = "Give the output one unit per class, or number the labels from 0."
    if labels[place] < 0:
        advice += " Labels to be left out are named by the loss's ignore_class."
    raise ValueError(
        f"{what} holds the label {labels[place]} (at index {place[0] if len(place) == 1 else place}; "
        f"{int(wrong.sum())} of {labels.size} do not fit), "
        f"and the model's output has {classes} classes, 0 to {classes - 1}. {advice}"
    )
