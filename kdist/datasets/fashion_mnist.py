"""Articles of clothing in the form of MNIST (Zalando SE; MIT licence)."""

from __future__ import annotations

import gzip

import numpy as np

from kdist.data.download import get_file

_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

Split = tuple[np.ndarray, np.ndarray]


def load_data() -> tuple[Split, Split]:
    """The Fashion-MNIST images: `(x_train, y_train), (x_test, y_test)`.

    Returns: uint8 images (60000, 28, 28) and (10000, 28, 28), from 0 to 255, and uint8 labels from
        0 to 9.

    Raises: OSError if the files are not in the cache and cannot be downloaded; the message says
        where to put them. ValueError if a file is not what its name says.

    Example: `(x_train, y_train), (x_test, y_test) = kdist.datasets.fashion_mnist.load_data()`
    """
    return _split("train"), _split("t10k")


def _split(name: str) -> Split:
    return _idx(f"{name}-images-idx3-ubyte.gz"), _idx(f"{name}-labels-idx1-ubyte.gz")


def _idx(file_name: str) -> np.ndarray:
    """An array of bytes in IDX format.

    That is 0, 0, 8 (bytes), the number of dims, each dim as big-endian int32, the values.
    """
    path = get_file(file_name, _ORIGIN + file_name, cache_subdir="datasets/fashion-mnist")
    with gzip.open(path) as file:
        data = file.read()
    dims = np.frombuffer(data, ">i4", data[3], offset=4) if data[:3] == b"\0\0\x08" else None
    if dims is None or len(data) != 4 + 4 * len(dims) + dims.prod():
        raise ValueError(
            f"{path} is not a whole IDX file of bytes. Delete it, and it is downloaded again."
        )
    return np.frombuffer(data, np.uint8, offset=4 + 4 * len(dims)).reshape(dims).copy()
