"""`MaxPooling1D`, `MaxPooling2D`, `MaxPooling3D`."""

from __future__ import annotations

from typing import Any

from kdist.layers.pooling.base import MaxPool


class MaxPooling1D(MaxPool):
    """The largest element of each window over steps.

    Arguments:
        pool_size: size of the window, an int or 1 of them.
        strides: step of the window; None: its size.
        padding: "valid" (none) or "same" (so that size / stride remains, rounded up).
        data_format: "channels_last" or "channels_first"; None: the configured one.

    Input (batch, steps, channels); output (batch, new_steps, channels).
    """

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(1, pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling2D(MaxPool):
    """The largest element of each window over height, width.

    Arguments:
        pool_size: size of the window, an int or 2 of them.
        strides: step of the window; None: its size.
        padding: "valid" (none) or "same" (so that size / stride remains, rounded up).
        data_format: "channels_last" or "channels_first"; None: the configured one.

    Input (batch, height, width, channels); output (batch, new_height, new_width, channels).
    """

    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(2, pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling3D(MaxPool):
    """The largest element of each window over depth, height, width.

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
        pool_size: Any = (2, 2, 2),
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(3, pool_size, strides, padding, data_format, name, **kwargs)
