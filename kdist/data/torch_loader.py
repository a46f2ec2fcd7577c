"""torch DataLoader, on every backend.

torch is not imported here: whoever passes a loader has it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from kdist.data.leaves import has_type
from kdist.data.order import generator
from kdist.data.stream import Feed


def is_data_loader(value: Any) -> bool:
    return has_type(value, "torch", "DataLoader")


def is_torch_dataset(value: Any) -> bool:
    return has_type(value, "torch", "Dataset") and not hasattr(value, "__array__")


class DataLoaderFeed(Feed):
    """A torch DataLoader; a pass is one iteration.

    A loader that shuffles without a generator of its own gets, for the pass, one seeded by (seed,
    pass): the order is then the same on every process and in a resumed run. A generator that the
    user gave is left alone.
    """

    name = "the DataLoader"
    restarts = True

    def __init__(self, loader: Any, seed: int):
        self._loader = loader
        self._seed = seed
        self.batch_size = loader.batch_size
        if hasattr(loader.dataset, "__len__"):
            self.num_batches = len(loader)
            if not loader.drop_last and loader.batch_size is not None:
                self.num_samples = (
                    len(loader.sampler) if hasattr(loader.sampler, "__len__") else None
                )

    def open(self, pass_index: int) -> Iterator:
        lent = [owner for owner in self._owners() if getattr(owner, "generator", self) is None]
        if lent:
            torch = sys.modules["torch"]
            shared = torch.Generator()
            shared.manual_seed(int(generator(self._seed, pass_index).integers(2**62)))
            for owner in lent:
                owner.generator = shared
        try:
            yield from self._loader
        finally:
            for owner in lent:
                owner.generator = None

    def spec(self) -> None:
        return None

    def _owners(self) -> list[Any]:
        """Whatever draws the order, and the loader itself, which seeds its workers."""
        loader = self._loader
        return [loader, loader.sampler, getattr(loader.batch_sampler, "sampler", None)]
