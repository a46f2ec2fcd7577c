from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from kdist.core.leaf import Box, Leaf, chunk_count, chunk_shape_for, whole_leaf


def test_chunk_shape_is_the_gcd_of_the_boundaries():
    assert chunk_shape_for((8, 6), [((0, 0), (4, 6)), ((4, 0), (4, 6))]) == (4, 6)
    assert chunk_shape_for((12,), [((0,), (4,)), ((4,), (6,)), ((10,), (2,))]) == (2,)


def test_the_end_of_the_array_is_no_boundary():
    # 5 rows as 3 + 2: the cut at 3 counts, the end at 5 does not.
    assert chunk_shape_for((5, 4), [((0, 0), (3, 4)), ((3, 0), (2, 4))]) == (3, 4)


def test_uneven_boundaries_share_only_single_rows():
    assert chunk_shape_for((8,), [((0,), (3,)), ((3,), (2,)), ((5,), (3,))]) == (1,)


def test_empty_boxes_and_uncut_dims():
    assert chunk_shape_for((4, 3), [((0, 0), (4, 3)), ((4, 0), (0, 3))]) == (4, 3)
    assert chunk_shape_for((0, 3), []) == (1, 3)
    assert chunk_shape_for((), [((), ())]) == ()


def test_chunk_shape_accepts_boxes_and_refuses_other_ranks():
    assert chunk_shape_for((4,), [Box((0,), (2,)), Box((2,), (2,))]) == (2,)
    with pytest.raises(ValueError, match="different ranks"):
        chunk_shape_for((4,), [Box((0, 0), (2, 2))])


def test_chunk_count():
    assert chunk_count((5, 4), (2, 4)) == 3
    assert chunk_count((), ()) == 1


def test_box():
    box = Box((1, 2), (3, 4))
    assert box.stop == (4, 6)
    assert box.size == 12
    assert np.zeros((5, 8))[box.slices].shape == (3, 4)
    with pytest.raises(ValueError, match="negative"):
        Box((-1,), (2,))
    with pytest.raises(ValueError, match="different ranks"):
        Box((1,), (2, 2))


def test_leaf_normalises():
    leaf = Leaf([4], ">f4", [2], [((0,), np.zeros(2, ">f4"))])
    assert leaf.global_shape == (4,)
    assert leaf.dtype == np.dtype("float32")
    assert leaf.dtype.isnative
    assert leaf.nbytes == 8


def test_a_box_off_the_grid_is_refused():
    with pytest.raises(ValueError, match="chunk_shape_for"):
        Leaf((8,), np.float32, (8,), (((4,), np.zeros(4, "float32")),))
    with pytest.raises(ValueError, match="chunk_shape_for"):
        Leaf((8,), np.float32, (8,), (((0,), np.zeros(4, "float32")),))


def test_a_box_outside_the_array_is_refused():
    with pytest.raises(ValueError, match="inside"):
        Leaf((4,), np.float32, (2,), (((4,), np.zeros(2, "float32")),))
    with pytest.raises(ValueError, match="inside"):
        Leaf((4,), np.float32, (2,), (((0, 0), np.zeros((2, 2), "float32")),))


@pytest.mark.parametrize("dtype", ["U4", "O", "M8[s]", [("a", "f4")]])
def test_what_is_no_number_is_refused(dtype):
    with pytest.raises(ValueError, match="meta"):
        Leaf((1,), np.dtype(dtype), (1,))


def test_a_box_of_another_dtype_is_refused():
    with pytest.raises(ValueError, match="float64"):
        Leaf((2,), np.float32, (2,), (((0,), np.zeros(2)),))


def test_a_chunk_shape_of_another_rank_is_refused():
    with pytest.raises(ValueError, match="chunk_shape"):
        Leaf((2, 2), np.float32, (2,))


def test_whole_leaf():
    array = np.zeros((3, 2), ml_dtypes.bfloat16)
    owned, other = whole_leaf(array, True), whole_leaf(array, False)
    assert owned.chunk_shape == other.chunk_shape == (3, 2)
    assert owned.boxes[0][0] == (0, 0)
    assert other.boxes == ()
    assert whole_leaf(np.zeros((0, 2)), True).chunk_shape == (1, 2)
    assert whole_leaf(np.float32(3), True).chunk_shape == ()
