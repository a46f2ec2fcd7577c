from __future__ import annotations

import dataclasses

import pytest

from kdist.core.environment import WorkerEnv

PLACE = WorkerEnv(
    rank=1,
    world_size=3,
    local_rank=0,
    local_world_size=1,
    coordinator="10.0.0.1:4000",
    addresses=("10.0.0.1:4000", "10.0.0.2:4000", "10.0.0.3:4000"),
    run_id="run-7",
    attempt=2,
)


def test_variables_carry_everything() -> None:
    variables = PLACE.to_env()
    assert variables["KDIST_RANK"] == "1"
    assert variables["KDIST_ADDRESSES"] == "10.0.0.1:4000,10.0.0.2:4000,10.0.0.3:4000"
    assert WorkerEnv.from_env(variables) == PLACE


def test_no_launcher_means_none() -> None:
    assert WorkerEnv.from_env({"KDIST_WORLD_SIZE": "3"}) is None


def test_only_rank_zero_is_chief() -> None:
    assert not PLACE.is_chief
    assert dataclasses.replace(PLACE, rank=0).is_chief


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KDIST_RANK", "3"),
        ("KDIST_RANK", "one"),
        ("KDIST_WORLD_SIZE", "0"),
        ("KDIST_LOCAL_RANK", "1"),
        ("KDIST_LOCAL_WORLD_SIZE", "4"),
        ("KDIST_ADDRESSES", "10.0.0.1:4000"),
        ("KDIST_ADDRESSES", "10.0.0.1:4000,10.0.0.1:4000,10.0.0.3:4000"),
        ("KDIST_ADDRESSES", "a:1,b:2,c"),
        ("KDIST_ATTEMPT", "-1"),
        ("KDIST_RUN_ID", ""),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(ValueError, match=variable):
        WorkerEnv.from_env({**PLACE.to_env(), variable: value})
