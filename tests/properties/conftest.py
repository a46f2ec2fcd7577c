"""Profiles of Hypothesis: few examples, the same in each run; `--hypothesis-profile=deep` draws many."""

from __future__ import annotations

import pathlib
import sys

import pytest
from hypothesis import HealthCheck, Phase, settings

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.append(str(pathlib.Path(__file__).parent.parent / "ops"))

from wire import Workers

COMMON = {
    "database": None,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "print_blob": False,
    "report_multiple_bugs": False,
}
settings.register_profile(
    "ci",
    max_examples=2,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    **COMMON,
)
settings.register_profile("deep", max_examples=60, phases=[Phase.generate, Phase.shrink], **COMMON)
settings.register_profile("first", settings.get_profile("ci"), phases=[Phase.generate])  # as drawn
settings.load_profile("ci")


@pytest.fixture(scope="session")
def workers():
    """One process per backend, for all tests."""
    made = Workers()
    yield made
    made.end()
