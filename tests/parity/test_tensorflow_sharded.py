"""The strategies that shard train, on 8 devices of one TensorFlow process, what one device trains."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest

from kdist import launch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cases

pytestmark = pytest.mark.skipif(
    os.environ["KDIST_BACKEND"] != "tensorflow", reason="these strategies as TensorFlow runs them"
)
ENV = {
    "PYTHONPATH": os.pathsep.join(
        [str(pathlib.Path(__file__).resolve().parent), os.environ.get("PYTHONPATH", "")]
    ),
    "KDIST_CPU_DEVICES": "8",
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
# Each strategy in a process of its own, each model under the strategy that tells most about it.
RUNS = {
    "fsdp": ("mlp", "batchnorm", "shared"),
    "model": ("transformer",),
    "tensor_fsdp": ("clipped", "accumulated"),
    "fsdp_sequence": ("transformer",),
}


def several(strategy: str | None, names: tuple[str, ...]) -> dict:
    import cases as here

    return {name: here.train_under(strategy, name) for name in names}


def launched(strategy: str | None, names: tuple[str, ...]) -> dict:
    [values] = launch.run(
        several,
        workers=1,
        launcher="local",
        backend="tensorflow",
        args=(strategy, names),
        env=ENV,
        timeout=400,
        max_failures=0,
    ).values
    return values


@pytest.fixture(scope="module")
def single() -> dict:
    return launched(None, tuple(name for names in RUNS.values() for name in names))


@pytest.mark.parametrize("strategy", RUNS)
def test_eight_devices_train_as_one(single, strategy):
    many = launched(strategy, RUNS[strategy])
    for name in RUNS[strategy]:
        cases.assert_same(single[name], many[name])


def moved() -> dict:
    """What FSDP trained, taken leaf by leaf onto another mesh."""
    import cases as here
    import numpy as np
    from tensorflow.experimental import dtensor

    import kdist
    from kdist.backend import bound as backend

    def trained(strategy: str) -> tuple:
        samples = here.data(16)
        with here.STRATEGIES[strategy](kdist).scope():
            model = here.compiled("mlp")
            model.fit(samples["x"], samples["y"], batch_size=16, verbose=0)
        return model, [*model.variables, *model.optimizer.variables]

    (source, given), (target, taken) = trained("fsdp"), trained("tensor_fsdp")
    for a, b in zip(given, taken, strict=True):
        leaf = backend.to_leaf(a)
        full = np.full(leaf.global_shape, -1, leaf.dtype)
        for offset, part in leaf.boxes:
            full[tuple(slice(o, o + n) for o, n in zip(offset, part.shape, strict=True))] = part
        assert np.array_equal(full, a.numpy()), a.path
        backend.from_reader(b, full.__getitem__)
        assert np.array_equal(full, b.numpy()), b.path
    x = here.data(16)["x"]
    plan = target.plan()
    on_first = lambda v: dtensor.unpack(v._storage._variable.read_value())[0].numpy().nbytes
    return {
        "layouts": [[str(v.layout) for v in vs] for vs in (target.variables, plan.variables)],
        "held": [sum(map(on_first, vs)) for vs in (target.variables, target.optimizer.variables)],
        "planned": [plan.bytes_per_device[what] for what in ("parameters", "optimizer")],
        "parts": len(backend.to_leaf(given[0]).boxes),
        "outputs": [m.predict(x, verbose=0) for m in (source, target)],
    }


def test_leaves_go_from_one_mesh_to_another():
    [found] = launch.run(
        moved,
        workers=1,
        launcher="local",
        backend="tensorflow",
        env=ENV,
        timeout=200,
        max_failures=0,
    ).values
    assert found["parts"] == 8
    # Plans know where everything lies, and how much of it each device holds.
    assert found["layouts"][0] == found["layouts"][1]
    assert found["held"] == found["planned"]
    assert cases.distance(*found["outputs"]) < 1e-6
