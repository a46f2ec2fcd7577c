"""The environment variables that every worker gets, whichever launcher starts it."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Mapping

from kdist.launch.launcher import Job

# The caller's own settings come before these.
_DEFAULTS = {
    "PYTHONUNBUFFERED": "1",  # what a worker printed is in its log when it is killed
    "TF_CPP_MIN_LOG_LEVEL": "2",  # a page of notes per worker, about the processor and the ports
}


def worker_variables(job: Job, inherited: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables of a worker, without its place in the run.

    Args:
        job: says the backend, and the variables that the caller wants.
        inherited: what the worker takes over from this process's environment.
    """
    return {
        **_DEFAULTS,
        **inherited,
        "PYTHONPATH": import_path(),
        **job.env,
        "KDIST_BACKEND": job.backend,
    }


def import_path() -> str:
    """The caller's import path as PYTHONPATH, without what every interpreter here has anyway."""
    paths = sysconfig.get_paths()
    standard = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    standard += [*site.getsitepackages(), site.getusersitepackages()]
    entries = dict.fromkeys(os.path.abspath(entry or os.getcwd()) for entry in sys.path)
    return os.pathsep.join(
        entry
        for entry in entries
        if os.path.isdir(entry) and not any(_inside(entry, folder) for folder in standard)
    )


def _inside(entry: str, folder: str) -> bool:
    return (os.path.realpath(entry) + os.sep).startswith(os.path.realpath(folder) + os.sep)
