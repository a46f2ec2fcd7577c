"""These tests are about the jax backend alone."""

from __future__ import annotations

from kdist.core import config

collect_ignore_glob = [] if config.backend() == "jax" else ["test_*.py"]
