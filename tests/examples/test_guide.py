"""The guide runs, in its short form, unchanged on this backend."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.timeout(420)
def test_the_guide_for_engineers():
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    env.pop("JAX_NUM_CPU_DEVICES", None)
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "intro_for_engineers.py"), "--short"],
        capture_output=True,
        text=True,
        env=env,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    for expected in (
        "Total params: 260,298 (1016.79 KB)",
        "largest difference 0.0e+00",
        "own layers, saved and loaded: True",
        "tf.data: loss",
        "DataLoader: loss",
        "pandas: loss",
        "generator: loss",
        "PyDataset: loss",
        "digit_loss",
        "custom train_step: loss",
        "loop from scratch: loss",
    ):
        assert expected in done.stdout, f"{expected!r} is missing in:\n{done.stdout}"
