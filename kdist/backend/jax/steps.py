"""The built-in train, test and predict steps: pure functions of the variables' values.

`state` is what Keras's guides to custom steps on jax pass: tuples of lists of values. Arrays are
global on jax, so a loss over the batch is the global loss, however the batch is sharded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from kdist.core.given import GivenValues


def unpack(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of a step's data, None for what it lacks."""
    if not isinstance(data, tuple | list):
        return data, None, None
    return (*data, None, None)[:3]


def pack(x: Any, y: Any, sample_weight: Any) -> Any:
    """The inverse of `unpack`: x alone, (x,) if x is a tuple or list, (x, y) or all three."""
    if y is None and sample_weight is None:
        return (x,) if isinstance(x, tuple | list) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def _forward(
    model: Any, state: tuple, data: Any, training: bool, scale: Callable = lambda loss: loss
) -> tuple:
    """(loss to differentiate, (loss, y_pred, non-trainable and metrics variables' values))."""
    trainable, non_trainable, metrics = state
    x, y, sample_weight = unpack(data)
    values = GivenValues(
        (model.trainable_variables, trainable),
        (model.non_trainable_variables, non_trainable),
        (model.metrics_variables, metrics),
    )
    with values.scope() as scope:
        y_pred = model(x, training=training)
        loss = model.compute_loss(
            x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training
        )
        scaled = scale(loss)
    _, non_trainable, metrics = values.after(scope)
    return scaled, (loss, y_pred, non_trainable, metrics)


def _measure(model: Any, metrics: list, loss: Any, data: Any, y_pred: Any) -> tuple:
    """(what the model reports of its own, or None; the metrics variables' new values)."""
    x, y, sample_weight = unpack(data)
    values = GivenValues((model.metrics_variables, metrics))
    with values.scope() as scope:
        out = model._update_metrics(loss, x, y, y_pred, sample_weight)
    return out, values.after(scope)[0]


def train(model: Any, state: tuple, data: Any) -> tuple:
    """One update. Returns (None, or what `compute_metrics` of the user's own gave; new state)."""
    trainable, non_trainable, optimizer_values, metrics = state
    optimizer = model.optimizer

    def loss_of(trainable: list) -> tuple:
        return _forward(
            model, (trainable, non_trainable, metrics), data, True, optimizer.scale_loss
        )

    (_, aux), grads = jax.value_and_grad(loss_of, has_aux=True)(trainable)
    loss, y_pred, non_trainable, metrics = aux
    trainable, optimizer_values = optimizer.stateless_apply(optimizer_values, grads, trainable)
    out, metrics = _measure(model, metrics, loss, data, y_pred)
    return out, (trainable, non_trainable, optimizer_values, metrics)


def test(model: Any, state: tuple, data: Any) -> tuple:
    """Loss and metrics without an update; returns as `train` does."""
    trainable = state[0]
    _, (loss, y_pred, non_trainable, metrics) = _forward(model, state, data, False)
    out, metrics = _measure(model, metrics, loss, data, y_pred)
    return out, (trainable, non_trainable, metrics)


def predict(model: Any, state: tuple, data: Any) -> tuple:
    """Returns (outputs, the non-trainable variables' values)."""
    trainable, non_trainable = state
    values = GivenValues(
        (model.trainable_variables, trainable), (model.non_trainable_variables, non_trainable)
    )
    with values.scope() as scope:
        outputs = model(unpack(data)[0], training=False)
    return outputs, values.after(scope)[1]


def _with_results(model: Any, out: dict | None, metrics: list) -> dict:
    """Logs for a user's step that calls the built-in one: it expects them."""
    if out is not None:
        return out
    with GivenValues((model.metrics_variables, metrics)).scope():
        return model.get_metrics_result()


def train_step(model: Any, *args: Any) -> tuple:
    """The body of `Model.train_step(state, data)`: (logs, state).

    `state` is (trainable, non-trainable, optimizer, metrics variables' values).
    """
    state, data = args
    out, state = train(model, state, data)
    return _with_results(model, out, state[3]), state


def test_step(model: Any, *args: Any) -> tuple:
    """The body of `Model.test_step(state, data)`: (logs, state).

    `state` is (trainable, non-trainable, metrics variables' values).
    """
    state, data = args
    out, state = test(model, state, data)
    return _with_results(model, out, state[2]), state


def predict_step(model: Any, *args: Any) -> tuple:
    """The body of `Model.predict_step(state, data)`: (outputs, non-trainable values).

    `state` is (trainable, non-trainable variables' values).
    """
    return predict(model, *args)


def is_built_in(model: Any, kind: str) -> bool:
    """Whether the model runs kdist's own step of this kind, whose results are in the metrics."""
    return getattr(type(model), f"{kind}_step").__module__ == "kdist.training.trainer"
