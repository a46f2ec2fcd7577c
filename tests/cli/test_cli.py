"""The `kdist` command, through its own process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from kdist.launch.variables import import_path
from kdist.version import __version__

pytestmark = pytest.mark.timeout(90)


def kdist(*arguments: object, backend: str = "jax", **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kdist.cli", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": import_path(), "KDIST_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=80,
        **options,
    )


def write(folder: Path, source: str) -> Path:
    script = folder / "script.py"
    script.write_text(textwrap.dedent(source))
    return script


def test_version() -> None:
    assert kdist("--version").stdout.strip() == f"kdist {__version__}"


def test_doctor_names_what_is_installed() -> None:
    done = kdist("doctor", backend="torch")
    assert done.returncode == 0, done.stderr
    assert f"kdist {__version__}" in done.stdout
    assert "backend: torch" in done.stdout


def test_importing_the_command_imports_no_framework() -> None:
    code = (
        "import sys, kdist.cli; "
        "print([m for m in ('jax', 'torch', 'tensorflow', 'keras', 'ray') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": import_path()},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_run_makes_the_script_main_on_every_worker(tmp_path) -> None:
    script = write(
        tmp_path,
        """
        import os, pathlib, sys
        import beside

        rank = os.environ["KDIST_RANK"]
        print("chief" if rank == "0" else "other", __name__, beside.NAME)
        pathlib.Path(f"rank-{rank}").write_text(" ".join(sys.argv[1:]))
        sys.exit(0)
        """,
    )
    (tmp_path / "beside.py").write_text("NAME = 'module beside the script'")
    done = kdist(
        "run", script, "--epochs", 3, "--workers", 2, "--launcher", "local", "--storage",
        tmp_path / "runs", "--env", "OMP_NUM_THREADS=1", "--", "--workers", "inner", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "chief __main__ module beside the script\n"
    for rank in "01":
        assert (tmp_path / f"rank-{rank}").read_text() == "--epochs 3 --workers inner"


def test_a_failing_script_shows_rank_and_traceback(tmp_path) -> None:
    script = write(
        tmp_path,
        """
        def train():
            raise ValueError("labels out of range")

        train()
        """,
    )
    done = kdist("run", script, "--workers", 1, "--launcher", "local", "--storage", tmp_path)
    assert done.returncode == 1
    assert "rank 0 failed" in done.stderr
    assert "in train" in done.stderr
    assert "labels out of range" in done.stderr
    assert "kdist/launch" not in done.stderr


def test_an_exit_status_is_a_failure(tmp_path) -> None:
    script = write(tmp_path, "import sys; sys.exit('no data here')")
    done = kdist("run", script, "--workers", 1, "--launcher", "local", "--storage", tmp_path)
    assert done.returncode == 1
    assert "no data here" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.py"], "script='missing.py' is not a file"),
        ([__file__, "--launcher", "slurm"], "launcher='slurm' is not known"),
        ([__file__, "--backend", "theano"], "backend='theano' is not known"),
        ([__file__, "--resource", "GPU"], "--resource 'GPU' must have the form NAME=VALUE"),
        ([__file__, "--resource", "GPU=two"], "--resource GPU='two' must be a number"),
        ([__file__, "--workers", "0"], "workers=0 must be a whole number, at least 1"),
    ],
)
def test_bad_requests_are_named(arguments, message) -> None:
    done = kdist("run", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
