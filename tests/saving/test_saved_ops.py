"""The classes under which files write ops are Keras's."""

from __future__ import annotations

import importlib
import inspect

import pytest

import kdist
from kdist.ops.declare import DECLARED

# Ops that make no node in Keras.
NO_NODE = {"empty", "eye", "identity", "ones", "tri", "zeros"}
NO_NODE |= {"bartlett", "blackman", "hamming", "hanning", "kaiser"}
# Keras computes it by another op: a file with one of these is for kdist alone.
NO_NODE |= {"extract_patches_3d"}
# Keras spells these with what no file holds: functions, or arguments that only pass through.
OTHER_ARGUMENTS = {"layer_normalization", "multi_hot"}


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_class_and_arguments(keras, name):
    op = getattr(kdist.ops, name, None) or getattr(kdist.ops.image, name)
    form = op.form
    module, cls = form.path
    if name in NO_NODE:
        assert not hasattr(importlib.import_module(module), cls)
        return
    if module.startswith("kdist."):  # an op that only kdist has
        assert not hasattr(keras.ops, name)
        return
    found = getattr(importlib.import_module(module), cls)
    called = [p for p in inspect.signature(found.call).parameters if p != "self"]
    own = found.__init__ is not keras.Operation.__init__
    made = inspect.signature(found.__init__).parameters if own else {}
    settings = {p for p in made if p not in ("self", "name")}
    if name in OTHER_ARGUMENTS:
        assert form.settings <= settings
        return
    assert (form.settings, form._called) == (settings, called)
