"""`GlobalAveragePooling1D`, `GlobalAveragePooling2D`, `GlobalAveragePooling3D`."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.layers.masking import hands_on
from kdist.layers.pooling.base import GlobalAveragePool


class GlobalAveragePooling1D(GlobalAveragePool):
    """The mean over steps, for each channel.

    Arguments:
        data_format: "channels_last" or "channels_first"; None: the configured one.
        keepdims: keep the reduced axes with size 1.

    Input (batch, steps, channels); output (batch, channels). Steps that a mask hides do not count.
    """

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(1, data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return super().call(inputs)
        counted = ops.expand_dims(ops.cast(mask, inputs.dtype), 3 - self._axes[0])
        total = ops.sum(ops.multiply(inputs, counted), axis=self._axes, keepdims=self.keepdims)
        return ops.divide(total, ops.sum(counted, axis=self._axes, keepdims=self.keepdims))

    @hands_on
    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None


class GlobalAveragePooling2D(GlobalAveragePool):
    """The mean over height, width, for each channel.

    Arguments:
        data_format: "channels_last" or "channels_first"; None: the configured one.
        keepdims: keep the reduced axes with size 1.

    Input (batch, height, width, channels); output (batch, channels).
    """

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(2, data_format, keepdims, **kwargs)


class GlobalAveragePooling3D(GlobalAveragePool):
    """The mean over depth, height, width, for each channel.

    Arguments:
        data_format: "channels_last" or "channels_first"; None: the configured one.
        keepdims: keep the reduced axes with size 1.

    Input (batch, depth, height, width, channels); output (batch, channels).
    """

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(3, data_format, keepdims, **kwargs)
