"""The committed lists of the tests that are expected to fail, each under its reason.

    ## Why these fail: a line or more, each of which begins with "## "
    ops/core_test.py::CoreOpsTest::test_name
    quantizers/gptq_test.py::*                    all tests of a file or a class

Other lines that begin with "#" are comments.
"""

from __future__ import annotations

import pathlib
from dataclasses import dataclass, field

HERE = pathlib.Path(__file__).resolve().parent
PRIVATE = "They use what Keras keeps private: no other library has a name for it."
UNEXPLAINED = "NO REASON IS WRITTEN YET"
HEAD = """\
# The tests in the wheel of Keras {version} that kdist does not pass on {backend}, each under its reason.
# `python tests/conformance/run.py --backend {backend} --update PATH...` renews the tests; reasons are written by hand.
"""

FAILED = ("failed", "private")


@dataclass
class Outcomes:
    """What came of the tests of some files: their ids, each with its outcome and the last line of its failure."""

    outcome: dict[str, str] = field(default_factory=dict)
    message: dict[str, str] = field(default_factory=dict)

    def add(self, test: str, outcome: str, message: str = "") -> None:
        # A test has reports of its set-up, its body and its end; a failure of one is its failure.
        if self.outcome.get(test) not in FAILED:
            self.outcome[test], self.message[test] = outcome, message

    def matching(self, entry: str) -> list[str]:
        """The tests that ran (and were not skipped) for which an entry of a list stands."""
        ran = [t for t, o in self.outcome.items() if o != "skipped"]
        if entry.endswith("*"):
            return [t for t in ran if t.startswith(entry[:-1])]
        return [t for t in ran if t == entry]


def path_of(backend: str) -> pathlib.Path:
    return HERE / "expected" / f"{backend}.txt"


def read(text: str) -> dict[str, str]:
    """The entries of a list, each with its reason."""
    entries: dict[str, str] = {}
    reason, in_reason = UNEXPLAINED, False
    for line in text.splitlines():
        if line.startswith("## "):
            reason = f"{reason}\n{line[3:]}" if in_reason else line[3:]
            in_reason = True
            continue
        in_reason = False
        if line.strip() and not line.startswith("#"):
            entries[line.strip()] = reason
    return entries


def write(entries: dict[str, str], backend: str, version: str) -> str:
    """The text of a list; reasons and tests in order, what has no reason yet at the end."""
    groups: dict[str, list[str]] = {}
    for entry, reason in entries.items():
        groups.setdefault(reason, []).append(entry)
    text = HEAD.format(version=version, backend=backend)
    for reason in sorted(groups, key=lambda r: (r == UNEXPLAINED, r)):
        text += "\n" + "".join(f"## {line}\n" for line in reason.splitlines())
        text += "".join(f"{entry}\n" for entry in sorted(groups[reason]))
    return text


def of_files(entries: dict[str, str], files: list[str]) -> dict[str, str]:
    """The entries about these files (paths under keras/src)."""
    return {e: why for e, why in entries.items() if e.partition("::")[0] in set(files)}


def compare(entries: dict[str, str], outcomes: Outcomes) -> list[str]:
    """What differs from the list, a line each; nothing when all is as expected."""
    wrong = []
    listed: set[str] = set()
    for entry, reason in entries.items():
        tests = outcomes.matching(entry)
        listed.update(tests)
        if not tests:
            wrong.append(f"listed, but did not run: {entry}")
        if reason == UNEXPLAINED:
            messages = [f"\n    {outcomes.message[t]}" for t in tests]
            wrong.append(f"listed without a reason: {entry}{''.join(messages[:1])}")
        wrong += [f"listed, but passes: {t}" for t in tests if outcomes.outcome[t] == "passed"]
    for test, outcome in outcomes.outcome.items():
        if outcome in FAILED and test not in listed:
            wrong.append(f"fails, and is not listed: {test}\n    {outcomes.message[test]}")
    return wrong


def updated(entries: dict[str, str], outcomes: Outcomes) -> dict[str, str]:
    """The entries as these outcomes make them: reasons stay, what passes goes, what fails anew comes."""
    kept: dict[str, str] = {}
    listed: set[str] = set()
    for entry, reason in entries.items():
        tests = outcomes.matching(entry)
        if tests and all(outcomes.outcome[t] in FAILED for t in tests):
            kept[entry] = reason
            listed.update(tests)
        elif entry.endswith("*"):
            failing = [t for t in tests if outcomes.outcome[t] in FAILED]
            kept.update(dict.fromkeys(failing, reason))
            listed.update(failing)
    for test, outcome in outcomes.outcome.items():
        if outcome not in FAILED or test in listed:
            continue
        if outcome == "failed":
            kept[test] = UNEXPLAINED
            continue
        group = _all_private(test, outcomes)
        kept[group] = PRIVATE
        listed.update(outcomes.matching(group))
    return kept


def _all_private(test: str, outcomes: Outcomes) -> str:
    """The file or class of a test as an entry, where all its tests need privates; else the test."""
    parts = test.split("::")
    for n in range(1, len(parts)):
        group = "::".join([*parts[:n], "*"])
        tests = outcomes.matching(group)
        if len(tests) > 1 and all(outcomes.outcome[t] == "private" for t in tests):
            return group
    return test
