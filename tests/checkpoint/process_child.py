"""One process of test_processes.py: `process_child.py SCENARIO FOLDER RANK COUNT`."""

from __future__ import annotations

import os
import sys

import ml_dtypes
import numpy as np

from kdist.checkpoint import Checkpointer, CheckpointError, FileCoordinator, commit
from kdist.core.leaf import Leaf, chunk_shape_for, whole_leaf

SCENARIO, FOLDER, RANK, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

KERNEL = np.arange(35, dtype="float32").reshape(7, 5)
HALF = np.arange(8, dtype=ml_dtypes.bfloat16)


def by_rows(array, cuts):
    """This process's rows, `cuts[rank]` to `cuts[rank + 1]`."""
    boxes = [
        ((a,) + (0,) * (array.ndim - 1), (b - a, *array.shape[1:]))
        for a, b in zip(cuts, cuts[1:], strict=False)
    ]
    mine = array[cuts[RANK] : cuts[RANK + 1]]
    owned = ((boxes[RANK][0], mine),) if mine.size else ()
    return Leaf(array.shape, array.dtype, chunk_shape_for(array.shape, boxes), owned)


def leaves(step):
    return {
        # Uneven: 4 and 3 rows.
        ("params", "kernel"): by_rows(KERNEL + step, (0, 4, 7)),
        ("params", "half"): by_rows(HALF, (0, 4, 8)),
        ("params", "second"): by_rows(KERNEL, (0, 0, 7)),
        ("step",): whole_leaf(np.array(step), RANK == 0),
        ("empty",): whole_leaf(np.zeros((0, 2)), RANK == 1),
    }


def fail_with(error):
    """The writing of this process fails."""

    def fail(*args, **kwargs):
        raise error

    commit.writer.write_part = fail


def die(*args, **kwargs):
    os._exit(9)


def main():
    coordinator = FileCoordinator(f"{FOLDER}/sync", RANK, COUNT, "run-1")
    timeout_s = 2.0 if SCENARIO == "dies" else 30.0
    if SCENARIO == "apart":
        # As two machines would see it: one name, two folders.
        os.mkdir(f"{FOLDER}/machine-{RANK}")
        os.chdir(f"{FOLDER}/machine-{RANK}")
    root = "run" if SCENARIO == "apart" else f"{FOLDER}/run"
    checkpoints = Checkpointer(root, coordinator, keep=2, timeout_s=timeout_s)
    if SCENARIO == "forever":
        print("READY", flush=True)
        for step in range(1, 100_000):
            checkpoints.save(step, leaves(step), {"step": step}, block=step % 2 == 0)
    for step in (1, 2, 3):
        if SCENARIO == "apart":
            break
        checkpoints.save(step, leaves(step), {"chief": RANK}, block=step % 2 == 0)
    checkpoints.wait()
    if SCENARIO == "good":
        assert checkpoints.steps() == [2, 3]
        with checkpoints.open() as reader:
            # Resharded: this process reads other rows than it wrote.
            rows = slice(RANK * 2, 7)
            found = reader.read(("params", "kernel"), (rows, slice(None)))
            np.testing.assert_array_equal(found, KERNEL[rows] + 3)
        print("DONE")
        return
    if SCENARIO == "full" and RANK == 1:
        fail_with(OSError(28, "No space left on device"))
    if SCENARIO == "chief-full" and RANK == 0:
        fail_with(OSError(28, "No space left on device"))
    if SCENARIO == "chief-cannot-merge" and RANK == 0:
        commit.engine.merge = commit.writer.merge_records
    if SCENARIO == "dies" and RANK == 1:
        commit.writer.write_part = die
    state = leaves(4)
    if SCENARIO == "twice":
        state["step",] = whole_leaf(np.array(4), True)
    if SCENARIO == "nobody":
        state["step",] = whole_leaf(np.array(4), False)
    if SCENARIO == "other-grid" and RANK == 1:
        state["step",] = whole_leaf(np.array(4, "int32"), False)
    if SCENARIO == "other-leaves" and RANK == 1:
        del state["step",]
    step = 3 if SCENARIO == "again" else 4
    try:
        checkpoints.save(step, state)
    except CheckpointError as e:
        print("ERROR", " ".join(str(e).split()))
    # Those that are still here agree about what there is.
    print("STEPS", checkpoints.steps(), sorted(os.listdir(root)) if os.path.exists(root) else [])


main()
