"""What the tests of properties and their workers tell each other, and the processes of the workers."""

from __future__ import annotations

import os
import pathlib
import pickle
import select
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

BACKENDS = ("jax", "torch", "tensorflow")
ROOT = pathlib.Path(__file__).resolve().parents[2]
TIME_LIMIT = 120.0  # seconds for one request: a first call on a busy machine compiles and imports


@dataclass(frozen=True)
class Request:
    """`op(*args, **kwargs)`, whose NumPy arrays are tensors.

    Attributes:
        seed: of the vectors by which outputs are multiplied to differentiate their sum.
        symbolic: whether output specs are asked for, with `masks` of unknown dims beside all known.
        gradient_at: places of the arrays to differentiate by, among the leaves of args and kwargs.
    """

    op: str
    args: tuple = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    symbolic: bool = True
    masks: tuple = ()
    gradient_at: tuple[int, ...] = ()


def upstream(seed: int, which: int, shape: tuple[int, ...]) -> np.ndarray:
    """The vector that the output number `which` is multiplied by."""
    return np.random.default_rng([seed, which, 1]).normal(size=shape)  # unlike the values' own


class Worker:
    """A process with one backend, which answers one message at a time."""

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self.process = subprocess.Popen(
            [sys.executable, str(pathlib.Path(__file__).with_name("worker.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            cwd=ROOT,
            env={
                **os.environ,
                "KDIST_BACKEND": backend,
                "KERAS_BACKEND": backend,
                "KDIST_TRACEBACK_FILTERING": "0",
                "JAX_PLATFORMS": "cpu",
                "JAX_NUM_CPU_DEVICES": "1",
                "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # compiling takes most of the time
                "OMP_NUM_THREADS": "1",
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "TF_NUM_INTRAOP_THREADS": "1",
                "TF_NUM_INTEROP_THREADS": "1",
                "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            },
        )

    def send(self, message: Any) -> None:
        data = pickle.dumps(message)
        self.process.stdin.write(struct.pack("<q", len(data)) + data)
        self.process.stdin.flush()

    def receive(self) -> Any:
        until = time.monotonic() + TIME_LIMIT
        return pickle.loads(self._read(struct.unpack("<q", self._read(8, until))[0], until))

    def _read(self, size: int, until: float) -> bytes:
        data, fd = b"", self.process.stdout.fileno()
        while len(data) < size:
            ready, _, _ = select.select([fd], [], [], max(until - time.monotonic(), 0.0))
            more = os.read(fd, size - len(data)) if ready else b""
            if not more:
                self.process.kill()
                code = self.process.wait(10)
                self.errors.seek(0)
                said = self.errors.read().decode(errors="replace")[-3000:]
                what = f"ended with {code}" if ready else f"gave no answer in {TIME_LIMIT:.0f} s"
                raise RuntimeError(f"The worker of {self.backend} {what}:\n{said}")
            data += more
        return data

    def end(self) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.process.stdout.close()
        self.errors.close()


class Workers:
    """A worker for each backend. They work at the same time."""

    def __init__(self) -> None:
        self.workers = {b: Worker(b) for b in BACKENDS}

    def ask(self, message: Any, backends: tuple[str, ...] = BACKENDS) -> dict[str, Any]:
        for b in backends:
            if self.workers[b].process.poll() is not None:  # it died of an earlier message
                self.workers[b].end()
                self.workers[b] = Worker(b)
            self.workers[b].send(message)
        replies, failed = {}, None
        for b in backends:
            try:
                replies[b] = self.workers[b].receive()
            except RuntimeError as error:
                failed = error
        if failed is not None:
            raise failed
        return replies

    def end(self) -> None:
        for worker in self.workers.values():
            worker.end()
