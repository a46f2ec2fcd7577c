"""One array of a checkpoint, as one process holds it.

A backend turns each of its variables into a `Leaf`: what the whole array looks like (the same on
every process) and the boxes of it that this process is to write (different on every process). The
checkpoint package knows nothing else about devices, meshes or frameworks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Box:
    """A rectangular region of an array.

    Arguments:
        offset: the index of its first element, one int a dim.
        shape: its extent, one int a dim.
    """

    offset: tuple[int, ...]
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "offset", tuple(int(o) for o in self.offset))
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        if len(self.offset) != len(self.shape):
            raise ValueError(
                f"Box: offset {self.offset} and shape {self.shape} have different ranks; "
                "give one int a dim for each."
            )
        if any(o < 0 for o in self.offset) or any(n < 0 for n in self.shape):
            raise ValueError(
                f"Box: offset {self.offset} and shape {self.shape} must not be negative; "
                "count from the start of the global array."
            )

    @property
    def stop(self) -> tuple[int, ...]:
        """The index one past the last element, one int a dim."""
        return tuple(o + n for o, n in zip(self.offset, self.shape, strict=True))

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def slices(self) -> tuple[slice, ...]:
        """The region as an index into the global array."""
        return tuple(slice(o, e) for o, e in zip(self.offset, self.stop, strict=True))


@dataclass(frozen=True, eq=False)
class Leaf:
    """An array of `global_shape`, and the part of it that this process writes.

    Every element must be owned by exactly one process: of several processes that hold the same
    box, the one at the lowest mesh coordinate owns it and the others pass no box.

    Arguments:
        global_shape: the shape of the whole array.
        dtype: a numpy dtype; those of ml_dtypes (bfloat16, float8) are welcome.
        chunk_shape: the storage grid, the same on every process; see `chunk_shape_for`.
        boxes: `(offset, array)` for each box that this process owns; possibly none.

    Raises:
        ValueError: when a box leaves the array, does not lie on the chunk grid, or has another
        dtype.

    Example:
        >>> Leaf((4, 2), np.float32, (2, 2), (((0, 0), np.zeros((2, 2), "float32")),))
    """

    global_shape: tuple[int, ...]
    dtype: np.dtype
    chunk_shape: tuple[int, ...]
    boxes: tuple[tuple[tuple[int, ...], np.ndarray], ...] = ()

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.global_shape)
        chunk = tuple(int(c) for c in self.chunk_shape)
        # Stored in the machine's byte order, so that one name of a dtype means one dtype.
        dtype = np.dtype(self.dtype).newbyteorder("=")
        if dtype.hasobject or dtype.kind in "SUmM" or dtype.fields is not None:
            raise ValueError(
                f"Leaf: dtype {dtype} cannot be stored in a checkpoint; pass numbers or booleans, "
                "and put text and other state into the checkpoint's `meta`."
            )
        if len(chunk) != len(shape) or any(c < 1 for c in chunk):
            raise ValueError(
                f"Leaf: chunk_shape {chunk} must hold one positive int for each dim of {shape}."
            )
        boxes = tuple((tuple(int(o) for o in off), np.asarray(arr)) for off, arr in self.boxes)
        for offset, array in boxes:
            _check_box(Box(offset, array.shape), shape, chunk)
            if array.dtype.newbyteorder("=") != dtype:
                raise ValueError(
                    f"Leaf: the box at {offset} has dtype {array.dtype}, the leaf {dtype}; cast it."
                )
        for name, value in zip(
            ("global_shape", "dtype", "chunk_shape", "boxes"),
            (shape, dtype, chunk, boxes),
            strict=True,
        ):
            object.__setattr__(self, name, value)

    @property
    def nbytes(self) -> int:
        """The bytes of the boxes that this process owns."""
        return sum(array.nbytes for _, array in self.boxes)


def _check_box(box: Box, shape: tuple[int, ...], chunk: tuple[int, ...]) -> None:
    if len(box.shape) != len(shape) or any(e > n for e, n in zip(box.stop, shape, strict=False)):
        raise ValueError(
            f"Leaf: the box at {box.offset} of shape {box.shape} does not lie inside "
            f"global_shape {shape}."
        )
    for dim, (start, stop, c, n) in enumerate(zip(box.offset, box.stop, chunk, shape, strict=True)):
        if start % c or (stop % c and stop != n):
            raise ValueError(
                f"Leaf: the box {start}:{stop} of dim {dim} does not lie on the grid of "
                f"chunk_shape {chunk}: two processes would write one chunk, and one would lose its "
                "data. Take the chunk shape from chunk_shape_for(global_shape, boxes of ALL "
                "processes)."
            )


def chunk_shape_for(
    global_shape: tuple[int, ...],
    all_boxes: Iterable[Box | tuple[tuple[int, ...], tuple[int, ...]]],
) -> tuple[int, ...]:
    """Returns the coarsest storage grid on which every box is aligned.

    Per dim it is the greatest common divisor of all the boundaries between boxes; a dim that is
    not cut is one chunk.

    The trap: a chunk is written as a whole. When two processes own parts of one chunk, each
    writes it with the other's part left at zero, and after the merge one of the two parts is gone
    without any error. So `all_boxes` must hold the boxes of every process, not only this one's; a
    sharding lets every process compute them without communication. Uneven shards cost many small
    chunks (a 5-row array over 2 processes, 3 + 2 rows, is stored row by row): see `chunk_count`
    for when to gather instead.

    Arguments:
        global_shape: the shape of the whole array.
        all_boxes: every process's boxes, as `Box` or `(offset, shape)`; empty boxes are ignored.

    Returns:
        One positive int a dim.

    Example:
        >>> chunk_shape_for((6, 4), [((0, 0), (4, 4)), ((4, 0), (2, 4))])
        (2, 4)
    """
    gcds = [0] * len(global_shape)
    for box in all_boxes:
        box = box if isinstance(box, Box) else Box(*box)
        if len(box.shape) != len(global_shape):
            raise ValueError(
                f"chunk_shape_for: box {box} and global_shape {global_shape} have different ranks."
            )
        if box.size == 0:
            continue
        for dim, (start, stop, n) in enumerate(
            zip(box.offset, box.stop, global_shape, strict=True)
        ):
            # The end of the array is no boundary: the last chunk may be short.
            for cut in (start, stop):
                if cut != n:
                    gcds[dim] = math.gcd(gcds[dim], cut)
    return tuple(g or max(1, int(n)) for g, n in zip(gcds, global_shape, strict=True))


def chunk_count(global_shape: tuple[int, ...], chunk_shape: tuple[int, ...]) -> int:
    """Returns how many chunks the grid has.

    Past some ten thousand, gather the array and use `whole_leaf`.
    """
    return math.prod(-(-n // c) for n, c in zip(global_shape, chunk_shape, strict=True))


def whole_leaf(array: np.ndarray, owned: bool) -> Leaf:
    """Returns the leaf of a value that every process holds whole, and one process writes.

    Arguments:
        array: the value; on the processes that do not own it only its shape and dtype matter.
        owned: True on the one process (as a rule the chief) that writes it.
    """
    array = np.asarray(array)
    chunk = tuple(max(1, n) for n in array.shape)
    boxes = (((0,) * array.ndim, array),) if owned else ()
    return Leaf(array.shape, array.dtype, chunk, boxes)
