"""`Trainer`: what `compile`, `fit`, `evaluate` and `predict` are on a model."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kdist.backend import bound as backend
from kdist.callbacks import CallbackList
from kdist.core import config, tree
from kdist.core.tracebacks import filtered
from kdist.data import Source, adapt, train_validation_split, unpack_x_y_sample_weight
from kdist.distribution import process_count, process_index
from kdist.distribution.plan import Plan, make_plan
from kdist.distribution.runtime import distribution
from kdist.distribution.trace import StepTrace
from kdist.training import loop, parity
from kdist.training.agreement import check_agreement
from kdist.training.checkpointing import restore_snapshot, take_snapshot
from kdist.training.compiled import Compiled
from kdist.training.labels import check_labels
from kdist.training.objective import Objective
from kdist.training.position import Position
from kdist.training.prepare import prepare
from kdist.training.tracing import trace_step
from kdist.training.watchdog import watchdog


class Trainer(Compiled, Objective):
    """Training, evaluation and prediction. Mixed into `Model`, behind which stands a layer.

    `Compiled` holds the optimizer, losses and metrics; `Objective` computes with them; here is what runs them.
    """

    def __init__(self) -> None:
        Compiled.__init__(self)
        self.stop_training = self.stop_evaluating = self.stop_predicting = False
        self._put(position=Position())
        self._put(_live=None)  # (program, state) of the fit that runs

    # ---- the step
    def train_step(self, *args: Any) -> Any:
        """One update from one batch. Override it for a step of your own: `(data)`, or `(state, data)` on jax."""
        return backend.train_step(self, *args)

    def test_step(self, *args: Any) -> Any:
        """Loss and metrics of one batch. Override it as `train_step`."""
        return backend.test_step(self, *args)

    def predict_step(self, *args: Any) -> Any:
        """The outputs for one batch. Override it as `train_step`."""
        return backend.predict_step(self, *args)

    # ---- preparation
    def plan(self, strategy: Any = None, batch_size: int | None = None, **details: Any) -> Plan:
        """Where every variable lies under `strategy`, default: the one that was active at compile.

        Arguments:
            batch_size: rows of a global batch; with it the plan also estimates the memory of activations.
            details: `input_shape=`, one shape or a structure of them without the batch dim, where the model does
                not say it.
        """
        strategy = strategy if strategy is not None else self._strategy()
        return make_plan(strategy, self, batch_size, complete=True, **details)

    def trace_step(self, rows: int, **details: Any) -> StepTrace:
        """What a training step on `rows` rows calls and holds in memory, without computing it.

        Arguments: see `kdist.training.tracing.trace_step`.
        """
        return trace_step(self, rows, **details)

    def _strategy(self) -> Any:
        """The strategy that was active at compile; a model that is not compiled follows the active one."""
        return self._distribute_strategy if self.compiled else distribution()

    def _place(self) -> None:
        """Bring the built model's variables to where the strategy wants them, once after `compile`."""
        strategy = self._strategy()
        if strategy is not None and self._placed is not strategy:
            plan = make_plan(strategy, self)
            for warning in plan.warnings:
                warnings.warn(warning, stacklevel=4)
            backend.place(self, plan)
            self._put(_placed=strategy)

    def _program(self, kind: str) -> Any:
        if kind not in self._programs:
            self._programs[kind] = backend.compile_step(
                self, kind, make_plan(self._strategy(), self)
            )
        return self._programs[kind]

    # ---- fit
    @filtered
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: dict | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        resume: Any = None,
    ) -> Any:
        """Train for `epochs` epochs.

        Arguments:
            x, y, sample_weight: arrays (or lists, tuples, dicts of them); or x alone: a tf.data.Dataset, DataLoader,
                PyDataset or generator.
            batch_size: samples per update over ALL devices; 32 if absent. Not with datasets, which are batched already.
            verbose: 0 silent, 1 a progress bar, 2 a line per epoch; "auto" is 1. The chief process alone prints.
            validation_split: the last fraction of the arrays that is held out.
            validation_data: (x, y) or (x, y, sample_weight), or a dataset.
            class_weight: weight by class index.
            initial_epoch: the number of the first epoch; `epochs` counts from 0 all the same.
            steps_per_epoch: batches per epoch, for data without an end.
            validation_freq: validate every so many epochs, or after those in a list, counted from 1.
            resume: "auto": go on from the newest complete checkpoint of the ShardedCheckpoint callback, if there is
                one. True: the same, and it is an error if there is none. An int: that step.

        Returns: a History; `.history` maps names to lists, a value per epoch.

        Raises: ValueError before compile, and for data that do not fit together or the model.
        """
        self._require_compiled("fit")
        if validation_split:
            if validation_data is not None:
                raise ValueError("Pass validation_split or validation_data, not both.")
            (x, y, sample_weight), validation_data = train_validation_split(
                (x, y, sample_weight), validation_split
            )
        recorder = parity.scripted()
        if recorder is not None:
            callbacks = [*tree.flatten(callbacks or []), recorder]
        saved = (
            CallbackList.checkpoint_of(callbacks).peek(self, resume)
            if resume is not None and resume is not False
            else None
        )
        epochs = min(epochs, config.max_epochs() or epochs)
        position = (
            Position.from_json(saved["position"])
            if saved is not None
            else Position(epoch=initial_epoch, seed=_order_seed(recorder))
        )
        self._put(position=position)
        source = adapt(
            x,
            y,
            sample_weight,
            batch_size=batch_size,
            steps_per_epoch=steps_per_epoch,
            shuffle=shuffle,
            class_weight=class_weight,
            seed=position.seed,
        )
        prepare(self, source, training=True)
        check_labels(self._compile_loss, y)
        if isinstance(validation_data, tuple | list) and len(validation_data) > 1:
            check_labels(self._compile_loss, validation_data[1], "validation_data's y")
        validation = _validation_source(
            validation_data, validation_batch_size or batch_size, validation_steps
        )
        sources = [source]
        if validation is not None and validation is not validation_data:
            sources.append(validation)
        shard = self._shard()
        strategy = self._strategy()
        if strategy is not None:
            check_agreement(self, source.num_batches, position.seed, strategy.auto_shard_dataset)
        program = self._program("train")
        handlers = self._handlers(
            callbacks, verbose, source.num_batches, epochs, add_history=True, position=position
        )
        self.stop_training = False

        def validate(epoch: int) -> dict:
            if validation is None or not _due(epoch + 1, validation_freq):
                return {}
            handlers.on_test_begin()
            logs = loop.evaluate_batches(
                self, self._program("test"), validation, shard, handlers, validation_steps
            )
            handlers.on_test_end(logs)
            return {f"val_{k}": v for k, v in logs.items()}

        channel = backend.runtime.coordinator()
        with _running(handlers, sources), watchdog(channel, position):
            if saved is not None:
                handlers.restore(saved)
            handlers.on_train_begin()
            loop.fit_epochs(self, program, source, shard, handlers, position, epochs, validate)
            if self.optimizer is not None and position.epoch >= epochs:
                self.optimizer.finalize_variable_values(self.trainable_variables)
            handlers.on_train_end()
        return handlers.history

    def _handlers(
        self, callbacks: Any, verbose: Any, steps: int | None, epochs: int = 1, **more: Any
    ) -> CallbackList:
        """The callbacks of a run; the chief process alone shows a progress bar."""
        limit = config.max_steps_per_epoch()
        if steps is not None and limit is not None:
            steps = min(steps, limit)
        shown = process_index() == 0 and verbose not in (0, False)
        return CallbackList(
            callbacks,
            add_progbar=shown,
            model=self,
            verbose=verbose if shown else 0,
            epochs=epochs,
            steps=steps,
            **more,
        )

    def _shard(self) -> Any:
        return loop.shard_of(self._strategy(), process_index(), process_count())

    # ---- evaluate, predict
    @filtered
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics on `x`, `y`.

        Arguments: as for `fit`; `steps` is the number of batches to look at, default all of them.

        Returns: a list in `metrics_names`' order, a single number, or with `return_dict` a dict.

        Raises: ValueError before compile, and for data that do not fit together or the model.
        """
        self._require_compiled("evaluate")
        source = adapt(
            x, y, sample_weight, batch_size=batch_size, steps_per_epoch=steps, shuffle=False
        )
        prepare(self, source, training=False)
        check_labels(self._compile_loss, y)
        handlers = self._handlers(callbacks, verbose, steps or source.num_batches)
        self.stop_evaluating = False
        with _running(handlers, [source]):
            handlers.on_test_begin()
            logs = loop.evaluate_batches(
                self, self._program("test"), source, self._shard(), handlers, steps
            )
            handlers.on_test_end(logs)
        return _as_asked(logs, return_dict)

    @filtered
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs for all samples of `x`, as NumPy arrays in the structure of the model's outputs."""
        source = adapt(x, batch_size=batch_size, steps_per_epoch=steps, shuffle=False)
        prepare(self, source, training=False)
        handlers = self._handlers(callbacks, verbose, steps or source.num_batches)
        self.stop_predicting = False
        with _running(handlers, [source]):
            handlers.on_predict_begin()
            outputs = loop.predict_batches(
                self, self._program("predict"), source, self._shard(), handlers, steps
            )
            handlers.on_predict_end()
        return outputs

    # ---- single batches
    def _one(
        self, kind: str, x: Any, y: Any, sample_weight: Any, class_weight: Any, return_dict: bool
    ) -> Any:
        self._require_compiled(f"{kind}_on_batch")
        rows = len(tree.flatten(x)[0])
        source = adapt(
            x, y, sample_weight, batch_size=rows, shuffle=False, class_weight=class_weight
        )
        prepare(self, source, training=kind == "train")
        check_labels(self._compile_loss, y)
        program = self._program(kind)
        self.reset_metrics()
        state = program.begin()
        try:
            for batch in source.epoch(0, self._shard()):
                state, out = program(state, batch)
            logs = self.read_logs(program, state, out)
        finally:
            program.end(state)
        return _as_asked(logs, return_dict)

    @filtered
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One update; returns the loss and metrics of this batch alone."""
        return self._one("train", x, y, sample_weight, class_weight, return_dict)

    @filtered
    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """The loss and metrics of this batch alone."""
        return self._one("test", x, y, sample_weight, None, return_dict)

    @filtered
    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch, as NumPy arrays."""
        return self.predict(x, batch_size=len(tree.flatten(x)[0]), verbose=0)

    # ---- checkpoints
    def settle_replicas(self) -> None:
        """Make variables global that, within an epoch, differ by process: statistics of batches, sums of gradients.

        All processes call it at the same point, before one of them saves or keeps the model in a callback of batches.
        At the end of an epoch, and outside of fit, all variables are global anyway.
        """
        if self._live is not None:
            self._live.settle()

    def take_snapshot(self) -> tuple[dict, dict]:
        """(leaves, meta) of everything that resuming needs; what the ShardedCheckpoint callback saves."""
        return take_snapshot(self)

    def restore_snapshot(self, reader: Any) -> dict:
        """Set all state from an open checkpoint; returns its meta."""
        return restore_snapshot(self, reader)


@contextmanager
def _running(handlers: CallbackList, sources: list[Source]) -> Iterator[None]:
    """Around a run: callbacks hear of its failure, and the data's readers end with it."""
    try:
        yield
    except BaseException:  # Ctrl-C too: what callbacks hold open must be closed
        handlers.on_interrupted()
        raise
    finally:
        for source in sources:
            source.close()


def _validation_source(data: Any, batch_size: int | None, steps: int | None) -> Source | None:
    if data is None:
        return None
    if isinstance(data, tuple | list) and 1 <= len(data) <= 3:
        x, y, w = unpack_x_y_sample_weight(tuple(data))
        return adapt(x, y, w, batch_size=batch_size, steps_per_epoch=steps, shuffle=False)
    return adapt(data, steps_per_epoch=steps, shuffle=False)


def _as_asked(logs: dict, return_dict: bool) -> Any:
    """Logs as a dict, or their values: a list, or the only one."""
    values = list(logs.values())
    return logs if return_dict else values[0] if len(values) == 1 else values


def _due(epoch: int, freq: Any) -> bool:
    return epoch in freq if isinstance(freq, list | tuple | set) else epoch % freq == 0


def _order_seed(recorder: Any) -> int:
    """The seed of the data's order: Python's own `random` draws it, so that one seed decides everything."""
    return random.randrange(2**31) if recorder is None else recorder.seed
