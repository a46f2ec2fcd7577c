"""Models: chains, graphs and subclasses."""

from kdist.core.registry import publish
from kdist.models.model import Functional, Model, model_from_json
from kdist.models.sequential import Sequential
from kdist.saving import load_model, save_model

publish("keras.models", {"Functional": Functional})
publish("keras.src.models.functional", {"Functional": Functional})  # as Keras writes it
publish("keras.models", {"Model": Model, "Sequential": Sequential})
publish("keras", {"Model": Model, "Sequential": Sequential})

__all__ = ["Functional", "Model", "Sequential", "load_model", "model_from_json", "save_model"]
