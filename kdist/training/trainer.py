"""`Trainer`: what `compile`, `fit`, `evaluate` and `predict` are on a model."""

from __future__ import annotations

import random
import warnings
from typing import Any

from kdist import metrics as metrics_lib
from kdist import ops, optimizers
from kdist.backend import bound as backend
from kdist.callbacks import CallbackList
from kdist.core import config, scopes, serialization, tree
from kdist.core.graph import KerasTensor
from kdist.core.replicas import sample_mask
from kdist.data import Source, adapt, train_validation_split, unpack_x_y_sample_weight
from kdist.distribution import process_count, process_index
from kdist.distribution.plan import Plan, make_plan
from kdist.distribution.runtime import distribution
from kdist.training import loop
from kdist.training.checkpointing import restore_snapshot, take_snapshot
from kdist.training.compile_loss import CompileLoss, samples_here
from kdist.training.compile_metrics import CompileMetrics
from kdist.training.labels import check_labels
from kdist.training.logs import to_python
from kdist.training.position import Position


class Trainer:
    """Training, evaluation and prediction. Mixed into `Model`; it holds the compiled optimizer, losses and metrics."""

    def __init__(self) -> None:
        self.compiled = False
        self.optimizer: Any = None
        self.loss: Any = None
        self.stop_training = self.stop_evaluating = self.stop_predicting = False
        self.steps_per_execution = 1
        self.jit_compile: Any = "auto"
        self.run_eagerly = False
        object.__setattr__(self, "_loss_tracker", None)
        object.__setattr__(self, "_compile_metrics", None)
        object.__setattr__(self, "_compile_loss", None)
        object.__setattr__(self, "_programs", {})
        object.__setattr__(self, "_compile_config", None)
        object.__setattr__(self, "_distribute_strategy", None)
        object.__setattr__(self, "position", Position())
        object.__setattr__(self, "_live", None)  # (program, state) of the fit that runs

    # ---- compile
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Set what training optimizes and what it reports.

        Arguments:
            optimizer: a name or an Optimizer.
            loss: a name, a Loss, a function (y_true, y_pred) -> values; or a list or dict of them by output.
            loss_weights: number(s) by output.
            metrics, weighted_metrics: lists of names or Metrics, or lists or dicts of lists by output; the latter
                count sample weights.
            run_eagerly: run the step without compiling it, to debug.
            steps_per_execution: batches per dispatch, where the backend compiles several.
            jit_compile: True, False or "auto": XLA where it pays.
            auto_scale_loss: scale losses automatically under mixed_float16.

        Raises: ValueError for names that are not known and strategies that the backend cannot run.
        """
        strategy = distribution()
        if strategy is not None:
            backend.check_support(strategy)
        optimizer = optimizers.get(optimizer)
        names = getattr(self, "output_names", None)
        put = object.__setattr__  # not state of the layer: a file of weights does not hold them
        put(self, "optimizer", optimizer)
        put(self, "loss", loss)
        put(
            self,
            "_compile_loss",
            CompileLoss(loss, loss_weights, output_names=names) if loss is not None else None,
        )
        put(
            self,
            "_compile_metrics",
            CompileMetrics(metrics, weighted_metrics, output_names=names)
            if metrics or weighted_metrics
            else None,
        )
        put(self, "_loss_tracker", metrics_lib.Mean(name="loss"))
        put(self, "_distribute_strategy", strategy)
        put(self, "_programs", {})
        self.run_eagerly, self.jit_compile, self.steps_per_execution = (
            run_eagerly,
            jit_compile,
            steps_per_execution,
        )
        given = {
            "optimizer": optimizer, "loss": loss, "loss_weights": loss_weights, "metrics": metrics,
            "weighted_metrics": weighted_metrics, "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution, "jit_compile": jit_compile,
        }  # fmt: skip
        put(self, "_compile_config", given)
        self.stop_training = False
        self.compiled = True

    def get_compile_config(self) -> dict | None:
        """The arguments of `compile` as plain data; None before it, or where they cannot be saved."""
        if not self.compiled or self._compile_config is None:
            return None
        try:
            return serialization.serialize_keras_object(self._compile_config)
        except TypeError as e:
            warnings.warn(
                f"The arguments of compile() are not saved with the model: {e}", stacklevel=2
            )
            return None

    def compile_from_config(self, config: dict) -> None:
        """`compile` anew from what `get_compile_config` gave, with the optimizer's variables created."""
        arguments = serialization.deserialize_keras_object(dict(config))
        arguments.pop("auto_scale_loss", None)
        self.compile(**arguments)
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def _require_compiled(self, what: str) -> None:
        if not self.compiled:
            raise ValueError(f"Call model.compile(optimizer=..., loss=...) before model.{what}().")

    # ---- metrics
    @property
    def metrics(self) -> list:
        """The loss tracker, metrics set as attributes, compiled ones, and those of layers."""
        found: list = [self._loss_tracker] if self.compiled else []
        found += self._metrics
        if self.compiled and self._compile_metrics is not None:
            found.append(self._compile_metrics)
        if self.compiled and self._compile_loss is not None:
            found += self._compile_loss.metrics
        for layer in self._flatten_layers(include_self=False):
            found += layer._metrics
        return list({id(m): m for m in found}.values())

    @property
    def metrics_names(self) -> list[str]:
        return [m.name for m in self.metrics]

    @property
    def metrics_variables(self) -> list:
        return [v for m in self.metrics for v in m.variables]

    def reset_metrics(self) -> None:
        for m in self.metrics:
            m.reset_state()

    def get_metrics_result(self) -> dict:
        """The metrics' current results by name, scalars on the device."""
        results: dict = {}
        for m in self.metrics:
            value = m.result()
            results.update(value if isinstance(value, dict) else {m.name: value})
        return results

    def read_logs(self, program: Any, state: Any, out: dict | None, local: bool = False) -> dict:
        """Python numbers for the logs of a step.

        Where processes accumulate metrics apart, all of them call this together, unless `local`.
        """
        if out is None:
            values = program.local_metric_values(state) if local else program.metric_values(state)
            if values is None:
                out = self.get_metrics_result()
            else:
                with scopes.StatelessScope(list(zip(self.metrics_variables, values, strict=True))):
                    out = self.get_metrics_result()
        return {
            k: to_python(backend.convert_to_numpy(v) if backend.is_tensor(v) else v)
            for k, v in out.items()
        }

    # ---- the step
    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The scalar that is minimised: the compiled loss plus the layers' penalties. Override it for a loss of your
        own.

        Under a strategy each replica's value is scaled so that the mean over replicas is the global loss.

        Raises: ValueError if there is neither a compiled loss nor a penalty.
        """
        parts = []
        if self._compile_loss is not None:
            if y is None:
                raise ValueError(
                    f"compile() of model {self.name!r} got loss={self.loss!r}, and the data has no targets y. "
                    "Pass y (or let the dataset yield (x, y)), or compile without a loss."
                )
            loss = self._compile_loss(y, y_pred, sample_weight)
            if loss is not None:
                parts.append(loss)
        parts += [ops.sum(ops.cast(penalty, config.floatx())) for penalty in self.losses]
        if not parts:
            raise ValueError(
                f"Model {self.name!r} has nothing to minimise: pass loss= to compile() and targets y to fit(), "
                "or call add_loss() in a layer."
            )
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def stateless_compute_loss(
        self,
        trainable_variables: list,
        non_trainable_variables: list,
        metrics_variables: list,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tuple:
        """`compute_loss` as a pure function: (loss, (trainable, non-trainable, metrics variables' values))."""
        groups = (
            (self.trainable_variables, trainable_variables),
            (self.non_trainable_variables, non_trainable_variables),
            (self.metrics_variables, metrics_variables),
        )
        pairs = [p for variables, values in groups for p in zip(variables, values, strict=True)]
        with scopes.StatelessScope(pairs) as scope:
            loss = self.compute_loss(x, y, y_pred, sample_weight=sample_weight, training=training)
        current = lambda variables, values: [
            value if scope.get_current_value(v) is None else scope.get_current_value(v)
            for v, value in zip(variables, values, strict=True)
        ]
        return loss, tuple(current(variables, values) for variables, values in groups)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict:
        """Update the compiled metrics and return all results. Override it to report something of your own."""
        self._update_compiled_metrics(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def _update_compiled_metrics(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
        if self._compile_metrics is not None and y is not None:
            self._compile_metrics.update_state(y, y_pred, sample_weight, mask=sample_mask())

    def _update_metrics(
        self, loss: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any
    ) -> dict | None:
        """What the built-in step does after the loss:

        None, unless `compute_metrics` is the user's own and gives results.
        """
        self._loss_tracker.update_state(loss, sample_weight=samples_here(x))
        if type(self).compute_metrics is not Trainer.compute_metrics:
            return self.compute_metrics(x, y, y_pred, sample_weight)
        self._update_compiled_metrics(y, y_pred, sample_weight)
        return None

    def train_step(self, *args: Any) -> Any:
        """One update from one batch. Override it for a step of your own: `(data)`, or `(state, data)` on jax."""
        return backend.train_step(self, *args)

    def test_step(self, *args: Any) -> Any:
        return backend.test_step(self, *args)

    def predict_step(self, *args: Any) -> Any:
        return backend.predict_step(self, *args)

    # ---- preparation
    def plan(self, strategy: Any = None) -> Plan:
        """Where every variable lies under `strategy`, default: the one that was active at compile."""
        return make_plan(strategy if strategy is not None else self._distribute_strategy, self)

    def _program(self, kind: str) -> Any:
        if kind not in self._programs:
            self._programs[kind] = backend.compile_step(self, kind, self.plan())
        return self._programs[kind]

    def _prepare(self, source: Source, training: bool) -> None:
        """Create whatever variables the first batch would create, so that a compiled step finds them all."""
        x_spec, y_spec, _ = source.spec()
        symbolic = lambda s: None if s is None else KerasTensor((None, *s.shape), s.dtype)
        x = tree.map_structure(symbolic, x_spec)
        y = tree.map_structure(symbolic, y_spec) if y_spec is not None else None
        y_pred = None
        metrics, loss = self._compile_metrics, self._compile_loss
        wants_outputs = (metrics is not None and not metrics.built and y is not None) or (
            loss is not None and loss._parts is None
        )
        if (
            not self.built
            or any(not layer.built for layer in self._flatten_layers())
            or wants_outputs
        ):
            y_pred = self._symbolic_outputs(x)
        if y_pred is not None and self.compiled:
            if metrics is not None and not metrics.built and y is not None:
                metrics.build(y, y_pred)
            if loss is not None and loss._parts is None:
                loss.build(y_pred)
        if training and self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def _symbolic_outputs(self, x: Any) -> Any:
        """The outputs' specs. A model that cannot be traced is left to build itself in its first eager call."""
        try:
            with scopes.StatelessScope(initialize_variables=True):
                return self(x, training=False) if self._call_signature.has_training else self(x)
        except Exception as e:
            if self.built and all(layer.built for layer in self._flatten_layers()):
                return None
            e.add_note(
                f"while building model {self.name!r} for inputs "
                f"{tree.map_structure(lambda t: None if t is None else (t.shape, t.dtype), x)}"
            )
            raise

    # ---- fit
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
            steps_per_epoch: batches per epoch, for data without an end.
            resume: "auto": go on from the newest complete checkpoint of the ShardedCheckpoint callback, if there is
                one;
                True: the same, and it is an error if there is none; an int: that step.

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
        saved = (
            CallbackList.checkpoint_of(callbacks).peek(self, resume)
            if resume is not None and resume is not False
            else None
        )
        position = (
            Position.from_json(saved["position"])
            if saved is not None
            else Position(epoch=initial_epoch, seed=random.randrange(2**31))
        )
        object.__setattr__(self, "position", position)
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
        self._prepare(source, training=True)
        check_labels(self._compile_loss, y)
        if isinstance(validation_data, tuple | list) and len(validation_data) > 1:
            check_labels(self._compile_loss, validation_data[1], "validation_data's y")
        validation = self._validation(
            validation_data, validation_batch_size or batch_size, validation_steps
        )
        shard = self._shard()
        program = self._program("train")
        bar = process_index() == 0
        handlers = CallbackList(
            callbacks, add_history=True, add_progbar=bar and verbose not in (0, False), model=self,
            verbose=verbose if bar else 0, epochs=epochs, steps=source.num_batches, position=position,
        )  # fmt: skip
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

        try:
            if saved is not None:
                handlers.restore(saved)
            handlers.on_train_begin()
            loop.fit_epochs(self, program, source, shard, handlers, position, epochs, validate)
            if self.optimizer is not None and position.epoch >= epochs:
                self.optimizer.finalize_variable_values(self.trainable_variables)
            handlers.on_train_end()
        except BaseException:
            handlers.on_interrupted()
            raise
        finally:
            source.close()
            if validation is not None and validation is not validation_data:
                validation.close()
        return handlers.history

    def _validation(self, data: Any, batch_size: int | None, steps: int | None) -> Source | None:
        if data is None:
            return None
        if isinstance(data, tuple | list) and 1 <= len(data) <= 3:
            x, y, w = unpack_x_y_sample_weight(tuple(data))
            return adapt(x, y, w, batch_size=batch_size, steps_per_epoch=steps, shuffle=False)
        return adapt(data, steps_per_epoch=steps, shuffle=False)

    def _shard(self) -> Any:
        return loop.shard_of(self._distribute_strategy, process_index(), process_count())

    # ---- evaluate, predict
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
        """Loss and metrics on `x`, `y`: a list in `metrics_names`' order, a single number, or with `return_dict` a
        dict.
        """
        self._require_compiled("evaluate")
        source = adapt(
            x, y, sample_weight, batch_size=batch_size, steps_per_epoch=steps, shuffle=False
        )
        self._prepare(source, training=False)
        check_labels(self._compile_loss, y)
        bar = process_index() == 0 and verbose not in (0, False)
        handlers = CallbackList(
            callbacks,
            add_progbar=bar,
            model=self,
            verbose=verbose if bar else 0,
            epochs=1,
            steps=steps or source.num_batches,
        )
        self.stop_evaluating = False
        try:
            handlers.on_test_begin()
            logs = loop.evaluate_batches(
                self, self._program("test"), source, self._shard(), handlers, steps
            )
            handlers.on_test_end(logs)
        except BaseException:
            handlers.on_interrupted()
            raise
        finally:
            source.close()
        if return_dict:
            return logs
        values = list(logs.values())
        return values[0] if len(values) == 1 else values

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
        self._prepare(source, training=False)
        bar = process_index() == 0 and verbose not in (0, False)
        handlers = CallbackList(
            callbacks,
            add_progbar=bar,
            model=self,
            verbose=verbose if bar else 0,
            epochs=1,
            steps=steps or source.num_batches,
        )
        self.stop_predicting = False
        try:
            handlers.on_predict_begin()
            outputs = loop.predict_batches(
                self, self._program("predict"), source, self._shard(), handlers, steps
            )
            handlers.on_predict_end()
        except BaseException:
            handlers.on_interrupted()
            raise
        finally:
            source.close()
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
        self._prepare(source, training=kind == "train")
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
        values = list(logs.values())
        return logs if return_dict else values[0] if len(values) == 1 else values

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

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        return self._one("test", x, y, sample_weight, None, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        return self.predict(x, batch_size=len(tree.flatten(x)[0]), verbose=0)

    # ---- checkpoints
    def take_snapshot(self) -> tuple[dict, dict]:
        """(leaves, meta) of everything that resuming needs; what the ShardedCheckpoint callback saves."""
        return take_snapshot(self)

    def restore_snapshot(self, reader: Any) -> dict:
        """Set all state from an open checkpoint; returns its meta."""
        return restore_snapshot(self, reader)


def _due(epoch: int, freq: Any) -> bool:
    return epoch in freq if isinstance(freq, list | tuple | set) else epoch % freq == 0
