"""NumPy ops beyond the table of cases: errors, unknown sizes, the edges of what they are defined for."""

from __future__ import annotations

import numpy as np
import pytest

from kdist import ops
from kdist.backend import bound as backend
from kdist.core.graph import KerasTensor

REFUSED = {
    "sort": (lambda x: ops.sort(x, axis=10), "sort: axis 10 is out of bounds"),
    "sum": (lambda x: ops.sum(x, axis=(0, 2)), "sum: axis 2 is out of bounds"),
    "concatenate": (lambda x: ops.concatenate([x, x], axis=10), "axis 10 is out of bounds"),
    "concatenate-shapes": (lambda x: ops.concatenate([x, np.ones((3, 2))]), "differ in more than"),
    "stack": (lambda x: ops.stack([x, x], axis=10), "stack: axis 10 is out of bounds"),
    "split": (lambda x: ops.split(x, 3, axis=1), "indices_or_sections=3 does not divide"),
    "take": (lambda x: ops.take(x, [0], axis=5), "take: axis 5 is out of bounds"),
    "swapaxes": (lambda x: ops.swapaxes(x, 5, 0), "swapaxes: axis 5 is out of bounds"),
    "squeeze": (lambda x: ops.squeeze(x, axis=0), "squeeze: axis=0"),
    "transpose": (lambda x: ops.transpose(x, (0, 0)), "valid permutation"),
    "reshape": (lambda x: ops.reshape(x, (-2, 5)), "non-negative integer"),
    "reshape-count": (lambda x: ops.reshape(x, (5, 2)), "12 elements"),
    "pad": (lambda x: ops.pad(x, 1, mode="reflect", constant_values=3), "constant_values=3"),
    "where": (lambda x: ops.where(x, x), "x2 is missing"),
    "add": (lambda x: ops.add(x, np.ones((3, 3), "float32")), "add: x1 of shape"),
    "matmul": (lambda x: ops.matmul(x, np.ones((5, 2), "float32")), "matmul: the last axis"),
    "inner": (lambda x: ops.inner(x, np.ones(3, "float32")), "inner: the last dimension"),
    "diagonal": (lambda x: ops.diagonal(x, axis1=1, axis2=-1), "cannot be the same axis"),
    "rot90": (lambda x: ops.rot90(x, axes=(0, 0)), "invalid axes"),
    "quantile": (lambda x: ops.quantile(x, 0.5, method="middle"), "method='middle'"),
    "array_split": (lambda x: ops.array_split(x, 0), "must be at least 1"),
    "vander": (lambda x: ops.vander(x), "vander: x must have one axis"),
    "histogram": (lambda x: ops.histogram(x), "histogram: x must have one axis"),
}


@pytest.mark.parametrize("refused", REFUSED)
@pytest.mark.parametrize("symbolic", [False, True])
def test_bad_arguments(refused, symbolic):
    """One error for bad arguments, eager and symbolic, on every backend."""
    call, message = REFUSED[refused]
    x = KerasTensor((3, 4)) if symbolic else np.ones((3, 4), "float32")
    with pytest.raises(ValueError, match=message):
        call(x)


def test_exponents_of_ldexp_are_integers():
    with pytest.raises(TypeError, match="x2 must hold integers"):
        ops.ldexp(np.float32([1.0]), np.float32([2.0]))


def test_unknown_sizes():
    x = KerasTensor((None, 4))
    assert ops.diagonal(x).shape == (None,)
    assert ops.diagonal(KerasTensor((3, 5, 2)), offset=3).shape == (2, 2)
    assert ops.diag(x).shape == (None,)
    assert ops.repeat(x, [1, 2], axis=0).shape == (None, 4)
    assert ops.repeat(KerasTensor((2, 4)), [1, 2], axis=0).shape == (3, 4)
    values, first, inverse, counts = ops.unique(
        x, return_index=True, return_inverse=True, return_counts=True
    )
    assert [values.shape, first.shape, inverse.shape, counts.shape] == [
        (None,),
        (None,),
        (None, 4),
        (None,),
    ]
    assert ops.unique(x, axis=1, size=3).shape == (None, 3)
    assert ops.view(KerasTensor((None, 3), "int32"), "int16").shape == (None, 6)
    assert [t.shape for t in ops.array_split(x, 3, axis=0)] == [(None, 4)] * 3
    assert [t.shape for t in ops.histogram(KerasTensor((None,)), bins=5)] == [(5,), (6,)]
    assert ops.quantile(x, [0.1, 0.9], axis=0).shape == (2, 4)


def test_shape_given_by_a_symbolic_tensor():
    shape = KerasTensor((2,), "int32")
    assert ops.reshape(KerasTensor((None, 20)), shape).shape == (None, None)
    assert ops.reshape(np.zeros(20), shape).shape == (None, None)
    assert ops.reshape(KerasTensor((4, 5)), (2, KerasTensor((), "int32"))).shape == (2, 10)


@pytest.mark.parametrize("indexing", ["xy", "ij"])
def test_a_grid_has_the_dtype_of_its_axis(indexing):
    axes = [np.int32([1, 2, 3]), np.float16([0.5, 1]), np.array([True])]
    expected = np.meshgrid(*axes, indexing=indexing)
    for grid, whole in zip(ops.meshgrid(*axes, indexing=indexing), expected, strict=True):
        grid = backend.convert_to_numpy(grid)
        assert grid.dtype == whole.dtype
        np.testing.assert_array_equal(grid, whole)
    symbolic = ops.meshgrid(KerasTensor((None,), "int32"), KerasTensor((2,)), indexing=indexing)
    assert [v.dtype for v in symbolic] == ["int32", "float32"]
    for axis in (axes[0], KerasTensor((3,))):
        with pytest.raises(ValueError, match="meshgrid: indexing='yx' is not known"):
            ops.meshgrid(axis, axis, indexing="yx")


def test_all_nan():
    x = np.full((2, 3), np.nan, "float32")
    assert np.isnan(backend.convert_to_numpy(ops.nanmean(x, axis=1))).all()
    assert np.isnan(backend.convert_to_numpy(ops.nanmax(x, axis=1))).all()
    assert np.isnan(backend.convert_to_numpy(ops.nanquantile(x, 0.3, axis=1))).all()
    assert backend.convert_to_numpy(ops.nansum(x, axis=1)).tolist() == [0, 0]
    assert backend.convert_to_numpy(ops.nanargmax(x, axis=1)).tolist() == [-1, -1]


def test_quantile_with_nan_and_infinity():
    x = np.float32([1, np.nan, 3])
    assert np.isnan(backend.convert_to_numpy(ops.quantile(x, 0.5)))
    endless = np.float32([1, 2, np.inf])
    assert float(backend.convert_to_numpy(ops.quantile(endless, 0.5))) == 2.0


def test_nan_counts_as_different():
    values = backend.convert_to_numpy(ops.unique(np.float32([1, np.nan, 2, np.nan])))
    assert len(values) == 4


def test_half_precision_means_do_not_overflow():
    x = np.full(3000, 60.0, "float16")
    assert float(backend.convert_to_numpy(ops.nanmean(x))) == 60.0


def test_vectorize():
    x, y = np.arange(12.0, dtype="float32").reshape(4, 3), np.float32([1, 2, 3])
    dots = ops.vectorize(ops.dot, signature="(n),(n)->()")(x, y)
    np.testing.assert_allclose(backend.convert_to_numpy(dots), x @ y)
    plus = ops.vectorize(lambda a, b: a + 2 * b)(x, y)
    np.testing.assert_allclose(backend.convert_to_numpy(plus), x + 2 * y)
    scaled = ops.vectorize(lambda a, n: a * n, excluded={1})(x, 3)
    np.testing.assert_allclose(backend.convert_to_numpy(scaled), x * 3)
    with pytest.raises(ValueError, match="cannot be read"):
        ops.vectorize(ops.dot, signature="(n,(n)->()")
    with pytest.raises(TypeError, match="names 2 arguments"):
        ops.vectorize(ops.dot, signature="(n),(n)->()")(x)
