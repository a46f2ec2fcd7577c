"""What a plan counts: collectives, links, activations of cut layers; and what it warns of."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

import kdist
from kdist import layers
from kdist.distribution import (
    FSDP,
    DataParallel,
    DeviceMesh,
    LayoutMap,
    ModelParallel,
    Parallelism,
    abstract_scope,
)
from kdist.distribution import plan as plans
from kdist.distribution.communication import Buckets, Communication, Units
from kdist.distribution.links import BETWEEN_HOSTS, WITHIN_HOST, link
from kdist.distribution.runtime import runtime

sys.path.insert(0, str(Path(__file__).parent))
import planned

EIGHT = [f"cpu:{i}" for i in range(8)]
# One kernel and one bias that are cut, each along its largest dim.
KERNEL, BIAS = 4 * 64 * 128, 4 * 128


# As an accelerator's compiler sends; what backends really send is tested with the backends.
PLAIN = Communication(regathers=False, scatters=True, adds_first=True)


@pytest.fixture(autouse=True)
def sends(monkeypatch):
    """Has plans count for a backend that communicates as the test says, at first as PLAIN."""

    def choose(how: Communication) -> None:
        monkeypatch.setattr(plans, "communication", lambda mesh: how)

    choose(PLAIN)
    return choose


def dense(*widths: int, inputs: int = 64, **options):
    with abstract_scope():
        model = kdist.Sequential([kdist.Input((inputs,))])
        for i, width in enumerate(widths):
            model.add(layers.Dense(width, name=f"dense_{i}", **options))
        model.compile("adam", "mse")
    return model


def counted(plan) -> dict:
    return {(c.kind, c.axes, c.purpose): (c.count, c.nbytes, c.sent) for c in plan.collectives}


def test_data_parallel_reduces_each_gradient():
    plan = DataParallel(devices=EIGHT).plan(dense(128))
    total = KERNEL + BIAS
    assert counted(plan) == {("all-reduce", ("batch",), "gradients"): (2, total, total * 2 * 7 / 8)}


@pytest.mark.parametrize("regathers", [False, True])
def test_fsdp_gathers_parameters_and_scatters_gradients(regathers, sends):
    sends(Communication(regathers, scatters=True, adds_first=True))
    plan = FSDP(devices=EIGHT, min_size=1).plan(dense(128))
    total = KERNEL + BIAS
    expected = {
        ("all-gather", ("fsdp",), "parameters, forward"): (2, total, total * 7 / 8),
        ("reduce-scatter", ("fsdp",), "gradients"): (2, total, total * 7 / 8),
    }
    if regathers:
        expected["all-gather", ("fsdp",), "parameters, backward"] = (2, total, total * 7 / 8)
    assert counted(plan) == expected
    assert plan.bytes_per_device["parameters"] == total // 8
    assert plan.bytes_per_device["optimizer"] == 2 * total // 8 + 8


def test_small_variables_are_reduced_over_all_devices():
    plan = FSDP(devices=EIGHT, min_size=1024).plan(dense(128))
    assert counted(plan)["all-reduce", ("fsdp",), "gradients"] == (1, BIAS, BIAS * 2 * 7 / 8)
    assert plan.variables[1].why == "smaller than min_size=1024"


def test_hybrid_sharding_reduces_the_shards_over_the_groups():
    plan = FSDP(devices=EIGHT, shards=4, min_size=1).plan(dense(128))
    total = KERNEL + BIAS
    found = counted(plan)
    assert found["reduce-scatter", ("fsdp",), "gradients"] == (2, total, total * 3 / 4)
    assert found["all-reduce", ("data",), "gradients"] == (2, total // 4, total // 4)


def test_sharded_optimizer_state_gathers_what_was_updated():
    plan = FSDP(devices=EIGHT, level="optimizer", min_size=1).plan(dense(128))
    total = KERNEL + BIAS
    assert counted(plan) == {
        ("reduce-scatter", ("fsdp",), "gradients"): (2, total, total * 7 / 8),
        ("all-gather", ("fsdp",), "updated parameters"): (2, total, total * 7 / 8),
    }
    held = plan.bytes_per_device
    assert held["parameters"] == total and held["optimizer"] == 2 * total // 8 + 8


def test_without_reduce_scatter_gradients_are_summed_whole(sends):
    sends(Communication(regathers=False, scatters=False, adds_first=True))
    total = KERNEL + BIAS
    found = counted(FSDP(devices=EIGHT, shards=4, min_size=1).plan(dense(128)))
    assert found["all-reduce", ("data", "fsdp"), "gradients"][:2] == (2, total)
    assert len(found) == 2
    sequence = Parallelism(tensor=8, devices=EIGHT, min_size=1, sequence=True)
    with abstract_scope():
        model, tokens, _ = planned.transformer(kdist, layers, blocks=1, heads=8)
    kinds = {kind for kind, *_ in counted(sequence.plan(model, batch_size=len(tokens)))}
    assert kinds == {"all-reduce", "all-gather"}


def test_units_travel_together(sends):
    sends(Communication(True, scatters=True, adds_first=True, units=Units(BIAS + 1, BIAS + 1)))
    model = dense(128, 1)
    found = counted(FSDP(devices=EIGHT[:2], min_size=1).plan(model))
    # The second layer is small, and is gathered with the model.
    last = 4 * 128 * 1
    sizes = (2, KERNEL + BIAS + last)
    assert found["all-gather", ("fsdp",), "parameters, forward"][:2] == sizes
    assert found["all-gather", ("fsdp",), "parameters, backward"][:2] == sizes
    assert found["reduce-scatter", ("fsdp",), "gradients"][:2] == sizes
    assert found["all-reduce", ("fsdp",), "gradients"][:2] == (1, 4)


def test_gradients_travel_in_buckets_with_marks(sends):
    buckets = Buckets(nbytes=KERNEL, first_nbytes=BIAS, marks=1)
    sends(Communication(True, scatters=True, adds_first=True, buckets=buckets))
    total = KERNEL + BIAS
    found = counted(DataParallel(devices=EIGHT).plan(dense(128)))
    assert found["all-reduce", ("batch",), "gradients"][:2] == (2, total + 2 * 4)
    # Scattered into 8 parts, each of which has a mark of its own; then gathered together.
    found = counted(FSDP(devices=EIGHT, level="optimizer", min_size=1).plan(dense(128)))
    assert found["reduce-scatter", ("fsdp",), "gradients"][:2] == (2, total + 2 * 8 * 4)
    assert found["all-gather", ("fsdp",), "updated parameters"][:2] == (1, total)


@pytest.mark.parametrize(("adds_first", "sums"), [(True, 1), (False, 3)])
def test_gradients_of_an_input_that_three_products_read(adds_first, sums, sends):
    sends(Communication(False, scatters=True, adds_first=adds_first))
    with abstract_scope():
        model, tokens, _ = planned.transformer(kdist, layers, blocks=1)
    strategy = Parallelism(tensor=2, devices=EIGHT[:2], min_size=1)
    found = counted(strategy.plan(model, batch_size=len(tokens)))
    # Query, key and value; the pair; the head.
    assert found["all-reduce", ("tensor",), "activations, backward"][0] == sums + 1 + 1


def test_a_tensor_pair_sums_once_forward():
    """The first layer's input needs no gradient, so nothing is summed backward."""
    plan = Parallelism(data=2, tensor=4, devices=EIGHT, min_size=1).plan(
        dense(128, 32), batch_size=16
    )
    outputs = 8 * 32 * 4  # 8 rows on each device
    found = counted(plan)
    assert found["all-reduce", ("tensor",), "activations, forward"] == (
        1,
        outputs,
        outputs * 2 * 3 / 4,
    )
    assert not any("backward" in purpose for _, _, purpose in found)


def test_a_second_pair_sums_backward_too():
    plan = Parallelism(data=2, tensor=4, devices=EIGHT, min_size=1).plan(
        dense(128, 32, 128, 32), batch_size=16
    )
    found = counted(plan)
    assert found["all-reduce", ("tensor",), "activations, forward"][:2] == (2, 2 * 8 * 32 * 4)
    assert found["all-reduce", ("tensor",), "activations, backward"][:2] == (1, 8 * 32 * 4)


@pytest.mark.parametrize("sequence", [False, True])
def test_each_transformer_block_sums_twice_each_way(sequence):
    with abstract_scope():
        model, tokens, _ = planned.transformer(kdist, layers, blocks=3)
    rows, length = tokens.shape
    strategy = Parallelism(data=2, tensor=4, devices=EIGHT, min_size=1, sequence=sequence)
    found = counted(strategy.plan(model, batch_size=rows))
    one = rows // 2 * length * 64 * 4
    # Attention and the pair in each block; forward also the embedding, backward the head.
    forward, backward = (
        (
            [("reduce-scatter", 7), ("all-gather", 7)],
            [("all-gather", 7), ("reduce-scatter", 7)],
        )
        if sequence
        else ([("all-reduce", 7)], [("all-reduce", 7)])
    )
    # The head alone is cut by columns; the loss is computed of the parts that it gives.
    for kind, count in forward:
        assert found[kind, ("tensor",), "activations, forward"][:2] == (count, count * one)
    for kind, count in backward:
        assert found[kind, ("tensor",), "activations, backward"][:2] == (count, count * one)


def test_what_the_model_gives_is_gathered_where_it_is_given_whole(sends):
    strategy = Parallelism(data=2, tensor=4, devices=EIGHT, min_size=1)
    logits = "all-gather", ("tensor",), "activations, forward"
    found = []
    for gives_whole in (False, True):
        sends(replace(PLAIN, gives_whole=gives_whole))
        found.append(counted(strategy.plan(dense(1024), batch_size=16)).get(logits))
    assert found[0] is None
    assert found[1][:2] == (1, 8 * 1024 * 4)


def test_cut_layers_hold_a_part_of_their_activations():
    model = dense(4096, 64)
    whole = DataParallel(devices=EIGHT[:2]).plan(model, batch_size=1024)
    cut = Parallelism(data=2, tensor=4, devices=EIGHT, min_size=1).plan(model, batch_size=1024)
    assert cut.activation_bytes < 0.5 * whole.activation_bytes


@pytest.mark.parametrize(
    ("axes", "per_host", "expected"),
    [
        (("tensor",), 8, WITHIN_HOST),
        (("tensor",), 2, BETWEEN_HOSTS),
        (("fsdp",), 8, BETWEEN_HOSTS),
        (("fsdp",), 16, WITHIN_HOST),
        (("fsdp", "tensor"), 16, WITHIN_HOST),
        (("data",), 16, BETWEEN_HOSTS),
        (("data",), 32, WITHIN_HOST),
    ],
)
def test_links(axes, per_host, expected):
    mesh = DeviceMesh((2, 4, 4), ("data", "fsdp", "tensor"), [f"gpu:{i}" for i in range(32)])
    assert link(mesh, axes, per_host) == expected


def test_bytes_per_link_add_up():
    plan = Parallelism(data=2, fsdp=2, tensor=2, devices=EIGHT, min_size=1).plan(
        dense(128, 32), batch_size=16
    )
    by_link = plan.bytes_per_link(devices_per_host=4)
    assert set(by_link) == {WITHIN_HOST, BETWEEN_HOSTS}
    assert sum(by_link.values()) == pytest.approx(plan.bytes_communicated_per_step, abs=2)
    with pytest.raises(ValueError, match="devices_per_host=0"):
        plan.bytes_per_link(0)


def test_warns_of_rules_that_match_nothing():
    layout_map = LayoutMap(DeviceMesh((2, 4), ("batch", "model"), EIGHT))
    layout_map["dense_0/kernel"] = (None, "model")
    layout_map["dense_7/kernel"] = (None, "model")
    layout_map["dense_0/output"] = ("batch", "model")
    [warning] = ModelParallel(layout_map=layout_map).plan(dense(128)).warnings
    assert "'dense_7/kernel' matches no variable" in warning


def test_warns_of_large_variables_that_stay_whole():
    [warning] = FSDP(devices=EIGHT, min_size=1).plan(dense(9, inputs=1001)).warnings
    assert "left whole" in warning and "dense_0/kernel (1001, 9)" in warning
    assert "no dim divides by fsdp=8" in warning


def test_does_not_warn_of_what_a_rule_leaves_whole():
    strategy = FSDP(devices=EIGHT, min_size=1, rules={"dense_0": (None,)})
    assert strategy.plan(dense(9, inputs=1001)).warnings == ()


def test_warns_of_sizes_that_do_not_divide():
    strategy = Parallelism(fsdp=2, tensor=4, devices=EIGHT, min_size=1)
    warnings = strategy.plan(dense(130, 50, inputs=62)).warnings
    assert any("130 features do not divide by 4" in w for w in warnings)


def test_warns_of_batches_that_do_not_divide():
    plan = DataParallel(devices=EIGHT).plan(dense(128), batch_size=30)
    assert any("2 rows of padding" in w for w in plan.warnings)
    assert DataParallel(devices=EIGHT).plan(dense(128), batch_size=32).warnings == ()


@pytest.mark.parametrize("synchronized", [False, True])
def test_warns_of_statistics_per_replica(synchronized):
    model = kdist.Sequential(
        [kdist.Input((8,)), layers.BatchNormalization(synchronized=synchronized, name="norm")]
    )
    warnings = DataParallel(devices=EIGHT).plan(model).warnings
    expected = runtime().statistics_per_replica and not synchronized
    assert [("norm" in w and "synchronized=True" in w) for w in warnings] == [True] * expected


def test_planning_leaves_the_model_alone():
    model, x, y = planned.compiled("mlp", kdist, layers)
    before = [v.numpy() for v in model.variables]
    FSDP(devices=EIGHT).plan(model, batch_size=64)
    assert not model.optimizer.built and model.optimizer.variables
    assert all((v.numpy() == b).all() for v, b in zip(model.variables, before, strict=True))
    model.fit(x[:64], y[:64], batch_size=32, verbose=0)


def test_the_report_groups_repeated_blocks():
    with abstract_scope():
        model, *_ = planned.transformer(kdist, layers, blocks=3)
    text = Parallelism(fsdp=4, tensor=2, devices=EIGHT).plan(model, batch_size=8).text(4)
    assert "block_*_up/kernel x3" in text and "block_2_up" not in text
    for word in ("columns of a pair", "reduce-scatter", "within a host", "activations"):
        assert word in text


def test_sizes_that_are_not_known():
    with abstract_scope():
        tokens = kdist.Input((None,), dtype="int32")
        model = kdist.Model(tokens, layers.Dense(4)(layers.Embedding(50, 8)(tokens)))
    with pytest.raises(ValueError, match="input_shape="):
        model.plan(DataParallel(devices=EIGHT), batch_size=8)
    plan = model.plan(DataParallel(devices=EIGHT), batch_size=8, input_shape=(16,))
    assert plan.activation_bytes > 0
    with pytest.raises(ValueError, match="batch_size=0"):
        model.plan(batch_size=0)
