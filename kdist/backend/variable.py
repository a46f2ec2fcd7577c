"""`Variable`: a named tensor that changes.

Its value lives in a storage of the backend; a stateless scope may stand in for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kdist.backend import bound as backend
from kdist.core import dtypes, names, registry, scopes
from kdist.core.abstract import AbstractStorage, is_abstract_scope
from kdist.distribution.runtime import distribution


class Variable:
    """A tensor with a name, a shape and a dtype whose value is trained or otherwise updated.

    Arguments:
        initializer: a tensor or array; or what then needs `shape`: a callable `(shape, dtype=...) -> tensor`, or the
            name of an initializer, such as "zeros".
        shape: tuple of int, for an initializer that is a callable or a name.
        dtype: dtype name; default: the array's, or the float default.
        trainable: whether optimizers update it.
        autocast: whether a float value is read in the compute dtype inside a layer with a mixed dtype policy.
        aggregation: how the values of replicas combine when each has its own: "none", "mean", "sum" or
            "only_first_replica".
        synchronization: kept as given, for Keras's sake: when replicas combine their values follows from `aggregation`.
        name: default "variable".
        layout: a `TensorLayout`; default: what the active distribution says of the variable's path.

    The value is created already sharded. Until a `StatelessScope` that forbids initialisation ends, it is deferred.
    """

    # Brings a value that stands in for the variable to where computations use it; None: it is there. Set by the
    # backend's `place`.
    _to_compute: Callable[[Any], Any] | None = None

    # tf.GradientTape takes gradients with respect to `.handle` of what says this of itself; elsewhere it means nothing.
    _should_act_as_resource_variable = True

    def __init__(
        self,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
        layout: Any = None,
        **kwargs: Any,
    ):
        if kwargs:
            raise TypeError(f"Variable received unknown arguments: {sorted(kwargs)}.")
        if aggregation not in ("none", "mean", "sum", "only_first_replica", None):
            raise ValueError(
                f"aggregation={aggregation!r} is not one of 'none', 'mean', 'sum', 'only_first_replica'."
            )
        self.name = name or names.auto_name("variable")
        if "/" in self.name:
            raise ValueError(f"name={name!r} of a Variable must not contain '/'.")
        parent = scopes.current_path()
        self.path = f"{parent}/{self.name}" if parent else self.name
        self.aggregation = aggregation or "none"
        self.synchronization = synchronization
        self.autocast = bool(autocast)
        self._trainable = bool(trainable)
        self.regularizer: Any = None
        self.constraint: Any = None
        self.overwrite_with_gradient = False
        abstract = is_abstract_scope()

        if isinstance(initializer, str):
            initializer = registry.initializer_named(initializer)
        if callable(initializer):
            if shape is None:
                raise ValueError(
                    f"Variable {self.path!r} has an initializer that is called with a shape, and no shape. Pass shape=."
                )
            self.dtype = dtypes.standardize_dtype(dtype)
            self.shape = tuple(int(d) for d in shape)
            make_value: Callable[[], Any] = lambda: backend.convert_to_tensor(
                initializer(self.shape, dtype=self.dtype), self.dtype
            )
        else:
            if isinstance(initializer, Variable) and not abstract:
                initializer = initializer.value
            if dtype is None:
                given = getattr(initializer, "dtype", None)
                dtype = (
                    given
                    if given is not None
                    else (
                        None
                        if isinstance(initializer, float)
                        else dtypes.standardize_dtype(np.asarray(initializer).dtype)
                    )
                )
                if given is None and dtypes.is_float(dtype):
                    dtype = None  # Python floats take the default float type
            self.dtype = dtypes.standardize_dtype(dtype)
            value = initializer if abstract else backend.convert_to_tensor(initializer, self.dtype)
            self.shape = tuple(int(d) for d in np.shape(value))
            if shape is not None and tuple(shape) != self.shape:
                raise ValueError(
                    f"Variable {self.path!r}: shape={tuple(shape)} differs from the initial value's, {self.shape}."
                )
            make_value = lambda: value
        self._is_float = dtypes.is_float(self.dtype)
        strategy = distribution()
        self.layout = (
            layout if layout is not None or strategy is None else strategy.birth_layout(self)
        )
        self._storage: Any = (
            AbstractStorage(self.path, self.shape, self.dtype)
            if abstract
            else backend.make_storage(self, make_value, self.layout)
        )

    # ---- reading
    @property
    def value(self) -> Any:
        """The current value, a tensor of the backend."""
        if scopes.local.intercept:
            return self._read_in_scope()
        return self._storage.read()

    def _read_in_scope(self) -> Any:
        local = scopes.local
        value = local.stateless.get_current_value(self) if local.stateless is not None else None
        if value is None:
            value = self._storage.read()
        if (
            self.autocast
            and self._is_float
            and local.autocast is not None
            and local.autocast != self.dtype
        ):
            value = backend.OPS["cast"](value, local.autocast)
        return value

    def computed(self, value: Any) -> Any:
        """`value`, which stands in for the variable's in a function of values, where computations use it.

        Under FSDP on jax: gathered, and its gradient is summed into parts.
        """
        return value if self._to_compute is None else self._to_compute(value)

    def numpy(self) -> np.ndarray:
        """The whole value as a NumPy array."""
        return backend.convert_to_numpy(self.value)

    @property
    def handle(self) -> Any:
        """What the framework's own tools want: `torch.nn.Parameter`, `tf.Variable` or `jax.Array`."""
        return self._storage.handle()

    # ---- writing
    def assign(self, value: Any) -> Any:
        """Replace the value by `value`, a tensor or array of the same shape (it is cast to the variable's dtype).

        Returns it.
        """
        value = backend.convert_to_tensor(value, self.dtype)
        if tuple(value.shape) != self.shape:
            raise ValueError(
                f"Variable {self.path!r} has shape {self.shape} and cannot be assigned a value of shape "
                f"{tuple(value.shape)}."
            )
        scope = scopes.local.stateless
        if scope is not None:
            scope.add_update((self, value))
        else:
            self._storage.write(value)
        return value

    def assign_add(self, value: Any) -> Any:
        """Add `value`, a number or what broadcasts to the variable's shape. Returns the sum."""
        if scopes.local.stateless is None:
            return self._storage.add(value)
        return self.assign(backend.OPS["add"](self._full(), value))

    def assign_sub(self, value: Any) -> Any:
        return self.assign(backend.OPS["subtract"](self._full(), value))

    def _full(self) -> Any:
        """The value in the variable's own dtype, whatever autocast is active."""
        if not scopes.local.intercept:
            return self._storage.read()
        with scopes.autocast_scope(None):
            return self.value

    # ---- properties
    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        self._trainable = bool(trainable)
        self._storage.set_trainable(self._trainable)

    @property
    def is_abstract(self) -> bool:
        """Whether it was created in an `abstract_scope`, and has no value."""
        return isinstance(self._storage, AbstractStorage)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}>"

    # ---- interchange
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.numpy(), dtype=dtype)

    def __jax_array__(self) -> Any:
        return self.value

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return backend.convert_to_tensor(self.value, dtype)

    @classmethod
    def __torch_function__(
        cls, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        plain = lambda x: x.value if isinstance(x, Variable) else x
        return func(*[plain(a) for a in args], **{k: plain(v) for k, v in (kwargs or {}).items()})

    def __getitem__(self, index: Any) -> Any:
        return self.value[index]

    def __iter__(self) -> Any:
        return iter([self.value[i] for i in range(self.shape[0])])

    def __int__(self) -> int:
        return int(self.numpy())

    def __float__(self) -> float:
        return float(self.numpy())

    def __bool__(self) -> bool:
        return bool(self.numpy())

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: Any) -> Any:
        return self is other if isinstance(other, Variable) else backend.OPS["equal"](self, other)

    def __ne__(self, other: Any) -> Any:
        return (
            self is not other
            if isinstance(other, Variable)
            else backend.OPS["not_equal"](self, other)
        )


def _operators() -> None:
    """Bind Python's arithmetic to rows of ops: a variable computes as its value does."""
    names = {
        "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide",
        "floordiv": "floor_divide", "mod": "mod", "pow": "power", "matmul": "matmul",
        "and": "logical_and", "or": "logical_or", "xor": "logical_xor",
    }  # fmt: skip
    for dunder, op in names.items():
        setattr(
            Variable, f"__{dunder}__", lambda self, other, op=op: backend.OPS[op](self.value, other)
        )
        setattr(
            Variable,
            f"__r{dunder}__",
            lambda self, other, op=op: backend.OPS[op](other, self.value),
        )
    for dunder, op in {
        "lt": "less",
        "le": "less_equal",
        "gt": "greater",
        "ge": "greater_equal",
    }.items():
        setattr(
            Variable, f"__{dunder}__", lambda self, other, op=op: backend.OPS[op](self.value, other)
        )
    for dunder, op in {"neg": "negative", "abs": "absolute", "invert": "logical_not"}.items():
        setattr(Variable, f"__{dunder}__", lambda self, op=op: backend.OPS[op](self.value))


_operators()
