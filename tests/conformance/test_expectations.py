"""How outcomes are compared with the committed lists."""

from __future__ import annotations

import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import expectations
import keras_names

LIST = """\
# A comment.

## Because of
## two lines
a_test.py::T::test_one
b_test.py::*

## Another
a_test.py::T::test_two
"""


def outcomes(**by_name: str) -> expectations.Outcomes:
    made = expectations.Outcomes()
    for name, outcome in by_name.items():
        made.add(f"{name[0]}_test.py::T::test_{name[2:]}", outcome, "why")
    return made


def test_a_list_is_read_and_written_alike():
    entries = expectations.read(LIST)
    assert entries["b_test.py::*"] == "Because of\ntwo lines"
    assert entries["a_test.py::T::test_two"] == "Another"
    assert expectations.read(expectations.write(entries, "jax", "1.0")) == entries
    assert expectations.of_files(entries, ["b_test.py"]).keys() == {"b_test.py::*"}


def test_all_as_listed():
    seen = outcomes(a_one="failed", a_two="private", b_x="failed", a_other="passed", b_y="skipped")
    assert expectations.compare(expectations.read(LIST), seen) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"a_new": "failed"}, "fails, and is not listed: a_test.py::T::test_new"),
        ({"a_new": "private"}, "fails, and is not listed: a_test.py::T::test_new"),
        ({"a_one": "passed"}, "listed, but passes: a_test.py::T::test_one"),
        ({"b_x": "passed"}, "listed, but passes: b_test.py::T::test_x"),
        ({"a_one": "skipped"}, "listed, but did not run: a_test.py::T::test_one"),
    ],
)
def test_a_difference_is_said(change, said):
    seen = outcomes(**{"a_one": "failed", "a_two": "failed", "b_x": "failed", **change})
    wrong = expectations.compare(expectations.read(LIST), seen)
    assert [w.partition("\n")[0] for w in wrong] == [said]


def test_an_entry_without_a_reason_is_said():
    seen = outcomes(a_one="failed")
    entries = expectations.updated({}, seen)
    assert entries == {"a_test.py::T::test_one": expectations.UNEXPLAINED}
    assert len(expectations.compare(entries, seen)) == 1


def test_renewing_keeps_the_reasons_of_what_still_fails():
    seen = outcomes(a_one="passed", a_two="failed", b_x="failed", b_y="passed")
    renewed = expectations.updated(expectations.read(LIST), seen)
    assert renewed == {
        "a_test.py::T::test_two": "Another",
        "b_test.py::T::test_x": "Because of\ntwo lines",
    }
    assert expectations.compare(renewed, seen) == []


def test_what_needs_privates_is_one_line_by_file():
    seen = outcomes(a_one="private", a_two="private", b_x="private", b_y="passed")
    assert expectations.updated({}, seen) == {
        "a_test.py::*": expectations.PRIVATE,
        "b_test.py::T::test_x": expectations.PRIVATE,
    }


def test_a_failure_at_the_end_of_a_test_is_its_failure():
    seen = outcomes(a_one="passed")
    seen.add("a_test.py::T::test_one", "failed", "in tearDown")
    seen.add("a_test.py::T::test_one", "passed")
    assert seen.outcome == {"a_test.py::T::test_one": "failed"}


@pytest.mark.parametrize(
    "file", sorted(HERE.joinpath("expected").glob("*.txt")), ids=lambda f: f.stem
)
def test_every_committed_entry_has_a_reason_and_a_file(file):
    entries = expectations.read(file.read_text())
    assert entries
    assert expectations.UNEXPLAINED not in entries.values()
    source = keras_names.wheel() / "src"
    assert [e for e in entries if not source.joinpath(e.partition("::")[0]).is_file()] == []


def test_public_names_are_read_off_the_wheel():
    names = keras_names.names()
    assert names.exact["keras.src.ops.core.cast"] == ("ops.cast",)
    assert "ops.add" in names.exact["keras.src.ops.numpy.add"]
    assert {"", "ops", "ops.image", "optimizers.schedules"} <= names.packages
    assert "_tf_keras" not in str(names.exact)
    assert keras_names.is_module("keras.src.ops.core")
    assert not keras_names.is_module("keras.src.ops.no_such_module")
    assert keras_names.op_classes()["Sum"] == keras_names.OpClass(("axis", "keepdims"), ("x",))
