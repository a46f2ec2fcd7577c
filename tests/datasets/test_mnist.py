from __future__ import annotations

import gzip
import hashlib
import io
import struct

import numpy as np
import pytest

from kdist.data import download
from kdist.datasets import fashion_mnist, mnist


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "_PAUSE", 0.001)
    monkeypatch.setenv("KDIST_HOME", str(tmp_path))
    return tmp_path / "datasets"


def npz():
    data = io.BytesIO()
    image = np.arange(2 * 28 * 28, dtype="uint32").astype("uint8").reshape(2, 28, 28)
    label = np.array([3, 7], "uint8")
    np.savez(data, x_train=image, y_train=label, x_test=image[:1], y_test=label[:1])
    return data.getvalue()


def test_mnist_is_downloaded_checked_and_cached(cache, tmp_path, monkeypatch):
    source = tmp_path / "origin.npz"
    source.write_bytes(npz())
    monkeypatch.setattr(mnist, "_ORIGIN", source.as_uri())
    monkeypatch.setattr(mnist, "_SHA256", hashlib.sha256(npz()).hexdigest())
    for _ in range(2):
        (x_train, y_train), (x_test, y_test) = mnist.load_data()
        assert x_train.shape == (2, 28, 28) and x_train.dtype == y_train.dtype == "uint8"
        assert y_train.tolist() == [3, 7] and x_test.shape == (1, 28, 28) and y_test.tolist() == [3]
        source.unlink(missing_ok=True)  # the second time the cache alone serves it
    assert (cache / "mnist.npz").is_file()


def test_a_file_that_is_not_mnist_is_refused(cache, tmp_path, monkeypatch):
    source = tmp_path / "origin.npz"
    source.write_bytes(npz())
    monkeypatch.setattr(mnist, "_ORIGIN", source.as_uri())
    with pytest.raises(ValueError, match="731c5ac6.* was expected"):
        mnist.load_data()
    assert list(cache.iterdir()) == []


def test_offline_the_error_says_where_to_put_the_file(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "_ORIGIN", (tmp_path / "nowhere.npz").as_uri())
    with pytest.raises(OSError, match="Could not download") as caught:
        mnist.load_data()
    assert str(cache / "mnist.npz") in str(caught.value)


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}i", *array.shape)
    return gzip.compress(header + array.tobytes())


def test_fashion_mnist_reads_its_four_files(cache):
    folder = cache / "fashion-mnist"
    folder.mkdir(parents=True)
    images = np.arange(3 * 28 * 28, dtype="uint32").astype("uint8").reshape(3, 28, 28)
    for part, n in (("train", 3), ("t10k", 2)):
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(images[:n]))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(np.arange(n, dtype="uint8")))
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
    np.testing.assert_array_equal(x_train, images)
    assert (
        y_train.tolist() == [0, 1, 2] and x_test.shape == (2, 28, 28) and y_test.tolist() == [0, 1]
    )
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x09abc"))
    with pytest.raises(ValueError, match="not a whole IDX file"):
        fashion_mnist.load_data()
