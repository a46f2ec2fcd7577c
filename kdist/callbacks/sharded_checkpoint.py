"""`ShardedCheckpoint`: saves all that a fit needs to go on, each process its own part."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kdist.backend import bound as backend
from kdist.callbacks import states
from kdist.callbacks.callback import Callback
from kdist.callbacks.monitor import check_mode, direction
from kdist.checkpoint import Checkpointer, CheckpointError, Reader, RetentionPolicy

_log = logging.getLogger(__name__)


class ShardedCheckpoint(Callback):
    """Saves weights, optimizer, seeds, metrics, data position and callbacks' state while training.

    `fit(..., callbacks=[ShardedCheckpoint(url)], resume="auto")` goes on from the newest complete
    save: with the same backend and devices exactly where that run was; on other ones, to rounding.
    All processes of a run pass it, with the same arguments. A run that goes on from an older step,
    by `resume=<int>`, removes the steps after that one when it first saves.

    Arguments:
        url: the folder: a path, or "memory://", "s3://", "gs://".
        save_freq: "epoch", or a number of batches.
        keep: how many saves to keep: the newest, and with `monitor` the best in their place (the
            newest is kept in any case). None keeps all.
        monitor: the log by which saves are compared; only with save_freq="epoch".
        mode: "min", "max" or "auto": whether smaller or larger is better.
        block: True waits until a save is complete; False copies the state and writes it while
            training goes on. How long training waited is logged at level INFO.

    Raises:
        ValueError: for arguments that fit() could not follow.
        CheckpointError: from fit: at once, when the folder holds saves and fit() is not told to
            resume; when a save failed, and then the saves before it are intact.

    Example:
        model.fit(x, y, callbacks=[ShardedCheckpoint("runs/a", save_freq=100)], resume="auto")
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        keep: int | None = 3,
        monitor: str | None = None,
        mode: str = "auto",
        block: bool = False,
    ):
        super().__init__()
        self.url = os.fspath(url)
        self.save_freq = check_save_freq(save_freq, "ShardedCheckpoint")
        if keep is not None and (not isinstance(keep, int) or isinstance(keep, bool) or keep < 1):
            raise ValueError(
                f"ShardedCheckpoint(keep={keep!r}): it must be a positive int or None."
            )
        if monitor is not None and save_freq != "epoch":
            raise ValueError(
                f"ShardedCheckpoint(monitor={monitor!r}, save_freq={save_freq!r}): saves are "
                "compared by the logs of finished epochs; pass save_freq='epoch'."
            )
        self.keep, self.monitor, self.block = keep, monitor, block
        self.mode = check_mode(mode, "ShardedCheckpoint")
        self.quiet = frozenset({"train"}) if save_freq == "epoch" else frozenset()
        self._checkpointer: Checkpointer | None = None
        self._reader: Reader | None = None
        self._saved_step: int | None = None
        self._resumed_step: int | None = None
        self._steps_before = 0  # the present dispatch
        self._states: Callable[[], tuple[dict, dict]] = lambda: ({}, {})

    def attach(self, get_states: Callable[[], tuple[dict, dict]]) -> None:
        """Receives `get_states`, which gives the state of all callbacks, as (JSON data, leaves)."""
        self._states = get_states

    # ---- saving ----------------------------------------------------------------------------------
    def on_train_begin(self, logs: Any = None) -> None:
        checkpointer = self._open(self.model)
        steps = checkpointer.steps()
        if steps and self._resumed_step is None:
            # Now, and not when the first save collides with them after an hour of training.
            raise CheckpointError(
                f"{checkpointer.url} holds the checkpoints {steps}. Pass resume='auto' to fit() to "
                "go on from the newest, or give ShardedCheckpoint a folder of its own for this run."
            )

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._steps_before = self.model.position.step

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.save_freq != "epoch":
            freq = int(self.save_freq)
            # A dispatch may run several steps, and pass the one to save after.
            if self.model.position.step // freq > self._steps_before // freq:
                self._save({})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.save_freq == "epoch":
            self._save(logs or {})

    def on_train_end(self, logs: Any = None) -> None:
        self._close()

    def on_interrupted(self) -> None:
        self._close()

    def _save(self, logs: Mapping) -> None:
        model = self.model
        step = model.position.step
        if step == self._saved_step:
            return
        checkpointer = self._open(model)
        if self._resumed_step is not None:
            self._remove_after(self._resumed_step)
            self._resumed_step = None
        leaves, meta = model.take_snapshot()
        data, arrays = self._states()
        meta = {**states.plain(meta), "callbacks": data}
        checkpointer.save(
            step, {**leaves, **arrays}, meta, metrics=_scalars(logs), block=self.block
        )
        self._saved_step = step

    def _remove_after(self, step: int) -> None:
        """Remove the steps of the run that was left: they are not what this one comes to."""
        assert self._checkpointer is not None
        for later in [s for s in self._checkpointer.steps() if s > step]:
            _log.warning("removing step %d of %s: resumed from %d", later, self.url, step)
            self._checkpointer.delete(later)

    def _open(self, model: Any) -> Checkpointer:
        if self._checkpointer is None:
            keep: Any = self.keep
            if self.monitor is not None and keep is not None:
                which = direction(self.monitor, self.mode, model, "ShardedCheckpoint")
                # The newest as well: a run resumes from it.
                keep = RetentionPolicy(last=1, best=keep, metric=self.monitor, mode=which)
            self._checkpointer = Checkpointer(self.url, backend.runtime.coordinator(), keep)
            self._saved_step = self._resumed_step = None
        return self._checkpointer

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        if self._checkpointer is not None:
            checkpointer, self._checkpointer = self._checkpointer, None
            checkpointer.close()

    # ---- resuming --------------------------------------------------------------------------------
    def peek(self, model: Any, resume: str | bool | int) -> dict[str, Any] | None:
        """The meta of the step to resume from, or None to start anew.

        Arguments:
            model: the model that will train.
            resume: "auto": the newest complete step, if there is one; True: it must be there; an
                int: that step.

        Raises:
            CheckpointError: if there is no such step, or it is damaged.
        """
        if resume != "auto" and not isinstance(resume, int):
            raise ValueError(f"fit(resume={resume!r}): it must be 'auto', True, False or a step.")
        self._close()
        checkpointer = self._open(model)
        steps = checkpointer.steps()
        if isinstance(resume, bool) or resume == "auto":
            if not steps:
                if resume is True:
                    raise CheckpointError(
                        f"fit(resume=True): {checkpointer.url} holds no complete checkpoint. Pass "
                        "resume='auto' to start anew where there is none."
                    )
                return None
            step = steps[-1]
        else:
            step = resume
        try:
            self._reader = checkpointer.open(step)
        except CheckpointError as e:
            raise self._advised(e, step, steps) from e
        if "position" not in self._reader.meta:
            raise CheckpointError(
                f"Step {step} of {checkpointer.url} was not saved by fit(), so it holds no "
                "position in the data. Read it with kdist.checkpoint.Checkpointer(url).open(step)."
            )
        return self._reader.meta

    def restore(self, model: Any) -> dict[str, dict[str, Any]]:
        """Set `model` to the step that `peek` chose. Returns: the state of callbacks, by key."""
        assert self._reader is not None, "peek() comes first"
        reader, self._reader = self._reader, None
        with reader:
            try:
                model.restore_snapshot(reader)
                found = states.load(reader.meta.get("callbacks", {}), reader)
            except CheckpointError as e:
                raise self._advised(e, reader.step, self._open(model).steps()) from e
        self._saved_step = self._resumed_step = reader.step
        return found

    def _advised(self, error: CheckpointError, step: int, steps: list[int]) -> CheckpointError:
        older = [s for s in steps if s < step]
        if step not in steps or not older:
            return error
        return CheckpointError(
            f"{error} To go on from an older step, pass resume=<int> to fit(); there are {older}."
        )


def check_save_freq(save_freq: Any, who: str, name: str = "save_freq") -> str | int:
    """ "epoch" or a positive int. Raises ValueError for anything else."""
    good = isinstance(save_freq, int) and not isinstance(save_freq, bool) and save_freq > 0
    if save_freq != "epoch" and not good:
        raise ValueError(
            f"{who}({name}={save_freq!r}): it must be 'epoch' or a positive number of batches."
        )
    return save_freq


def _scalars(logs: Mapping) -> dict[str, float]:
    return {name: float(value) for name, value in logs.items() if np.ndim(value) == 0}
