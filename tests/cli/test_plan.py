"""`kdist plan`, through its own process."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from kdist.launch.variables import import_path

pytestmark = pytest.mark.timeout(150)

MODEL = """
    import kdist
    from kdist import layers

    def make():
        return kdist.Sequential(
            [kdist.Input((64,)), layers.Dense(4096, name="up"), layers.Dense(64, name="down")]
        )

    class Own(kdist.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(32)

        def call(self, inputs):
            return self.dense(inputs)

    def text():
        tokens = kdist.Input((None,), dtype="int32")
        return kdist.Model(tokens, layers.Dense(8)(layers.Embedding(2048, 64)(tokens)))

    nothing = 3
"""

LARGE = """
    import sys

    import kdist
    from kdist import layers

    sys.path.insert(0, {folder!r})
    import planned

    def make():
        model, *_ = planned.transformer(
            kdist, layers, blocks=95, width=8192, heads=64, words=32000, length=4096, rows=1
        )
        return model
"""


def plan(folder: Path, *arguments: str, source: str = MODEL, backend: str = "jax"):
    (folder / "models.py").write_text(textwrap.dedent(source))
    environment = {**os.environ, "PYTHONPATH": import_path(), "KDIST_BACKEND": backend}
    return subprocess.run(
        [sys.executable, "-m", "kdist.cli", "plan", *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=140,
    )


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_layouts_memory_and_communication(tmp_path, backend):
    mesh = "data=2,fsdp=2,tensor=4"
    done = plan(
        tmp_path, "models:make", "--mesh", mesh, "--batch-size", "64", "--optimizer", "adam",
        "--devices-per-host", "8", backend=backend,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    kernel = 64 * 4096 * 4 // 8
    for text in (
        "on 16 devices",
        "up/kernel",
        "TensorLayout(-, tensor+fsdp)",
        "columns of a pair",
        f"{kernel:,}",
        "reduce-scatter",
        "within a host",
        "between hosts",
    ):
        assert text in done.stdout
    assert int(_cell(done.stdout, "optimizer")) > 2 * int(_cell(done.stdout, "parameters"))


def _cell(text: str, name: str) -> str:
    found = re.search(rf"^\W*{name}\b[^\d\n]*([\d,]+)", text, re.MULTILINE)
    assert found, text
    return found[1].replace(",", "")


def test_a_file_a_policy_and_a_model_that_is_not_built(tmp_path):
    done = plan(
        tmp_path, "models.py:Own", "--mesh", "fsdp=4", "--input-shape", "512", "--dtype",
        "bfloat16", "--batch-size", "8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "(512, 32)" in done.stdout and "bfloat16" in done.stdout


def test_unknown_sizes_and_sequence(tmp_path):
    arguments = ("models:text", "--mesh", "data=2,tensor=2", "--batch-size", "8")
    assert "input_shape" in plan(tmp_path, *arguments).stderr
    done = plan(tmp_path, *arguments, "--seq-len", "128", "--sequence")
    assert done.returncode == 0, done.stderr
    assert "sequence" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("models:make", "--mesh", "rows=2"), "--mesh 'rows=2' must name sizes"),
        (("models:make", "--mesh", "data=2", "--level", "x"), "level='x'"),
        (("models:nothing", "--mesh", "data=2"), "no function 'nothing'"),
        (("models", "--mesh", "data=2"), "module:function"),
        (("absent:make", "--mesh", "data=2"), "absent"),
        (("absent.py:make", "--mesh", "data=2"), "no file absent.py"),
        (("models:Own", "--mesh", "data=2"), "--input-shape"),
        (("models:Own", "--mesh", "data=2", "--input-shape", "a"), "--input-shape 'a'"),
    ],
)
def test_mistakes_are_named(tmp_path, arguments, message):
    done = plan(tmp_path, *arguments)
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr


def test_seventy_billion_parameters_on_4096_devices(tmp_path):
    """In under 30 seconds of computing and 2 GB of memory."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = plan(
        tmp_path, "models:make", "--mesh", "data=128,fsdp=8,tensor=4", "--batch-size", "4096",
        "--optimizer", "adam", source=LARGE.format(folder=_planned()),
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    values = int(re.search(r": ([\d,]+) values on 4,096 devices", done.stdout)[1].replace(",", ""))
    assert 70e9 < values < 78e9
    assert "block_*_up/kernel x95" in done.stdout
    assert after.ru_maxrss < 2e6  # kB, of the largest child so far
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert used < 30


def _planned() -> str:
    return str(Path(__file__).parents[1] / "distribution")
