"""`BatchNormalization`."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.core import dtypes
from kdist.core.replicas import replicas, sample_mask
from kdist.layers.input_spec import InputSpec
from kdist.layers.layer import Layer
from kdist.layers.normalization.statistics import masked_moments, row_weights
from kdist.layers.options import add_weight, options_config, refuse, set_options


class BatchNormalization(Layer):
    """Gives each channel mean 0 and variance 1 over the batch, then scales by gamma and adds beta.

    Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167.

    While training it uses the batch's statistics and moves its own towards them:
    `moving = moving * momentum + batch * (1 - momentum)`. Otherwise, and where `trainable` is
    False, it uses the moving ones.

    Arguments:
        axis: the channels' axis.
        momentum: of the moving statistics.
        epsilon: added to the variance.
        center, scale: whether there are beta and gamma.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer:
            how the four begin.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: of the trained two.
        renorm, renorm_clipping: only False and None; batch renormalisation is not supported.
        renorm_momentum: kept in the config, without effect.
        synchronized: where several replicas each compute a part of the batch, whether statistics
            are those of the whole batch. Without it each replica uses its own, and moving
            statistics are averaged. With one replica, and on jax, whose arrays are global,
            statistics are the whole batch's in any case.

    `call(inputs, training=None, mask=None)`: mask (bool, the inputs' shape without the last axis)
    leaves elements out of the statistics; rows that only pad an incomplete batch are left out
    anyway.

    Raises: ValueError for `renorm=True`, which is not supported, or a mask of another rank.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ):
        refuse("BatchNormalization", renorm=renorm, renorm_clipping=renorm_clipping)
        super().__init__(**kwargs)
        self.axis = int(axis)
        self.momentum = float(momentum)
        self.epsilon = float(epsilon)
        self.center = center
        self.scale = scale
        self.synchronized = synchronized
        self.renorm_momentum = renorm_momentum
        set_options(self, "beta", beta_initializer, beta_regularizer, beta_constraint)
        set_options(self, "gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        set_options(self, "moving_mean", moving_mean_initializer)
        set_options(self, "moving_variance", moving_variance_initializer)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        rank = len(input_shape)
        shape = (input_shape[self.axis],)
        self.gamma = add_weight(self, "gamma", shape, autocast=False) if self.scale else None
        self.beta = add_weight(self, "beta", shape, autocast=False) if self.center else None
        # Synchronized replicas assign the same; others keep the mean of what they assign.
        moving = {"trainable": False, "autocast": False}
        moving["aggregation"] = "none" if self.synchronized else "mean"  # type: ignore[assignment]
        self.moving_mean = add_weight(self, "moving_mean", shape, **moving)
        self.moving_variance = add_weight(self, "moving_variance", shape, **moving)
        self.input_spec = InputSpec(ndim=rank, axes={self.axis: shape[0]})
        self._reduced = tuple(i for i in range(rank) if i != self.axis % rank)

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        if mask is not None and len(mask.shape) != len(inputs.shape) - 1:
            raise ValueError(
                "The mask provided should be one dimension less than the inputs. "
                f"Received: mask.shape={tuple(mask.shape)}, inputs.shape={tuple(inputs.shape)}"
            )
        given = ops.dtype(inputs)
        wide = dtypes.result_type(given, "float32")  # sums of 16 bits overflow
        x = inputs if given == wide else ops.cast(inputs, wide)
        beta = None if self.beta is None else self.beta.value
        gamma = None if self.gamma is None else self.gamma.value
        if not (training and self.trainable):
            mean, variance = self.moving_mean.value, self.moving_variance.value
            out = ops.batch_normalization(x, mean, variance, self.axis, beta, gamma, self.epsilon)
        elif self._counts_all(mask):
            out, mean, variance = ops.batch_normalization_training(
                x, self.axis, beta, gamma, self.epsilon
            )
            self._move(mean, variance)
        else:
            mean, variance = self._batch_moments(x, mask)
            out = ops.batch_normalization(x, mean, variance, self.axis, beta, gamma, self.epsilon)
            self._move(mean, variance)
        return (
            out
            if given == wide and wide == self.compute_dtype
            else ops.cast(out, self.compute_dtype)
        )

    @property
    def batch_statistics(self) -> int:  # type: ignore[override]
        """Of how many channels it computes the mean and the variance of the batch while training."""
        return self.moving_mean.shape[0] if self.built and self.trainable else 0

    def _counts_all(self, mask: Any) -> bool:
        """Whether the statistics are those of the whole input and of nothing else."""
        shared = self.synchronized and replicas().count > 1
        return mask is None and sample_mask() is None and not shared

    def _batch_moments(self, x: Any, mask: Any) -> tuple[Any, Any]:
        if self._counts_all(mask):
            return ops.moments(x, self._reduced)
        rows, shared = sample_mask(), self.synchronized and replicas().count > 1
        weights = row_weights(x, mask, rows, self.name)
        mean, variance = masked_moments(x, weights, self._reduced, shared)
        if rows is None or shared:
            return mean, variance
        # A replica whose part of the batch is all padding has nothing to say.
        some = ops.any(rows)
        return (
            ops.where(some, mean, ops.cast(self.moving_mean.value, x.dtype)),
            ops.where(some, variance, ops.cast(self.moving_variance.value, x.dtype)),
        )

    def _move(self, mean: Any, variance: Any) -> None:
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moved = ops.weighted_step(moving.value, batch, 1.0 - self.momentum)
            moving.assign(ops.stop_gradient(moved))

    def compute_output_shape(self, input_shape: Any) -> Any:
        if not -len(input_shape) <= self.axis < len(input_shape):
            raise ValueError(
                f"Axis {self.axis} is out of bounds for input shape {tuple(input_shape)}. "
                f"Received: axis={self.axis}"
            )
        return input_shape

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            **_trained_options(self),
            "synchronized": self.synchronized,
            "renorm": False,
            "renorm_clipping": None,
            "renorm_momentum": self.renorm_momentum,
        }


def _trained_options(layer: Layer) -> dict:
    config = options_config(layer, "beta", "gamma", "moving_mean", "moving_variance")
    absent = [
        f"moving_{what}_{kind}"
        for what in ("mean", "variance")
        for kind in ("regularizer", "constraint")
    ]
    return {k: v for k, v in config.items() if k not in absent}
