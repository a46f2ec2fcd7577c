"""What must exist before a step is compiled: every variable that the first batch would create."""

from __future__ import annotations

from typing import Any

from kdist.core import scopes, tree
from kdist.core.graph import KerasTensor
from kdist.data import Source
from kdist.distribution.runtime import distribution_scope


def prepare(model: Any, source: Source, training: bool) -> None:
    """Build the model, its losses and metrics, and the optimizer if `training`, from the data's shapes.

    No batch is read. A compiled step then finds all variables that it will update.
    """
    x_spec, y_spec, _ = source.spec()
    x = tree.map_structure(_symbolic, x_spec)
    y = tree.map_structure(_symbolic, y_spec) if y_spec is not None else None
    metrics, loss = model._compile_metrics, model._compile_loss
    metrics_wait = metrics is not None and not metrics.built and y is not None
    loss_waits = loss is not None and loss._parts is None
    if not _is_built(model) or metrics_wait or loss_waits:
        y_pred = _symbolic_outputs(model, x)
        if y_pred is not None and metrics_wait:
            metrics.build(y, y_pred)
        if y_pred is not None and loss_waits:
            loss.build(y_pred)
    model._place()
    if training and model.optimizer is not None and not model.optimizer.built:
        with distribution_scope(model._strategy()):
            model.optimizer.build(model.trainable_variables)


def _symbolic(spec: Any) -> KerasTensor | None:
    return None if spec is None else KerasTensor((None, *spec.shape), spec.dtype)


def _is_built(model: Any) -> bool:
    return model.built and all(layer.built for layer in model._flatten_layers())


def _symbolic_outputs(model: Any, x: Any) -> Any:
    """The outputs' specs; None for a model that is built but cannot be traced: its first step builds the rest."""
    try:
        with (
            scopes.StatelessScope(initialize_variables=True),
            distribution_scope(model._strategy()),
        ):
            return model(x, training=False) if model._call_signature.has_training else model(x)
    # Everything, because a user's own call() may raise anything when it meets symbolic tensors.
    except Exception as e:
        if _is_built(model):
            return None
        shapes = tree.map_structure(lambda t: None if t is None else (t.shape, t.dtype), x)
        e.add_note(f"while building model {model.name!r} for inputs {shapes}")
        raise
