"""Shapes and dtypes of what a function gives, without its values: evaluation on torch's meta device."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily

from kdist.backend.torch import device
from kdist.backend.torch.device import META, device_scope, place
from kdist.backend.torch.tensors import NAMES, TORCH
from kdist.core import scopes, tree
from kdist.core.abstract import stand_ins
from kdist.core.spec import Spec


class _State(threading.local):
    """Whether this thread infers shapes."""

    active = False


_state = _State()


def is_active() -> bool:
    """Whether this thread infers shapes at the moment."""
    return _state.active


class AbstractScope(scopes.StatelessScope):
    """Variables are read as tensors without values, and what is assigned to them is forgotten.

    Outside of it, reading costs nothing more.

    Attributes:
        read: ids of the variables that were read.
    """

    def __init__(self, values: Any = None):
        super().__init__(values)
        self.read: set[int] = set()

    def get_current_value(self, variable: Any) -> Tensor:
        self.read.add(id(variable))
        found = self.state_mapping.get(id(variable))
        if found is None:
            found = empty(variable.shape, variable.dtype)
            self.state_mapping[id(variable)] = found
        return found


def empty(shape: tuple, dtype: str) -> Tensor:
    """A tensor without particular values, on the device where tensors are made at the moment."""
    return torch.empty(shape, dtype=TORCH[dtype], device=place.device)


def _to_spec(x: Any) -> Any:
    return Spec(tuple(x.shape), NAMES[x.dtype]) if isinstance(x, Tensor) else x


@contextmanager
def inferring(values: Any = None) -> Iterator[AbstractScope]:
    """Variables are read as `values` (pairs of variable and tensor), or else as tensors without values."""
    outer, _state.active = _state.active, True
    try:
        with AbstractScope(values) as scope, stand_ins(empty):
            yield scope
    finally:
        _state.active = outer


def _evaluate(fn: Callable, args: tuple, kwargs: dict) -> Any:
    def make(x: Any) -> Any:
        return empty(x.shape, x.dtype) if isinstance(x, Spec) else x

    with torch.no_grad(), inferring():
        args, kwargs = tree.map_structure(make, (args, kwargs))
        return tree.map_structure(_to_spec, fn(*args, **kwargs))


def abstract_eval(fn: Callable, args: tuple, kwargs: dict) -> Any:
    """Specs of `fn(*args, **kwargs)` with each `Spec` among the arguments standing for a tensor.

    Raises:
        ValueError: if the shapes do not fit, with torch's own words.
    """
    try:
        with device_scope(META):
            return _evaluate(fn, args, kwargs)
    except (RuntimeError, IndexError) as e:
        first = e
    if isinstance(first, NotImplementedError) or "device" in str(first):
        # Real tensors were mixed in (a constant made in build, a plain torch module's parameters), or the meta device
        # lacks
        # an op. Fake tensors, some ten times slower, know how to deal with both. What they cannot is shown by the
        # first error.
        try:
            with FakeTensorMode(allow_non_fake_inputs=True), device_scope(device.DEFAULT):
                return _evaluate(fn, args, kwargs)
        except RuntimeError:
            raise first from None
    raise ValueError(str(first)) from first


@contextmanager
def concrete() -> Iterator[None]:
    """Computes real values within, even while a model's shapes are being inferred: layers may be built then."""
    if not _state.active:
        yield
        return
    outer, scopes.local.stateless = scopes.local.stateless, None
    scopes.local.refresh()
    _state.active = False
    try:
        with unset_fake_temporarily(), device_scope(device.DEFAULT), torch.enable_grad():
            yield
    finally:
        _state.active = True
        scopes.local.stateless = outer
        scopes.local.refresh()
