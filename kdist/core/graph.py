"""The symbolic graph: tensors without values, the operations that made them, and the nodes in between."""

from __future__ import annotations

from typing import Any, NamedTuple

from kdist.core import dtypes, names, tree


class History(NamedTuple):
    """Which call produced a symbolic tensor: the operation, which of its calls, which of its outputs."""

    operation: Operation
    node_index: int
    tensor_index: int


class _Unsaid(str):
    """The default of a dtype, which can so be told from the same one given."""

    __slots__ = ()


_DTYPE = _Unsaid("float32")


class KerasTensor:
    """A tensor that stands for a value in a model's graph: a shape with None for unknown sizes, and a dtype.

    Arguments:
        shape: tuple of int or None.
        dtype: dtype name.
        sparse, ragged: kept as attributes, without effect: tensors are dense.
        record_history: kept as an attribute, without effect.
        name: optional name, made up if absent.

    The arithmetic operators are bound to `kdist.ops` when that package is imported.
    """

    def __init__(
        self,
        shape: Any,
        dtype: Any = _DTYPE,
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
    ):
        if isinstance(shape, int):
            raise ValueError(f"shape={shape} of a KerasTensor must be a tuple: ({shape},).")
        self.shape = tuple(None if d is None else int(d) for d in shape)
        self.dtype = dtypes.standardize_dtype(dtype)
        self._dtype_said = dtype is not _DTYPE
        self.sparse, self.ragged = bool(sparse), bool(ragged)
        self.name = name or names.auto_name("keras_tensor")
        self.record_history = record_history
        self._keras_history: History | None = None
        self._keras_mask: Any = None

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def _no_value(self, *_: Any) -> Any:
        raise ValueError(
            f"{self!r} is symbolic and has no value: it cannot become a NumPy array or a Python number, nor "
            "steer an `if` or a loop. "
            "Compute with kdist.ops and layers, and put other code in the call() of a Layer."
        )

    __array__ = __bool__ = __float__ = __int__ = __iter__ = __len__ = __jax_array__ = __index__ = (
        _no_value
    )

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return self._no_value()


class Node:
    """One symbolic call of an operation: its arguments and outputs."""

    def __init__(self, operation: Operation, args: tuple, kwargs: dict, outputs: Any):
        self.operation, self.args, self.kwargs = operation, args, kwargs
        self.outputs = tree.flatten(outputs)
        self.input_tensors = [x for x in tree.flatten((args, kwargs)) if isinstance(x, KerasTensor)]
        self.parents = [
            x._keras_history.operation._inbound_nodes[x._keras_history.node_index]
            for x in self.input_tensors
            if x._keras_history
        ]
        index = len(operation._inbound_nodes)
        for i, tensor in enumerate(self.outputs):
            # An output that is an input passed through keeps where it came from.
            if isinstance(tensor, KerasTensor) and (
                tensor._keras_history is None or not self.input_tensors
            ):
                tensor._keras_history = History(operation, index, i)
        operation._inbound_nodes.append(self)
        for parent in self.parents:
            parent.operation._outbound_nodes.append(self)

    @property
    def is_input(self) -> bool:
        return not self.input_tensors


class Operation:
    """Something that can be called on symbolic tensors: a layer, or one call of an op.

    Abstract: a subclass gives `__call__`, `call` and `compute_output_spec`.
    """

    def __init__(self, name: str | None = None):
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(
                f"name={name!r} of {type(self).__name__} must be a string and cannot contain character `/`."
            )
        self.name = name or names.auto_name(type(self).__name__)
        self._inbound_nodes: list[Node] = []
        self._outbound_nodes: list[Node] = []

    def saved_arguments(self, node: Node) -> tuple[list, dict]:
        """The (args, kwargs) that a file gives for one of the calls."""
        return list(node.args), dict(node.kwargs)

    def call_saved(self, *args: Any, **kwargs: Any) -> Any:
        """Make a call that a file describes."""
        return self(*args, **kwargs)  # type: ignore[operator]

    def _first_call(self, what: str) -> Node:
        if not self._inbound_nodes:
            raise AttributeError(
                f"{self.name} was not called on a symbolic tensor yet, so it has no {what}."
            )
        return self._inbound_nodes[0]

    @property
    def input(self) -> Any:
        """The symbolic input of the first call, or a list of them. Raises AttributeError if there was none."""
        tensors = self._first_call("input").input_tensors
        return tensors[0] if len(tensors) == 1 else tensors

    @property
    def output(self) -> Any:
        """The symbolic output of the first call, or a list of them. Raises AttributeError if there was none."""
        tensors = self._first_call("output").outputs
        return tensors[0] if len(tensors) == 1 else tensors


# Whatever is, or may hold, a symbolic tensor.
HOLDERS = frozenset((KerasTensor, list, tuple, dict))


def any_symbolic(values: Any) -> bool:
    """Whether a KerasTensor stands among `values`, or in lists and tuples (and dicts) among them."""
    for v in values:  # noqa: SIM110 - a generator takes twice as long
        if type(v) in HOLDERS and holds_symbolic(v):
            return True
    return False


def holds_symbolic(x: Any) -> bool:
    """Whether `x`, of a type among `HOLDERS`, is a KerasTensor or holds one."""
    t = type(x)
    return t is KerasTensor or any_symbolic(x.values() if t is dict else x)


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is a symbolic tensor, as `Input` makes it and layers give it for one."""
    return isinstance(x, KerasTensor)


def get_source_inputs(tensor: KerasTensor) -> list[KerasTensor]:
    """The symbolic tensors from which `tensor` is computed and which are computed from none themselves.

    Arguments:
        tensor: a symbolic tensor; one that no operation made is its own source.

    Returns: each once, in the order of the calls' arguments.

    Example:
        a, b = kdist.Input((2,)), kdist.Input((2,))
        get_source_inputs(a + 2 * b)  # [a, b]
    """
    sources: list[KerasTensor] = []
    seen: set[int] = set()
    stack = [tensor]
    while stack:
        x = stack.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        history = x._keras_history
        node = history and history.operation._inbound_nodes[history.node_index]
        if node and not node.is_input:
            stack += reversed(node.input_tensors)
        else:
            sources.append(x)
    return sources
