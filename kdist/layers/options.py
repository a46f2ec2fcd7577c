"""What many layers' arguments have in common.

Options of weights, and sizes with one entry per spatial axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kdist import activations, constraints, initializers, regularizers
from kdist.backend.variable import Variable
from kdist.layers.layer import Layer
from kdist.ops.explain_nn import warn_of_one

_KINDS = (
    ("initializer", initializers),
    ("regularizer", regularizers),
    ("constraint", constraints),
)


def set_options(layer: Layer, weight: str, *given: Any) -> None:
    """Resolve the options of one weight into attributes of the layer.

    They are `<weight>_initializer`, `<weight>_regularizer` and `<weight>_constraint`, in this
    order; options left out are none.
    """
    for (kind, package), identifier in zip(_KINDS, given, strict=False):
        setattr(layer, f"{weight}_{kind}", package.get(identifier))


def options_config(layer: Layer, *weights: str) -> dict[str, Any]:
    """The options of these weights as plain data, under their attributes' names."""
    config = {}
    for kind, package in _KINDS:
        for weight in weights:
            if hasattr(layer, f"{weight}_{kind}"):
                config[f"{weight}_{kind}"] = package.serialize(getattr(layer, f"{weight}_{kind}"))
    return config


def add_weight(
    layer: Layer,
    name: str,
    shape: tuple,
    options: str | None = None,
    initializer: Any = None,
    **kwargs: Any,
) -> Variable:
    """A variable of the layer with the options that `set_options` kept under `options`.

    Default: under its own name.
    """
    options = options or name
    return layer.add_weight(
        shape,
        getattr(layer, f"{options}_initializer") if initializer is None else initializer,
        regularizer=getattr(layer, f"{options}_regularizer", None),
        constraint=getattr(layer, f"{options}_constraint", None),
        name=name,
        **kwargs,
    )


def activity_config(layer: Layer) -> dict[str, Any]:
    """The regularizer of the output, where a layer's config holds it even if there is none."""
    return {"activity_regularizer": regularizers.serialize(layer.activity_regularizer)}


def needs_no_build(layer: Layer) -> bool:
    """Whether the layer is complete once it is made: a user's subclass may define a `build`."""
    return type(layer).build is Layer.build


def refuse(layer_name: str, **unsupported: Any) -> None:
    """Raise ValueError if one of these arguments, which kdist does not implement, is set."""
    given = [name for name, value in unsupported.items() if value]
    if given:
        raise ValueError(f"{layer_name} does not support {', '.join(given)}. Leave it out.")


def per_axis(value: Any, rank: int, name: str, allow_zero: bool = False) -> tuple[int, ...]:
    """An int, or one int per spatial axis, as a tuple of `rank` ints.

    Raises: ValueError for another number of entries, or for entries that are no ints or too small.
    """
    try:
        entries = (value,) * rank if isinstance(value, int) else tuple(int(v) for v in value)
    except (TypeError, ValueError):
        entries = ()
    if len(entries) != rank:
        raise ValueError(
            f"The `{name}` argument must be an int or {rank} ints. Received: {name}={value!r}"
        )
    if any(v < (0 if allow_zero else 1) for v in entries):
        least = "not be negative" if allow_zero else "be positive, it cannot contain 0 or less"
        raise ValueError(f"The `{name}` argument must {least}. Received: {name}={value!r}")
    return entries


def standardize_padding(padding: Any, allow_causal: bool = False) -> str:
    """ "valid" or "same", or "causal" where that is allowed.

    Raises ValueError for anything else.
    """
    allowed = ("valid", "same", "causal") if allow_causal else ("valid", "same")
    if str(padding).lower() not in allowed:
        known = ", ".join(map(repr, allowed))
        raise ValueError(
            f"The `padding` argument must be one of {known}. Received: padding={padding!r}"
        )
    return str(padding).lower()


def channel_axis(data_format: str) -> int:
    return -1 if data_format == "channels_last" else 1


def spatial_sizes(shape: Any, data_format: str) -> tuple:
    """The sizes between batch and channels."""
    return tuple(shape[1:-1] if data_format == "channels_last" else shape[2:])


def with_channels(batch: Any, space: Any, channels: Any, data_format: str) -> tuple:
    """The shape of these parts in that layout."""
    if data_format == "channels_last":
        return (batch, *space, channels)
    return (batch, channels, *space)


def window_sizes(
    shape: Any,
    window: tuple[int, ...],
    strides: tuple[int, ...],
    padding: str,
    data_format: str,
    dilation: tuple[int, ...] | None = None,
) -> tuple:
    """Spatial sizes after a window has moved over an input of `shape`.

    "valid": floor((size - span) / stride) + 1 with span = (window - 1) * dilation + 1; "same" and
    "causal": ceil(size / stride).

    Raises: ValueError if the window does not fit into the input.
    """
    sizes = []
    for i, size in enumerate(spatial_sizes(shape, data_format)):
        if size is None:
            sizes.append(None)
            continue
        span = (window[i] - 1) * (dilation[i] if dilation else 1) + 1
        new = (
            (size - span) // strides[i] + 1 if padding == "valid" else math.ceil(size / strides[i])
        )
        if new <= 0:
            raise ValueError(
                f"Computed output size would be zero or negative: a window that spans {span} "
                f"does not fit into the size {size} "
                f"of spatial axis {i}. Received: input_shape={tuple(shape)}, window={window}, "
                f"padding={padding!r}."
            )
        sizes.append(new)
    return tuple(sizes)


def warn_of_one_value(layer: Any, activation: Any, shape: Sequence[int | None], axis: Any) -> None:
    """Warn if `activation`, over `axis` of tensors of `shape`, is a softmax of one value."""
    if activation not in (activations.softmax, activations.log_softmax):
        return
    axes = axis if isinstance(axis, list | tuple) else (axis,)
    rank = len(shape)
    if axes and all(-rank <= a < rank and shape[a] == 1 for a in axes):
        place = f"{type(layer).__name__} layer {layer.name!r}"
        warn_of_one(place, activation.__name__, axis, stacklevel=3)
