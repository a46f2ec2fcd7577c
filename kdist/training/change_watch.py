"""A sharded fit must change its parameters: that it does not is the silent failure of this field.

A wrapper that holds the old tensors, a graph that was cut, gradients that went to a copy: the loss is printed, the
hours pass, and the weights are those of the beginning.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from kdist.backend import bound as backend

# The smallest parameters are compared, up to these numbers: enough that all of them at rest means that nothing moves.
_VARIABLES, _ELEMENTS = 32, 1 << 20
_LAST_LOOK = 16


def change_watch(model: Any) -> ChangeWatch | None:
    """A watch for a fit that begins, or None where there is nothing to train."""
    if model.optimizer is None:
        return None
    if not model.trainable_variables:
        warnings.warn(f"Model {model.name!r} has no trainable variables.", stacklevel=2)
        return None
    strategy = model._strategy()
    cut = any(
        v.layout is not None and not v.layout.is_replicated for v in model.trainable_variables
    )
    return ChangeWatch(model, strict=strategy is not None, patient=not cut)


class ChangeWatch:
    """Looks at the parameters before the first update and after it.

    Arguments:
        model: a built model with an optimizer and trainable variables.
        strict: raise, and do not only warn, if nothing changes.
        patient: give it some updates: the first gradients may be 0. Where variables are sharded, one must tell.
    """

    def __init__(self, model: Any, strict: bool, patient: bool):
        self._model, self._strict, self._patient = model, strict, patient
        variables = sorted(model.trainable_variables, key=lambda v: v.size)
        self._watched = [v for v in variables[:_VARIABLES] if v.size <= _ELEMENTS] or variables[:1]
        self._before = [backend.local_value(v) for v in self._watched]
        self._micro_steps = getattr(model.optimizer, "gradient_accumulation_steps", None) or 1
        self._steps, self._next_look = 0, 1

    def after_steps(self, count: int) -> ChangeWatch | None:
        """To be called after so many steps. Returns the watch, or None when it has seen enough.

        Raises: RuntimeError if `strict`, and no parameter has changed.
        """
        self._steps += count
        updates = self._steps // self._micro_steps
        if updates < self._next_look:  # looks after updates 1, 2, 4, 8 and 16, or soon after
            return self
        self._next_look = 2 * updates
        after = [backend.local_value(v) for v in self._watched]
        if not all(map(np.array_equal, self._before, after)):
            return None
        if updates < _LAST_LOOK and not self._must_have_moved():
            return self
        self._complain(updates)
        return None

    def _must_have_moved(self) -> bool:
        """Whether one update is enough to tell: not while the rate is 0, or where a scaled loss may have overflowed."""
        optimizer = self._model.optimizer
        if self._patient or hasattr(optimizer, "inner_optimizer"):
            return False
        return float(backend.convert_to_numpy(optimizer.learning_rate)) > 0.0

    def _complain(self, updates: int) -> None:
        names = ", ".join(repr(v.path) for v in self._watched[:4])
        more = len(self._model.trainable_variables) - min(4, len(self._watched))
        text = (
            f"Training changes no parameter: after {updates} update(s), {names}"
            f"{f' and {more} more' if more else ''} are what they were. Does the loss depend on them, and is the "
            "learning rate above 0?"
        )
        if self._strict:
            raise RuntimeError(text)
        warnings.warn(text, stacklevel=2)
