"""These tests look into the torch backend; under another backend there is nothing to collect."""

from __future__ import annotations

from kdist.core import config

collect_ignore_glob = [] if config.backend() == "torch" else ["test_*.py"]
