"""Rows of images that torch has a kernel for; the others are made of other ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor


def _bilinear(antialias: bool) -> Callable:
    def row(images: Any, size: tuple[int, int], channels_first: bool) -> Tensor:
        x = images if channels_first else images.permute(0, 3, 1, 2)
        x = F.interpolate(x, size=size, mode="bilinear", align_corners=False, antialias=antialias)
        return x if channels_first else x.permute(0, 2, 3, 1)

    return row


# Its bicubic kernel is another one than the other frameworks'.
OPS: dict[str, Callable] = {
    "resize_bilinear": _bilinear(antialias=False),
    "resize_bilinear_antialias": _bilinear(antialias=True),
}
