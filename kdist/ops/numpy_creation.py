"""Arrays made from a shape, a range or plain data.

`dtype=None` stands for the float default unless the data says otherwise.
"""

from __future__ import annotations

from typing import Any

from kdist.ops import explain_joining
from kdist.ops.declare import op

Tensor = Any


@op
def array(x: Any, dtype: Any = None) -> Tensor:
    """A tensor of the values of `x`: nested lists, NumPy arrays, numbers.

    Arguments:
        dtype: None: that of `x`; of Python's numbers bool, int32 or the float default.

    Example:
        >>> ops.array([[1, 2], [3, 4]])
        tensor([[1, 2],
                [3, 4]], dtype=torch.int32)
        >>> ops.array(np.arange(3), dtype="float32")
        tensor([0., 1., 2.])
    """


@op
def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """All 0.

    Arguments:
        shape: int or tuple of int.
        dtype: None: the float default.

    Example:
        >>> ops.zeros((2, 3))
        tensor([[0., 0., 0.],
                [0., 0., 0.]])
    """


@op
def ones(shape: Any, dtype: Any = None) -> Tensor:
    """All 1.

    Arguments:
        shape: int or tuple of int.
        dtype: None: the float default.

    Example:
        >>> ops.ones(3, dtype="int32")
        tensor([1, 1, 1], dtype=torch.int32)
    """


@op
def empty(shape: Any, dtype: Any = None) -> Tensor:
    """Of arbitrary values, to be overwritten.

    Arguments:
        shape: int or tuple of int.
        dtype: None: the float default.

    Example:
        >>> ops.empty((2, 3)).shape
        torch.Size([2, 3])
    """


@op
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """All `fill_value`, a scalar or what broadcasts to `shape`.

    Arguments:
        shape: int or tuple of int.
        dtype: None: the float default.

    Example:
        >>> ops.full((2,), 7.0)
        tensor([7., 7.])
        >>> ops.full((2, 2), [1, 2])
        tensor([[1., 2.],
                [1., 2.]])
    """


@op
def zeros_like(x: Tensor, dtype: Any = None) -> Tensor:
    """All 0 in the shape of `x`, and in its dtype unless `dtype` is given.

    Example:
        >>> ops.zeros_like([1, 2])
        tensor([0, 0], dtype=torch.int32)
    """


@op
def ones_like(x: Tensor, dtype: Any = None) -> Tensor:
    """All 1 in the shape of `x`, and in its dtype unless `dtype` is given.

    Example:
        >>> ops.ones_like([5, 6], dtype="float32")
        tensor([1., 1.])
    """


@op
def full_like(x: Tensor, fill_value: Any, dtype: Any = None) -> Tensor:
    """All `fill_value` in the shape of `x`, and in its dtype unless `dtype` is given.

    Example:
        >>> ops.full_like([5, 6], 3)
        tensor([3, 3], dtype=torch.int32)
    """


@op
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Tensor:
    """`start`, `start + step`, ... up to but without `stop`; with one argument, from 0 up to it.

    Its length must be known, so the arguments are numbers.

    Arguments:
        step: None: 1; a negative one counts down.
        dtype: None: the one that the arguments promote to.

    Example:
        >>> ops.arange(3)
        tensor([0, 1, 2], dtype=torch.int32)
        >>> ops.arange(2, 8, 3)
        tensor([2, 5], dtype=torch.int32)
    """


@op(explain=explain_joining.spaced)
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """`num` evenly spaced values from `start` to `stop`, which is the last one if `endpoint`.

    Arguments:
        dtype: None: the float that `start` and `stop` promote to.
        axis: where the new axis stands, if they are arrays.

    Returns: the values, or `(values, step)` with `retstep`.

    Example:
        >>> ops.linspace(0, 1, 5)
        tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
        >>> ops.linspace(0, 1, 4, endpoint=False, retstep=True)
        (tensor([0.0000, 0.2500, 0.5000, 0.7500]), tensor(0.2500))
    """


@op(explain=explain_joining.eye)
def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """(N, M) with 1 on the k-th diagonal and 0 elsewhere.

    Arguments:
        N: number of rows.
        M: number of columns; None: `N`.
        k: which diagonal: 0 the main one, positive above it, negative below.
        dtype: None: the float default.

    Example:
        >>> ops.eye(2, 3, k=1)
        tensor([[0., 1., 0.],
                [0., 0., 1.]])
    """


@op(explain=explain_joining.identity)
def identity(n: int, dtype: Any = None) -> Tensor:
    """The (n, n) identity matrix.

    Arguments:
        n: number of rows, and of columns.
        dtype: None: the float default.

    Example:
        >>> ops.identity(2)
        tensor([[1., 0.],
                [0., 1.]])
    """
