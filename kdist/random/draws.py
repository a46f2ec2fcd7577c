"""Random numbers.

`seed` is an int (the same numbers each time), a SeedGenerator (new ones each time) or None (the
global generator).

On one backend the same seed gives the same numbers, whatever the number of devices.
"""

from __future__ import annotations

from typing import Any

from kdist.backend import bound as backend
from kdist.core import dtypes
from kdist.random.seed_generator import SeedGenerator, draw_seed

Tensor = Any
Seed = int | SeedGenerator | None


def _float(dtype: Any, name: str) -> str:
    dtype = dtypes.standardize_dtype(dtype)
    if dtype not in dtypes.FLOATS:
        raise ValueError(
            f"kdist.random.{name}: dtype={dtype!r} must be a float. Cast the result instead."
        )
    return dtype


def _row(name: str) -> Any:
    row = backend.OPS.get(f"random_{name}")
    if row is None:
        raise NotImplementedError(
            f"kdist.random.{name} is not available on the backend {backend.name!r}."
        )
    return row


def normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Seed = None
) -> Tensor:
    """Of the normal distribution.

    Arguments:
        shape: of the result.
        mean, stddev: scalars, or tensors that broadcast to `shape`.
        dtype: a float; default the float default.
        seed: an int (the same numbers each time), a `SeedGenerator` (new ones), or None (the global
            one's).

    Example:
        >>> random.normal((2, 3), stddev=0.1, seed=0).shape
        torch.Size([2, 3])
        >>> x = random.normal((1000,), mean=5.0, seed=0)
        >>> abs(float(ops.mean(x)) - 5.0) < 0.1, abs(float(ops.std(x)) - 1.0) < 0.1
        (True, True)
    """
    dtype = _float(dtype, "normal")
    return _row("normal")(shape, mean=mean, stddev=stddev, dtype=dtype, seed=draw_seed(seed))


def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Seed = None
) -> Tensor:
    """Of the normal distribution cut at two standard deviations from the mean.

    Arguments:
        shape, dtype: as for `normal`.
        mean, stddev: those of the distribution before it is cut.
        seed: an int (the same numbers each time), a `SeedGenerator` (new ones), or None (the global
            one's).

    Example:
        >>> x = random.truncated_normal((1000,), stddev=0.5, seed=0)
        >>> bool(ops.max(ops.abs(x)) <= 1.0)
        True
    """
    dtype = _float(dtype, "truncated_normal")
    return _row("truncated_normal")(
        shape, mean=mean, stddev=stddev, dtype=dtype, seed=draw_seed(seed)
    )


def uniform(
    shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Seed = None
) -> Tensor:
    """Evenly from `minval` up to but without `maxval`.

    Arguments:
        shape: of the result.
        minval, maxval: floats, or tensors that broadcast to `shape`.
        dtype: a float; None: the float default.
        seed: an int (the same numbers each time), a `SeedGenerator` (new ones), or None (the global
            one's).

    Raises: ValueError for a dtype that is no float; `randint` draws integers.

    Example:
        >>> x = random.uniform((1000,), -1.0, 1.0, seed=0)
        >>> bool(ops.min(x) >= -1.0), bool(ops.max(x) < 1.0), abs(float(ops.mean(x))) < 0.1
        (True, True, True)
    """
    dtype = _float(dtype, "uniform")
    return _row("uniform")(shape, minval=minval, maxval=maxval, dtype=dtype, seed=draw_seed(seed))


def randint(
    shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Seed = None
) -> Tensor:
    """Integers evenly from `minval` up to but without `maxval`.

    Arguments:
        shape: of the result.
        minval, maxval: integers, or tensors of them that broadcast to `shape`.
        dtype: an integer dtype.
        seed: an int (the same numbers each time), a `SeedGenerator` (new ones), or None (the global
            one's).

    Raises: ValueError for a dtype that is no integer; `uniform` draws floats.

    Example:
        >>> ops.unique(random.randint((1000,), 3, 7, seed=0))
        tensor([3, 4, 5, 6], dtype=torch.int32)
    """
    dtype = dtypes.standardize_dtype(dtype)
    if dtype not in dtypes.INTS:
        raise ValueError(
            f"kdist.random.randint: dtype={dtype!r} must be an integer. Use uniform for floats."
        )
    return _row("randint")(shape, minval=minval, maxval=maxval, dtype=dtype, seed=draw_seed(seed))


def categorical(
    logits: Tensor, num_samples: int, dtype: Any = "int32", seed: Seed = None
) -> Tensor:
    """Class numbers drawn with probabilities softmax(logits).

    Arguments:
        logits: (batch, classes).
        num_samples: how many per row.
        dtype: of the class numbers.
        seed: an int (the same numbers each time), a `SeedGenerator` (new ones), or None (the global
            one's).

    Returns: (batch, num_samples). Raises: ValueError if `logits` is not 2-D.

    Example:
        >>> rare_and_frequent = ops.log([[0.1, 0.9]])
        >>> x = random.categorical(rare_and_frequent, 1000, seed=0)
        >>> x.shape, abs(float(ops.mean(ops.cast(x, "float32"))) - 0.9) < 0.05
        (torch.Size([1, 1000]), True)
    """
    logits = backend.convert_to_tensor(logits)
    if len(logits.shape) != 2:
        raise ValueError(
            "kdist.random.categorical: logits must be (batch, classes), "
            f"and has shape {tuple(logits.shape)}."
        )
    dtype = dtypes.standardize_dtype(dtype)
    return _row("categorical")(logits, num_samples, dtype=dtype, seed=draw_seed(seed))


def dropout(inputs: Tensor, rate: float, noise_shape: Any = None, seed: Seed = None) -> Tensor:
    """`inputs` with elements 0 with probability `rate`, else divided by 1 - rate: the mean stays.

    Arguments:
        rate: float in [0, 1].
        noise_shape: sizes of the mask, which broadcasts to `inputs`; None for all of it, or for
            one size.
        seed: an int (the same numbers each time), a `SeedGenerator` (new ones), or None (the global
            one's).

    Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html.

    Example:
        >>> x = random.dropout(ops.ones(1000), 0.75, seed=0)
        >>> ops.unique(x), abs(float(ops.mean(x)) - 1.0) < 0.2
        (tensor([0., 4.]), True)
    """
    return _row("dropout")(inputs, rate, noise_shape=noise_shape, seed=draw_seed(seed))


def shuffle(x: Tensor, axis: int = 0, seed: Seed = None) -> Tensor:
    """The slices along `axis` in random order.

    Arguments:
        x: any shape.
        axis: int.
        seed: an int (the same numbers each time), a `SeedGenerator` (new ones), or None (the global
            one's).

    Example:
        >>> x = ops.arange(10)
        >>> y = random.shuffle(x, seed=0)
        >>> ops.sort(y), bool(ops.all(y == x))
        (tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], dtype=torch.int32), False)
    """
    return _row("shuffle")(x, axis=axis, seed=draw_seed(seed))


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Seed = None) -> Tensor:
    """Of the gamma distribution of scale 1; its parameter `alpha` broadcasts to `shape`.

    Arguments:
        shape: of the result.
        alpha: positive float, or tensor.
        dtype: a float; None: the float default.
        seed: an int (the same numbers each time), a `SeedGenerator` (new ones), or None (the global
            one's).

    Example:
        >>> x = random.gamma((1000,), alpha=[2.0], seed=0)
        >>> bool(ops.min(x) > 0), abs(float(ops.mean(x)) - 2.0) < 0.2
        (True, True)
    """
    dtype = _float(dtype, "gamma")
    return _row("gamma")(shape, alpha, dtype=dtype, seed=draw_seed(seed))


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Seed = None) -> Tensor:
    """Of the beta distribution with parameters `alpha` and `beta`, which broadcast to `shape`.

    Arguments:
        shape: of the result.
        alpha, beta: positive floats, or tensors.
        dtype: a float; None: the float default.
        seed: an int (the same numbers each time), a `SeedGenerator` (new ones), or None (the global
            one's).

    Example:
        >>> x = random.beta((1000,), alpha=3.0, beta=1.0, seed=0)
        >>> abs(float(ops.mean(x)) - 0.75) < 0.05
        True
    """
    dtype = _float(dtype, "beta")
    return _row("beta")(shape, alpha, beta, dtype=dtype, seed=draw_seed(seed))


def binomial(
    shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Seed = None
) -> Tensor:
    """How many of `counts` trials succeed, each with its probability; both broadcast to `shape`.

    Arguments:
        shape: of the result.
        counts, probabilities: numbers, or tensors.
        dtype: a float; None: the float default.
        seed: an int (the same numbers each time), a `SeedGenerator` (new ones), or None (the global
            one's).

    Example:
        >>> x = random.binomial((1000,), counts=10.0, probabilities=0.5, seed=0)
        >>> abs(float(ops.mean(x)) - 5.0) < 0.2
        True
    """
    dtype = _float(dtype, "binomial")
    return _row("binomial")(shape, counts, probabilities, dtype=dtype, seed=draw_seed(seed))
