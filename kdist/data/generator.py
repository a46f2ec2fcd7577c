"""Python generators and other iterators, read once, and iterables, which can be read again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kdist.data.stream import Feed


class GeneratorFeed(Feed):
    """An iterator: one pass, shared by all epochs."""

    name = "the generator"
    restarts = False

    def __init__(self, iterator: Iterator):
        self._iterator = iterator

    def open(self, pass_index: int) -> Iterator:
        return _Unclosed(self._iterator)

    def spec(self) -> None:
        return None


class IterableFeed(Feed):
    """An object whose `iter()` gives its batches from the beginning each time."""

    restarts = True

    def __init__(self, iterable: Iterable):
        self.name = f"the {type(iterable).__name__}"
        self._iterable = iterable
        if hasattr(iterable, "__len__"):
            self.num_batches = len(iterable)

    def open(self, pass_index: int) -> Iterator:
        return iter(self._iterable)

    def spec(self) -> None:
        return None


class _Unclosed:
    """The user's iterator without its `close`: it is theirs, and may be read on after fit."""

    def __init__(self, iterator: Iterator):
        self._iterator = iterator

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> object:
        return next(self._iterator)
