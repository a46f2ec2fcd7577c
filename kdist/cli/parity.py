"""`kdist parity`: a script's training on N workers against one device's."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from kdist.distribution import parity as recording
from kdist.launch import LaunchError, run_script


def parity(
    script: Annotated[str, typer.Argument(help="The Python script; its first fit() is compared.")],
    args: Annotated[list[str] | None, typer.Argument(help="Arguments of the script.")] = None,
    workers: Annotated[int, typer.Option(help="Number of worker processes.")] = 2,
    launcher: Annotated[str, typer.Option(help="ray or local.")] = "local",
    backend: Annotated[str | None, typer.Option(help="jax, torch or tensorflow.")] = None,
    steps: Annotated[int, typer.Option(help="Batches to compare.")] = 10,
    tolerance: Annotated[
        float, typer.Option(help="Largest distance that counts as rounding.")
    ] = 1e-5,
) -> None:
    """Compare SCRIPT's training under its strategy with one device's, and name the first tensor that differs.

    The script runs twice, up to `steps` batches of its first fit(): once as if it named no strategy, once as it is,
    from the same initial weights. Its data must be the same in both; Dropout must draw nothing on torch and
    tensorflow, where replicas draw for themselves.
    """
    with tempfile.TemporaryDirectory(prefix="kdist-parity-") as folder:
        try:
            traces = [
                _run(role, folder, script, args, workers, launcher, backend, steps)
                for role in ("one", "many")
            ]
        except (ValueError, FileNotFoundError, ImportError, LaunchError) as error:
            print(f"kdist: {error}", file=sys.stderr, flush=True)
            raise typer.Exit(2) from None
    report = recording.compare(*traces, tolerance)
    typer.echo(str(report))
    if not report.ok:
        raise typer.Exit(1)


def _run(
    role: str,
    folder: str,
    script: str,
    args: list[str] | None,
    workers: int,
    launcher: str,
    backend: str | None,
    steps: int,
) -> dict[str, np.ndarray]:
    env = {
        recording.ROLE: role,
        recording.FILE: folder,
        recording.STEPS: str(steps),
        "PYTHONHASHSEED": "0",
    }
    run_script(
        script, args or (), workers, launcher=launcher, backend=backend, env=env, max_failures=0
    )
    trace = Path(folder) / f"{role}.npz"
    if not trace.is_file():
        raise ValueError(f"The script {script!r} ended without a call of fit().")
    return dict(np.load(trace))
