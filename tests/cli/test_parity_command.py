"""`kdist parity` on a script, as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
import numpy as np
import kdist
from kdist import layers

rng = np.random.default_rng(0)
x, y = rng.standard_normal((40, 4)).astype("float32"), rng.integers(0, 3, 40)
model = kdist.Sequential([kdist.Input((4,)), layers.Dense(8, "relu"), layers.Dense(3)])
loss = kdist.losses.SparseCategoricalCrossentropy(from_logits=True)
if "wrong" in sys.argv and kdist.distribution.distribution() is not None:
    loss = lambda y, p: kdist.ops.mean(kdist.ops.square(p))
model.compile(kdist.optimizers.Adam(0.01), loss)
model.fit(x, y, batch_size=16, epochs=9)
raise RuntimeError("the script went on after the steps that are compared")
"""


def command(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    env = {**os.environ, "OMP_NUM_THREADS": "1", "JAX_NUM_CPU_DEVICES": "1"}
    line = [
        sys.executable,
        "-m",
        "kdist.cli",
        "parity",
        str(script),
        "--workers",
        "2",
        "--steps",
        "5",
    ]
    return subprocess.run(
        [*line, *arguments], env=env, capture_output=True, text=True, timeout=240, check=False
    )


def test_a_script_that_trains_alike(tmp_path):
    done = command(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "agree with one device's" in done.stdout


def test_a_script_that_does_not(tmp_path):
    done = command(tmp_path, "wrong")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "The first to differ from one device's is loss after step 1" in done.stdout
