"""What `compile(metrics=..., weighted_metrics=...)` means for a model's outputs."""

from __future__ import annotations

from typing import Any

from kdist import metrics as metrics_lib
from kdist import ops
from kdist.core.replicas import sample_mask
from kdist.training.compile_loss import (
    kind_of_labels,
    output_paths,
    path_get,
    per_output,
    select,
)


def _listed(given: Any) -> list:
    return list(given) if isinstance(given, list | tuple) else [given]


def _metrics_per_output(what: str, given: Any, paths: list[tuple[tuple, str]]) -> list[list]:
    """Lists of metrics by output.

    A flat list goes to every output, a list of lists to the outputs in turn, as in Keras.
    """
    if given is None:
        return [[] for _ in paths]
    if isinstance(given, dict):
        return [_listed(m) if m is not None else [] for m in per_output(what, given, paths)]
    if (
        isinstance(given, list | tuple)
        and len(paths) > 1
        and any(isinstance(m, list | tuple) or m is None for m in given)
    ):
        return [_listed(m) if m is not None else [] for m in per_output(what, given, paths)]
    if isinstance(given, list | tuple) and len(paths) > 1 and len(given) == len(paths):
        return [[m] for m in given]
    return [_listed(given) for _ in paths]


def resolve_metric(identifier: Any, y_true: Any, y_pred: Any) -> Any:
    """A metric object. "accuracy" and "crossentropy" mean what fits the shapes: binary, sparse or categorical."""
    if isinstance(identifier, metrics_lib.Metric):
        return identifier
    kind = str(identifier).lower() if isinstance(identifier, str) else None
    families = {
        "accuracy": ("BinaryAccuracy", "SparseCategoricalAccuracy", "CategoricalAccuracy"),
        "crossentropy": (
            "BinaryCrossentropy",
            "SparseCategoricalCrossentropy",
            "CategoricalCrossentropy",
        ),
    }
    family = {
        "accuracy": "accuracy",
        "acc": "accuracy",
        "crossentropy": "crossentropy",
        "ce": "crossentropy",
    }.get(kind or "")
    if family is not None:
        cls = getattr(metrics_lib, families[family][kind_of_labels(y_true, y_pred)])
        return cls(name=identifier)
    found = metrics_lib.get(identifier)
    if isinstance(found, metrics_lib.Metric):
        # "mae" is logged as "mae".
        found.name = identifier if isinstance(identifier, str) else found.name
        return found
    return metrics_lib.MeanMetricWrapper(found, name=getattr(found, "__name__", "metric"))


class CompileMetrics(metrics_lib.Metric):
    """All compiled metrics as one metric whose result is a dict, `{"acc": ..., "output_auc": ...}`."""

    def __init__(
        self,
        metrics: Any,
        weighted_metrics: Any,
        name: str = "compile_metrics",
        output_names: list[str] | None = None,
    ):
        super().__init__(name=name)
        self._given, self._given_weighted, self.output_names = (
            metrics,
            weighted_metrics,
            output_names,
        )
        self.built = False
        self._parts: list = []

    def build(self, y_true: Any, y_pred: Any) -> None:
        paths = output_paths(y_pred, self.output_names)
        plain = _metrics_per_output("metrics", self._given, paths)
        weighted = _metrics_per_output("weighted_metrics", self._given_weighted, paths)
        parts = []
        for i, (path, name) in enumerate(paths):
            if not plain[i] and not weighted[i]:
                continue
            target = select(y_true, path, name, i, len(paths))
            prefix = f"{name or f'output_{i}'}_" if len(paths) > 1 else ""
            make = lambda ms, t=target, p=path: [
                resolve_metric(m, t, path_get(y_pred, p)) for m in ms if m is not None
            ]
            parts.append((path, name, i, prefix, make(plain[i]), make(weighted[i])))
        self._parts, self._count = parts, len(paths)
        self.built = True

    @property
    def metrics(self) -> list:
        return [m for *_, plain, weighted in self._parts for m in (*plain, *weighted)]

    @property
    def variables(self) -> list:
        return [v for m in self.metrics for v in m.variables]

    def update_state(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None
    ) -> None:
        """`mask`: weights that every metric gets, those that ignore sample weights too; default: 0 for the rows of
        the running step that are padding, so that a train step of the user's own counts as the built-in one does.
        """
        mask = sample_mask() if mask is None else mask
        if not self.built:
            self.build(y_true, y_pred)
        for path, name, i, _, plain, weighted in self._parts:
            target, pred = select(y_true, path, name, i, self._count), path_get(y_pred, path)
            nested = isinstance(sample_weight, list | tuple | dict)
            w = select(sample_weight, path, name, i, self._count) if nested else sample_weight
            for m in plain:
                if mask is None:
                    m.update_state(target, pred)
                else:
                    m.update_state(target, pred, sample_weight=mask)
            for m in weighted:
                m.update_state(
                    target,
                    pred,
                    sample_weight=w
                    if mask is None
                    else (mask if w is None else ops.multiply(w, mask)),
                )

    def reset_state(self) -> None:
        for m in self.metrics:
            m.reset_state()

    def result(self) -> dict:
        results: dict = {}
        for _, _, _, prefix, plain, weighted in self._parts:
            for m in (*plain, *weighted):
                value = m.result()
                for key, v in value.items() if isinstance(value, dict) else [(m.name, value)]:
                    name = prefix + key
                    n = 2
                    while name in results:  # two metrics of one name
                        name, n = f"{prefix}{key}_{n}", n + 1
                    results[name] = v
        return results
