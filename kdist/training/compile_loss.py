"""What `compile(loss=..., loss_weights=...)` means for a model's outputs.

One scalar, and one tracked value per output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kdist import losses as losses_lib
from kdist import ops
from kdist.core import tree
from kdist.core.replicas import global_size, replicas
from kdist.metrics import Mean


def path_get(structure: Any, path: tuple) -> Any:
    for key in path:
        structure = structure[key]
    return structure


def output_paths(y_pred: Any, output_names: list[str] | None) -> list[tuple[tuple, str]]:
    """Where each output stands in `y_pred`, and its name ("" where it has none)."""
    if isinstance(y_pred, dict):
        return [
            ((k, *path), str(k))
            for k in sorted(y_pred)
            for path, _ in tree.flatten_with_path(y_pred[k])
        ]
    if isinstance(y_pred, list | tuple):
        paths = [path for path, _ in tree.flatten_with_path(y_pred)]
        names = (
            output_names
            if output_names and len(output_names) == len(paths)
            else ["" for _ in paths]
        )
        return list(zip(paths, names, strict=True))
    return [((), output_names[0] if output_names else "")]


def per_output(what: str, given: Any, paths: list[tuple[tuple, str]]) -> list[Any]:
    """Distribute an argument of `compile` over the outputs: one for all, by name, or by position.

    Raises: ValueError for a name that no output has, or a list of the wrong length.
    """
    names = [name for _, name in paths]
    if isinstance(given, dict):
        unknown = [
            k for k in given if k not in names and not any(p and p[0] == k for p, _ in paths)
        ]
        if unknown:
            raise ValueError(
                f"{what}: there is no output named {unknown[0]!r}. The model's outputs are {names}."
            )
        return [given.get(name, given.get(path[0]) if path else None) for path, name in paths]
    if isinstance(given, list | tuple) and (len(paths) > 1 or len(given) == 1):
        if len(given) != len(paths):
            raise ValueError(f"{what} has {len(given)} entries for {len(paths)} outputs: {names}.")
        return list(given)
    return [given for _ in paths]


def select(target: Any, path: tuple, name: str, index: int, count: int) -> Any:
    """The part of `y_true` (or of sample weights) that belongs to an output."""
    if target is None or (count == 1 and not isinstance(target, list | tuple | dict)):
        return target
    if isinstance(target, dict):
        key = name if name in target else (path[0] if path else next(iter(target)))
        if key not in target:
            raise ValueError(
                f"y has no entry for the output {name or path!r}; its keys are {sorted(target)}."
            )
        return target[key]
    if isinstance(target, list | tuple):
        leaves = tree.flatten(target)
        if len(leaves) != count:
            raise ValueError(f"y has {len(leaves)} parts, and the model has {count} outputs.")
        return leaves[index]
    return target


class CompileLoss:
    """The total loss of a model with one or several outputs.

    Arguments:
        loss: a name, a `Loss`, a function `(y_true, y_pred) -> per-sample loss`, or lists or dicts of them by output.
        loss_weights: numbers by output.
        output_names: names of the model's outputs, if it knows them.
    """

    def __init__(
        self,
        loss: Any,
        loss_weights: Any = None,
        reduction: str = "sum_over_batch_size",
        output_names: list[str] | None = None,
    ):
        if loss_weights is not None and not isinstance(
            loss_weights, list | tuple | dict | float | int
        ):
            raise ValueError(
                f"loss_weights={loss_weights!r} must be a number, a list or a dict of numbers."
            )
        self.loss, self.loss_weights, self.reduction, self.output_names = (
            loss,
            loss_weights,
            reduction,
            output_names,
        )
        self._parts: list[tuple[tuple, str, Any, Any]] | None = None
        self._paths: list[tuple[tuple, str]] = []
        self._shapes: list[tuple] = []  # of the outputs that have a loss
        self.metrics: list[Any] = []

    def build(self, y_pred: Any) -> None:
        """Find the loss of each output. `y_pred`: the outputs, or their specs."""
        paths = output_paths(y_pred, self.output_names)
        given = per_output("loss", self.loss, paths)
        weights = (
            per_output("loss_weights", self.loss_weights, paths)
            if self.loss_weights is not None
            else [None] * len(paths)
        )
        self._parts = []
        for i, ((path, name), loss, weight) in enumerate(zip(paths, given, weights, strict=True)):
            if loss is not None:
                self._parts.append(
                    (path, name or f"output_{i}", as_loss(loss, self.reduction), weight)
                )
        self._paths = paths
        self._shapes = [
            tuple(getattr(path_get(y_pred, path), "shape", ())) for path, *_ in self._parts
        ]
        if len(self._parts) > 1:
            self.metrics = [Mean(name=f"{name}_loss") for _, name, _, _ in self._parts]

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The scalar total; None if no output has a loss."""
        if self._parts is None:
            self.build(y_pred)
        total = None
        paths = [p for p, _ in self._paths]
        if len(self._parts) > 1 and not isinstance(y_true, list | tuple | dict):
            raise ValueError(
                f"y is one array of shape {tuple(y_true.shape)}, and {len(self._parts)} outputs have a loss: "
                f"{[name for _, name, _, _ in self._parts]}. "
                "Pass a list or a dict with the targets of each."
            )
        for i, (path, name, loss, weight) in enumerate(self._parts):
            index = paths.index(path)
            target = select(y_true, path, name, index, len(paths))
            w = (
                select(sample_weight, path, name, index, len(paths))
                if isinstance(sample_weight, list | tuple | dict)
                else sample_weight
            )
            pred = path_get(y_pred, path)
            try:
                value = loss(target, pred, w)
            # Everything, because each framework has its own errors for shapes, and users' losses theirs. It
            # is raised again as it is unless the shapes explain it.
            except Exception as e:
                if not _differ(target, pred):
                    raise
                raise ValueError(
                    f"y has shape {tuple(target.shape)} and the output {name!r} {tuple(pred.shape)}, "
                    f"with the batch, which the loss {loss.name!r} cannot compare. Give the output "
                    "the size of the targets, or pass targets of its shape."
                ) from e
            if self.metrics:  # each output's loss is reported without its weight
                self.metrics[i].update_state(value, sample_weight=samples_here(y_pred))
            if weight is not None:
                value = value * weight
            total = value if total is None else total + value
        return total

    def labelled(
        self, y: Any, class_count: Callable[[Any, tuple], int | None]
    ) -> Iterator[tuple[str, Any, int, Any]]:
        """(name, loss, classes, targets) of each output for which `class_count` gives a number.

        `class_count(loss, shape)` is asked for each output's loss and shape.

        The name is "" where there is one output.
        """
        paths = [p for p, _ in self._paths]
        for (path, name, loss, _), shape in zip(self._parts or [], self._shapes, strict=True):
            classes = class_count(loss, shape)
            if classes is not None:
                target = select(y, path, name, paths.index(path), len(paths))
                yield (name if len(paths) > 1 else ""), loss, classes, target

    def get_config(self) -> dict:
        return {"loss": self.loss, "loss_weights": self.loss_weights}


def _differ(a: Any, b: Any) -> bool:
    """Whether two tensors of one rank cannot go together element by element, as far as is known."""
    m, n = tuple(getattr(a, "shape", ())), tuple(getattr(b, "shape", ()))
    alike = lambda i, j: i is None or j is None or i == j or 1 in (i, j)
    return len(m) == len(n) and not all(map(alike, m, n))


def samples_here(batch: Any) -> Any:
    """This replica's share of the global batch's real samples: the weight of a loss value in an epoch's mean."""
    size = global_size()
    if size is not None:
        count = replicas().count
        return size if count == 1 else size / count
    leaves = [x for x in tree.flatten(batch) if hasattr(x, "shape") and len(x.shape)]
    return ops.shape(leaves[0])[0] if leaves else 1


def kind_of_labels(y_true: Any, y_pred: Any) -> int:
    """Which of (binary, sparse, categorical) labels `y_true` holds for the classes that `y_pred` has scores of."""
    t, p = tuple(y_true.shape), tuple(y_pred.shape)
    if not p or p[-1] == 1:
        return 0
    return 1 if len(t) < len(p) or (len(t) == len(p) and t[-1] == 1) else 2


class Crossentropy(losses_lib.Loss):
    """The crossentropy that fits the shapes: binary, sparse or categorical. What "crossentropy" and "ce" mean."""

    _kinds = tuple(
        losses_lib.LossFunctionWrapper(each, reduction=None)
        for each in (
            losses_lib.binary_crossentropy,
            losses_lib.sparse_categorical_crossentropy,
            losses_lib.categorical_crossentropy,
        )
    )

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self._kinds[kind_of_labels(y_true, y_pred)].call(y_true, y_pred)


def as_loss(loss: Any, reduction: str = "sum_over_batch_size") -> Any:
    """A `Loss` for a name, a function or a `Loss`."""
    if isinstance(loss, str) and loss.lower() in ("crossentropy", "ce"):
        return Crossentropy(reduction=reduction, name=loss)
    found = losses_lib.get(loss)
    if isinstance(found, losses_lib.Loss):
        return found
    if isinstance(loss, str):
        by_class = (
            losses_lib.ALL_OBJECTS.get("".join(part.title() for part in loss.split("_")))
            if hasattr(losses_lib, "ALL_OBJECTS")
            else None
        )
        if isinstance(by_class, type):
            return by_class()
    return losses_lib.LossFunctionWrapper(
        found, reduction=reduction, name=getattr(found, "__name__", "loss")
    )
