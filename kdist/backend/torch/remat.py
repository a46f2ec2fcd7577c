"""Computing again instead of keeping, by `torch.utils.checkpoint`."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint
from torch.utils.weak import WeakIdKeyDictionary

from kdist.backend.torch.sharded_storage import computing
from kdist.backend.torch.split_rules import SplitMode


def rematerialize(region: Any) -> list:
    """The contract's. Tensors from outside are closed over: autograd finds its way to those as well.

    A region inside of another one just runs: the outer one is computed again as a whole, once. What the inner ones
    close over would else be kept from the first run on, and they would be computed again from that.
    """
    if computing.again or not torch.is_grad_enabled():
        return region.run()
    depth, adds_later = computing.depth, computing.adds_later

    def run() -> list:
        outer = computing.depth, computing.again, computing.shared
        computing.depth, computing.again = depth, True
        computing.shared = WeakIdKeyDictionary()
        try:
            with computing.adding_later(adds_later), SplitMode() if depth else nullcontext():
                return region.run()
        finally:
            computing.depth, computing.again, computing.shared = outer

    # Random numbers come from seeds that are variables: torch's own generators have no state to restore.
    return checkpoint(run, use_reentrant=False, preserve_rng_state=False)
