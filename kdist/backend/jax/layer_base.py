"""The base of every layer on jax: a plain class. A layer's parameters are its variables."""

from __future__ import annotations

from typing import Any

from kdist.backend.jax.placement import constrained
from kdist.core import recording


class LayerBase:
    """Runs `self.call`; keeps no registry of its own."""

    _layouts: Any = None  # of (inputs, outputs), where the plan has any: set by `place`

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        recorder = recording.local.recorder
        if recorder is not None:
            return recorder.run(self, self.call, args, kwargs)  # type: ignore[attr-defined]
        if self._layouts is None:
            return self.call(*args, **kwargs)  # type: ignore[attr-defined]
        inputs, outputs = self._layouts
        args, kwargs = constrained((args, kwargs), inputs)
        return constrained(self.call(*args, **kwargs), outputs)  # type: ignore[attr-defined]

    def _attach_variable(self, name: str, variable: Any) -> None:
        """Nothing to do: jax has no module that owns parameters."""

    def _attach_layer(self, name: str, layer: Any) -> None:
        """Nothing to do: jax has no module tree."""

    def _attach_foreign(self, name: str, value: Any) -> None:
        """Nothing to do: jax has no modules among a layer's other attributes."""
