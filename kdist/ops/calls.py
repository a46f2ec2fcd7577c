"""A call of an op as a node of a model's graph, and what files say of it.

Files hold Keras's form: a class for each op, settings such as `axis` in its config, tensors in the
call, so `concatenate([a, b], axis=-1)` is `Concatenate(axis=-1)` called with `[a, b]`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from kdist.core import registry, serialization
from kdist.core.graph import Node, any_symbolic
from kdist.ops.elementwise import ELEMENTWISE
from kdist.ops.operation import Operation

# Parameters that Keras's classes take in the call; the others are settings.
_CALLED_WITH = frozenset(
    {
        "a", "abs_", "angle", "array", "atol", "b", "beta", "bias", "bins", "branches",
        "choicelist", "condition", "condlist", "constant_values", "coordinates", "data",
        "default", "depthwise_kernel", "elements", "elems", "end_points", "f", "false_fn",
        "fill_value", "fun", "gamma", "image1", "image2", "images", "index", "indices", "init",
        "init_val", "initial_value", "inputs", "kernel", "key", "kwargs", "loop_vars", "mask",
        "mean", "offset", "operands", "output", "output_length", "output_shape", "pattern", "pointwise_kernel",
        "pred", "predictions", "primals", "q", "query", "rtol", "scale", "segment_ids",
        "sequence_lengths", "sorted_sequence", "start", "start_indices", "start_points", "step", "stop",
        "tangents", "target", "target_length", "targets", "tensor", "transform", "translation", "true_fn",
        "updates", "value", "values", "variable", "variance", "volumes", "weights", "x", "x1",
        "x2", "xs", "y",
    }
)  # fmt: skip
_SETTINGS_OF = {
    "allclose": {"atol", "rtol"},
    "bincount": {"weights"},
    "diagonal": {"offset"},
    "histogram": {"bins"},
    "squareplus": {"b"},
    "trace": {"offset"},
    "trapezoid": {"x"},
    "unique": {"fill_value"},
    "affine_transform": {"fill_value"},
    "elastic_transform": {"fill_value"},
    "map_coordinates": {"fill_value"},
    "perspective_transform": {"fill_value"},
    "resize": {"fill_value"},
}
_CLASS_OF = {
    "cdist": "CDist",
    "ctc_decode": "CTCDecode",
    "ctc_loss": "CTCLoss",
    "fft": "FFT",
    "fft2": "FFT2",
    "ifft2": "IFFT2",
    "rfft": "RFFT",
    "irfft": "IRFFT",
    "stft": "STFT",
    "istft": "ISTFT",
    "jvp": "JVP",
    "psnr": "PSNR",
    "ssim": "SSIM",
    "rgb_to_grayscale": "RGBToGrayscale",
    "rgb_to_hsv": "RGBToHSV",
    "hsv_to_rgb": "HSVToRGB",
    "batch_normalization": "BatchNorm",
    "layer_normalization": "LayerNorm",
    "rms_normalization": "RMSNorm",
    "searchsorted": "SearchSorted",
    "svd": "SVD",
    "abs": "Absolute",
    "allclose": "AllClose",
    "isin": "IsIn",
    "swish": "Silu",
    "hard_swish": "HardSilu",
}
_FAMILY_OF = {"size": "numpy"}
# These have no class in Keras: a file with one of them is for kdist alone.
_OWN_FAMILY = "fused"


class SavedForm:
    """How files write the calls of one op: the class they name, and which arguments go where.

    Arguments:
        op: the public op.
        declaration: the function that declares it.
    """

    def __init__(self, op: Callable, declaration: Callable):
        self.op, self.declaration = op, declaration
        name = declaration.__name__
        family = declaration.__module__.rsplit(".", 1)[-1].split("_")[0]
        camel = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
        self.__name__ = _CLASS_OF.get(name, camel)
        package = "kdist.ops" if family == _OWN_FAMILY else "keras.src.ops"
        self.path = (f"{package}.{_FAMILY_OF.get(name, family)}", self.__name__)

    @functools.cached_property
    def signature(self) -> inspect.Signature:
        return inspect.signature(self.declaration)

    @functools.cached_property
    def settings(self) -> frozenset[str]:
        """The parameters that stand in the config."""
        called = _CALLED_WITH - _SETTINGS_OF.get(self.declaration.__name__, set())
        fixed = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        found = self.signature.parameters.values()
        return frozenset(p.name for p in found if p.name not in called and p.kind not in fixed)

    def split(self, args: tuple, kwargs: dict) -> tuple[dict, list, dict]:
        """(settings, args, kwargs) of a saved call, from the arguments of the op."""
        bound = self.signature.bind(*args, **kwargs)
        given = dict(bound.arguments)
        bound.apply_defaults()
        # A tensor among the settings goes with the call, which only kdist reads back.
        settings = {
            n: bound.arguments[n] for n in self.settings if not any_symbolic([bound.arguments[n]])
        }
        positional: list = []
        named: dict = {}
        for parameter in self.signature.parameters.values():
            if parameter.name in settings or parameter.name not in given:
                continue
            value = given[parameter.name]
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                positional += value
            elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
                named.update(value)
            elif self._called[len(positional) :][:1] == [parameter.name]:
                positional.append(value)
            else:  # one before it is absent
                named[parameter.name] = value
        return settings, positional, named

    @functools.cached_property
    def _called(self) -> list[str]:
        return [n for n in self.signature.parameters if n not in self.settings]

    def join(self, settings: dict, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """The op's arguments from those of a saved call and its settings."""
        parameters = self.signature.parameters
        rest = [n for n, p in parameters.items() if p.kind is inspect.Parameter.VAR_POSITIONAL]
        settings = {k: _tuples(v) for k, v in settings.items()}
        if rest:
            leading = list(parameters)[: list(parameters).index(rest[0])]
            before = [settings.pop(n) for n in leading if n in settings]
            return (*before, *args), {**settings, **kwargs}
        if "key" in parameters:
            args = tuple(tuple(a) if isinstance(a, list) else a for a in args)
        named = {**dict(zip(self._called, args, strict=False)), **settings, **kwargs}
        bound = self.signature.bind(**named)
        return bound.args, bound.kwargs

    def from_config(self, config: dict) -> OpCall:
        """A call that a file describes, to be made by `OpCall.call_saved`."""
        config = {k: serialization.deserialize_keras_object(v) for k, v in config.items()}
        name = config.pop("name")
        return OpCall(self.op, name, config)


class OpCall(Operation):
    """One op as a node of a model's graph.

    Arguments:
        op: the public op.
        settings: what a file says besides the arguments of the call.
    """

    def __init__(self, op: Callable, name: str, settings: dict | None = None):
        super().__init__(name=name)
        self.op, self._settings = op, settings

    @property
    def form(self) -> SavedForm:
        return self.op.form  # type: ignore[attr-defined]

    @property
    def keeps_tensor_split(self) -> bool:
        """As of a layer: whether the output's features are split as the inputs'."""
        return self.form.declaration.__name__ in ELEMENTWISE

    @property
    def saved_path(self) -> tuple[str, str]:
        """(module, class name) in files."""
        return self.form.path

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return self.op(*args, **kwargs)

    def call_saved(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic call that a file describes."""
        args, kwargs = self.form.join(self._settings or {}, args, kwargs)
        return self(*args, **kwargs)

    def saved_arguments(self, node: Node) -> tuple[list, dict]:
        """The (args, kwargs) that a file gives for a call."""
        _, args, kwargs = self.form.split(node.args, node.kwargs)
        return args, kwargs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        return self.op.spec(*args, **kwargs)  # type: ignore[attr-defined]

    def get_config(self) -> dict:
        settings: dict = {}
        if self._inbound_nodes:
            node = self._inbound_nodes[0]
            settings, _, _ = self.form.split(node.args, node.kwargs)
        return {"name": self.name, **settings}


def register(op: Callable, declaration: Callable) -> None:
    """Let files name `op`, and the class by which they write its calls."""
    form = SavedForm(op, declaration)
    op.form = form  # type: ignore[attr-defined]
    registry.publish_as(*form.path, form)
    registry.publish("keras.ops", {declaration.__name__: op})


def _tuples(value: Any) -> Any:
    """Settings such as axes and shapes were tuples before JSON made lists of them."""
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
