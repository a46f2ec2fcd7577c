"""The sharded checkpoint: written by all processes, read by any number of them, and by Orbax."""

from __future__ import annotations

from kdist.checkpoint.errors import CheckpointError
from kdist.checkpoint.manager import Checkpointer
from kdist.checkpoint.marker_files import FileCoordinator
from kdist.checkpoint.reader import Reader
from kdist.checkpoint.retention import RetentionPolicy

__all__ = ["CheckpointError", "Checkpointer", "FileCoordinator", "Reader", "RetentionPolicy"]
