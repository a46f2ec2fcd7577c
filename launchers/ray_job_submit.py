"""Submits a training script to a Ray cluster and follows its output.

    python launchers/ray_job_submit.py --address http://head:8265 train.py --workers 8 -- --epochs 5

The folder of the script is uploaded. The job is `kdist run` on the cluster, which joins it. What
kdist and the script need must be installed there, or be named with `--pip`.
"""

from __future__ import annotations

import argparse
import asyncio
import shlex
import sys
from pathlib import Path
from typing import Any


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("script", type=Path)
    parser.add_argument(
        "--address", required=True, help="the cluster's dashboard, http://HOST:PORT"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--backend", default="jax", choices=["jax", "torch", "tensorflow"])
    parser.add_argument("--storage", help="path or URL that all nodes of the cluster share")
    parser.add_argument("--resource", action="append", default=[], help="per worker, e.g. GPU=1")
    parser.add_argument(
        "--pip", action="append", default=[], help="package to install on the nodes"
    )
    # What follows `--` is the script's, whatever it looks like.
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = parser.parse_args(arguments[:end])
    options.rest = arguments[end + 1 :]
    return options


def entrypoint(options: argparse.Namespace) -> str:
    """Returns the shell command that the cluster runs."""
    command = ["kdist", "run", "--workers", str(options.workers), "--backend", options.backend]
    if options.storage:
        command += ["--storage", options.storage]
    for resource in options.resource:
        command += ["--resource", resource]
    return shlex.join([*command, options.script.name, "--", *options.rest])


def runtime_env(options: argparse.Namespace) -> dict[str, Any]:
    """Returns what Ray prepares on the nodes before the job starts."""
    env: dict[str, Any] = {"working_dir": str(options.script.resolve().parent)}
    return env | ({"pip": options.pip} if options.pip else {})


async def follow(client: Any, job: str) -> None:
    async for lines in client.tail_job_logs(job):
        print(lines, end="", flush=True)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if not options.script.is_file():
        print(f"script={str(options.script)!r} is not a file.", file=sys.stderr)
        return 2
    from ray.job_submission import JobStatus, JobSubmissionClient

    client = JobSubmissionClient(options.address)
    job = client.submit_job(entrypoint=entrypoint(options), runtime_env=runtime_env(options))
    print(f"Submitted {job}; Ctrl-C stops it.", flush=True)
    try:
        asyncio.run(follow(client, job))
    except KeyboardInterrupt:
        client.stop_job(job)
        return 130
    return 0 if client.get_job_status(job) == JobStatus.SUCCEEDED else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
