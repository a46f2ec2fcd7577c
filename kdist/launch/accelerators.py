"""Which GPUs this host offers, found without importing a framework."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path


def visible_gpus(
    environ: Mapping[str, str] | None = None, devices: Path = Path("/dev")
) -> list[str]:
    """Returns the ids of the GPUs that processes of this host may use.

    Args:
        environ: where CUDA_VISIBLE_DEVICES is read; `os.environ` when None.
        devices: folder with the device files `nvidia0`, `nvidia1`, ...

    Example:
        >>> visible_gpus({"CUDA_VISIBLE_DEVICES": "2,3"})
        ['2', '3']
    """
    chosen = (os.environ if environ is None else environ).get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        ids = [part.strip() for part in chosen.split(",") if part.strip()]
        return [] if ids == ["-1"] else ids
    found = (re.fullmatch(r"nvidia(\d+)", path.name) for path in devices.glob("nvidia*"))
    return [str(number) for number in sorted(int(match[1]) for match in found if match)]
