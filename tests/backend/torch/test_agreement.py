"""One number for many tensors tells values and places apart."""

from __future__ import annotations

import pytest
import torch

from kdist.backend.torch.agreement import _digest

DTYPES = [
    torch.float32,
    torch.bfloat16,
    torch.float64,
    torch.int8,
    torch.complex64,
    torch.complex128,
]


def tensors() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    values = [torch.randn((70, 40), generator=generator).mul(50).to(t) for t in DTYPES]
    return [*values, torch.tensor([True, False]), torch.tensor(3)]


def swapped(t: torch.Tensor) -> None:
    flat = t.view(-1)
    last = int((flat != flat[0]).nonzero()[-1])
    flat[[0, last]] = flat[[last, 0]]


@pytest.mark.parametrize("which", range(7))
def test_two_elements_that_change_places_change_it(which):
    plain, other = tensors(), tensors()
    assert int(_digest(plain)) == int(_digest(other))
    swapped(other[which])
    assert int(_digest(plain)) != int(_digest(other))


@pytest.mark.parametrize("which", range(6))
def test_one_element_changes_it(which):
    other = tensors()
    other[which].view(-1)[1234] += 1
    assert int(_digest(tensors())) != int(_digest(other))


def test_tensors_that_change_places_change_it():
    first, second, *rest = [torch.randn(40, 30) for _ in range(4)]
    assert int(_digest([first, second, *rest])) != int(_digest([second, first, *rest]))


def test_the_sign_of_zero_counts():
    zero = torch.zeros(2000)
    assert int(_digest([zero])) != int(_digest([-zero]))
