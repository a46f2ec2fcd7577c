"""The commands and their options."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from typing import Annotated

import typer

from kdist.cli.parity import parity
from kdist.cli.plan import plan
from kdist.core import config
from kdist.launch import LaunchError, run_script
from kdist.version import __version__

app = typer.Typer(
    help="Train a Keras model anywhere: one script, any backend, any number of workers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_FAILED, _BAD_REQUEST, _INTERRUPTED = 1, 2, 130
# What a report about an installation should name.
_PACKAGES = ("jax", "torch", "tensorflow", "numpy", "ray", "tensorstore", "orbax-checkpoint")


def main() -> None:
    """The entry point of the `kdist` command."""
    app()


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kdist {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Train a Keras model anywhere: one script, any backend, any number of workers."""


@app.command(context_settings={"ignore_unknown_options": True})
def run(
    script: Annotated[str, typer.Argument(help="The Python script to run on every worker.")],
    args: Annotated[
        list[str] | None,
        typer.Argument(help="Arguments of the script; after `--`, whatever they look like."),
    ] = None,
    workers: Annotated[int, typer.Option(help="Number of worker processes.")] = 2,
    launcher: Annotated[str, typer.Option(help="ray or local.")] = "ray",
    backend: Annotated[
        str | None,
        typer.Option(help="jax, torch or tensorflow; by default the configured one."),
    ] = None,
    resource: Annotated[
        list[str] | None,
        typer.Option(help="What each worker reserves, e.g. GPU=1; may be given several times."),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE for the workers; may be given several times."),
    ] = None,
    max_failures: Annotated[int, typer.Option(help="Restarts after the death of a worker.")] = 3,
    storage: Annotated[
        str | None,
        typer.Option(help="Folder for the runs' logs; shared by all hosts of a cluster."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run.")] = None,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds after which the run is ended.")
    ] = None,
) -> None:
    """Run SCRIPT as __main__ on every worker; the workers train together.

    The chief (rank 0) alone prints here. Options that kdist does not know go to the script, and so
    does everything after `--`.
    """
    try:
        run_script(
            script,
            args or (),
            workers,
            launcher=launcher,
            backend=backend,
            resources_per_worker={
                key: _amount(key, value) for key, value in _pairs("--resource", resource)
            },
            env=dict(_pairs("--env", env)),
            max_failures=max_failures,
            storage=storage,
            name=name,
            timeout=timeout,
        )
    except KeyboardInterrupt:
        raise typer.Exit(_INTERRUPTED) from None
    except (ValueError, FileNotFoundError, ImportError) as error:
        # InsufficientResourcesError is a ValueError too.
        _complain(str(error))
        raise typer.Exit(_BAD_REQUEST) from None
    except LaunchError as error:
        _complain(str(error))
        raise typer.Exit(_FAILED) from None


app.command()(parity)
app.command()(plan)


@app.command()
def doctor() -> None:
    """Print what is installed here, for a report or a question."""
    typer.echo(f"kdist {__version__}")
    typer.echo(
        f"python {platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores"
    )
    for package in _PACKAGES:
        typer.echo(f"{package} {_version(package)}")
    try:
        typer.echo(f"backend: {config.backend()}")
    except (ImportError, ValueError) as error:
        _complain(str(error))
        raise typer.Exit(_BAD_REQUEST) from None


def _pairs(option: str, entries: list[str] | None) -> list[tuple[str, str]]:
    pairs = []
    for entry in entries or ():
        key, equals, value = entry.partition("=")
        if not key or not equals:
            raise ValueError(f"{option} {entry!r} must have the form NAME=VALUE.")
        pairs.append((key, value))
    return pairs


def _amount(key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"--resource {key}={text!r} must be a number, e.g. {key}=1.") from None


def _version(package: str) -> str:
    # TensorFlow's wheels go by several names, one per kind of machine.
    for name in (package, f"{package}-cpu", f"{package}-macos"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "(not installed)"


def _complain(text: str) -> None:
    print(f"kdist: {text}", file=sys.stderr, flush=True)
