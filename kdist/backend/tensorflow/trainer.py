"""The bodies of `train_step`, `test_step` and `predict_step`."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


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


def _outputs(model: Any, x: Any, training: bool) -> Any:
    return model(x, training=training) if model._call_signature.has_training else model(x)


def train_step(model: Any, data: Any) -> Any:
    """One update from one batch. Returns the logs if the model computes its own, else None."""
    x, y, sample_weight = unpack(data)
    optimizer = model.optimizer
    with tf.GradientTape() as tape:
        y_pred = _outputs(model, x, training=True)
        loss = model.compute_loss(
            x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True
        )
        scaled = loss if optimizer is None else optimizer.scale_loss(loss)
    logs = model._update_metrics(loss, x, y, y_pred, sample_weight)
    variables = model.trainable_variables
    if optimizer is not None and variables:
        optimizer.apply(tape.gradient(scaled, variables), variables)
    return logs


def test_step(model: Any, data: Any) -> Any:
    """Loss and metrics of one batch."""
    x, y, sample_weight = unpack(data)
    y_pred = _outputs(model, x, training=False)
    loss = model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=False)
    return model._update_metrics(loss, x, y, y_pred, sample_weight)


def predict_step(model: Any, data: Any) -> Any:
    """The outputs for one batch."""
    x, _, _ = unpack(data)
    return _outputs(model, x, training=False)
