"""Data that other libraries hold, on whatever backend is in use. Skipped where the library is not
installed.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from kdist.core.spec import Spec
from kdist.data import OutOfDataError, Shard, adapt, train_validation_split

X = np.arange(22, dtype="float32").reshape(11, 2)
Y = np.arange(11)


def quietly_import(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a library warns of at import is not ours
        return pytest.importorskip(name)


@pytest.fixture(scope="module")
def tf():
    return quietly_import("tensorflow")


@pytest.fixture(scope="module")
def torch():
    return quietly_import("torch")


@pytest.fixture(scope="module")
def jax():
    return quietly_import("jax")


@pytest.fixture(scope="module")
def pd():
    return quietly_import("pandas")


def rows(source, epoch=0, **kwargs):
    return [int(i) for b in source.epoch(epoch, **kwargs) for i in b.y]


# pandas


def test_frames_and_series(pd):
    frame = pd.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5], "c": [True, False, True]})
    (batch,) = adapt(frame, pd.Series([1, 0, 1]), shuffle=False).epoch(0)
    assert batch.x.dtype == "float32" and batch.y.shape == (3, 1)
    np.testing.assert_array_equal(batch.x, [[1, 0.5, 1], [2, 1.5, 0], [3, 2.5, 1]])
    (batch,) = adapt({"b": frame["b"], "a": frame[["a"]]}, shuffle=False).epoch(0)
    assert batch.x["b"].shape == (3, 1) and batch.x["a"].dtype == "int64"


def test_nullable_columns_and_missing_values(pd):
    frame = pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": [1.0, 2.0]})
    (batch,) = adapt(frame, shuffle=False).epoch(0)
    np.testing.assert_array_equal(batch.x, np.array([[1, 1], [np.nan, 2]], "float32"))


def test_text_columns_are_named(pd):
    frame = pd.DataFrame({"age": [1, 2], "city": ["Bern", "Oslo"]})
    with pytest.raises(TypeError, match="x is a DataFrame whose columns city are not numeric"):
        adapt(frame)


def test_frames_are_split_for_validation(pd):
    (train, _), (val, y_val) = train_validation_split((pd.DataFrame(X), pd.Series(Y)), 0.2)
    np.testing.assert_array_equal(val, X[8:])
    assert train.shape == (8, 2) and y_val.shape == (3, 1)


# tensors


def test_torch_tensors(torch):
    x = torch.tensor(X, requires_grad=True)
    (batch,) = adapt([x, x.bfloat16()], torch.tensor(Y), shuffle=False).epoch(0)
    np.testing.assert_array_equal(batch.x[0], X)
    assert batch.x[1].dtype == "float32" and batch.y.dtype == "int64"


def test_jax_arrays(jax):
    for shuffle in (True, False):
        (batch,) = adapt(jax.numpy.asarray(X), jax.numpy.asarray(Y), shuffle=shuffle).epoch(0)
        np.testing.assert_array_equal(batch.x[np.argsort(batch.y)], X)
        assert batch.x.flags.writeable and batch.y.flags.writeable


def test_tensorflow_tensors(tf):
    for shuffle in (True, False):
        (batch,) = adapt(tf.constant(X), tf.constant(Y), shuffle=shuffle).epoch(0)
        np.testing.assert_array_equal(batch.x[np.argsort(batch.y)], X)
        assert batch.x.flags.writeable
    with pytest.raises(TypeError, match="x is sparse or ragged"):
        adapt(tf.ragged.constant([[1], [2, 3]]))


# tf.data.Dataset


def dataset(tf, size=4):
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(size)


def test_tf_dataset(tf):
    source = adapt(dataset(tf))
    assert source.num_batches == 3
    assert source.spec() == (Spec((2,), "float32"), Spec((), "int64"), None)
    for epoch in range(2):
        batches = list(source.epoch(epoch))
        assert [(b.size, b.end) for b in batches] == [(4, 4), (4, 8), (3, 11)]
        np.testing.assert_array_equal(np.concatenate([b.x for b in batches]), X)
        assert all(b.x.flags.writeable for b in batches)
    parts = [list(source.epoch(2, Shard(r, 2))) for r in range(2)]
    assert [p[2].mask.tolist() for p in parts] == [[True, True], [True, False]]


def test_tf_dataset_of_dicts_with_doubles(tf):
    data = tf.data.Dataset.from_tensor_slices(({"a": X.astype("float64")}, Y, Y * 1.0)).batch(
        4, True
    )
    source = adapt(data)
    assert source.spec() == ({"a": Spec((2,), "float32")}, Spec((), "int64"), Spec((), "float32"))
    assert (source.batch_size, source.num_batches, source.num_samples) == (4, 2, 8)
    for batch in source.epoch(0):
        assert batch.x["a"].dtype == batch.sample_weight.dtype == "float32"


def test_tf_dataset_shuffled_resumes_in_the_order_of_its_epoch(tf):
    def shuffled():
        return tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(11, seed=7).batch(4)

    source = adapt(shuffled())
    wanted = [rows(source, e) for e in range(3)]
    assert wanted[0] != wanted[2]
    assert rows(adapt(shuffled()), 2) == wanted[2]
    with pytest.warns(UserWarning, match="reads and drops 4 samples of epoch 3"):
        assert rows(adapt(shuffled()), 2, start=4) == wanted[2][4:]


def test_tf_dataset_endless_needs_steps(tf):
    data = dataset(tf).repeat()
    with pytest.raises(ValueError, match="the tf.data.Dataset never ends.*steps_per_epoch"):
        adapt(data)
    source = adapt(data, steps_per_epoch=2)
    assert [b.size for e in range(2) for b in source.epoch(e)] == [4, 4, 3, 4]


def test_tf_dataset_of_unknown_length(tf):
    data = dataset(tf).filter(lambda x, y: tf.reduce_all(y < 8))
    assert adapt(data).num_batches is None
    assert rows(adapt(data)) == list(range(8))
    with pytest.raises(OutOfDataError, match="at batch 3 of 3 in epoch 1.*repeat"):
        rows(adapt(data, steps_per_epoch=3))


@pytest.mark.parametrize("start_epoch", [0, 1, 2, 3])
def test_steps_of_a_finite_tf_dataset_wrap_around(tf, start_epoch):
    wanted = [rows(s, e) for s in [adapt(dataset(tf), steps_per_epoch=2)] for e in range(4)]
    assert wanted == [
        [0, 1, 2, 3, 4, 5, 6, 7],
        [8, 9, 10, 0, 1, 2, 3],
        [*range(4, 11)],
        [*range(8)],
    ]
    source = adapt(dataset(tf), steps_per_epoch=2)
    skips = 2 * start_epoch % 3
    with pytest.warns(UserWarning) if skips else warnings.catch_warnings():
        assert rows(source, start_epoch) == wanted[start_epoch]


def test_tf_dataset_that_does_not_fit_is_refused(tf):
    slices = tf.data.Dataset.from_tensor_slices
    with pytest.raises(
        ValueError, match=r"y of the tf.data.Dataset is a scalar per element.*\.batch"
    ):
        adapt(slices((X, Y)))
    with pytest.raises(TypeError, match="dtype string"):
        adapt(slices(["a", "b"]).batch(2))
    with pytest.raises(TypeError, match="Make it dense"):
        adapt(slices(tf.ragged.constant([[1], [2, 3]])).batch(2))
    with pytest.raises(OutOfDataError, match="steps_per_epoch=4, but the tf.data.Dataset has 3"):
        adapt(dataset(tf), steps_per_epoch=4)
    with pytest.raises(ValueError, match="batch_size=8 was given, and x is the tf.data.Dataset"):
        adapt(dataset(tf), batch_size=8)


# torch DataLoader


def loader(torch, **kwargs):
    data = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    return torch.utils.data.DataLoader(data, batch_size=4, **kwargs)


def test_data_loader(torch):
    source = adapt(loader(torch))
    assert (source.num_batches, source.num_samples, source.batch_size) == (3, 11, 4)
    assert source.spec() == (Spec((2,), "float32"), Spec((), "int64"), None)
    for epoch in range(2):
        assert rows(source, epoch) == list(range(11))
    assert [b.end for b in source.epoch(2, Shard(1, 2))] == [4, 8, 11]
    source.close()


def test_data_loader_shuffles_by_seed_and_epoch(torch):
    mine = loader(torch, shuffle=True)
    source = adapt(mine, seed=3)
    wanted = [rows(source, e) for e in range(3)]
    assert wanted[0] != wanted[1] and sorted(wanted[0]) == list(range(11))
    torch.manual_seed(99)
    other = adapt(loader(torch, shuffle=True), seed=3)
    other.spec()
    assert rows(other, 2) == wanted[2]
    assert mine.generator is None and mine.sampler.generator is None
    with pytest.warns(UserWarning, match="the DataLoader cannot be positioned"):
        assert rows(adapt(loader(torch, shuffle=True), seed=3), 1, start=8) == wanted[1][8:]


def test_data_loader_with_a_generator_of_its_own_keeps_it(torch):
    def own():
        return loader(torch, shuffle=True, generator=torch.Generator().manual_seed(5))

    assert (
        rows(adapt(own(), seed=1))
        == rows(adapt(own(), seed=2))
        == [int(i) for _, y in own() for i in y]
    )


def test_data_loader_over_a_stream(torch):
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return zip(X, Y, strict=True)

    source = adapt(torch.utils.data.DataLoader(Stream(), batch_size=4))
    assert source.num_batches is None
    assert rows(source) == rows(source, 1) == list(range(11))


def test_a_torch_dataset_is_refused(torch):
    with pytest.raises(TypeError, match="x is a torch Dataset .TensorDataset., .*DataLoader"):
        adapt(torch.utils.data.TensorDataset(torch.ones(3)))


def test_sparse_matrices_are_refused(jax):
    with pytest.raises(TypeError, match="x is sparse or ragged"):
        adapt(quietly_import("jax.experimental.sparse").BCOO.fromdense(X))
    with pytest.raises(TypeError, match="x is sparse or ragged"):
        adapt(quietly_import("scipy.sparse").csr_matrix(X))
