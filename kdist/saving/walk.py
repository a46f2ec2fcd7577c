"""Which objects of a model have state, and under which paths files hold it.

The paths are Keras's, `layers/dense_1`, `encoder/blocks/container/dense`, `optimizer`: an object is
named by the attribute that holds it, in a container by its class and how many of that class came
before. An object stands where it is met first; attributes are met in alphabetical order, those that
begin with an underscore last.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from kdist.core.names import to_snake_case
from kdist.layers.layer import Layer
from kdist.layers.tracking import TrackedDict, TrackedList
from kdist.losses import Loss
from kdist.metrics import Metric
from kdist.optimizers import Optimizer
from kdist.random import SeedGenerator

_STATEFUL = (Layer, Optimizer, Metric, Loss, SeedGenerator)
_CONTAINERS = (list, tuple, dict)


def stateful_objects(root: Any, skip: Any = ()) -> list[tuple[str, Any]]:
    """(path, object) for `root` and everything inside it, each once, without those in `skip`."""
    seen = {id(x) for x in skip}
    return [*_object(root, "", seen)]


def _object(found: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    if id(found) in seen:
        return
    seen.add(id(found))
    yield path, found
    for name, child in _children(found):
        yield from _any(child, f"{path}/{name}" if path else name, seen, set())


def _any(child: Any, path: str, seen: set[int], open_: set[int]) -> Iterator[tuple[str, Any]]:
    if isinstance(child, _STATEFUL):
        yield from _object(child, path, seen)
    elif isinstance(child, _CONTAINERS) and id(child) not in open_:
        # A container may hold itself.
        yield from _container(child, path, seen, open_ | {id(child)})


def _container(held: Any, path: str, seen: set, open_: set) -> Iterator[tuple[str, Any]]:
    counts: dict[str, int] = {}
    for item in list(held.values()) if isinstance(held, dict) else list(held):
        if isinstance(item, _STATEFUL):
            name = to_snake_case(type(item).__name__)
        elif isinstance(item, _CONTAINERS):
            name = "container"
        else:
            continue
        n = counts[name] = counts.get(name, -1) + 1
        yield from _any(item, f"{path}/{name}_{n}" if n else f"{path}/{name}", seen, open_)


def _children(parent: Any) -> Iterator[tuple[str, Any]]:
    fixed, first, properties = _layout(type(parent))
    if first and parent._graph is not None:
        yield "layers", parent.layers
    held = {name for name, value in vars(parent).items() if _is_state(value, parent)}
    # Names that begin with "_" come last: "~" sorts behind every letter.
    for name in sorted(held | fixed | properties, key=lambda n: f"~{n}" if n[0] == "_" else n):
        try:
            child = getattr(parent, name)
        # Everything, because these are properties of users' classes, and one that cannot be computed
        # now (before build, say) may raise anything. It holds no state.
        except Exception:
            continue
        yield name, child


def _is_state(value: Any, parent: Any) -> bool:
    if isinstance(value, _STATEFUL):
        return True
    if isinstance(parent, Layer):
        # What was assigned to a layer is a tracked container; plain ones are kdist's bookkeeping.
        return isinstance(value, TrackedList | TrackedDict | tuple)
    return isinstance(value, _CONTAINERS)


@functools.cache
def _layout(cls: type) -> tuple[frozenset[str], bool, frozenset[str]]:
    """(What a model always has, whether it may be a graph, properties of the class itself)."""
    base = next((c for c in cls.__mro__ if "_saved_parts" in vars(c)), None)
    if base is None:
        return frozenset(), False, frozenset()
    own = [c for c in cls.__mro__ if c not in base.__mro__]
    found = {n for c in own for n, v in vars(c).items() if not n.startswith("__") and _computes(v)}
    return frozenset(base._saved_parts), bool(base._saved_parts), frozenset(found)


def _computes(attribute: Any) -> bool:
    """Whether reading it may give an object with state: a property or the like, no method."""
    return isinstance(attribute, (property, functools.cached_property, *_STATEFUL, *_CONTAINERS))
