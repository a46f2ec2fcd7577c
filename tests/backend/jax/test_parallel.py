"""Several devices and several processes give what one device gives."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest

CHILD = pathlib.Path(__file__).with_name("child.py")
ROOT = pathlib.Path(__file__).parents[3]
LIMIT_S = 120


def run(folder, devices, processes):
    """The saved results of each process."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("KDIST_", "XLA_"))},
        "KDIST_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }
    files = [folder / f"{devices}x{processes}-{r}.npz" for r in range(processes)]
    children = [
        subprocess.Popen(
            [
                sys.executable,
                "-W",
                "error::UserWarning",
                str(CHILD),
                *map(str, (f, devices, processes, r, port)),
            ],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for r, f in enumerate(files)
    ]
    try:
        for child in children:
            output, _ = child.communicate(timeout=LIMIT_S)
            assert child.returncode == 0, output
    finally:
        for child in children:
            child.kill()  # nothing, where it has ended
            child.communicate()
    return [dict(np.load(f)) for f in files]


@pytest.fixture(scope="module")
def one_device(tmp_path_factory):
    return run(tmp_path_factory.mktemp("one"), 1, 1)[0]


@pytest.mark.parametrize(("devices", "processes"), [(8, 1), (2, 2)])
def test_the_layout_changes_nothing(one_device, tmp_path, devices, processes):
    results = run(tmp_path, devices, processes)
    for got in results:
        assert got.keys() == one_device.keys()
        for key, expected in one_device.items():
            if key == "owned":
                continue
            error = np.linalg.norm(got[key].astype("float64") - expected)
            assert error <= 1e-5 * max(np.linalg.norm(expected.astype("float64")), 1e-12), key
        assert np.array_equal(got["seed"], one_device["seed"])
    # Every variable is written by one process, once.
    assert sum(int(got["owned"]) for got in results) == int(one_device["owned"])
