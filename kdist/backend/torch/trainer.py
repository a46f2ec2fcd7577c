"""The bodies of `train_step`, `test_step` and `predict_step`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from kdist.backend.torch.gradients import BY_VALUE
from kdist.backend.torch.storage import running


def pack(x: Any, y: Any, sample_weight: Any) -> Any:
    """What a step receives as `data`, as in Keras: a tuple without trailing Nones, or x alone."""
    if sample_weight is not None:
        return x, y, sample_weight
    if y is not None:
        return x, y
    return (x,) if isinstance(x, list | tuple) else x


def unpack(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of what `pack` made."""
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if len(data) > 3:
        raise ValueError(
            f"data has {len(data)} parts; a step takes x, (x, y) or (x, y, sample_weight)."
        )
    return (*data, None, None)[:3]


class _Parameters:
    """The tensors to differentiate by, and how, remembered for a run of a program."""

    def __init__(self, variables: list, gradients: Callable):
        self.gradients = gradients
        self.variables, self.run = variables, running.number
        self.tensors = [v._storage.handle() for v in variables]
        self.any = any(t.requires_grad for t in self.tensors)


def _parameters(model: Any) -> _Parameters:
    variables = model.trainable_variables
    found = model.__dict__.get("_torch_parameters")
    if (
        found is None
        or found.variables is not variables
        or found.run != running.number
        or not running.number
    ):
        found = _Parameters(variables, model.__dict__.get("_torch_gradients", BY_VALUE))
        object.__setattr__(model, "_torch_parameters", found)
    return found


def train_step(model: Any, data: Any) -> Any:
    """One update from one batch. Returns the logs if the model computes its own, else None."""
    x, y, sample_weight = unpack(data)
    y_pred = model(x, training=True) if model._call_signature.has_training else model(x)
    loss = model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True)
    parameters = _parameters(model)
    optimizer = model.optimizer
    grads = None
    if optimizer is not None and parameters.any:
        grads = parameters.gradients(
            optimizer.scale_loss(loss), parameters.tensors, parameters.variables
        )
    with torch.no_grad():
        logs = model._update_metrics(loss, x, y, y_pred, sample_weight)
        if grads is not None:
            parameters.gradients.update(optimizer, grads, parameters.variables)
    return logs


def test_step(model: Any, data: Any) -> Any:
    """Loss and metrics of one batch."""
    x, y, sample_weight = unpack(data)
    y_pred = model(x, training=False) if model._call_signature.has_training else model(x)
    loss = model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=False)
    return model._update_metrics(loss, x, y, y_pred, sample_weight)


def predict_step(model: Any, data: Any) -> Any:
    """The outputs for one batch."""
    x, _, _ = unpack(data)
    return model(x, training=False) if model._call_signature.has_training else model(x)
