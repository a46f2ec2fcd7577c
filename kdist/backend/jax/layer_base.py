"""The base of every layer on jax: a plain class. A layer's parameters are its variables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kdist.backend.jax.placement import constrained
from kdist.core import recording


class LayerBase:
    """Runs `self.call`; keeps no registry of its own."""

    # (of inputs, of outputs, how the latter were cut), where the plan has any: set by `place`.
    _layouts: Any = None

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        recorder = recording.local.recorder
        if recorder is not None:
            return recorder.run(self, self.call, args, kwargs)  # type: ignore[attr-defined]
        if self._layouts is None:
            return self.call(*args, **kwargs)  # type: ignore[attr-defined]
        inputs, outputs, gathered = self._layouts
        args, kwargs = constrained((args, kwargs), inputs)
        with self._activating_as(outputs) as brought:
            out = self.call(*args, **kwargs)  # type: ignore[attr-defined]
        return constrained(out, outputs[-1:] if brought else outputs, gathered)

    @contextmanager
    def _activating_as(self, outputs: Any) -> Iterator[list]:
        """Where a sum is brought to several layouts, what the layer's activation is given is: XLA would else find a way
        of its own for the activation's gradient. Gives a list, which is empty until that is done.
        """
        brought: list = []
        activation, remat = self.__dict__.get("activation"), self.__dict__.get("remat_mode")
        # By itself computed again, it would bring what it is given there once more.
        alone = remat is not None and remat.mode == "activations"
        if activation is None or alone or len(outputs) < 2:
            yield brought
            return

        def activate(x: Any) -> Any:
            brought.append(True)
            return activation(constrained(x, outputs))

        object.__setattr__(self, "activation", activate)
        try:
            yield brought
        finally:
            object.__setattr__(self, "activation", activation)

    def _attach_variable(self, name: str, variable: Any) -> None:
        """Nothing to do: jax has no module that owns parameters."""

    def _attach_layer(self, name: str, layer: Any) -> None:
        """Nothing to do: jax has no module tree."""

    def _attach_foreign(self, name: str, value: Any) -> None:
        """Nothing to do: jax has no modules among a layer's other attributes."""

    def _detach(self, value: Any) -> None:
        """Nothing to do: what was attached left no trace."""
