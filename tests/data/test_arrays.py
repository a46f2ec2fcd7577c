from __future__ import annotations

import numpy as np
import pytest

from kdist.core.spec import Spec
from kdist.data import OutOfDataError, Shard, adapt, arrays


def test_batches_cover_the_samples_in_order_as_views_without_shuffling():
    x, y = np.arange(20, dtype="float32").reshape(10, 2), np.arange(10)
    batches = list(adapt(x, y, batch_size=4, shuffle=False).epoch(0))
    assert [(b.size, b.end, b.mask) for b in batches] == [(4, 4, None), (4, 8, None), (2, 10, None)]
    np.testing.assert_array_equal(np.concatenate([b.x for b in batches]), x)
    np.testing.assert_array_equal(np.concatenate([b.y for b in batches]), y)
    assert all(np.shares_memory(b.x, x) for b in batches)
    assert batches[0].sample_weight is None


def test_x_and_y_stay_together_under_shuffling_and_epochs_differ():
    x = np.arange(50)
    source = adapt({"a": x, "b": [x * 2]}, x * 3, x * 4.0, batch_size=8, seed=5)
    seen = []
    for epoch in range(2):
        rows = []
        for b in source.epoch(epoch):
            np.testing.assert_array_equal(b.x["a"] * 2, b.x["b"][0])
            np.testing.assert_array_equal(b.x["a"] * 3, b.y)
            np.testing.assert_array_equal(b.x["a"] * 4.0, b.sample_weight)
            rows.extend(b.x["a"])
        assert sorted(rows) == list(range(50))
        seen.append(rows)
    assert seen[0] != seen[1]
    assert seen[0] == [i for b in source.epoch(0) for i in b.x["a"]]


@pytest.mark.parametrize("shuffle", [True, False, "batch"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_global_order_does_not_depend_on_the_number_of_processes(shuffle, count):
    x = np.arange(41)
    source = adapt(x, batch_size=12, shuffle=shuffle, seed=2)
    alone = [b.x for b in source.epoch(1)]
    together = [list(source.epoch(1, Shard(r, count, 2))) for r in range(count)]
    for whole, parts in zip(alone, zip(*together, strict=True), strict=True):
        rows = np.concatenate([p.x for p in parts])
        masks = [p.mask for p in parts]
        assert len({m is None for m in masks}) == 1
        if masks[0] is not None:
            rows = rows[np.concatenate(masks)]
        np.testing.assert_array_equal(rows, whole)
        assert {p.size for p in parts} == {len(whole)}


def test_floats_become_floatx_and_integers_stay():
    data = [np.ones(4, d) for d in ("float64", "float16", "uint8", "int64", "bool", ">i4", ">f4")]
    (batch,) = adapt(data, batch_size=4).epoch(0)
    dtypes = [a.dtype.str for a in batch.x]
    assert dtypes == ["<f4", "<f4", "|u1", "<i8", "|b1", "<i4", "<f4"]
    (batch,) = adapt(np.ones(4, "float32"), floatx="float64").epoch(0)
    assert batch.x.dtype == "float64"
    (batch,) = adapt(np.ones(4), floatx="bfloat16").epoch(0)
    assert batch.x.dtype == "float32"


@pytest.mark.parametrize("shuffle", [True, False])
def test_arrays_too_large_to_convert_at_once_give_the_same_batches(shuffle, monkeypatch):
    x = np.random.default_rng(0).random((30, 6))[:, ::2]
    wanted = [b.x for b in adapt(x, batch_size=8, shuffle=shuffle).epoch(0)]
    monkeypatch.setattr(arrays, "CONVERT_ONCE_LIMIT", 0)
    got = [b.x for b in adapt(x, batch_size=8, shuffle=shuffle).epoch(0)]
    for a, b in zip(got, wanted, strict=True):
        assert a.dtype == "float32"
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("limit", [0, 2**28])
def test_batches_are_contiguous_and_writeable(shuffle, limit, monkeypatch):
    monkeypatch.setattr(arrays, "CONVERT_ONCE_LIMIT", limit)
    base = np.arange(40, dtype="float32").reshape(10, 4)
    frozen = base.copy()
    frozen.flags.writeable = False
    odd = [
        np.asfortranarray(base),
        base[::-1],
        base[:, ::2],
        frozen,
        np.broadcast_to(base[:1], (10, 4)),
    ]
    for shard in (Shard(), Shard(1, 2)):
        for batch in adapt(odd, batch_size=4, shuffle=shuffle).epoch(0, shard):
            assert all(a.flags.c_contiguous and a.flags.writeable for a in batch.x)


def test_spec_has_shapes_without_the_batch_dim():
    source = adapt({"a": np.ones((5, 3, 2))}, np.ones(5, "int32"))
    assert source.spec() == ({"a": Spec((3, 2), "float32")}, Spec((), "int32"), None)
    assert (source.num_batches, source.num_samples, source.batch_size, source.seekable) == (
        1,
        5,
        32,
        True,
    )


def test_steps_per_epoch_goes_on_where_the_epoch_before_stopped():
    x = np.arange(20)
    source = adapt(x, batch_size=4, steps_per_epoch=2, seed=1)
    whole = adapt(x, batch_size=4, seed=1)
    got = [b.x.tolist() for epoch in range(5) for b in source.epoch(epoch)]
    assert got == [b.x.tolist() for p in range(2) for b in whole.epoch(p)]
    assert [b.end for b in source.epoch(3)] == [4, 8]
    assert adapt(x, steps_per_epoch=3).batch_size == 7
    with pytest.raises(
        OutOfDataError, match="steps_per_epoch=6, but 20 samples in batches of 4 make 5"
    ):
        adapt(x, batch_size=4, steps_per_epoch=6)


def test_class_weight_becomes_sample_weight():
    y = np.array([0, 1, 2, 1])
    (batch,) = adapt(np.ones((4, 1)), y, class_weight={0: 2.0, 1: 0.5}, shuffle=False).epoch(0)
    np.testing.assert_array_equal(batch.sample_weight, np.array([2.0, 0.5, 1.0, 0.5], "float32"))
    with pytest.raises(ValueError, match="class_weight and sample_weight"):
        adapt(np.ones((4, 1)), y, np.ones(4), class_weight={0: 2.0})
    with pytest.raises(ValueError, match="several outputs"):
        adapt(np.ones((4, 1)), {"a": y, "b": y}, class_weight={0: 2.0})
    with pytest.raises(ValueError, match="y is absent"):
        adapt(np.ones((4, 1)), class_weight={0: 2.0})


def test_one_weight_array_serves_all_outputs():
    y = {"a": np.ones(4), "b": np.ones((4, 2))}
    (batch,) = adapt(np.ones(4), y, np.arange(4.0), shuffle=False).epoch(0)
    np.testing.assert_array_equal(batch.sample_weight["a"], batch.sample_weight["b"])
    (batch,) = adapt(np.ones(4), y, {"a": np.ones(4), "b": np.zeros(4)}).epoch(0)
    assert batch.sample_weight["b"].sum() == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((np.ones(4), np.ones(5)), r"x has 4 samples \(shape \(4,\)\) and y has 5"),
        (({"a": np.ones(4), "b": np.ones(3)},), r"x\['a'\] has 4 samples .* x\['b'\] has 3"),
        ((np.ones(4), [np.ones(4), np.ones(2)]), r"y\[1\] has 2"),
        ((np.ones(4), np.ones(4), np.ones(3)), "sample_weight has 3"),
        (([np.ones(3), np.ones(3)], np.ones(2)), "A list means several inputs, here 2"),
        ((np.ones((0, 3)),), r"x has no samples: its shape is \(0, 3\)"),
        ((np.ones(4), None, np.ones(4)), "sample_weight was given without y"),
        ((np.ones(4), np.ones(4), np.ones((4, 3))), r"sample_weight has shape \(4, 3\)"),
        ((np.ones(4), {"a": np.ones(4)}, {"b": np.ones(4)}), "sample_weight has the form"),
        ((np.array(3.0),), "x is a scalar"),
    ],
)
def test_data_that_does_not_fit_is_named(data, message):
    with pytest.raises(ValueError, match=message):
        adapt(*data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((np.array(["a", "b"]),), "x has dtype <U1"),
        (({"a": np.array([1, None])},), r"x\['a'\] has dtype object"),
        ((np.ones(2), [0, 1]), r"y\[0\] is 0 \(int\), not an array"),
        (([np.ones(2), "text"],), r"x\[1\] is 'text'"),
    ],
)
def test_what_is_no_number_is_named(data, message):
    with pytest.raises(TypeError, match=message):
        adapt(*data)


def test_unknown_shuffle_is_refused():
    with pytest.raises(ValueError, match="shuffle must be"):
        adapt(np.ones(3), shuffle="rows")
