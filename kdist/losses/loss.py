"""`Loss`: the base of every loss, with one reduction over the global batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kdist import dtype_policies, ops
from kdist.backend import bound as backend
from kdist.core import config, masks, names, serialization, tree
from kdist.core.replicas import replicas, sample_mask
from kdist.losses import reduction as reductions

_MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")


class Loss:
    """Abstract base of losses: a subclass writes `call(y_true, y_pred)`.

    Arguments:
        name: default, the class's name in snake case.
        reduction: how the losses of samples become one: "sum"; "sum_over_batch_size" (or "mean"),
            the sum divided by their number; "mean_with_sample_weight", divided by the sum of the
            weights; "none" or None, not at all.
        dtype: the dtype to compute in (a name or a dtype policy); default: the float default.

    Raises: ValueError for another reduction.

    Within a training step all of it is meant globally: the loss is one sum over the global batch
    divided by one count. Rows that only pad the last batch, and elements that a layer masked, count
    nowhere.

    Example:
        >>> class Absolute(losses.Loss):
        ...     def call(self, y_true, y_pred):
        ...         return ops.mean(ops.abs(y_true - y_pred), axis=-1)
        >>> Absolute()([[0.0], [0.0]], [[1.0], [3.0]])
        tensor(2.)
        >>> Absolute()([[0.0], [0.0]], [[1.0], [3.0]], sample_weight=[1.0, 0.0])
        tensor(0.5000)
    """

    _integer_labels = False  # whether `call` wants integer labels as they are
    # Axes that `call` sums over (None: all). With the batch among them, rows are not samples.
    _summed_axes: Any = ()

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ):
        self.name = name or names.auto_name(type(self).__name__)
        self.reduction = reductions.standardize_reduction(reduction)
        self._dtype_policy = dtype_policies.get(dtype or config.floatx())
        self._dtype = self._dtype_policy.compute_dtype

    @property
    def dtype(self) -> str:
        return self._dtype

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Losses per sample, (batch, ...), of targets `y_true` and predictions `y_pred`, alike."""
        raise NotImplementedError(f"{type(self).__name__} must define call(y_true, y_pred).")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss, reduced.

        Arguments:
            y_true: targets, (batch, ...).
            y_pred: predictions, (batch, ...).
            sample_weight: None, or weights of the leading dims of the losses, e.g. (batch,).

        Returns: a scalar tensor; with reduction "none" a tensor of the losses' shape.
        """
        padding = sample_mask()
        if sample_weight is None and padding is None and self.reduction in _MEANS:
            mean = self._fused_mean(y_true, y_pred)
            if mean is not None:
                return mean
        values, mask, per_sample = self._values(y_true, y_pred)
        plain = sample_weight is None and mask is None and padding is None
        if plain and self.reduction in _MEANS:
            # Slices of one length: the mean of their means is the global mean.
            return values if _is_reduced(values) else ops.mean(values)
        return self._reduce(values, mask, sample_weight, padding if per_sample else None)

    def _fused_mean(self, y_true: Any, y_pred: Any) -> Any:
        """The mean of all losses where one kernel gives it, else None."""
        return None

    def partial(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None
    ) -> tuple[Any, Any]:
        """This replica's numerator and denominator of the reduction.

        Arguments:
            y_true, y_pred, sample_weight: as in a call.
            mask: None, or (batch,) bool, False on rows that are padding.

        Returns: two scalar tensors whose sums over the parts of a batch, divided, are the loss of
        the batch; the denominator is None with reduction "sum".
        """
        values, own, per_sample = self._values(y_true, y_pred)
        padding = mask if per_sample else None
        weight, merged = self._weights(values, own, sample_weight, padding)
        numerator, denominator, _ = reductions.partial(values, weight, merged, self.reduction)
        return numerator, denominator

    def _values(self, y_true: Any, y_pred: Any) -> tuple[Any, Any, bool]:
        """The losses, the mask that layers or the loss attached, and whether rows are samples."""
        mask = masks.get_keras_mask(y_pred)
        dtype = self._dtype
        y_pred = _converted(y_pred, dtype)
        if not (self._integer_labels and _is_integer(y_true)):
            y_true = _converted(y_true, dtype)
        values = self.call(y_true, y_pred)
        own = masks.get_keras_mask(values)
        if own is not None:
            mask = own if mask is None else ops.logical_and(ops.cast(mask, "bool"), own)
        axes = self._summed_axes
        per_sample = axes == () or not reductions.sums_batch(axes, len(y_pred.shape))
        return _converted(values, dtype), mask, per_sample

    def _weights(self, values: Any, mask: Any, sample_weight: Any, padding: Any) -> tuple[Any, Any]:
        if sample_weight is not None:
            sample_weight = _converted(sample_weight, self._dtype)
        if mask is not None:
            mask = ops.convert_to_tensor(mask, "bool")
        if reductions.applies(padding, values):
            mask = reductions.merge_masks(mask, ops.convert_to_tensor(padding, "bool"))
        return sample_weight, mask

    def _reduce(self, values: Any, mask: Any, sample_weight: Any, padding: Any) -> Any:
        weight, mask = self._weights(values, mask, sample_weight, padding)
        if weight is None and mask is None and _is_reduced(values):
            return values
        parts = reductions.partial(values, weight, mask, self.reduction)
        if self.reduction in (None, "none"):
            return parts[0]
        return reductions.combine(*parts, replicas())

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        return cls(**config)


class LossFunctionWrapper(Loss):
    """A loss from a function `fn(y_true, y_pred, **kwargs) -> losses per sample`.

    Arguments:
        fn: the function; its losses are (batch, ...).
        reduction, name, dtype: as in `Loss`.
        kwargs: passed to `fn` at each call.

    Raises: ValueError for an unknown reduction.

    Example:
        >>> def power(y_true, y_pred, exponent):
        ...     return ops.mean(ops.abs(y_true - y_pred) ** exponent, axis=-1)
        >>> losses.LossFunctionWrapper(power, exponent=3)([[0.0], [0.0]], [[1.0], [2.0]])
        tensor(4.5000)
    """

    _config_names: tuple[str, ...] = ()  # of a built-in: its arguments, which are the function's

    def __init__(
        self,
        fn: Callable,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs
        for argument, value in kwargs.items():
            if argument in self._config_names:
                setattr(self, argument, value)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        shape_true, shape_pred = getattr(y_true, "shape", None), getattr(y_pred, "shape", None)
        if shape_true is not None and shape_pred is not None and len(shape_true) != len(shape_pred):
            y_true, y_pred = reductions.squeeze_or_expand_to_same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if type(self) is not LossFunctionWrapper and type(self).__module__.startswith("kdist."):
            return {**config, **{n: getattr(self, n) for n in self._config_names}}
        return {
            **config,
            "fn": serialization.serialize_keras_object(self.fn),
            **serialization.serialize_keras_object(self._fn_kwargs),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        if "fn" in config:
            config = serialization.deserialize_keras_object(config)
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} fn={getattr(self.fn, '__name__', self.fn)}>"


def _is_reduced(values: Any) -> bool:
    shape = tuple(values.shape)
    return shape == () or shape == (0,)


def _is_integer(x: Any) -> bool:
    return "int" in str(getattr(x, "dtype", ""))


def _converted(x: Any, dtype: str) -> Any:
    """`x`, or each tensor in it if it is a structure of them, as a tensor of `dtype`."""
    if backend.is_tensor(x):
        return x if backend.dtype_of(x) == dtype else ops.cast(x, dtype)
    if tree.is_nested(x) and any(hasattr(leaf, "shape") for leaf in tree.flatten(x)):
        return tree.map_structure(lambda leaf: ops.convert_to_tensor(leaf, dtype), x)
    return ops.convert_to_tensor(x, dtype)
