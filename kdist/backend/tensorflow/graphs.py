"""Traced versions of a step, and the variables it works on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kdist.core import tree


def variables_of(model: Any) -> list:
    """Every variable that a step may read or assign, each once."""
    optimizer = [] if model.optimizer is None else model.optimizer.variables
    metrics = model.metrics_variables if model.compiled else []
    found = {id(v): v for v in (*model.variables, *_seeds(model), *optimizer, *metrics)}
    return list(found.values())


def _seeds(model: Any) -> list:
    return [s.state for layer in model._flatten_layers() for s in layer._seed_generators]


class Graphs:
    """Traced versions of a step, and which one fits a batch.

    A batch of a new shape makes a new trace, whose dims that have differed so far are left open: a
    shorter last batch costs one more trace, and lengths that differ with each batch two. Calling
    the traced function itself leaves out what `tf.function` does in Python at each call to find it.

    Arguments:
        fn: `fn(x, y, w, mask, size)` on trees of tensors.
        jit: compile by XLA.
        put: makes of a NumPy array what the graphs take.
        check: raises for a graph that cannot run.
        open_dims: whether dims that differ are left open; if not, each shape has a trace.
        open_first: whether a first dim, before those of the batch, is left open from the start.
        phase: what the next step is to do, as something hashable: each phase has traces of its own.
            A trace may find out that there are phases.
    """

    def __init__(
        self,
        fn: Callable,
        jit: bool,
        put: Callable = tf.constant,
        open_dims: bool = True,
        check: Callable[[Any], None] = lambda graph: None,
        phase: Callable[[], tuple] = tuple,
        open_first: bool = False,
    ):
        self._open_first = open_first
        self._fn, self._jit, self._put, self._open_dims = fn, jit, put, open_dims
        self._check, self._phase = check, phase
        self._by_key: dict[Any, Any] = {}
        # ((phase, structure), specs, how to call it), and each one's graph.
        self._seen: list[tuple[Any, list, Any]] = []
        self._traced: list[Any] = []

    def __call__(self, x: Any, y: Any, w: Any, mask: Any, size: Any) -> Any:
        batch = (x, y, w, mask, size)
        plain = (
            type(x) is np.ndarray
            and type(y) in (np.ndarray, type(None))
            and type(w) in (np.ndarray, type(None))
        )
        leaves = batch if plain else tree.flatten(batch)
        arrays = [a for a in leaves if a is not None]
        key: Any = tuple([None if a is None else (a.shape, a.dtype) for a in leaves])
        if not plain:
            key = (key, str(tree.map_structure(lambda _: None, batch)))
        phase = self._phase()
        call = self._by_key.get((phase, key))
        if call is None:
            call = self._find(phase, batch, arrays)
            self._by_key[self._phase(), key] = call
        return call(arrays)

    def traces(self) -> list[tuple[tuple, Any]]:
        """(phase, graph) of each trace."""
        return [(seen[0][0], graph) for seen, graph in zip(self._seen, self._traced, strict=True)]

    def _find(self, phase: tuple, batch: Any, arrays: list) -> Callable:
        structure: Any = str(
            tree.map_structure(lambda a: None if a is None else (len(a.shape), str(a.dtype)), batch)
        )
        structure = (phase, structure)
        shapes = [tuple(a.shape) for a in arrays]
        alike = [entry for entry in self._seen if entry[0] == structure]
        for _, specs, call in alike:
            if all(
                s.is_compatible_with(tf.TensorSpec(shape, s.dtype))
                for s, shape in zip(specs, shapes, strict=True)
            ):
                return call
        for _, specs, _ in alike if self._open_dims else ():
            merged = zip(specs, shapes, strict=True)
            shapes = [
                tuple(a if a == b else None for a, b in zip(s.shape, shape, strict=True))
                for s, shape in merged
            ]
        if self._open_first:
            shapes = [(None, *shape[1:]) for shape in shapes]
        specs = [tf.TensorSpec(shape, a.dtype) for shape, a in zip(shapes, arrays, strict=True)]
        call = self._trace(batch, specs)
        self._seen.append(((self._phase(), structure[1]), specs, call))
        return call

    def _trace(self, batch: Any, specs: list) -> Callable:
        leaves = tree.flatten(batch)

        def flat(*tensors: Any) -> Any:
            given = iter(tensors)
            return self._fn(
                *tree.pack_sequence_as(batch, [None if a is None else next(given) for a in leaves])
            )

        function = tf.function(flat, autograph=False, jit_compile=self._jit or None)
        graph = function.get_concrete_function(*specs)
        self._check(graph.graph)
        self._traced.append(graph.graph)
        put = self._put
        return lambda arrays: graph(*[put(a) for a in arrays])
