"""`TensorBoard`: logs as event files that TensorBoard shows."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from kdist.callbacks.callback import Callback
from kdist.callbacks.learning_rate import learning_rate_of
from kdist.callbacks.sharded_checkpoint import check_save_freq
from kdist.distribution import process_index

_FLUSH_SECONDS = 5  # how long events may wait before someone who watches the run can see them
_numbers = itertools.count()


class TensorBoard(Callback):
    """Writes logs for TensorBoard, on the chief process: `tensorboard --logdir=logs` shows them.

    Training goes to `log_dir/train`, validation and evaluation to `log_dir/validation`. The package
    tensorboardX writes them.

    Arguments:
        log_dir: the folder.
        histogram_freq: every so many epochs write histograms of the weights; 0 for never.
        write_graph: accepted and without effect: graphs of the model are not written.
        write_steps_per_second: write the speed as well.
        update_freq: "epoch"; "batch" or a number of batches to write batches' logs as well, which
            waits for the device each time.
        write_images, profile_batch, embeddings_freq, embeddings_metadata: of Keras; not supported.

    Raises:
        ImportError: if tensorboardX is not installed.
        ValueError: for an argument that is not supported.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ):
        super().__init__()
        unsupported = {
            "write_images": write_images,
            "profile_batch": profile_batch,
            "embeddings_freq": embeddings_freq,
            "embeddings_metadata": embeddings_metadata,
        }
        for name, value in unsupported.items():
            if value:
                raise ValueError(f"TensorBoard({name}={value!r}) is not supported; leave it out.")
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq, self.write_steps_per_second = histogram_freq, write_steps_per_second
        every = (
            1
            if update_freq == "batch"
            else check_save_freq(update_freq, "TensorBoard", "update_freq")
        )
        self.update_freq = every
        if every == "epoch":
            self.quiet = frozenset({"train", "test", "predict"})
        self._new_writer = _writer_class()
        self._writers: dict[str, Any] = {}
        self._in_fit = False
        self._epoch_began = self._batch_began = (0, 0.0)
        self._steps_before = 0

    def _scalars(self, where: str, prefix: str, logs: Mapping, step: int, suffix: str = "") -> None:
        if process_index() != 0:
            return
        for name, value in logs.items():
            if np.ndim(value) == 0:
                self._writer(where).add_scalar(f"{prefix}_{name}{suffix}", float(value), step)

    def _writer(self, where: str) -> Any:
        if where not in self._writers:
            # A name of its own: the default one has the time in whole seconds, and a second run
            # in that second would overwrite the first one's file.
            suffix = f".{os.getpid()}.{next(_numbers)}"
            folder = os.path.join(self.log_dir, where)
            self._writers[where] = self._new_writer(
                folder, flush_secs=_FLUSH_SECONDS, filename_suffix=suffix
            )
        return self._writers[where]

    def on_train_begin(self, logs: Any = None) -> None:
        self._in_fit = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch_began = self._batch_began = (self.model.position.step, time.perf_counter())

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._steps_before = self.model.position.step

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        step = self.model.position.step
        if self.update_freq == "epoch":
            return
        freq = int(self.update_freq)
        if step // freq == self._steps_before // freq:  # a dispatch may run several steps
            return
        # Read on every process, as reading may need all of them; the chief writes.
        values = dict(logs or {})
        if self.write_steps_per_second:
            values["steps_per_second"] = _speed(self._batch_began, step)
            self._batch_began = (step, time.perf_counter())
        self._scalars("train", "batch", values, step)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs or {}
        train = {name: value for name, value in logs.items() if not name.startswith("val_")}
        validation = {name[4:]: value for name, value in logs.items() if name.startswith("val_")}
        train["learning_rate"] = learning_rate_of(self.model)
        if self.write_steps_per_second:
            train["steps_per_second"] = _speed(self._epoch_began, self.model.position.step)
        self._scalars("train", "epoch", train, epoch)
        self._scalars("validation", "epoch", validation, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._histograms(epoch)

    def _histograms(self, epoch: int) -> None:
        for weight in self.model.weights:
            value = weight.numpy()  # on every process: a sharded one is gathered from all
            if process_index() == 0:
                self._writer("train").add_histogram(f"{weight.path}/histogram", value, epoch)

    def on_test_end(self, logs: Any = None) -> None:
        optimizer = self.model.optimizer
        if optimizer is not None and logs:
            step = int(np.asarray(optimizer.iterations))
            self._scalars("validation", "evaluation", logs, step, "_vs_iterations")
        if not self._in_fit:
            self._close()

    def on_train_end(self, logs: Any = None) -> None:
        self._close()

    def on_interrupted(self) -> None:
        self._close()

    def _close(self) -> None:
        self._in_fit = False
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()


def _speed(since: tuple[int, float], step: int) -> float:
    return (step - since[0]) / max(time.perf_counter() - since[1], 1e-9)


def _writer_class() -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError as e:
        raise ImportError(
            "callbacks.TensorBoard needs the package tensorboardX: "
            "pip install 'kdist[tensorboard]', or pip install tensorboardX."
        ) from e
    return SummaryWriter
