"""Rows of images that TensorFlow has a kernel for which XLA compiles too; the others are made of
other ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def resize_bilinear(images: Any, size: tuple[int, int], channels_first: bool) -> Any:
    if images.dtype == tf.float64:
        return None  # the kernel computes in float32
    x = tf.transpose(images, [0, 2, 3, 1]) if channels_first else images
    x = tf.cast(tf.image.resize(x, size, method="bilinear"), images.dtype)
    return tf.transpose(x, [0, 3, 1, 2]) if channels_first else x


OPS: dict[str, Callable] = {"resize_bilinear": resize_bilinear}
