"""What was wrong with the arguments of an op of neural networks; see `explain`."""

from __future__ import annotations

import math
import warnings
from typing import Any

from kdist.core import config
from kdist.core.spec import Spec
from kdist.ops.checks import same, shape_of
from kdist.ops.explain import in_range


def along_axis(op: str, x: Any, axis: Any = -1, *rest: Any, **named: Any) -> None:
    """Activations and norms along `axis`."""
    in_range(op, axis, shape_of(x) or (1,))


def warn_of_one(place: str, function: str, axis: Any, stacklevel: int) -> None:
    """Warn of a softmax, or one of its kin, over one value."""
    gives = 0 if function == "log_softmax" else 1
    warnings.warn(
        f"{place}: {function} over axis {axis}, which has size 1, gives {gives} whatever it is given. For the "
        "probability of a single class use sigmoid.",
        stacklevel=stacklevel + 1,
    )


def over_axis(op: str, x: Any, axis: Any = -1) -> None:
    """Softmax and its kin. Sizes are looked at in symbolic calls alone."""
    in_range(op, axis, shape_of(x))
    if isinstance(x, Spec) and x.shape:
        axes = axis if isinstance(axis, list | tuple) else (axis,)
        if axes and all(x.shape[a] == 1 for a in axes):
            warn_of_one(f"ops.{op} of shape {x.shape}", op, axis, stacklevel=5)


def batch_normalization_training(
    op: str, x: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> None:
    batch_normalization(op, x, None, None, axis, offset, scale)


def batch_normalization(
    op: str,
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> None:
    shape = shape_of(x)
    in_range(op, axis, shape)
    given = {"mean": mean, "variance": variance, "offset": offset, "scale": scale}
    for name, vector in given.items():
        if vector is None:
            continue
        size = shape_of(vector)
        if len(size) != 1 or (None not in (size[0], shape[axis]) and size[0] != shape[axis]):
            raise ValueError(
                f"{op}: `{name}` must be a vector of length {shape[axis]}, the size of axis {axis} "
                f"of x. Received: {name}.shape={size}, x.shape={shape}."
            )


def _along(op: str, x: Any, axis: Any, parameters: dict[str, Any]) -> None:
    """Parameters of the sizes of `axis`, or that broadcast against `x`."""
    shape = shape_of(x)
    axes = axis if isinstance(axis, list | tuple) else (axis,)
    in_range(op, axes, shape)
    sizes = tuple(shape[a] for a in sorted(a % len(shape) for a in axes))
    for name, value in parameters.items():
        given = () if value is None else shape_of(value)
        if None in (*given, *sizes) or math.prod(given) == math.prod(sizes):
            continue
        fits = zip(reversed(given), reversed(shape), strict=False)
        if len(given) > len(shape) or any(p not in (1, None, n) for p, n in fits if n is not None):
            raise ValueError(
                f"{op}: `{name}` must have the sizes {sizes} of axis {axis} of x. Received: "
                f"{name}.shape={given}, x.shape={shape}."
            )


def layer_normalization(
    op: str,
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: Any = -1,
    *rest: Any,
    **named: Any,
) -> None:
    parameters = {"gamma": gamma, "beta": beta}
    for name, value in parameters.items():
        if value is not None and not shape_of(value):
            raise ValueError(f"{op}: `{name}` must have axes, and is a scalar.")
    _along(op, x, axis, parameters)


def rms_normalization(
    op: str, x: Any, scale: Any = None, axis: Any = -1, *rest: Any, **named: Any
) -> None:
    _along(op, x, axis, {"scale": scale})


def moments(op: str, x: Any, axes: Any, *rest: Any, **named: Any) -> None:
    in_range(op, axes, shape_of(x))


def multi_hot(op: str, inputs: Any, num_classes: Any, axis: int, *rest: Any, **more: Any) -> None:
    in_range(op, axis, shape_of(inputs), "inputs", new=1)


def linear(op: str, x: Any, kernel: Any, bias: Any = None) -> None:
    a, b, c = (None if v is None else shape_of(v) for v in (x, kernel, bias))
    wrong = c is not None and c not in ((), (1,)) and not same(c, b[1:])
    if not a or len(b) != 2 or not same(a[-1:], b[:1]) or wrong:
        raise ValueError(
            f"{op}: x must be (..., in), kernel (in, out) and bias (out,). Received: x.shape={a}, "
            f"kernel.shape={b}, bias.shape={c}."
        )


def one_hot(op: str, x: Any, num_classes: int, axis: int = -1, *rest: Any, **named: Any) -> None:
    in_range(op, axis, shape_of(x), new=1)


def glu(op: str, x: Any, axis: int = -1) -> None:
    in_range(op, axis, shape_of(x))
    if (shape_of(x)[axis] or 0) % 2:
        raise ValueError(
            f"{op}: axis {axis} of x is halved, and its size is odd. Received: x.shape={shape_of(x)}."
        )


def _windows(op: str, rank: int, padding: Any, **settings: Any) -> None:
    """Sizes for all spatial axes, or one for each; and how the edges are treated."""
    for name, value in settings.items():
        if isinstance(value, list | tuple) and len(value) != rank - 2:
            raise ValueError(
                f"{op}: {name} must be an int or {rank - 2} ints, one for each spatial axis. "
                f"Received: {name}={value}."
            )
    if padding.lower() not in ("valid", "same"):
        raise ValueError(f"{op}: padding={padding!r} is not 'valid' or 'same'.")


def pool(
    op: str,
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: Any = None,
) -> None:
    shape = shape_of(inputs)
    if len(shape) not in (3, 4, 5):
        raise ValueError(
            f"{op}: inputs must have a batch axis, 1, 2 or 3 spatial axes and a channel axis. "
            f"Received: inputs.shape={shape}."
        )
    _windows(op, len(shape), padding, pool_size=pool_size, strides=strides)


def crossentropy(
    op: str, target: Any, output: Any, from_logits: bool = False, axis: int | None = None
) -> None:
    """A target for each output."""
    a, b = shape_of(target), shape_of(output)
    if not same(a, b):
        raise ValueError(
            f"{op}: target and output must have the same shape. Received: target.shape={a}, "
            f"output.shape={b}."
        )
    in_range(op, axis, b, "output")


def integer_labels(op: str, labels: Any, logits: Any, axis: int = -1) -> None:
    sparse_crossentropy(op, labels, logits, axis=axis, names=("labels", "logits"))


def mean_crossentropy(op: str, target: Any, output: Any, from_logits: bool = False) -> None:
    sparse_crossentropy(op, target, output)


def sparse_crossentropy(
    op: str,
    target: Any,
    output: Any,
    from_logits: bool = False,
    axis: int = -1,
    names: tuple[str, str] = ("target", "output"),
) -> None:
    a, b = shape_of(target), shape_of(output)
    first, second = names
    if not b:
        raise ValueError(f"{op}: {second} must have an axis of classes, and is a scalar.")
    in_range(op, axis, b, second)
    axis %= len(b)
    without = (*b[:axis], *b[axis + 1 :])
    if not same(a, without) and not same(a, (*b[:axis], 1, *b[axis + 1 :])):
        raise ValueError(
            f"{op}: {first} must have the shape of {second} without its axis {axis} of classes. "
            f"Received: {first}.shape={a}, {second}.shape={b}."
        )


def attention(op: str, query: Any, key: Any, value: Any, *rest: Any, **named: Any) -> None:
    q, k, v = (shape_of(x) for x in (query, key, value))
    received = f"Received: query.shape={q}, key.shape={k}, value.shape={v}."
    if not len(q) == len(k) == len(v) == 4:
        raise ValueError(
            f"{op}: query, key and value must be (batch, length, heads, size). {received}"
        )
    if not same(k[:3], v[:3]):
        raise ValueError(f"{op}: key and value must have the same lengths and heads. {received}")
    if not same((q[0], q[3]), (k[0], k[3])):
        raise ValueError(f"{op}: query and key must have the same batch and head size. {received}")
    if q[2] and k[2] and q[2] % k[2]:
        raise ValueError(f"{op}: the heads of key must divide those of query. {received}")


def _channels(op: str, inputs: Any, kernel: Any, data_format: Any) -> tuple[Any, tuple]:
    """The inputs' number of channels and the kernel's shape."""
    shape, window = shape_of(inputs), shape_of(kernel)
    if len(shape) not in (3, 4, 5):
        raise ValueError(
            f"{op}: inputs must have a batch axis, 1, 2 or 3 spatial axes and a channel axis. "
            f"Received: inputs.shape={shape}."
        )
    if len(window) != len(shape):
        raise ValueError(
            f"{op}: kernel must have as many axes as inputs. Received: kernel.shape={window}, "
            f"inputs.shape={shape}."
        )
    if 0 in window:
        raise ValueError(f"{op}: kernel is empty. Received: kernel.shape={window}.")
    last = config.standardize_data_format(data_format) == "channels_last"
    return shape[-1 if last else 1], window


def _unequal(op: str, inputs: Any, kernel: Any, channels: int, wanted: str) -> ValueError:
    return ValueError(
        f"{op}: the input channels must match the kernel: inputs have {channels}, and the kernel is "
        f"for {wanted}. Received: inputs.shape={shape_of(inputs)}, kernel.shape={shape_of(kernel)}."
    )


def conv(
    op: str,
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> None:
    channels, window = _channels(op, inputs, kernel, data_format)
    _windows(op, len(window), padding, strides=strides, dilation_rate=dilation_rate)
    per_group, out = window[-2:]
    if channels is None or not per_group:
        return
    if channels % per_group:
        raise _unequal(op, inputs, kernel, channels, f"multiples of {per_group}")
    groups = channels // per_group
    if out is not None and out % groups:
        raise ValueError(
            f"{op}: inputs of {channels} channels and a kernel for {per_group} make {groups} groups, "
            f"which do not divide the {out} output channels. Received: kernel.shape={window}."
        )


def conv_with_bias(op: str, inputs: Any, kernel: Any, bias: Any, *rest: Any) -> None:
    conv(op, inputs, kernel, *rest)
    if not same(shape_of(bias), shape_of(kernel)[-1:]):
        raise ValueError(
            f"{op}: bias must be a vector, of a number for each output channel of kernel. Received: "
            f"bias.shape={shape_of(bias)}, kernel.shape={shape_of(kernel)}."
        )


def depthwise_conv(
    op: str,
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> None:
    channels, window = _channels(op, inputs, kernel, data_format)
    _windows(op, len(window), padding, strides=strides, dilation_rate=dilation_rate)
    if None not in (channels, window[-2]) and channels != window[-2]:
        raise _unequal(op, inputs, kernel, channels, str(window[-2]))


def separable_conv(
    op: str,
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> None:
    depthwise_conv(op, inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    if 0 in shape_of(pointwise_kernel):
        raise ValueError(
            f"{op}: pointwise_kernel is empty. Received: pointwise_kernel.shape="
            f"{shape_of(pointwise_kernel)}."
        )
    if len(shape_of(pointwise_kernel)) != len(shape_of(inputs)):
        raise ValueError(
            f"{op}: pointwise_kernel must have as many axes as inputs. Received: "
            f"pointwise_kernel.shape={shape_of(pointwise_kernel)}, inputs.shape={shape_of(inputs)}."
        )
    given = shape_of(depthwise_kernel)[-2:]
    mixed, wanted = shape_of(pointwise_kernel)[-2], None if None in given else given[0] * given[1]
    if None not in (mixed, wanted) and mixed != wanted:
        raise ValueError(
            f"{op}: pointwise_kernel must be for the {wanted} channels that depthwise_kernel gives. "
            f"Received: pointwise_kernel.shape={shape_of(pointwise_kernel)}."
        )


def conv_transpose(
    op: str,
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    output_padding: Any = None,
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> None:
    channels, window = _channels(op, inputs, kernel, data_format)
    _windows(op, len(window), padding, strides=strides, dilation_rate=dilation_rate)
    if None not in (channels, window[-1]) and channels != window[-1]:
        raise _unequal(op, inputs, kernel, channels, str(window[-1]))
