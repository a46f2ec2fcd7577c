"""Convolution, pooling and attention.

`data_format` is "channels_last" (batch, *space, channels) or "channels_first" (batch, channels,
*space); None: the configured one. There are 1, 2 or 3 spatial axes. `padding` is "valid" (none) or
"same" (zeros, the odd one at the end, so that size / stride remains, rounded up). `strides` and
`dilation_rate` are an int or one per spatial axis.
"""

from __future__ import annotations

from typing import Any

from kdist.ops import explain_nn
from kdist.ops.declare import op

Tensor = Any


@op(explain=explain_nn.conv)
def conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """Convolution (the kernel is not flipped).

    Arguments:
        inputs: (batch, *space, in_channels), or channels first.
        kernel: (*window, in_channels / groups, out_channels); fewer input channels than the inputs
            have mean groups.
        strides: int, or one per spatial axis.
        padding: "valid": none; "same": zeros so that the size is that of the inputs over `strides`.
        data_format: "channels_last" or "channels_first"; None: the configured one.
        dilation_rate: int, or one per spatial axis; distance of the kernel's elements.

    Returns: (batch, *new_space, out_channels).
    Raises: ValueError where the kernel does not fit the inputs' axes or channels.

    Example:
        >>> ops.conv(ops.ones((1, 8, 8, 3)), ops.ones((3, 3, 3, 16))).shape
        torch.Size([1, 6, 6, 16])
        >>> signal, slope = [[[1.0], [4.0], [9.0]]], [[[-1.0]], [[1.0]]]
        >>> ops.conv(signal, slope)[0, :, 0]
        tensor([3., 5.])
    """


@op(explain=explain_nn.depthwise_conv)
def depthwise_conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """Convolution of each channel by itself.

    Arguments:
        inputs: (batch, *space, channels), or channels first.
        kernel: (*window, channels, multiplier).
        strides: int, or one per spatial axis.
        padding: "valid": none; "same": zeros so that the size is that of the inputs over `strides`.
        data_format: "channels_last" or "channels_first"; None: the configured one.
        dilation_rate: int, or one per spatial axis; distance of the kernel's elements.

    Returns: channels * multiplier channels.
    Raises: ValueError where the kernel does not fit the inputs' axes or channels.

    Example:
        >>> ops.depthwise_conv(ops.ones((1, 8, 8, 3)), ops.ones((3, 3, 3, 2))).shape
        torch.Size([1, 6, 6, 6])
    """


@op(explain=explain_nn.separable_conv)
def separable_conv(
    inputs: Tensor,
    depthwise_kernel: Tensor,
    pointwise_kernel: Tensor,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """`depthwise_conv`, then a mixing of the channels by `pointwise_kernel`.

    Arguments:
        inputs: (batch, *space, channels), or channels first.
        depthwise_kernel: (*window, channels, multiplier).
        pointwise_kernel: (1, ..., channels * multiplier, out_channels).
        strides: int, or one per spatial axis.
        padding: "valid": none; "same": zeros so that the size is that of the inputs over `strides`.
        data_format: "channels_last" or "channels_first"; None: the configured one.
        dilation_rate: int, or one per spatial axis; distance of the kernel's elements.

    Raises: ValueError where a kernel does not fit the axes or channels.

    Example:
        >>> depthwise, pointwise = ops.ones((3, 3, 3, 2)), ops.ones((1, 1, 6, 4))
        >>> ops.separable_conv(ops.ones((1, 8, 8, 3)), depthwise, pointwise, padding="same").shape
        torch.Size([1, 8, 8, 4])
    """
    mixed = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(mixed, pointwise_kernel, 1, "valid", data_format, 1)


@op(explain=explain_nn.conv_transpose)
def conv_transpose(
    inputs: Tensor,
    kernel: Tensor,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """The gradient of `conv` with respect to its inputs, as a layer that enlarges.

    Arguments:
        inputs: (batch, *space, in_channels), or channels first.
        kernel: (*window, out_channels, in_channels).
        output_padding: extra size at the end of each spatial axis, less than the stride; None: by
            `padding` alone.
        strides: int, or one per spatial axis, by which the inputs grow.
        padding: "valid" or "same", that of the `conv` it undoes.
        data_format: "channels_last" or "channels_first"; None: the configured one.
        dilation_rate: int, or one per spatial axis; distance of the kernel's elements.

    Returns: "same" gives size * stride; "valid" gives size * stride + max(window - stride, 0).
    Raises: ValueError where the kernel does not fit the inputs' axes or channels.

    Example:
        >>> x, kernel = ops.ones((1, 8, 8, 3)), ops.ones((3, 3, 16, 3))
        >>> ops.conv_transpose(x, kernel, strides=2, padding="same").shape
        torch.Size([1, 16, 16, 16])
    """


@op(explain=explain_nn.pool)
def max_pool(
    inputs: Tensor,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Largest element of each window of `pool_size`, moved by `strides` (default: the window).

    Arguments:
        inputs: (batch, *space, channels), or channels first.
        pool_size: int, or one per spatial axis.
        strides: int, or one per spatial axis; None: `pool_size`.
        padding: "valid": whole windows only; "same": also those that reach beyond the edges.
        data_format: "channels_last" or "channels_first"; None: the configured one.

    Example:
        >>> ops.max_pool(ops.reshape(ops.arange(16), (1, 4, 4, 1)), 2)[0, :, :, 0]
        tensor([[ 5,  7],
                [13, 15]], dtype=torch.int32)
    """


@op(explain=explain_nn.pool)
def average_pool(
    inputs: Tensor,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Mean of each window of `pool_size`; padding is not counted.

    Arguments:
        inputs: (batch, *space, channels), or channels first.
        pool_size: int, or one per spatial axis.
        strides: int, or one per spatial axis; None: `pool_size`.
        padding: "valid": whole windows only; "same": also those that reach beyond the edges.
        data_format: "channels_last" or "channels_first"; None: the configured one.

    Example:
        >>> ops.average_pool(ops.reshape(ops.arange(16.0), (1, 4, 4, 1)), 2)[0, :, :, 0]
        tensor([[ 2.5000,  4.5000],
                [10.5000, 12.5000]])
    """


@op(explain=explain_nn.attention)
def dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:
    """softmax(query @ key * scale + bias) @ value, per head.

    Vaswani et al. 2017, https://arxiv.org/abs/1706.03762.

    Arguments:
        query: (batch, queries, heads, dim).
        key, value: (batch, keys, heads_kv, dim); heads is a multiple of heads_kv.
        bias: broadcasts to (batch, heads, queries, keys), added to the logits.
        mask: bool, broadcasts likewise; False hides a key.
        scale: default 1 / sqrt(dim).
        is_causal: hide the keys after each query.
        flash_attention: demand (True) or forbid (False) a fused kernel.
        attn_logits_soft_cap: c, to compute c * tanh(logits / c).

    Returns: (batch, queries, heads, dim).

    Example:
        >>> x = random.normal((2, 5, 4, 8), seed=0)
        >>> y = ops.dot_product_attention(x, x, x, is_causal=True)
        >>> y.shape, ops.allclose(y[:, 0], x[:, 0])  # the first query sees the first key alone
        (torch.Size([2, 5, 4, 8]), tensor(True))
    """
