"""Each public op, and all else a model's mathematics is written with, has an example that runs.

The numbers printed in them are those of the torch backend on a CPU.
"""

from __future__ import annotations

import doctest
import inspect
import math
import os
import re
from collections.abc import Callable

import numpy as np
import pytest

import kdist
from kdist import (
    activations,
    constraints,
    initializers,
    losses,
    metrics,
    ops,
    random,
    regularizers,
    tree,
)

MODULES = {
    "activations": activations,
    "constraints": constraints,
    "initializers": initializers,
    "losses": losses,
    "metrics": metrics,
    "ops": ops,
    "ops.image": ops.image,
    "ops.linalg": ops.linalg,
    "ops.nn": ops.nn,
    "ops.numpy": ops.numpy,
    "random": random,
    "regularizers": regularizers,
    "tree": tree,
}
NAMESPACE = {
    "kdist": kdist,
    "math": math,
    "np": np,
    **{name: module for name, module in MODULES.items() if "." not in name},
}
# What modules of ops import to declare and check ops with, under names that are not public.
TOOLS = {"kdist.ops.checks", "kdist.ops.declare", "kdist.ops.promotion"}


def public() -> dict[str, Callable]:
    """Each function and class once, by the first of its names."""
    found: dict[int, tuple[str, Callable]] = {}
    for name, module in MODULES.items():
        for member, value in vars(module).items():
            own = getattr(value, "__module__", None) or ""
            code = inspect.isfunction(value) or inspect.isclass(value)
            ours = own.startswith("kdist.") and own not in TOOLS
            if code and ours and not member.startswith("_"):
                found.setdefault(id(value), (f"{name}.{member}", value))
    return dict(found.values())


PUBLIC = public()
NUMBER = re.compile(r"(?<![A-Za-z_\d])[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|\binf\b|\bnan\b)")


class Checker(doctest.OutputChecker):
    """Text must agree but for white space, and numbers to the four digits that are printed."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        if super().check_output(want, got, optionflags):
            return True
        shape = [re.sub(r"\s+", "", NUMBER.sub("#", text)) for text in (want, got)]
        numbers = [[float(n) for n in NUMBER.findall(text)] for text in (want, got)]
        return shape[0] == shape[1] and np.allclose(*numbers, rtol=1e-4, atol=1e-6, equal_nan=True)


def shows(value: Callable) -> bool:
    """Whether an example of its docstring uses it."""
    examples = doctest.DocTestParser().get_examples(inspect.getdoc(value) or "")
    return any(re.search(rf"\b{value.__name__}\b", each.source) for each in examples)


def failures(name: str, value: Callable) -> list[str]:
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    example = doctest.DocTestParser().get_doctest(value.__doc__, dict(NAMESPACE), name, None, 0)
    report: list[str] = []
    doctest.DocTestRunner(Checker(), verbose=False, optionflags=flags).run(
        example, out=report.append
    )
    return report


def test_every_public_name_has_an_example():
    assert len(PUBLIC) > 500
    missing = [name for name, value in PUBLIC.items() if not shows(value)]
    assert not missing, f"{len(missing)} without an example of their own: {missing}"


@pytest.mark.skipif(
    os.environ["KDIST_BACKEND"] != "torch", reason="the examples print tensors of torch"
)
def test_examples_give_what_they_say():
    wrong = [text for name, value in PUBLIC.items() for text in failures(name, value)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("want", "got", "same"),
    [
        ("tensor([0., 1.])", "tensor([0.0000, 1.0000])", True),
        ("tensor([-1.0000e+00, nan])", "tensor([-1.0000, nan])", True),
        ("tensor([1], dtype=torch.int32)", "tensor([1], dtype=torch.int64)", False),
        ("tensor([0.5000, 2.0000])", "tensor([0.5002, 2.0000])", False),
        ("tensor([1., 2.])", "tensor([1., 2., 3.])", False),
        ("True", "False", False),
    ],
)
def test_numbers_are_compared_as_numbers(want, got, same):
    assert Checker().check_output(want, got, doctest.NORMALIZE_WHITESPACE) is same
