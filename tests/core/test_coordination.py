"""Texts shared between processes."""

from __future__ import annotations

import pytest

from kdist.core.coordination import BarrierTimeout, SingleProcess, share


class Slow(SingleProcess):
    """A channel that hands a text out at the third request only."""

    count = 2

    def __init__(self, answers: dict[str, str], after: int = 3):
        super().__init__()
        self._texts.update(answers)
        self.left = after

    def get(self, key):
        self.left -= 1
        return super().get(key) if self.left <= 0 else None


def test_texts_come_in_the_order_of_ranks():
    assert share(Slow({"facts/1": "there"}, after=0), "facts", "here", 1.0) == ["here", "there"]


def test_a_service_that_is_slow_to_hand_a_text_out_is_asked_again():
    assert share(Slow({"facts/1": ""}), "facts", "here", 5.0) == ["here", ""]


def test_a_text_that_never_comes():
    with pytest.raises(BarrierTimeout, match=r"rank\(s\) 1 never arrived within 0.05 s"):
        share(Slow({}), "facts", "here", 0.05)
