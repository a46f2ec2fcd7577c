"""Shapes and dtypes of what a function gives, without its values: evaluation on torch's meta device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from kdist.backend.torch import device
from kdist.backend.torch.device import META, device_scope, place
from kdist.backend.torch.tensors import NAMES, TORCH
from kdist.core import scopes, tree
from kdist.core.spec import Spec


class _MetaScope(scopes.StatelessScope):
    """Variables are read as meta tensors, and what is assigned to them is forgotten. Outside of it, reading costs nothing more."""

    def get_current_value(self, variable: Any) -> Tensor:
        found = self.state_mapping.get(id(variable))
        if found is None:
            found = torch.empty(variable.shape, dtype=TORCH[variable.dtype], device=META)
            self.state_mapping[id(variable)] = found
        return found


def _to_spec(x: Any) -> Any:
    return Spec(tuple(x.shape), NAMES[x.dtype]) if isinstance(x, Tensor) else x


def abstract_eval(fn: Callable, args: tuple, kwargs: dict) -> Any:
    """Specs of `fn(*args, **kwargs)` with each `Spec` among the arguments standing for a tensor."""

    def make(x: Any) -> Any:
        return torch.empty(x.shape, dtype=TORCH[x.dtype], device=META) if isinstance(x, Spec) else x

    with torch.no_grad(), _MetaScope(), device_scope(META):
        try:
            meta_args, meta_kwargs = tree.map_structure(make, (args, kwargs))
            return tree.map_structure(_to_spec, fn(*meta_args, **meta_kwargs))
        except RuntimeError as first:
            if not (isinstance(first, NotImplementedError) or "device" in str(first)):
                raise
            # Real tensors were mixed in (a constant made in build), or the meta device lacks an op: fake tensors, which
            # are some ten times slower, know how to deal with both. What they cannot is shown by the first error.
            with FakeTensorMode(allow_non_fake_inputs=True):
                fake_args, fake_kwargs = tree.map_structure(make, (args, kwargs))
                try:
                    return tree.map_structure(_to_spec, fn(*fake_args, **fake_kwargs))
                except RuntimeError:
                    raise first from None


@contextmanager
def concrete() -> Iterator[None]:
    """Computes real values within, even while a model's shapes are being inferred: layers may be built then."""
    if place.device is not META:
        yield
        return
    outer, scopes.local.stateless = scopes.local.stateless, None
    scopes.local.refresh()
    try:
        with device_scope(device.DEFAULT), torch.enable_grad():
            yield
    finally:
        scopes.local.stateless = outer
        scopes.local.refresh()
