from __future__ import annotations

import itertools

import numpy as np
import pytest

from kdist.checkpoint import CheckpointError, checksums, layout


@pytest.mark.parametrize("key", ["a", "a.b", "a%2Eb", "a/b", "%", "100%", "ä.", "%25%2F"])
def test_escape_is_undone(key):
    assert "." not in layout.escape(key)
    assert "/" not in layout.escape(key)
    assert layout.unescape(layout.escape(key)) == key


@pytest.mark.parametrize(
    ("shape", "chunk", "target", "expected"),
    [
        ((1000,), (1000,), 800, (100,)),  # uncut: any size
        ((1000,), (500,), 800, (100,)),  # cut: a divisor of 500
        ((8, 100), (8, 100), 1600, (2, 100)),
        ((4, 1000), (2, 1000), 800, (1, 100)),  # the first dim is used up, then the next
        ((202,), (101,), 400, (101,)),  # a prime has no divisor worth having
        ((3,), (3,), 10**6, (3,)),
        ((), (), 1, ()),
        ((0, 5), (1, 5), 8, (1, 1)),
    ],
)
def test_refined_chunks(shape, chunk, target, expected):
    assert layout.refine_chunks(shape, chunk, 8, target) == expected


def test_refined_chunks_keep_every_box_on_the_grid():
    for shape, chunk, target in itertools.product(
        [(12, 30), (7, 11), (24, 5)], [(6, 10), (4, 30), (3, 7), (12, 5)], [8, 64, 300, 4000]
    ):
        for n, old, new in zip(
            shape, chunk, layout.refine_chunks(shape, chunk, 8, target), strict=True
        ):
            assert 1 <= new <= old
            assert old >= n or old % new == 0


def test_the_chunks_of_a_box():
    chunks = dict(checksums.chunks_of((4, 0), (5, 3), (2, 2)))
    assert set(chunks) == {(2, 0), (2, 1), (3, 0), (3, 1), (4, 0), (4, 1)}
    assert chunks[4, 1] == (slice(4, 5), slice(2, 3))
    assert dict(checksums.chunks_of((), (), ())) == {(): ()}
    assert dict(checksums.chunks_of((0, 0), (0, 3), (1, 3))) == {}
    assert checksums.chunk_key((2, 0)) == "2.0"
    assert checksums.chunk_key(()) == "0"


def test_a_checksum_is_of_the_elements():
    array = np.arange(12, dtype="int32").reshape(3, 4)
    assert checksums.checksum(array.T) == checksums.checksum(np.ascontiguousarray(array.T))
    assert checksums.checksum(array) != checksums.checksum(array.T)
    # The published check value of CRC-32.
    assert checksums.checksum(np.frombuffer(b"123456789", np.uint8)) == "cbf43926"
    assert len(checksums.checksum(np.float32(1.5))) == 8


def test_sealed_files():
    text = layout.seal({"a": [1, 2.5, None, "ä"], "nan": float("nan"), "n": np.int64(3)})
    body = layout.unseal(text.encode(), "f")
    assert body["a"] == [1, 2.5, None, "ä"]
    assert body["n"] == 3
    with pytest.raises(CheckpointError, match="f is damaged.*checksum"):
        layout.unseal(text.replace("2.5", "2.6").encode(), "f")
    for broken in (text[:-4], "[]", "{}", ""):
        with pytest.raises(CheckpointError, match="f is damaged"):
            layout.unseal(broken.encode(), "f")
