"""Stock Orbax reads what kdist wrote, and kdist reads what Orbax wrote."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from kdist.checkpoint import Checkpointer, CheckpointError
from kdist.core.leaf import Leaf, whole_leaf

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("jax", "orbax")),
    reason="needs jax and orbax-checkpoint",
)

CHILD = Path(__file__).resolve().with_name("orbax_child.py")

STATE = {
    ("params", "kernel"): np.arange(48, dtype=np.float32).reshape(8, 6),
    ("params", "half"): np.arange(8, dtype=ml_dtypes.bfloat16),
    ("seed",): np.array([7, 11], dtype=np.uint32),
    ("step",): np.array(42, dtype=np.int64),
}


def orbax(*args: str) -> str:
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(CHILD), *args], env=env, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("compression", ["zstd", None])
def test_orbax_restores_what_kdist_wrote(tmp_path, compression):
    leaves = {path: whole_leaf(array, True) for path, array in STATE.items()}
    kernel = STATE["params", "kernel"]
    boxes = (((0, 0), kernel[:4]), ((4, 0), kernel[4:]))
    leaves["params", "kernel"] = Leaf(kernel.shape, kernel.dtype, (4, 6), boxes)
    Checkpointer(tmp_path, compression=compression).save(12, leaves, {"epoch": 1})
    out = orbax("restore", str(tmp_path), "12")
    assert out.count("OK") == 5, out


def test_kdist_reads_what_orbax_wrote(tmp_path):
    orbax("save", str(tmp_path))
    checkpoints = Checkpointer(tmp_path)
    # Written by CheckpointManager, StandardCheckpointer, v1, plain zarr files, and zarr 3.
    assert checkpoints.steps() == [3, 4, 5, 6, 7]
    for step in checkpoints.steps():
        with checkpoints.open(step) as reader:
            assert not reader.verified
            assert reader.meta == {}
            found = reader.leaves()
            for path, array in STATE.items():
                assert found[path] == (array.shape, array.dtype), (step, path)
                np.testing.assert_array_equal(reader.read(path), array)
            part = reader.read(("params", "kernel"), (slice(1, 7), slice(2, 3)))
            np.testing.assert_array_equal(part, STATE["params", "kernel"][1:7, 2:3])
            extra = {7: {("list", "0"), ("n",)}}.get(step, set())
            assert set(found) == set(STATE) | extra


def test_an_item_is_asked_for_where_there_are_several(tmp_path):
    Checkpointer(tmp_path).save(1, {("a",): whole_leaf(np.arange(3), True)})
    (tmp_path / "1" / "kdist.json").unlink()
    (tmp_path / "1" / "other").mkdir()
    (tmp_path / "1" / "other" / "_METADATA").write_text("{}")
    with pytest.raises(CheckpointError, match="2 items"):
        Checkpointer(tmp_path).open(1)
    with Checkpointer(tmp_path).open(1, item="state") as reader:
        np.testing.assert_array_equal(reader.read(("a",)), np.arange(3))
