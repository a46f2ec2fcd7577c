"""Handwritten digits (Y. LeCun, C. Cortes; CC BY-SA 3.0)."""

from __future__ import annotations

import numpy as np

from kdist.data.download import get_file

_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"

Split = tuple[np.ndarray, np.ndarray]


def load_data(path: str = "mnist.npz") -> tuple[Split, Split]:
    """The MNIST digits: `(x_train, y_train), (x_test, y_test)`.

    path: name of the cached file under `~/.keras/datasets` (KDIST_HOME or KERAS_HOME move it). It
        is downloaded, 11 MB, if it is missing or its SHA-256 differs.

    Returns: uint8 images (60000, 28, 28) and (10000, 28, 28), from 0 to 255, and uint8 labels
        (60000,) and (10000,).

    Raises: OSError if it is not in the cache and cannot be downloaded; the message says where to
        put the file.

    Example: `(x_train, y_train), (x_test, y_test) = kdist.datasets.mnist.load_data()`
    """
    with np.load(get_file(path, _ORIGIN, file_hash=_SHA256), allow_pickle=False) as arrays:
        return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
