"""The pages on strategies: their examples run, on eight devices, and their numbers are what the plans say."""

from __future__ import annotations

import os
import pathlib
import re
import runpy

import pytest

import kdist
from kdist import distribution

pytestmark = pytest.mark.skipif(
    os.environ["KDIST_BACKEND"] != "jax", reason="eight devices in one process are jax's"
)
GPUS = [f"gpu:{i}" for i in range(8)]
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs" / "strategies"
PAGES = sorted(p.name for p in FOLDER.glob("*.md") if "```python" in p.read_text())


def examples(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (FOLDER / page).read_text(), re.DOTALL)


def run(code: str, folder: pathlib.Path) -> dict:
    """The names that an example defines."""
    file = folder / "example.py"
    file.write_text(code)
    return runpy.run_path(str(file))


@pytest.fixture(autouse=True)
def no_strategy_stays():
    kdist.utils.set_random_seed(0)
    yield
    distribution.set_distribution(None)


def test_every_strategy_has_an_example():
    assert {"data_parallel.md", "fsdp.md", "model_parallel.md", "parallelism.md"} < set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_examples_run(page, tmp_path):
    for example in examples(page):
        run(example, tmp_path)


def test_the_table_of_costs(tmp_path):
    model = run(examples("README.md")[0], tmp_path)["model"]
    text = (FOLDER / "README.md").read_text()
    rows = re.findall(
        r"^\| `(\w+\(.*?\))` \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$", text, re.M
    )
    assert len(rows) == 7
    for call, *numbers in rows:
        strategy = eval(call.replace("(", "(devices=GPUS, "), {**vars(distribution), "GPUS": GPUS})
        plan = strategy.plan(model, batch_size=64)
        found = [plan.bytes_per_device[k] for k in ("parameters", "gradients", "optimizer")]
        found.append(plan.bytes_communicated_per_step)
        assert [f"{n:,}" for n in found] == numbers, call


def test_the_table_of_support_is_that_of_the_tests():
    script = pathlib.Path(__file__).resolve().parents[1] / "parity" / "support_table.py"
    expected = runpy.run_path(str(script))["page"]()
    assert (FOLDER / "support.md").read_text() == expected, f"Run `python {script}`."


def test_links_lead_somewhere():
    for page in FOLDER.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+\.md)", page.read_text()):
            assert (FOLDER / target).exists(), f"{page.name}: {target}"
