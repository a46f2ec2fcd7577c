"""Normalisation by statistics or norms, and one-hot encodings."""

from __future__ import annotations

from typing import Any

from kdist.core import config
from kdist.ops import explain_nn
from kdist.ops.core import convert_to_tensor
from kdist.ops.declare import op
from kdist.ops.linalg import norm
from kdist.ops.math import rsqrt
from kdist.ops.numpy_binary import divide, maximum, minimum, multiply
from kdist.ops.numpy_reductions import sum
from kdist.ops.numpy_shaping import expand_dims
from kdist.ops.numpy_unary import square

Tensor = Any


@op(explain=explain_nn.moments)
def moments(x: Tensor, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Mean and variance over `axes`, computed in 32 bits for half precision.

    Arguments:
        x: any shape.
        axes: an int or several.
        synchronized: over all replicas of the running step and not only this one's.
        keepdims: whether these axes stay, with size 1.

    Returns: `(mean, variance)`.

    Example:
        >>> ops.moments([1.0, 5.0], axes=[0])
        (tensor(3.), tensor(4.))
    """


@op(explain=explain_nn.batch_normalization)
def batch_normalization(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, each a vector along `axis`.

    Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167.

    Arguments:
        x: any rank.
        mean, variance: (n,), for the size n of `axis`.
        axis: int, the channels'.
        offset, scale: (n,); None: 0 and 1.
        epsilon: added to the variance, which may be 0.

    Returns: the output, shaped as `x` and of its dtype; float32 for integers.
    Raises: ValueError for a vector of another length.

    Example:
        >>> x = ops.array([[1.0, 10.0], [3.0, 30.0]])
        >>> ops.batch_normalization(x, mean=[2.0, 20.0], variance=[1.0, 100.0], axis=-1)
        tensor([[-0.9995, -1.0000],
                [ 0.9995,  1.0000]])
    """


@op(explain=explain_nn.layer_normalization)
def layer_normalization(
    x: Tensor,
    gamma: Any = None,
    beta: Any = None,
    axis: Any = -1,
    epsilon: float | None = None,
    **kwargs: Any,
) -> Tensor:
    """Mean 0 and variance 1 over `axis` of each sample, then * gamma + beta.

    Ba et al. 2016, https://arxiv.org/abs/1607.06450.

    Arguments:
        x: any shape.
        gamma, beta: of the sizes of `axis`.
        axis: an int or several.
        epsilon: added to the variance; None: `kdist.config.epsilon()`.

    Raises: ValueError for `gamma` or `beta` of other sizes, or an axis that `x` does not have.

    Example:
        >>> ops.layer_normalization([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
        tensor([[-1.2247,  0.0000,  1.2247],
                [-1.2247,  0.0000,  1.2247]])
    """


@op(explain=explain_nn.rms_normalization)
def rms_normalization(
    x: Tensor, scale: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Tensor:
    """x / sqrt(mean(x^2) + epsilon) over `axis`, times `scale`.

    Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467.

    Arguments:
        x: any shape.
        scale: of the sizes of `axis`.
        axis: an int or several.
        epsilon: added to the mean square; None: `kdist.config.epsilon()`.

    Example:
        >>> ops.rms_normalization([[1.0, 7.0]])  # the root mean square is 5
        tensor([[0.2000, 1.4000]])
    """


def _check_order(x: Any, axis: Any = -1, order: int = 2, epsilon: Any = None) -> None:
    if not isinstance(order, int) or order < 1:
        raise ValueError(
            f"normalize: Argument `order` must be an int >= 1. Received: order={order!r}."
        )


@op(check=_check_order, explain=explain_nn.along_axis)
def normalize(x: Tensor, axis: Any = -1, order: int = 2, epsilon: float | None = None) -> Tensor:
    """`x` divided by its norm of that `order` along `axis`.

    A norm below `epsilon` (None: `kdist.config.epsilon()`) counts as `epsilon`.

    Raises: ValueError if `order` is not an int >= 1.

    Example:
        >>> ops.normalize([3.0, 4.0])
        tensor([0.6000, 0.8000])
        >>> ops.normalize([3.0, 4.0], order=1)
        tensor([0.4286, 0.5714])
    """
    x = convert_to_tensor(x)
    if len(x.shape) == 0:
        x = expand_dims(x, 0)
    epsilon = config.epsilon() if epsilon is None else epsilon
    if order == 2:
        return multiply(x, minimum(rsqrt(sum(square(x), axis=axis, keepdims=True)), 1.0 / epsilon))
    return divide(x, maximum(norm(x, ord=order, axis=axis, keepdims=True), epsilon))


@op(explain=explain_nn.one_hot)
def one_hot(
    x: Tensor, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Tensor:
    """1 at each class number and 0 elsewhere along a new `axis` of size `num_classes`.

    Numbers outside give zeros.

    Arguments:
        x: int, any shape.
        num_classes: int.
        axis: where the new axis stands.
        dtype: None: the float default.
        sparse: False; kdist's tensors are dense.

    Example:
        >>> ops.one_hot([0, 2, -1], 3)
        tensor([[1., 0., 0.],
                [0., 0., 1.],
                [0., 0., 0.]])
    """


@op(explain=explain_nn.multi_hot, integers=("inputs",))
def multi_hot(
    inputs: Tensor,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: Any = None,
    sparse: bool = False,
    **kwargs: Any,
) -> Tensor:
    """1 for every class number that occurs along `axis`, which takes the size `num_classes`.

    Arguments:
        inputs: int, class numbers along `axis`.
        num_classes: int.
        axis: int.
        dtype: None: the float default.
        sparse: False; kdist's tensors are dense.

    Example:
        >>> ops.multi_hot([[0, 2, 2]], 4)
        tensor([[1., 0., 1., 0.]])
    """
