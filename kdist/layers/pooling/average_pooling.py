"""`AveragePooling1D`, `AveragePooling2D`, `AveragePooling3D`."""

from __future__ import annotations

from typing import Any

from kdist.layers.pooling.base import AveragePool


class AveragePooling1D(AveragePool):
    """The mean of each window over steps.

    Arguments:
        pool_size: size of the window, an int or 1 of them.
        strides: step of the window; None: its size.
        padding: "valid" (none) or "same" (so that size / stride remains, rounded up).
        data_format: "channels_last" or "channels_first"; None: the configured one.

    Input (batch, steps, channels); output (batch, new_steps, channels).
    """

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(1, pool_size, strides, padding, data_format, name, **kwargs)


class AveragePooling2D(AveragePool):
    """The mean of each window over height, width.

    Arguments:
        pool_size: size of the window, an int or 2 of them.
        strides: step of the window; None: its size.
        padding: "valid" (none) or "same" (so that size / stride remains, rounded up).
        data_format: "channels_last" or "channels_first"; None: the configured one.

    Input (batch, height, width, channels); output (batch, new_height, new_width, channels).
    """

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(2, pool_size, strides, padding, data_format, name, **kwargs)


class AveragePooling3D(AveragePool):
    """The mean of each window over depth, height, width.

    Arguments:
        pool_size: size of the window, an int or 3 of them.
        strides: step of the window; None: its size.
        padding: "valid" (none) or "same" (so that size / stride remains, rounded up).
        data_format: "channels_last" or "channels_first"; None: the configured one.

    Input (batch, depth, height, width, channels); output (batch, new_depth, new_height, new_width,
    channels).
    """

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(3, pool_size, strides, padding, data_format, name, **kwargs)
