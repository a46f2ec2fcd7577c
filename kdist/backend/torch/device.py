"""Where tensors are made: one device per process, or the meta device while shapes are inferred."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

META = torch.device("meta")


def _default() -> torch.device:
    """The fastest device there is; with several processes on a host, the one of this process's local rank."""
    named = os.environ.get("KDIST_TORCH_DEVICE")
    if named:
        return parse(named)
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("KDIST_LOCAL_RANK", "0")))
    return torch.device("cpu")


def parse(name: str) -> torch.device:
    """The device called `name` in kdist ("gpu:0") or in torch ("cuda:0").

    Raises:
        ValueError: if `name` is not the name of a device.
    """
    try:
        return torch.device(name.lower().replace("gpu", "cuda"))
    except (RuntimeError, AttributeError) as e:
        raise ValueError(
            f"name={name!r} is not a device: {e}. Use a name such as 'cpu' or 'gpu:0'."
        ) from None


class _Place(threading.local):
    """The device on which this thread's rows create tensors."""

    def __init__(self) -> None:
        self.device = DEFAULT


DEFAULT = _default()
place = _Place()


@contextmanager
def device_scope(name: str | torch.device) -> Iterator[None]:
    """Tensors are created on the device `name` within."""
    device = name if isinstance(name, torch.device) else parse(name)
    outer, place.device = place.device, device
    try:
        with device:  # for what user code creates by torch itself
            yield
    finally:
        place.device = outer


def synchronize() -> None:
    """Wait for what was dispatched to this process's accelerator."""
    if DEFAULT.type == "cuda":
        torch.cuda.synchronize(DEFAULT)
