"""`GlobalMaxPooling1D`, `GlobalMaxPooling2D`, `GlobalMaxPooling3D`."""

from __future__ import annotations

from typing import Any

from kdist.layers.pooling.base import GlobalMaxPool


class GlobalMaxPooling1D(GlobalMaxPool):
    """The largest element over steps, for each channel.

    Arguments:
        data_format: "channels_last" or "channels_first"; None: the configured one.
        keepdims: keep the reduced axes with size 1.

    Input (batch, steps, channels); output (batch, channels).
    """

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(1, data_format, keepdims, **kwargs)


class GlobalMaxPooling2D(GlobalMaxPool):
    """The largest element over height, width, for each channel.

    Arguments:
        data_format: "channels_last" or "channels_first"; None: the configured one.
        keepdims: keep the reduced axes with size 1.

    Input (batch, height, width, channels); output (batch, channels).
    """

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(2, data_format, keepdims, **kwargs)


class GlobalMaxPooling3D(GlobalMaxPool):
    """The largest element over depth, height, width, for each channel.

    Arguments:
        data_format: "channels_last" or "channels_first"; None: the configured one.
        keepdims: keep the reduced axes with size 1.

    Input (batch, depth, height, width, channels); output (batch, channels).
    """

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(3, data_format, keepdims, **kwargs)
