"""`Normalization`: features of mean 0 and variance 1."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from kdist import ops
from kdist.core import config
from kdist.layers.layer import Layer


class Normalization(Layer):
    """`(inputs - mean) / sqrt(variance)`, with statistics given, or taken from data by `adapt`.

    Arguments:
        axis: axis or axes that have statistics of their own; the others share them. None: one mean
            and variance for all.
        mean, variance: the statistics, instead of `adapt`.
        invert: compute `inputs * sqrt(variance) + mean` instead.

    Raises: ValueError if only one of mean and variance is given, or they do not fit the axes.
    Example: `layer = Normalization(); layer.adapt(x_train)`.
    """

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        if (mean is None) != (variance is None):
            raise ValueError(
                "When setting values directly, both `mean` and `variance` must be set. "
                f"Received: mean={mean} and variance={variance}"
            )
        if mean is not None and np.shape(mean) != np.shape(variance):
            raise ValueError(
                "When setting values directly, `mean` and `variance` must have the same shape. "
                f"Received: mean shape {np.shape(mean)} and variance shape {np.shape(variance)}"
            )
        if mean is not None and np.ndim(mean) > len(self.axis):
            raise ValueError(
                "The rank of `mean` must be less than or equal to the number of axes "
                f"({len(self.axis)}). "
                f"Received: mean shape {np.shape(mean)} for axis {self.axis}"
            )
        self.input_mean = mean
        self.input_variance = variance
        self.invert = invert
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        rank = len(input_shape)
        if any(not -rank <= a < rank for a in self.axis):
            raise ValueError(
                "All `axis` values must be in the range [-ndim, ndim). Received inputs with "
                f"ndim={rank}, while axis={self.axis}"
            )
        self._kept = tuple(sorted(a % rank for a in self.axis))
        for a in self._kept:
            if input_shape[a] is None:
                raise ValueError(
                    "All `axis` values to be kept must have a known shape. "
                    f"Received axis={self.axis}, inputs.shape={tuple(input_shape)}, with "
                    f"unknown axis at index {a}"
                )
        self._input_shape = tuple(input_shape)
        self._broadcast = tuple(d if i in self._kept else 1 for i, d in enumerate(input_shape))
        shape = tuple(input_shape[a] for a in self._kept)
        if self.input_mean is None:
            self.adapt_mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(shape, "ones", trainable=False, name="variance")
            # Older files hold a count of samples.
            self.count = self.add_weight((), "zeros", dtype="int32", trainable=False, name="count")
        else:
            given = (np.asarray(v, dtype="float32") for v in (self.input_mean, self.input_variance))
            self._given = tuple(np.broadcast_to(v, shape).reshape(self._broadcast) for v in given)

    def call(self, inputs: Any) -> Any:
        if not self.built:
            raise ValueError("You must call `.build(input_shape)` on the layer before using it.")
        mean, variance = (ops.cast(v, self.compute_dtype) for v in self._statistics())
        deviation = ops.maximum(ops.sqrt(variance), config.epsilon())
        x = ops.cast(inputs, self.compute_dtype)
        if self.invert:
            return ops.add(mean, ops.multiply(x, deviation))
        return ops.divide(ops.subtract(x, mean), deviation)

    def _statistics(self) -> tuple[Any, Any]:
        if self.input_mean is not None:
            return self._given
        adapted = (self.adapt_mean.value, self.adapt_variance.value)
        return tuple(ops.reshape(v, self._broadcast) for v in adapted)  # type: ignore[return-value]

    @property
    def mean(self) -> Any:
        """The mean that is subtracted, shaped to broadcast against the inputs.

        None before the layer is built.
        """
        return ops.convert_to_tensor(self._statistics()[0]) if self.built else None

    @property
    def variance(self) -> Any:
        """The variance, likewise."""
        return ops.convert_to_tensor(self._statistics()[1]) if self.built else None

    def adapt(self, data: Any) -> None:
        """Set mean and variance to those of `data`.

        Arguments:
            data: an array or tensor; or batches: a `tf.data.Dataset`, a `PyDataset` or any iterable
                of arrays, of which the first element of a tuple is the features.

        Raises: ValueError if there is no data, or its sizes are not those the layer was built for;
        TypeError for another kind.
        """
        if self.input_mean is not None:
            raise ValueError(
                "adapt() has nothing to do: mean and variance were given to the layer."
            )
        batches = _batches(data)
        first = next(batches, None)
        if first is None:
            raise ValueError(
                "adapt() received an empty iterable (no batches). Pass at least one batch of "
                "arrays."
            )
        if not self.built:
            self.build(first.shape)
        reduced = tuple(i for i in range(first.ndim) if i not in self._kept)
        count, mean, squares = 0, np.float64(0), np.float64(0)
        for batch in itertools.chain([first], batches):
            if any(batch.shape[a] != self._input_shape[a] for a in self._kept):
                raise ValueError(
                    f"The layer was built with input_shape={self._input_shape}, but adapt() "
                    "is being called with data with an "
                    f"incompatible shape, data.shape={batch.shape}"
                )
            # Chan et al. 1979: counts, means and sums of squared deviations of two parts combine
            # exactly.
            n = int(np.prod([batch.shape[i] for i in reduced]))
            new = batch.mean(axis=reduced)
            total = count + n
            squares = (
                squares + batch.var(axis=reduced) * n + (new - mean) ** 2 * (count * n / total)
            )
            mean, count = mean + (new - mean) * (n / total), total
        self.adapt_mean.assign(np.asarray(mean, "float32"))
        self.adapt_variance.assign(np.asarray(squares / count, "float32"))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "axis": self.axis,
            "invert": self.invert,
            "mean": np.array(self.input_mean).tolist(),
            "variance": np.array(self.input_variance).tolist(),
        }


def _batches(data: Any) -> Iterator[np.ndarray]:
    """The features of each batch as float64 arrays."""
    if isinstance(data, np.ndarray) or ops.is_tensor(data):
        yield _features(data)
    elif isinstance(data, str | bytes | dict) or not (
        hasattr(data, "__iter__") or hasattr(data, "__getitem__")
    ):
        raise TypeError(
            f"Unsupported data type: {type(data)}. `adapt` takes an array, a tensor, or "
            "batches: a dataset or an iterable of arrays."
        )
    else:
        items = data if hasattr(data, "__iter__") else (data[i] for i in range(len(data)))
        for batch in items:
            yield _features(batch)


def _features(batch: Any) -> np.ndarray:
    if isinstance(batch, list | tuple):
        batch = batch[0]
    if not hasattr(batch, "shape"):
        raise TypeError(
            "adapt() expects an iterable that yields arrays or tensors with a `.shape` "
            f"attribute. Got an element of type {type(batch).__name__}."
        )
    array = ops.convert_to_numpy(batch) if ops.is_tensor(batch) else np.asarray(batch)
    return array.astype("float64")
