"""Initializers that draw numbers.

`seed`: an int gives the same value at each call; a SeedGenerator a new one each time; None draws an
int once, from Python's `random`, which `kdist.utils.set_random_seed` fixes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kdist import ops, random
from kdist.core import serialization
from kdist.initializers.initializer import Initializer

# Standard deviation of the standard normal distribution cut at +-2.
_TRUNCATED_STD = 0.87962566103423978


class RandomInitializer(Initializer):
    """What the initializers with a seed share. Abstract."""

    def __init__(self, seed: Any = None):
        if isinstance(seed, dict):
            seed = serialization.deserialize_keras_object(seed)
        if seed is not None and not isinstance(seed, int | random.SeedGenerator):
            raise ValueError(
                f"seed={seed!r} of {type(self).__name__} must be an int, a SeedGenerator or None."
            )
        self._init_seed = seed
        self.seed = random.make_default_seed() if seed is None else seed

    def get_config(self) -> dict:
        return {"seed": serialization.serialize_keras_object(self._init_seed)}


class RandomNormal(RandomInitializer):
    """Of the normal distribution.

    Arguments:
        mean, stddev: floats.
        seed: int, `kdist.random.SeedGenerator` or None. One object gives the same values at each
            call, unless its seed is a generator.

    Example:
        >>> w = initializers.RandomNormal(stddev=0.1, seed=0)((1000,))
        >>> abs(float(ops.std(w)) - 0.1) < 0.01
        True
        >>> bool(ops.all(w == initializers.RandomNormal(stddev=0.1, seed=0)((1000,))))
        True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        self.mean, self.stddev = mean, stddev
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return random.normal(shape, self.mean, self.stddev, dtype, self.seed)

    def get_config(self) -> dict:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class TruncatedNormal(RandomInitializer):
    """Of the normal distribution cut at two standard deviations from the mean.

    Arguments:
        mean, stddev: floats, of the distribution before it is cut.
        seed: as for `RandomNormal`.

    Example:
        >>> w = initializers.TruncatedNormal(stddev=0.1, seed=0)((1000,))
        >>> bool(ops.max(ops.abs(w)) <= 0.2)
        True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        self.mean, self.stddev = mean, stddev
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return random.truncated_normal(shape, self.mean, self.stddev, dtype, self.seed)

    def get_config(self) -> dict:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class RandomUniform(RandomInitializer):
    """Evenly from `minval` up to `maxval`.

    Arguments:
        minval, maxval: floats.
        seed: as for `RandomNormal`.

    Example:
        >>> w = initializers.RandomUniform(-1.0, 1.0, seed=0)((1000,))
        >>> bool(ops.min(w) >= -1.0), bool(ops.max(w) < 1.0), abs(float(ops.mean(w))) < 0.1
        (True, True, True)
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None):
        self.minval, self.maxval = minval, maxval
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return random.uniform(shape, self.minval, self.maxval, dtype, self.seed)

    def get_config(self) -> dict:
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


class VarianceScaling(RandomInitializer):
    """Mean 0 and a variance of scale / n, n counting a kernel's inputs or outputs.

    Arguments:
        scale: positive float.
        mode: n is "fan_in" (inputs of a unit), "fan_out" (outputs) or "fan_avg" (their mean).
        distribution: "truncated_normal" ("normal" means it too), "untruncated_normal" or "uniform".
        input_axes, output_axes: axes of the kernel that count as inputs and outputs; default: the
            last but one and the last, each times the window's size.
        seed: as for `RandomNormal`.

    Raises: ValueError for a scale, mode or distribution other than these.

    Example:
        >>> w = initializers.VarianceScaling(2.0, "fan_in", "uniform", seed=0)((50, 40))
        >>> abs(float(ops.var(w)) - 2.0 / 50) < 0.005
        True
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ):
        if scale <= 0.0:
            raise ValueError(
                f"Argument `scale` must be positive float. VarianceScaling received scale={scale}."
            )
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(
                f"Invalid `mode` argument: mode={mode!r} of VarianceScaling must be 'fan_in', 'fan_out' or 'fan_avg'."
            )
        distribution = distribution.lower()
        distribution = "truncated_normal" if distribution == "normal" else distribution
        if distribution not in ("uniform", "truncated_normal", "untruncated_normal"):
            raise ValueError(
                f"Invalid `distribution` argument: distribution={distribution!r} of VarianceScaling must be 'uniform', "
                "'truncated_normal' or 'untruncated_normal'."
            )
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes, self.output_axes = input_axes, output_axes
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        count = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[
            self.mode
        ]
        variance = self.scale / max(1.0, count)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return random.uniform(shape, -limit, limit, dtype, self.seed)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, 0.0, math.sqrt(variance), dtype, self.seed)
        return random.truncated_normal(
            shape, 0.0, math.sqrt(variance) / _TRUNCATED_STD, dtype, self.seed
        )

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class _Preset(VarianceScaling):
    """A VarianceScaling whose scale, mode and distribution are fixed by its name. Abstract."""

    fixed: tuple[float, str, str]

    def __init__(
        self,
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ):
        super().__init__(*self.fixed, seed=seed, input_axes=input_axes, output_axes=output_axes)

    def get_config(self) -> dict:
        config = super().get_config()
        return {name: config[name] for name in ("seed", "input_axes", "output_axes")}


class GlorotUniform(_Preset):
    """Uniform with variance 2 / (inputs + outputs).

    Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html.

    Arguments:
        seed: as for `RandomNormal`.
        input_axes, output_axes: as for `VarianceScaling`.

    Example:
        >>> w = initializers.GlorotUniform(seed=0)((60, 40))
        >>> abs(float(ops.var(w)) - 2 / 100) < 0.002
        True
        >>> bool(ops.max(ops.abs(w)) <= math.sqrt(6 / 100))
        True
    """

    fixed = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Preset):
    """Truncated normal with variance 2 / (inputs + outputs).

    Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html.

    Arguments:
        seed: as for `RandomNormal`.
        input_axes, output_axes: as for `VarianceScaling`.

    Example:
        >>> w = initializers.GlorotNormal(seed=0)((60, 40))
        >>> abs(float(ops.var(w)) - 2 / 100) < 0.002
        True
    """

    fixed = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Preset):
    """Uniform with variance 2 / inputs. He et al. 2015, https://arxiv.org/abs/1502.01852.

    Arguments:
        seed: as for `RandomNormal`.
        input_axes, output_axes: as for `VarianceScaling`.

    Example:
        >>> w = initializers.HeUniform(seed=0)((3, 3, 4, 50))  # each output has 36 inputs
        >>> abs(float(ops.var(w)) - 2 / 36) < 0.006
        True
    """

    fixed = (2.0, "fan_in", "uniform")


class HeNormal(_Preset):
    """Truncated normal with variance 2 / inputs. He et al. 2015, https://arxiv.org/abs/1502.01852.

    Arguments:
        seed: as for `RandomNormal`.
        input_axes, output_axes: as for `VarianceScaling`.

    Example:
        >>> w = initializers.HeNormal(seed=0)((3, 3, 4, 50))  # each output has 36 inputs
        >>> abs(float(ops.var(w)) - 2 / 36) < 0.006
        True
    """

    fixed = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Preset):
    """Uniform with variance 1 / inputs. Klambauer et al. 2017, https://arxiv.org/abs/1706.02515.

    Arguments:
        seed: as for `RandomNormal`.
        input_axes, output_axes: as for `VarianceScaling`.

    Example:
        >>> w = initializers.LecunUniform(seed=0)((50, 40))
        >>> abs(float(ops.var(w)) - 1 / 50) < 0.002
        True
    """

    fixed = (1.0, "fan_in", "uniform")


class LecunNormal(_Preset):
    """Truncated normal with variance 1 / inputs.

    Klambauer et al. 2017, https://arxiv.org/abs/1706.02515.

    Arguments:
        seed: as for `RandomNormal`.
        input_axes, output_axes: as for `VarianceScaling`.

    Example:
        >>> w = initializers.LecunNormal(seed=0)((50, 40))
        >>> abs(float(ops.var(w)) - 1 / 50) < 0.002
        True
    """

    fixed = (1.0, "fan_in", "truncated_normal")


class Orthogonal(RandomInitializer):
    """Orthonormal columns, or rows if there are fewer of them, times `gain`.

    Leading axes count as one. Saxe et al. 2014, https://arxiv.org/abs/1312.6120.

    Arguments:
        gain: float.
        seed: as for `RandomNormal`.

    Raises: ValueError for fewer than two axes.

    Example:
        >>> w = initializers.Orthogonal(seed=0)((5, 3))
        >>> ops.allclose(ops.transpose(w) @ w, ops.eye(3), atol=1e-5)
        tensor(True)
    """

    def __init__(self, gain: float = 1.0, seed: Any = None):
        self.gain = gain
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        if len(shape) < 2:
            raise ValueError(
                f"Orthogonal makes matrices, and received shape={tuple(shape)} "
                f"of {len(shape)} axes."
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        drawn = random.normal((max(rows, columns), min(rows, columns)), dtype=dtype, seed=self.seed)
        q, r = ops.qr(drawn)
        # The signs make q uniform over the orthogonal matrices: qr alone fixes them by convention.
        q = ops.multiply(q, ops.sign(ops.diag(r)))
        q = ops.transpose(q) if rows < columns else q
        return ops.multiply(ops.reshape(q, shape), self.gain)

    def get_config(self) -> dict:
        return {**super().get_config(), "gain": self.gain}


def compute_fans(
    shape: Sequence[int],
    input_axes: Sequence[int] | None = None,
    output_axes: Sequence[int] | None = None,
) -> tuple[int, int]:
    """(inputs, outputs) of a kernel's unit.

    Example: a (3, 3, 16, 32) convolution has (144, 288).
    """
    shape = tuple(shape)
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        size = math.prod(shape)
        return size, size
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window
