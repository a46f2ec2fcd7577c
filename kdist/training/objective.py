"""What a step minimises and what it reports: the loss, the metrics, and their results."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.backend import bound as backend
from kdist.core import config, scopes
from kdist.core.given import GivenValues
from kdist.core.replicas import sample_mask
from kdist.core.results import ResultOf
from kdist.training.compile_loss import samples_here
from kdist.training.logs import to_python


class Objective:
    """Loss and metrics of a compiled model. A part of `Trainer`."""

    name: str
    loss: Any
    losses: list
    compiled: bool
    trainable_variables: list
    non_trainable_variables: list

    # ---- loss
    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The scalar that is minimised: the compiled loss plus the layers' penalties.

        Override it for a loss of your own. Under a strategy each replica's value is scaled so that the mean over
        replicas is the global loss.

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
        """`compute_loss` as a pure function of the variables' values.

        Returns: (loss, (trainable, non-trainable, metrics variables' values)).
        """
        given = GivenValues(
            (self.trainable_variables, trainable_variables),
            (self.non_trainable_variables, non_trainable_variables),
            (self.metrics_variables, metrics_variables),
        )
        with given.scope() as scope:
            loss = self.compute_loss(x, y, y_pred, sample_weight=sample_weight, training=training)
        return loss, given.after(scope)

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
        """The names of `metrics`, in their order."""
        return [m.name for m in self.metrics]

    @property
    def metrics_variables(self) -> list:
        """The state of all metrics, that of the loss's mean first."""
        return [v for m in self.metrics for v in m.variables]

    def reset_metrics(self) -> None:
        """Set all metrics back to how they began; `fit` does it at each epoch."""
        for m in self.metrics:
            m.reset_state()

    def get_metrics_result(self) -> dict:
        """The metrics' current results by name, scalars on the device."""
        results: dict = {}
        for m in self.metrics:
            value = m.result()
            results.update(value if isinstance(value, dict) else {m.name: value})
        return results

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
        """What the built-in step does after the loss. Gives None where the results are to be read off the metrics.

        A `compute_metrics` of the user's own is called, and its results are given instead.
        """
        self._loss_tracker.update_state(loss, sample_weight=samples_here(x))
        if type(self).compute_metrics is not Objective.compute_metrics:
            return self.compute_metrics(x, y, y_pred, sample_weight)
        self._update_compiled_metrics(y, y_pred, sample_weight)
        return None

    # ---- logs
    def read_logs(self, program: Any, state: Any, out: dict | None, local: bool = False) -> dict:
        """Python numbers for the logs of a step.

        Where processes accumulate metrics apart, all of them call this together, unless `local`.

        Arguments:
            out: the logs, `ResultOf`s among them; None for the results of all metrics.
        """
        if out is None:
            out = self._results(program, state, local)
        elif any(isinstance(v, ResultOf) for v in out.values()):
            results = self._results(program, state, local)
            out = {k: results[v.name] if isinstance(v, ResultOf) else v for k, v in out.items()}
        return {
            k: to_python(backend.convert_to_numpy(v) if backend.is_tensor(v) else v)
            for k, v in out.items()
        }

    def _results(self, program: Any, state: Any, local: bool) -> dict:
        """The metrics' results over all processes, or this one's own."""
        values = program.local_metric_values(state) if local else program.metric_values(state)
        if values is None:
            return self.get_metrics_result()
        with scopes.StatelessScope(list(zip(self.metrics_variables, values, strict=True))):
            return self.get_metrics_result()
