from __future__ import annotations

import threading
import time
import traceback

import pytest

from kdist.data.prefetch import prefetched


def readers():
    return [t for t in threading.enumerate() if t.name == "kdist-reader"]


def test_items_arrive_in_order_and_the_thread_ends():
    assert list(prefetched(lambda: (i for i in range(100)), 3)) == list(range(100))
    assert not readers()


def test_the_reader_stays_ahead_by_no_more_than_asked():
    read = []

    def items():
        for i in range(100):
            read.append(i)
            yield i

    stream = prefetched(items, 2)
    assert next(stream) == 0
    deadline = time.monotonic() + 5
    while len(read) < 4 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)
    assert len(read) == 4  # one taken, two held, one in the reader's hand
    stream.close()


def test_an_error_arrives_after_the_items_before_it_with_its_traceback():
    def items():
        yield 1
        raise_in_reader()

    stream = prefetched(items, 4)
    assert next(stream) == 1
    with pytest.raises(KeyError, match="lost") as caught:
        next(stream)
    assert "raise_in_reader" in "".join(traceback.format_tb(caught.value.__traceback__))
    assert not readers()


def raise_in_reader():
    raise KeyError("lost")


def test_closing_early_closes_the_iterator_behind_and_ends_the_thread():
    closed = threading.Event()

    def items():
        try:
            while True:
                yield 1
        finally:
            closed.set()

    stream = prefetched(items, 2)
    next(stream)
    stream.close()
    assert closed.is_set() and not readers()
