from __future__ import annotations

import math

import pytest

from kdist.checkpoint import RetentionPolicy

STEPS = [10, 20, 30, 40, 50]


def kept(policy, losses=None, newest=50):
    metrics = {s: {"val_loss": v} for s, v in zip(STEPS, losses or [], strict=False)}
    gone = policy.expired(STEPS, metrics, newest)
    assert gone == sorted(gone)
    return [s for s in STEPS if s not in gone]


def test_no_rule_keeps_all():
    assert kept(RetentionPolicy()) == STEPS


def test_last():
    assert kept(RetentionPolicy(last=2)) == [40, 50]
    assert kept(RetentionPolicy(last=9)) == STEPS


def test_every():
    assert kept(RetentionPolicy(every=20)) == [20, 40, 50]


def test_best():
    losses = [3.0, 1.0, 2.0, 5.0, 4.0]
    assert kept(RetentionPolicy(best=2), losses) == [20, 30, 50]
    assert kept(RetentionPolicy(best=2, mode="max"), losses) == [40, 50]


def test_the_newer_of_equals_is_better():
    assert kept(RetentionPolicy(best=1), [1.0, 1.0, 1.0, 2.0, 2.0]) == [30, 50]


def test_nan_and_missing_are_none_of_the_best():
    assert kept(RetentionPolicy(best=2), [math.nan, 3.0, math.nan, 9.0]) == [20, 40, 50]
    assert kept(RetentionPolicy(best=1, metric="other"), [1.0]) == [50]


def test_rules_add_up():
    policy = RetentionPolicy(last=1, best=1, every=40)
    assert kept(policy, [0.1, 1.0, 2.0, 3.0, 4.0]) == [10, 40, 50]


def test_the_step_just_saved_stays():
    # A run that went back saves a step below the newest.
    assert kept(RetentionPolicy(last=1), newest=20) == [20, 50]


@pytest.mark.parametrize(
    "wrong", [{"last": 0}, {"best": -1}, {"every": 0}, {"last": 1.5}, {"mode": "least"}]
)
def test_wrong_rules_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RetentionPolicy(**wrong)
