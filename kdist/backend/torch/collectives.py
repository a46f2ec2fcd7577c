"""What a step communicates, seen while it runs: for tests and measurements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.distributed as dist
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from kdist.backend.torch.parts import is_dtensor
from kdist.core import tree

Totals = dict[str, tuple[int, int]]


def _largest(args: Any) -> Tensor:
    """The whole tensor among an operation's: parts that are gathered or scattered are smaller."""
    return max((x for x in tree.flatten(args) if isinstance(x, Tensor)), key=lambda x: x.nbytes)


def _given(args: Any) -> tuple[int, int]:
    x = _largest(args)
    return x.numel(), x.nbytes


def _joined(args: Any) -> tuple[int, int]:
    """Of the operations that return what they gather: the group's size, or its name, is their last argument."""
    x, last = args[0], args[-1]
    name = args[-1] if isinstance(last, str) else args[-2]
    count = dist.get_world_size(dist.distributed_c10d._resolve_process_group(name))
    return count * x.numel(), count * x.nbytes


# Of torch.distributed, and the functional ones that DTensor uses: (kind, elements and bytes of the whole tensor).
_OPERATIONS: dict[str, tuple[str, Callable[[Any], tuple[int, int]]]] = {
    "c10d.allreduce_": ("all-reduce", _given),
    "c10d._allgather_base_": ("all-gather", _given),
    "c10d._reduce_scatter_base_": ("reduce-scatter", _given),
    "c10d.broadcast_": ("broadcast", _given),
    "c10d.alltoall_base_": ("all-to-all", _given),
    "_c10d_functional.all_reduce": ("all-reduce", _given),
    "_c10d_functional.all_gather_into_tensor": ("all-gather", _joined),
    "_c10d_functional.reduce_scatter_tensor": ("reduce-scatter", _given),
    "_c10d_functional.all_to_all_single": ("all-to-all", _given),
}
_NAMESPACES = ("c10d", "_c10d_functional", "_dtensor")
_LOCAL = ("wait_tensor", "_wrap_tensor_autograd", "barrier")


class Messages(TorchDispatchMode):
    """Counts the messages that are sent within, scalars left out.

    torch's CommDebugMode counts the same operations, but neither their bytes, nor those of modules whose forward pass
    runs another module's.

    Attributes:
        found: (kind, bytes of the whole tensor) of each.

    Example:
        with Messages() as messages:
            program(state, batch)
        messages.totals()  # {"all-reduce": (2, 4096)}
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, int]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(is_dtensor(x) for x in tree.flatten((args, kwargs or {}))):
            return NotImplemented  # DTensor comes first: what it sends is seen then
        if func.namespace in _NAMESPACES and func._opname not in _LOCAL:
            kind, measure = _OPERATIONS[f"{func.namespace}.{func._opname}"]
            elements, nbytes = measure(args)
            if elements > 1:
                self.found.append((kind, nbytes))
        return func(*args, **(kwargs or {}))

    def totals(self) -> Totals:
        """Kind -> (how many messages, bytes)."""
        of: dict[str, list[int]] = {}
        for kind, nbytes in self.found:
            of.setdefault(kind, []).append(nbytes)
        return {kind: (len(sizes), sum(sizes)) for kind, sizes in sorted(of.items())}
