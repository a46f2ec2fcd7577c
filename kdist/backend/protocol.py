"""The contract between kdist and a framework.

A backend is one package, `kdist.backend.<name>`, whose `__init__` binds the names below. Nothing else in kdist
imports a framework, and the backends do not import each other. What differs between them is a row of a table (`OPS`,
`UPDATES`) or an object returned from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np

from kdist.core.coordination import Channel
from kdist.core.leaf import Leaf
from kdist.distribution.communication import Communication
from kdist.distribution.plan import Plan
from kdist.distribution.trace import Traced

Tensor = Any  # the framework's array


class Storage(Protocol):
    """Where one variable's value lives. Made by `make_storage`, owned by a `Variable`."""

    def read(self) -> Tensor:
        """The value: what ops compute with. Cheap; called on every use."""
        ...

    def write(self, value: Tensor) -> None:
        """Replace the value; shape and dtype are the variable's own and were checked."""
        ...

    def add(self, value: Any) -> Tensor:
        """Add a number, or a tensor that broadcasts to the shape; returns the sum. In place where cheaper."""
        ...

    def handle(self) -> Any:
        """What the framework's own tools want: `torch.nn.Parameter`, `tf.Variable`, `jax.Array`."""
        ...

    def set_trainable(self, trainable: bool) -> None: ...


class Region(Protocol):
    """A call whose intermediate values are not kept for its gradients, but computed again (`kdist.layers.region`)."""

    def inputs(self) -> list:
        """The tensors from outside that gradients may be taken of, apart from variables' own values."""
        ...

    def run(self, inputs: list | None = None) -> list:
        """Compute the result: a list of tensors, the same each time. `inputs` stand in for `inputs()`."""
        ...


class Program(Protocol):
    """A compiled train, test or predict step. One per (model, kind); kept until `compile` is called again."""

    def begin(self) -> Any:
        """Take the variables' values into a running state and return it. Until `end`, variables read through to it."""
        ...

    def __call__(self, state: Any, batch: Any) -> tuple[Any, Any]:
        """One step on a `data.Batch` of NumPy arrays (this process's slice).

        Returns: the new state, and what the step gave. For train and test that is a dict of scalars, still on the
            device, if the model's own step returned one, and None if the built-in step ran: its results are read from
            the metrics when someone asks. For predict it is the outputs, this process's slice, padding included.
        """
        ...

    # Optional: `steps(state, batches) -> (state, out)`, from a program that runs several steps in one dispatch. What it
    # gives is that of the last step. `batches` is a list, whose shapes may differ.

    def metric_values(self, state: Any) -> list | None:
        """Values of `model.metrics_variables`, summed over all processes, which call this together.

        None where the variables are global already.
        """
        ...

    def local_metric_values(self, state: Any) -> list | None:
        """The same without communication: this process's own part, for a progress bar."""
        ...

    apart: bool
    """Whether, within a run, some variables hold what this process has of its own rows alone: statistics of batches,
    sums of gradients."""

    def settle(self, state: Any) -> None:
        """Make them global. All processes call this together, before anybody saves or keeps variables' values."""
        ...

    def end(self, state: Any) -> None:
        """Write the state back to the variables."""
        ...

    def gather(self, outputs: Any) -> Any:
        """Outputs of predict as NumPy arrays of the GLOBAL batch (all processes call it), padding included."""
        ...


class Runtime(Protocol):
    """Processes and devices."""

    statistics_per_replica: bool
    """Whether layers in a step see one replica's slice of the batch, and not the whole."""

    def initialize(
        self,
        coordinator: str,
        num_processes: int,
        process_id: int,
        addresses: Sequence[str],
        timeout_s: float,
    ) -> None:
        """Join the other processes. Must precede the first computation."""
        ...

    def shutdown(self, failed: bool) -> None:
        """Leave the group; after a failure without waiting for peers."""
        ...

    def communication(self, kind: str) -> Communication:
        """How steps communicate over devices of a kind: "cpu", "gpu", "tpu", or another word where none is chosen."""
        ...

    def process_index(self) -> int: ...
    def process_count(self) -> int: ...
    def list_devices(self, device_type: str | None = None) -> list[str]:
        """Names such as "cpu:0" of the devices of all processes."""
        ...

    # Optional: `possible_layout(layout, shape) -> (layout, why)`, from a backend that cannot have every layout: the one
    # it takes instead, and why, "" if it is the same.

    def local_device_count(self) -> int: ...
    def coordinator(self) -> Channel:
        """A channel beside the training group, safe to use from another thread."""
        ...


class Backend(Protocol):
    """What `kdist.backend.<name>` must offer. Names are grouped by who uses them."""

    name: str
    runtime: Runtime

    # ---- ops
    OPS: Mapping[str, Callable]
    """Rows of ops: name -> function with the declaration's parameter names and defaults. A row accepts the
    framework's tensors, NumPy
    arrays, Python scalars, lists of them and kdist Variables, promotes dtypes by `kdist.core.dtypes.result_type`, and
    is traceable
    (no `.item()`, no copy to the host)."""

    LENIENT: frozenset[str]
    """What rows may take though ops are not to, so that it is looked for before: "dtypes" that other backends refuse,
    "text"; of the ops that are named, anything."""

    def abstract_eval(self, fn: Callable, args: tuple, kwargs: dict) -> Any:
        """Specs of `fn(*args, **kwargs)` where every `Spec` among the arguments stands for a tensor.

        They may stand at any depth, and all their sizes are known.

        Runs in a stateless scope of its own: variables may be read, and what is assigned to them is forgotten."""
        ...

    def is_tensor(self, x: Any) -> bool: ...
    def convert_to_tensor(self, x: Any, dtype: str | None = None) -> Tensor: ...
    def convert_to_numpy(self, x: Any) -> np.ndarray: ...
    def dtype_of(self, x: Tensor) -> str:
        """Dtype name of a tensor of this framework."""
        ...

    # ---- variables and layers
    LayerBase: type
    """Base of every layer: `torch.nn.Module` or a plain class. Offers `_run(*args, **kwargs)`, which runs `self.call`
    (with the framework's hooks where it has them), `_attach_variable(name, variable)`, `_attach_layer(name, layer)`
    and `_attach_foreign(name, value)`, called as attributes are tracked, and `_detach(value)`, as they are deleted."""

    def make_storage(self, variable: Any, make_value: Callable[[], Tensor], layout: Any) -> Storage:
        """A storage born with the value `make_value()` in `layout`; `make_value` may be run compiled and sharded."""
        ...

    RANDOM_SEED_DTYPE: str  # dtype of a SeedGenerator's state, shape (2,)
    # Optional: `is_tracing() -> bool`, from a backend that bakes state into traced functions (jax).

    def rematerialize(self, region: Region) -> list:
        """`region.run()`, of which gradients keep what comes from outside alone, and run it again."""
        ...

    # ---- training
    UPDATES: Mapping[str, Callable]
    """Rows of optimizer updates: class name in snake case ("adam", "sgd", ...) -> fn(optimizer, grads, variables,
    learning_rate),
    one fused update of all variables at once. An optimizer without a row runs its `update_step` per variable."""

    def place(self, model: Any, plan: Plan) -> None:
        """Bring the variables of a built model into the layouts of `plan`, and set each one's `layout`.

        Called once after `compile`, before the optimizer's slots and the first program are made. `plan.variables`
        line up with `model.variables`. No process ever holds more than one whole variable beside its own parts."""
        ...

    def compile_step(self, model: Any, kind: str, plan: Plan) -> Program:
        """`kind`: "train", "test" or "predict". Plan: where everything lies."""
        ...

    def recorder(self, describe: Callable) -> Any:
        """A `core.recording.Recorder` of the calls of layers during `trace_gradients`."""
        ...

    def trace_gradients(
        self, loss_of: Callable, variables: Sequence, others: Sequence, args: tuple, placing: Any
    ) -> Traced:
        """What the gradient of `loss_of(*args)` with respect to `variables` holds in memory, without computing it.

        `others` are the further variables that `loss_of` reads; `Spec`s in `args` stand for tensors. `placing`:
        (model, plan) where the loss is that of a model on many devices; else None."""
        ...

    def train_step(self, model: Any, *args: Any) -> Any:
        """The body of `Model.train_step`: `(data)`, or `(state, data)` on jax."""
        ...

    def test_step(self, model: Any, *args: Any) -> Any: ...
    def predict_step(self, model: Any, *args: Any) -> Any: ...
    def check_support(self, strategy: Any, run_eagerly: bool = False) -> None:
        """Raise ValueError, naming what to use instead, if this backend cannot run `strategy`."""
        ...

    def distribute_tensor(self, tensor: Any, layout: Any) -> Any:
        """`tensor`, the same on every process, laid out by a `TensorLayout`."""
        ...

    # Jax and TensorFlow have `native_layout(layout)` too: the framework's own object for a TensorLayout with a mesh.

    def device_scope(self, name: str) -> AbstractContextManager: ...
    def synchronize(self) -> None:
        """Wait until the devices have finished what was dispatched (for timing)."""
        ...

    def local_value(self, variable: Any) -> np.ndarray:
        """A copy of one part of the variable that this process holds: the whole, or one of its shards."""
        ...

    # ---- checkpoints
    def to_leaf(self, variable: Any) -> Leaf:
        """This process's part of a variable, by reference or copy; the lowest-coordinate replica owns each box."""
        ...

    def load_metrics(self, variables: list, values: list[np.ndarray]) -> None:
        """Set metric variables to globally accumulated values.

        Everywhere where the variables are global, else on one process, with zeros on the others.
        """
        ...

    def from_reader(self, variable: Any, read: Callable[[tuple[slice, ...]], np.ndarray]) -> None:
        """Fill this process's part of the variable; `read(index)` gives a region of the global array."""
        ...


Batches = Iterator[Any]
