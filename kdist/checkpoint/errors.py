"""What goes wrong with a checkpoint, as one exception type."""

from __future__ import annotations


class CheckpointError(RuntimeError):
    """A checkpoint could not be written, or what is stored cannot be trusted.

    The message names the step, the file or the leaf, and what to do. After a failed save, the
    steps that were published before are untouched.
    """
