"""Which of the numbers that a step gives are results of metrics.

Where replicas add metrics up apart, a result is of one replica's rows: the sums of all replicas give the right one.
Any other number has no more to it than an average. The two are told apart by what the metrics gave in that step.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ResultOf:
    """In place of a number: it is to be read off the metrics.

    Arguments:
        name: of the result, among those of all metrics.
    """

    name: str


class _Local(threading.local):
    given: list[tuple[Any, Any]] | None = None


_local = _Local()


@contextmanager
def results_given() -> Iterator[list[tuple[Any, Any]]]:
    """A list of (metric, result) of what metrics give within."""
    outer, _local.given = _local.given, []
    try:
        yield _local.given
    finally:
        _local.given = outer


def noting(result: Callable) -> Callable:
    """The method `result` of a metric, noted by `results_given`."""

    @functools.wraps(result)
    def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        value = result(self, *args, **kwargs)
        if _local.given is not None:
            _local.given.append((self, value))
        return value

    return noted


def of_metrics(logs: dict, given: Sequence[tuple[Any, Any]], metrics: Sequence) -> dict:
    """Those of `logs` that are results of `metrics`, as `ResultOf`s by their names in the logs.

    A result is known by being the very object that the metric gave; what was computed from it is not one.
    """
    members = {id(m) for m in metrics}
    names: dict[int, str] = {}
    for metric, value in given:
        if id(metric) in members:
            named = value.items() if isinstance(value, dict) else [(metric.name, value)]
            names.update((id(v), name) for name, v in named)
    return {k: ResultOf(names[id(v)]) for k, v in logs.items() if id(v) in names}
