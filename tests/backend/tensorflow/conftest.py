"""These tests look into the TensorFlow backend; under another backend there is nothing to collect."""

from __future__ import annotations

from kdist.core import config

collect_ignore_glob = [] if config.backend() == "tensorflow" else ["test_*.py"]
