"""Layers."""

from kdist.core.registry import publish
from kdist.layers.core.dense import Dense
from kdist.layers.core.input_layer import Input, InputLayer
from kdist.layers.input_spec import InputSpec
from kdist.layers.layer import Layer

__all__ = ["Dense", "Input", "InputLayer", "InputSpec", "Layer"]
publish("keras.layers", globals())
