"""`EinsumDense`: a dense layer of any shape, written as an einsum."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from kdist import activations, initializers, ops
from kdist.distribution import LinearSplit
from kdist.layers.input_spec import InputSpec
from kdist.layers.layer import Layer
from kdist.layers.options import activity_config, add_weight, options_config, refuse, set_options

_FORMS = {
    "plain": re.compile(r"^([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)$"),
    "left": re.compile(r"^\.\.\.([a-zA-Z]+),([a-zA-Z]+)->\.\.\.([a-zA-Z]+)$"),
    "right": re.compile(r"^([a-zA-Z]{2,})\.\.\.,([a-zA-Z]+)->([a-zA-Z]+)\.\.\.$"),
}


@dataclass(frozen=True)
class _Parsed:
    """What an equation says, given the input's shape."""

    kernel_shape: tuple[int, ...]
    bias_shape: tuple[int, ...] | None
    output_shape: tuple[int | None, ...]
    input_axes: tuple[int, ...]  # axes of the kernel that are summed over
    output_axes: tuple[int, ...]  # axes of the kernel that stand in the output
    # How many trailing dims a plain matrix product sums over; None: not a plain product.
    contracted: int | None


def _parse(equation: str, bias_axes: str | None, input_shape: tuple, partial: tuple) -> _Parsed:
    text = equation.replace(" ", "")
    matches = {where: form.match(text) for where, form in _FORMS.items()}
    elided, match = next(((w, m) for w, m in matches.items() if m), ("", None))
    if match is None:
        raise ValueError(
            f"Invalid einsum equation '{equation}'. Equations must be of the form "
            "'[X],[Y]->[Z]', '...[X],[Y]->...[Z]' "
            "or '[X]...,[Y]->[Z]...'."
        )
    x, kernel, out = match.groups()
    hidden = len(input_shape) - len(x)  # dims that the ellipsis stands for
    first = hidden if elided == "left" else 0
    if elided == "left":
        output_shape = (*input_shape[: max(hidden, 1)], *partial)
    else:
        output_shape = (input_shape[0], *partial, *(input_shape[len(x) :] if hidden > 0 else ()))
    in_sizes = {c: input_shape[first + i] for i, c in enumerate(x)}
    out_sizes = {
        c: output_shape[first + i] for i, c in enumerate(out) if first + i < len(output_shape)
    }
    for c, size in in_sizes.items():
        wanted = out_sizes.get(c)
        if wanted is not None and wanted != size:
            raise ValueError(
                f"Input shape and output shape do not match at shared dimension '{c}'. "
                f"Input shape is {size}, and output shape is {wanted}."
            )
    named = (
        in_sizes[c] if i is None and c in in_sizes else i
        for c, i in zip(out, output_shape[first:], strict=False)
    )
    output_shape = (*output_shape[:first], *named, *output_shape[first + len(out) :])
    for c in out:
        if c not in x and c not in kernel:
            raise ValueError(
                f"Dimension '{c}' was specified in the output '{out}' but has no "
                "corresponding dimension "
                f"in the input '{x}' or the kernel '{kernel}'."
            )
    for c in kernel:
        if c not in in_sizes and c not in out_sizes:
            raise ValueError(
                f"Weight dimension '{c}' did not have a match in either the input '{x}' or "
                f"the output '{out}'."
            )
    kernel_shape = tuple(out_sizes[c] if c in out_sizes else in_sizes[c] for c in kernel)
    output_axes = tuple(i for i, c in enumerate(kernel) if c in out_sizes)
    input_axes = tuple(i for i, c in enumerate(kernel) if c not in out_sizes)
    summed, new = "".join(kernel[i] for i in input_axes), "".join(kernel[i] for i in output_axes)
    plain = elided != "right" and summed and x.endswith(summed) and kernel == summed + new
    plain = (
        plain
        and out == x[: -len(summed)] + new
        and (bias_axes is None or _trails(bias_axes, new, out))
    )
    return _Parsed(
        kernel_shape,
        _bias_shape(bias_axes, out, out_sizes, hidden if elided == "right" else 0),
        output_shape,
        input_axes,
        output_axes,
        len(summed) if plain else None,
    )


def _trails(bias_axes: str, new: str, out: str) -> bool:
    """Whether the bias has exactly the dims that the kernel adds to the output."""
    return set(bias_axes) == set(new) and out.endswith(new)


def _bias_shape(bias_axes: str | None, out: str, sizes: dict, trailing: int) -> tuple | None:
    if not bias_axes:
        return None
    for c in bias_axes:
        if c not in out:
            raise ValueError(
                f"Bias dimension '{c}' was requested, but is not part of the output spec '{out}'."
            )
    start = min(out.index(c) for c in bias_axes)
    return (*(sizes[c] if c in bias_axes else 1 for c in out[start:]), *(1,) * trailing)


class EinsumDense(Layer):
    """`activation(einsum(equation, inputs, kernel) + bias)`.

    Arguments:
        equation: einsum of the input and the kernel, e.g. "abc,cd->abd", "...x,xy->...y" or
            "ab...,bc->ac...".
        output_shape: the output's shape without the batch; None where a size is the input's.
        activation: name or function; None for none.
        bias_axes: the output's letters that the bias has; None for no bias.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties.
        kernel_constraint, bias_constraint: projections after each update.
        lora_rank, lora_alpha, gptq_unpacked_column_size, quantization_config: only None; they are
            not supported.

    Raises: ValueError for an equation of another form, or one that does not fit the shapes.

    Example: `EinsumDense("abc,cde->abde", output_shape=(None, 8, 64), bias_axes="de")` projects to
    8 heads.
    """

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: int | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        refuse(
            "EinsumDense",
            lora_rank=lora_rank,
            lora_alpha=lora_alpha,
            gptq_unpacked_column_size=gptq_unpacked_column_size,
            quantization_config=quantization_config,
        )
        super().__init__(**kwargs)
        self.equation = equation
        self.partial_output_shape = (
            (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        )
        self.bias_axes = bias_axes
        self.activation = activations.get(activation)
        set_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        set_options(self, "bias", bias_initializer, bias_regularizer, bias_constraint)

    def _parse(self, input_shape: Any) -> _Parsed:
        return _parse(self.equation, self.bias_axes, tuple(input_shape), self.partial_output_shape)

    def build(self, input_shape: Any) -> None:
        parsed = self._parse(input_shape)
        self.input_spec = InputSpec(ndim=len(input_shape))
        initializer = _with_axes(self.kernel_initializer, parsed)  # type: ignore[attr-defined]
        self.kernel = add_weight(self, "kernel", parsed.kernel_shape, initializer=initializer)
        self.bias = None
        if parsed.bias_shape is not None:
            self.bias = add_weight(self, "bias", parsed.bias_shape)
        # A product over trailing dims is one matrix product: fewer and faster calls than an einsum.
        self._contracted = parsed.contracted
        if parsed.contracted is not None:
            shape, n = parsed.kernel_shape, parsed.contracted
            self._as_matrix = (math.prod(shape[:n]), math.prod(shape[n:]))
            self._new_dims = shape[n:]

    def call(self, inputs: Any, training: Any = None) -> Any:
        kernel, bias = self.kernel.value, None if self.bias is None else self.bias.value
        if self._contracted is None:
            x = ops.einsum(self.equation, inputs, kernel)
            return self.activation(x if bias is None else ops.add(x, bias))
        if self._contracted > 1:
            inputs = ops.reshape(inputs, (*_leading(inputs, self._contracted), self._as_matrix[0]))
        if len(kernel.shape) > 2:
            kernel = ops.reshape(kernel, self._as_matrix)
            bias = None if bias is None else ops.reshape(bias, (-1,))
        x = ops.linear(inputs, kernel, bias)
        if len(self._new_dims) > 1:
            x = ops.reshape(x, (*_leading(x, 1), *self._new_dims))
        return self.activation(x)

    def tensor_split(self) -> LinearSplit | None:
        """As Dense, where the equation is a product of two matrices; other equations are not cut on their own."""
        if not self.built or self._contracted != 1 or len(self.kernel.shape) != 2:
            return None
        bias = () if self.bias is None else ((self.bias, -1),)
        inputs, outputs = self.kernel.shape
        return LinearSplit(
            inputs, outputs, columns=((self.kernel, 1), *bias), rows=((self.kernel, 0),)
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self._parse(input_shape).output_shape

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "output_shape": self.partial_output_shape,
            "equation": self.equation,
            "activation": activations.serialize(self.activation),
            "bias_axes": self.bias_axes,
            **options_config(self, "kernel", "bias"),
            **activity_config(self),
            "quantization_config": None,
        }


def _leading(x: Any, trailing: int) -> tuple:
    """The sizes of all dims but the last ones."""
    sizes = tuple(x.shape)
    sizes = tuple(ops.shape(x)) if None in sizes else sizes  # as tensors, where they are not known
    return sizes[: len(sizes) - trailing]


def _with_axes(initializer: Any, parsed: _Parsed) -> Any:
    """The initializer with the kernel's in and out axes.

    Initializers that scale by fans cannot know them.
    """
    if not isinstance(initializer, initializers.VarianceScaling):
        return initializer
    if initializer.input_axes is not None and initializer.output_axes is not None:
        return initializer
    config = {**initializer.get_config(), "seed": initializer.seed}
    axes = {"input_axes": parsed.input_axes, "output_axes": parsed.output_axes}
    return type(initializer).from_config({**config, **axes})
