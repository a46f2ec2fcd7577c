"""The base class of layers: TensorFlow needs nothing of it."""

from __future__ import annotations

from typing import Any

from kdist.core import recording


class LayerBase:
    """Runs `call`, and ignores what is attached: TensorFlow tracks no modules here."""

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        recorder = recording.local.recorder
        if recorder is not None:
            return recorder.run(self, self.call, args, kwargs)  # type: ignore[attr-defined]
        return self.call(*args, **kwargs)  # type: ignore[attr-defined]

    def _attach_variable(self, name: str, variable: Any) -> None:
        pass

    def _attach_layer(self, name: str, layer: Any) -> None:
        pass

    def _attach_foreign(self, name: str, value: Any) -> None:
        pass

    def _detach(self, value: Any) -> None:
        pass
