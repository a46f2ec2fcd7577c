"""`Metric`: the base of every metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kdist import dtype_policies, initializers, ops
from kdist.backend.variable import Variable
from kdist.core import config, names, scopes, tree
from kdist.core.results import noting


class Metric:
    """Abstract base of metrics: sums over the samples seen, and a result computed from them.

    A subclass makes its variables with `add_variable` in `__init__` and writes `update_state` and
    `result`. Variables are sums (`aggregation="sum"`): over replicas they add up, and the result
    from the sums is the result for all samples.

    Arguments:
        dtype: dtype to compute in (a name or a dtype policy); default: the float default.
        name: default, the class's name in snake case.

    Example:
        >>> class Positives(metrics.Metric):
        ...     def __init__(self, name="positives"):
        ...         super().__init__(name=name)
        ...         self.count = self.add_variable(shape=(), initializer="zeros", name="count")
        ...
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.count.assign_add(ops.sum(ops.cast(y_pred > 0.5, self.dtype)))
        ...
        ...     def result(self):
        ...         return self.count.value
        >>> positives = Positives()
        >>> positives(ops.array([1, 0]), ops.array([0.9, 0.7]))
        tensor(2.)
        >>> positives(ops.array([1, 0]), ops.array([0.9, 0.3]))
        tensor(3.)
    """

    _tracked_as = "metrics"  # how a layer lists it

    _variables: list[Variable]
    _metrics: list[Metric]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "result" in cls.__dict__:
            cls.result = noting(cls.result)  # type: ignore[method-assign]

    def __init__(self, dtype: Any = None, name: str | None = None):
        object.__setattr__(self, "_variables", [])
        object.__setattr__(self, "_metrics", [])
        self.name = name or names.auto_name(type(self).__name__)
        self._dtype_policy = dtype_policies.get(dtype or config.floatx())
        self._dtype = self._dtype_policy.compute_dtype

    def __setattr__(self, name: str, value: Any) -> None:
        for v in tree.flatten(value):
            if isinstance(v, Variable | Metric):
                self._track(v)
        object.__setattr__(self, name, value)

    def _track(self, value: Any) -> None:
        tracked = self.__dict__.get("_variables")
        if tracked is None:
            kind = type(self).__name__
            raise RuntimeError(
                f"{kind}.__init__ must call super().__init__() before it adds state."
            )
        into = self._metrics if isinstance(value, Metric) else tracked
        if not any(value is t for t in into):
            into.append(value)

    @property
    def dtype(self) -> str:
        return self._dtype

    @property
    def variables(self) -> list[Variable]:
        """Its variables, then those of the metrics it holds."""
        return [*self._variables, *(v for m in self._metrics for v in m.variables)]

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any,
        dtype: str | None = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Add a variable of state.

        Arguments:
            shape: tuple of int.
            initializer: name or object.
            dtype: its name; None: the float default.
            aggregation: how the values of replicas combine.
            name: default: "variable".
        """
        if "_variables" not in self.__dict__:
            kind = type(self).__name__
            raise RuntimeError(
                f"{kind}.__init__ must call super().__init__() before add_variable()."
            )
        with scopes.name_scope(self.name.replace("/", ">")):
            variable = Variable(
                initializers.get(initializer),
                shape=shape,
                dtype=dtype,
                trainable=False,
                aggregation=aggregation,
                synchronization="on_read",
                name=name,
            )
        self._track(variable)
        return variable

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = "zeros",
        dtype: str | None = None,
        name: str | None = None,
    ) -> Variable:
        """`add_variable`, by its older name; `shape`, `initializer`, `dtype` and `name` are its."""
        return self.add_variable(shape, initializer or "zeros", dtype, name=name)

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch to the sums."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state().")

    def result(self) -> Any:
        """The metric of what was added: a scalar tensor, or a dict of them."""
        raise NotImplementedError(f"{type(self).__name__} must define result().")

    def reset_state(self) -> None:
        """Start anew: every variable becomes 0."""
        for v in self.variables:
            v.assign(ops.zeros(v.shape, dtype=v.dtype))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`update_state`, then `result`."""
        self.update_state(*args, **kwargs)
        return self.result()

    # ---- as functions of the variables' values -----------------------------------------------
    def _scope(self, metric_variables: Sequence) -> scopes.StatelessScope:
        own = self.variables
        if len(metric_variables) != len(own):
            raise ValueError(
                f"metric_variables has {len(metric_variables)} values, but the metric {self.name} "
                f"has {len(own)} variables."
            )
        values = [v.value if isinstance(v, Variable) else v for v in metric_variables]
        return scopes.StatelessScope(list(zip(own, values, strict=True)))

    def stateless_update_state(self, metric_variables: Sequence, *args: Any, **kwargs: Any) -> list:
        """`update_state` on `metric_variables`, values of `self.variables`.

        Returns: their new values.
        """
        with self._scope(metric_variables) as scope:
            self.update_state(*args, **kwargs)
        return [scope.get_current_value(v) for v in self.variables]

    def stateless_result(self, metric_variables: Sequence) -> Any:
        """`result` from `metric_variables`, values of `self.variables`."""
        with self._scope(metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list:
        """The values of `self.variables` after a reset."""
        with scopes.StatelessScope() as scope:
            self.reset_state()
        found = [(v, scope.get_current_value(v)) for v in self.variables]
        return [v.value if value is None else value for v, value in found]

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"
