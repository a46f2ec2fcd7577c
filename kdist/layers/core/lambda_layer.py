"""`Lambda`: a function as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from kdist.core import serialization, tree
from kdist.core.graph import KerasTensor
from kdist.layers.layer import Layer
from kdist.layers.shapes import map_shapes


class Lambda(Layer):
    """Calls a function of the input.

    It must not create or hold variables: those would not be trained or saved.

    Arguments:
        function: `function(inputs, **arguments)`; a parameter named `mask` or `training` receives
            that too.
        output_shape: the output's shape without the batch, or a function of the input's; None:
            inferred.
        mask: the output's mask, or a function (inputs, mask) of it.
        arguments: keyword arguments of `function`.

    Files hold a Python lambda as code, which loading refuses unless told otherwise; a registered
    function is saved by its name.
    Example: `Lambda(kdist.ops.square)`.
    """

    def __init__(
        self,
        function: Callable,
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.function = function
        self.arguments = arguments or {}
        self.mask = mask
        self.supports_masking = mask is not None
        self._output_shape = output_shape
        names = _parameter_names(function)
        self._passes_training = "training" in names
        self._passes_mask = "mask" in names

    def call(self, inputs: Any, mask: Any = None, training: Any = None) -> Any:
        kwargs = dict(self.arguments)
        if self._passes_mask:
            kwargs["mask"] = mask
        if self._passes_training:
            kwargs["training"] = training
        return self.function(inputs, **kwargs)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def compute_output_spec(self, inputs: Any, mask: Any = None, training: Any = None) -> Any:
        if self._output_shape is None:
            given = {} if mask is None else {"mask": mask}
            return self._probe_call((inputs,), {**given, "training": training})
        shapes = tree.map_structure(lambda x: x.shape, inputs)
        return _tensors(
            self._given_shape(shapes, tree.flatten(inputs)[0].shape[0]), self.compute_dtype
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self._output_shape is None:
            specs = _tensors(input_shape, self.compute_dtype)
            try:
                return tree.map_structure(lambda x: x.shape, self._probe_call((specs,), {}))
            # Everything, because the user's function may raise anything.
            except Exception as e:
                raise NotImplementedError(
                    "We could not automatically infer the shape of the output of the Lambda "
                    f"{self.name!r} ({e}). Pass output_shape=."
                ) from e
        return self._given_shape(input_shape, tree.flatten(input_shape)[0])

    def _given_shape(self, input_shape: Any, batch: int | None) -> Any:
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        return map_shapes(lambda shape: (batch, *shape), self._output_shape)

    def get_config(self) -> dict:
        config = {"function": serialization.serialize_keras_object(self.function)}
        if self._output_shape is not None:
            config["output_shape"] = serialization.serialize_keras_object(self._output_shape)
        if self.mask is not None:
            config["mask"] = serialization.serialize_keras_object(self.mask)
        config["arguments"] = serialization.serialize_keras_object(self.arguments)
        return {**super().get_config(), **config}

    @classmethod
    def from_config(
        cls, config: dict, custom_objects: Any = None, safe_mode: bool | None = None
    ) -> Any:
        """A layer from `config`, what `get_config` returned.

        Arguments:
            custom_objects: dict of names and the functions of the user's own.
            safe_mode: False runs the code of a lambda that the config holds.

        Raises: ValueError if it holds one and `safe_mode` is not False.
        """
        config = dict(config)
        for key in ("function", "output_shape", "mask", "arguments"):
            if isinstance(config.get(key), dict | list):
                config[key] = serialization.deserialize_keras_object(
                    _lambda_value(config[key]),
                    custom_objects=custom_objects,
                    safe_mode=safe_mode is not False,
                )
        if isinstance(config.get("output_shape"), list):
            config["output_shape"] = map_shapes(tuple, config["output_shape"])
        return super().from_config(config)


def _lambda_value(config: Any) -> Any:
    """Keras writes a lambda of this layer one level flatter than elsewhere."""
    if (
        isinstance(config, dict)
        and config.get("class_name") == "__lambda__"
        and "value" not in config["config"]
    ):
        return {"class_name": "__lambda__", "config": {"value": config["config"]}}
    return config


def _parameter_names(function: Callable) -> tuple:
    try:
        return tuple(inspect.signature(function).parameters)
    except ValueError:  # a builtin without a signature
        return ()


def _tensors(shapes: Any, dtype: str) -> Any:
    return map_shapes(lambda s: KerasTensor(s, dtype), shapes)
