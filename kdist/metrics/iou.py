"""Intersection over union of predicted and true classes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from kdist import ops
from kdist.core import config, dtypes
from kdist.metrics.metric import Metric


class IoU(Metric):
    """`tp / (tp + fp + fn)`, averaged over the classes in `target_class_ids` that occur.

    Arguments:
        num_classes: int.
        target_class_ids: list of class numbers.
        name: default "iou".
        dtype: dtype of the counts, default int32; take a float for fractional weights.
        ignore_class: None, or a label whose elements do not count.
        sparse_y_true, sparse_y_pred: whether they hold class numbers, rather than one value per
            class along `axis`.
        axis: the dim of the classes.

    Elements whose label or prediction is not in 0 ... num_classes - 1 do not count.
    Raises: ValueError for a target class that is not below `num_classes`.

    Example:
        >>> metrics.IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])  # 1 / 3
        tensor(0.3333)
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        if max(target_class_ids) >= num_classes:
            raise ValueError(
                f"target_class_ids={list(target_class_ids)} must be below "
                f"num_classes={num_classes}."
            )
        super().__init__(name=name, dtype=dtype or "int32")
        self.num_classes = num_classes
        self.target_class_ids = list(target_class_ids)
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        shape = (num_classes, num_classes)
        self.total_cm = self.add_variable(shape, "zeros", self.dtype, name="total_confusion_matrix")

    def _warn_of_fractions(self, weights: Any) -> None:
        """Of weights that are at hand: looking at a device's would wait for it."""
        if not isinstance(weights, np.ndarray) or not dtypes.is_int(self.dtype):
            return
        if np.any(weights != np.trunc(weights)):
            warnings.warn(
                f"{type(self).__name__}: sample_weight holds float fractions, and the metric counts in int: casting "
                f"{weights.dtype} to {self.dtype} cuts them off. Pass dtype='float32' to the metric.",
                stacklevel=3,
            )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Arguments:
            y_true, y_pred: labels and predictions.
            sample_weight: weights of the labels' shape or leading dims; None: 1.
        """
        if not self.sparse_y_true:
            y_true = ops.argmax(y_true, axis=self.axis)
        if not self.sparse_y_pred:
            y_pred = ops.argmax(y_pred, axis=self.axis)
        true = ops.cast(ops.convert_to_tensor(y_true), "int32")
        weight = ops.ones_like(true, dtype=self.dtype)
        if sample_weight is not None:
            self._warn_of_fractions(sample_weight)
            given = ops.cast(ops.convert_to_tensor(sample_weight), self.dtype)
            for _ in range(len(true.shape) - len(given.shape)):
                given = ops.expand_dims(given, -1)
            weight = weight * given
        flat = lambda x: ops.reshape(x, (-1,))
        true, weight = flat(true), flat(weight)
        pred = flat(ops.cast(ops.convert_to_tensor(y_pred), "int32"))
        n = self.num_classes
        valid = ops.logical_and(_within(true, n), _within(pred, n))
        if self.ignore_class is not None:
            valid = ops.logical_and(valid, ops.not_equal(true, self.ignore_class))
        cells = ops.where(valid, true * n + pred, ops.zeros_like(true))
        weight = ops.where(valid, weight, ops.zeros_like(weight))
        matrix = ops.segment_sum(weight, cells, num_segments=n * n)
        self.total_cm.assign_add(ops.reshape(matrix, (n, n)))

    def result(self) -> Any:
        matrix = ops.cast(self.total_cm.value, "float32")
        right = ops.diag(matrix)
        union = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1) - right
        ids = ops.convert_to_tensor(self.target_class_ids, dtype="int32")
        right, union = ops.take(right, ids, axis=0), ops.take(union, ids, axis=0)
        occurs = ops.greater(union, 1e-9)
        ratio = ops.where(occurs, right / (union + config.epsilon()), ops.zeros_like(right))
        return ops.sum(ratio) / (ops.sum(ops.cast(occurs, "float32")) + config.epsilon())

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }


def _within(x: Any, n: int) -> Any:
    return ops.logical_and(ops.greater_equal(x, 0), ops.less(x, n))


class BinaryIoU(IoU):
    """`IoU` of two classes, where scores of at least `threshold` are class 1.

    Arguments:
        target_class_ids: which of 0 and 1 to average over.
        threshold: float.
        name, dtype: as in `IoU`.

    Example:
        >>> metrics.BinaryIoU([1], threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])  # 1 / 3
        tensor(0.3333)
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(2, target_class_ids, name=name, dtype=dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_pred = ops.convert_to_tensor(y_pred, dtype="float32")
        above = ops.cast(ops.greater_equal(y_pred, self.threshold), "int32")
        super().update_state(y_true, above, sample_weight)

    def get_config(self) -> dict[str, Any]:
        ids = {"target_class_ids": self.target_class_ids, "threshold": self.threshold}
        return {**ids, "name": self.name, "dtype": self.dtype}


class MeanIoU(IoU):
    """`IoU` averaged over all classes that occur.

    Arguments:
        num_classes: int.
        name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis: as in `IoU`.

    Example:
        >>> metrics.MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 1, 1])  # the mean of 1/2 and 2/3
        tensor(0.5833)
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(
            num_classes,
            list(range(num_classes)),
            name=name,
            dtype=dtype,
            ignore_class=ignore_class,
            sparse_y_true=sparse_y_true,
            sparse_y_pred=sparse_y_pred,
            axis=axis,
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["target_class_ids"]
        return config


class OneHotIoU(IoU):
    """`IoU` for one-hot labels, and by default scores per class.

    Arguments:
        num_classes, target_class_ids, name, dtype, ignore_class, sparse_y_pred, axis: as in `IoU`.

    Example:
        >>> labels, scores = [[1, 0], [1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]
        >>> metrics.OneHotIoU(num_classes=2, target_class_ids=[1])(labels, scores)
        tensor(0.5000)
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(
            num_classes,
            target_class_ids,
            name=name,
            dtype=dtype,
            ignore_class=ignore_class,
            sparse_y_true=False,
            sparse_y_pred=sparse_y_pred,
            axis=axis,
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["sparse_y_true"]
        return config


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` for one-hot labels, and by default scores per class.

    Arguments:
        num_classes, name, dtype, ignore_class, sparse_y_pred, axis: as in `IoU`.

    Example:
        >>> labels, scores = [[1, 0], [1, 0], [0, 1]], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]
        >>> metrics.OneHotMeanIoU(num_classes=2)(labels, scores)
        tensor(1.0000)
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(
            num_classes,
            name=name,
            dtype=dtype,
            ignore_class=ignore_class,
            sparse_y_true=False,
            sparse_y_pred=sparse_y_pred,
            axis=axis,
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["sparse_y_true"]
        return config
