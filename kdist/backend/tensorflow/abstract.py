"""Specs of what a function would return, found in a scratch graph.

Nothing is computed, and no variable changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kdist.core import tree
from kdist.core.abstract import stand_ins
from kdist.core.spec import Spec


def _placeholder(x: Any) -> Any:
    return tf.compat.v1.placeholder(x.dtype, x.shape) if isinstance(x, Spec) else x


def _spec(x: Any) -> Any:
    if isinstance(x, tf.Variable):
        return Spec(tuple(x.shape.as_list()), x.dtype.name)
    if not isinstance(x, tf.Tensor):
        return x
    if x.shape.rank is None:
        raise ValueError(
            f"The rank of {x.name} is not known before it is computed. Declare a rule for the op that makes it."
        )
    return Spec(tuple(x.shape.as_list()), x.dtype.name)


def abstract_eval(fn: Callable, args: tuple, kwargs: dict) -> Any:
    """Specs of `fn(*args, **kwargs)`; every `Spec` among the arguments, at any depth, is a tensor."""
    # A FuncGraph, not a plain Graph: variables and eager tensors that `fn` holds are captured into
    # it.
    with tf.__internal__.FuncGraph("abstract_eval").as_default(), stand_ins(tf.zeros):
        args, kwargs = tree.map_structure(_placeholder, (args, kwargs))
        return tree.map_structure(_spec, fn(*args, **kwargs))
