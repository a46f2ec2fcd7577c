"""`ProgbarLogger`: the progress of fit, evaluate and predict on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdist.callbacks import console
from kdist.callbacks.callback import Callback
from kdist.callbacks.progbar import Progbar


class ProgbarLogger(Callback):
    """Prints progress and logs, as `verbose` says.

    `fit`, `evaluate` and `predict` add one on the chief process.

    The numbers of an unfinished epoch are this process's own where several train; those of a
    finished one are everybody's.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.progbar: Progbar | None = None
        self.target: int | None = None
        self.verbose = 1
        self.epochs = 1
        self._in_fit = False

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        verbose = params.get("verbose", 1)
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = params.get("epochs", 1)
        self.target = params.get("steps")
        self._set_quiet()

    def _set_quiet(self) -> None:
        # Where only the finished line is printed, batches are counted if their number is unknown.
        needs_batches = self.target is None or (self.verbose == 1 and console.is_terminal())
        if self.verbose == 0 or not needs_batches:
            self.quiet = frozenset({"train", "test", "predict"})
        else:
            self.quiet = frozenset({"test"}) if self._in_fit else frozenset()

    def on_train_begin(self, logs: Any = None) -> None:
        self._in_fit = True  # validation within fit is silent
        self._set_quiet()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.verbose and self.epochs > 1:
            console.say(f"Epoch {epoch + 1}/{self.epochs}")
        self._begin()
        position = (self.params or {}).get("position")
        if position is not None and self.progbar is not None:
            self.progbar.first = self.seen = position.batch

    def on_test_begin(self, logs: Any = None) -> None:
        if not self._in_fit:
            self._begin()

    def on_predict_begin(self, logs: Any = None) -> None:
        self._begin()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._advance(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        if not self._in_fit:
            self._advance(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self._advance(batch, None)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._finish(logs)

    def on_test_end(self, logs: Any = None) -> None:
        if not self._in_fit:
            self._finish(logs)

    def on_predict_end(self, logs: Any = None) -> None:
        self._finish(None)

    def on_train_end(self, logs: Any = None) -> None:
        self._in_fit = False

    def on_interrupted(self) -> None:
        self._in_fit = False
        if self.progbar is not None:
            self.progbar.close_line()

    def _begin(self) -> None:
        self.seen = 0
        self.progbar = Progbar(self.target, verbose=self.verbose, stateless_metrics=())

    def _advance(self, batch: int, logs: Any) -> None:
        assert self.progbar is not None
        self.seen = batch + 1
        # Without a look at the logs, which would wait for the device, unless they are to be drawn.
        values = _numbers(logs) if logs is not None and self.progbar.due() else {}
        self.progbar.update(self.seen, values.items(), finalize=False)

    def _finish(self, logs: Mapping | None) -> None:
        assert self.progbar is not None
        if self.target is None:
            self.target = self.progbar.target = self.seen
            self._set_quiet()
        self.progbar.update(self.target, _numbers(logs or {}).items(), finalize=True)


def _numbers(logs: Mapping) -> Mapping:
    local = getattr(logs, "local", None)  # a lazy mapping gives this process's own numbers
    return logs if local is None else local()
