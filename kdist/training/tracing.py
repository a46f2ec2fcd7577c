"""A training step traced without computing it: which layers it calls, and the memory it takes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import nullcontext
from typing import Any

from kdist import ops
from kdist.backend import bound as backend
from kdist.core import tree
from kdist.core.abstract import abstract_scope
from kdist.core.graph import KerasTensor
from kdist.core.replicas import step_scope
from kdist.core.spec import Spec
from kdist.distribution.runtime import distribution_scope
from kdist.distribution.trace import Activation, LayerCall, StepTrace
from kdist.training.compile_loss import CompileLoss, path_get


class _Alike:
    """Stands in for replicas in a trace: what they sum takes the memory of a copy."""

    index = 0

    def __init__(self, count: int):
        self.count = count

    def all_sum(self, x: Any) -> Any:
        return ops.multiply(x, 1.0)

    def mean_gradients(self, gradients: list, variables: Sequence = ()) -> list:
        return gradients


def trace_step(
    model: Any,
    rows: int,
    input_shape: Any = None,
    targets: Any = None,
    plan: Any = None,
    replicas: int = 1,
) -> StepTrace:
    """Trace one training step of a built model on `rows` rows.

    Arguments:
        input_shape: a shape without the batch dim, or a structure of `Spec`s with it, where the model has no
            `inputs`, or leaves sizes open.
        targets: a structure of `Spec`s as y will be, with the batch dim; default: as the loss and the outputs suggest.
        plan: by which the model is shared by several devices, each with as many rows.
        replicas: how many compute the step together, each with as many rows; 1 where arrays are global.

    Raises: ValueError if sizes are not known, or if nothing is trained.
    """
    x = _input_specs(model, rows, input_shape)
    variables = model.trainable_variables
    if not variables:
        raise ValueError(
            f"Model {model.name!r} has no trainable variables: there is no step to trace."
        )
    trained = {id(v) for v in variables}
    others = [v for v in model.variables if id(v) not in trained]
    step = step_scope(_Alike(replicas)) if replicas > 1 else nullcontext()
    with abstract_scope(), distribution_scope(None), step:
        loss = _fresh_loss(model)
        y = None
        if loss is not None:
            outputs = backend.abstract_eval(_forward, (model, x), {})
            loss.build(outputs)
            y = targets if targets is not None else _targets(loss, outputs)
        with backend.recorder(_activation) as recorder:
            traced = backend.trace_gradients(
                _Loss(model, loss),
                variables,
                others,
                (x, y),
                None if plan is None else (model, plan),
            )
    batch_bytes = sum(s.nbytes for s in tree.flatten((x, y)) if isinstance(s, Spec))
    calls = tuple(LayerCall(id(layer), *noted) for layer, *noted in recorder.calls)
    return StepTrace(
        rows,
        calls,
        traced.allocations,
        batch_bytes,
        traced.gradient_bytes,
        traced.compiled_bytes,
        traced.placed_bytes,
        frozenset(recorder.repeated),
        dict.fromkeys(recorder.repeated, 1) if traced.again is None else traced.again,
        traced.read,
        traced.reached,
    )


def _forward(model: Any, x: Any) -> Any:
    return model(x, training=True) if model._call_signature.has_training else model(x)


def _fresh_loss(model: Any) -> CompileLoss | None:
    """The compiled loss with state of its own, so that tracing it leaves the model's alone."""
    compiled = model._compile_loss
    if compiled is None:
        return None
    return CompileLoss(
        compiled.loss, compiled.loss_weights, compiled.reduction, compiled.output_names
    )


class _Loss:
    """The scalar that is differentiated: the compiled loss and penalties; without a loss the outputs' mean."""

    def __init__(self, model: Any, loss: CompileLoss | None):
        self._model, self._loss = model, loss
        self._outputs: Any = None  # a step holds them to its end, for the metrics

    def __call__(self, x: Any, y: Any) -> Any:
        y_pred = self._outputs = _forward(self._model, x)
        losses = [ops.sum(penalty) for penalty in self._model.losses]
        if self._loss is None:
            losses += [ops.mean(ops.cast(out, "float32")) for out in tree.flatten(y_pred)]
        else:
            losses.append(self._loss(y, y_pred))
        total = losses[0]
        for loss in losses[1:]:
            total = ops.add(total, loss)
        return total


def _targets(loss: CompileLoss, y_pred: Any) -> Any:
    """Specs of targets that fit the losses: class numbers for sparse ones, else what the outputs are."""
    sparse = {path for path, _, part, _ in loss._parts or () if "sparse" in part.name.lower()}
    specs = []
    for path, _ in loss._paths:
        y = path_get(y_pred, path)
        specs.append(Spec(y.shape[:-1], "int32") if path in sparse else y)
    return specs if len(specs) > 1 else specs[0]


def _input_specs(model: Any, rows: int, given: Any) -> Any:
    if given is not None:
        if isinstance(given, tuple | list) and all(isinstance(n, int) for n in given):
            return Spec((rows, *given), _input_dtype(model))
        return tree.map_structure(lambda s: Spec((rows, *s.shape[1:]), s.dtype), given)
    graph = getattr(model, "_graph", None)
    if graph is None:
        raise ValueError(
            f"Model {model.name!r} does not know its inputs' shapes. Pass input_shape=, without the batch dim."
        )
    return tree.map_structure(lambda x: _known(model, x, rows), graph.inputs)


def _input_dtype(model: Any) -> str:
    graph = getattr(model, "_graph", None)
    return graph.flat_inputs[0].dtype if graph is not None else model.input_dtype


def _known(model: Any, x: KerasTensor, rows: int) -> Spec:
    if None in x.shape[1:]:
        raise ValueError(
            f"Input {x.name!r} of model {model.name!r} has the shape {x.shape}, with unknown sizes. "
            "Pass input_shape=, without the batch dim."
        )
    return Spec((rows, *x.shape[1:]), x.dtype)


def _activation(x: Any, key: Hashable, flows: bool) -> Activation | None:
    if not backend.is_tensor(x):
        return None
    return Activation(tuple(x.shape), backend.dtype_of(x), key, flows)
