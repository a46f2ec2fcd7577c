"""Programs on one device: traces, user steps, eager and XLA runs, the fused updates."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import kdist
from kdist import layers
from kdist.backend import bound as backend
from kdist.backend.tensorflow.graphs import Graphs
from kdist.data.source import Batch
from kdist.distribution.plan import make_plan

RNG = np.random.default_rng()


def batch(n, width=4, mask=None):
    y = RNG.integers(0, 3, n).astype("int32")
    return Batch(
        RNG.standard_normal((n, width)).astype("float32"),
        y,
        None,
        mask,
        n if mask is None else int(mask.sum()),
        n,
    )


def compiled(**kwargs):
    kdist.utils.set_random_seed(1)
    model = kdist.Sequential(
        [kdist.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(3)]
    )
    loss = kdist.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(**{"optimizer": "adam", "loss": loss, "metrics": ["accuracy"], **kwargs})
    model.optimizer.build(model.trainable_variables)
    y = kdist.KerasTensor((None,), "int32")
    model._compile_metrics.build(y, kdist.KerasTensor((None, 3)))
    return model


def test_a_shorter_last_batch_costs_one_trace_and_other_lengths_no_more():
    model = compiled()
    program = backend.compile_step(model, "train", make_plan(None, model))
    state = program.begin()
    for n in (8, 8, 5, 8, 7, 3, 1):
        state, out = program(state, batch(n))
        assert out is None
    assert len(program._graphs._seen) == 2
    state, _ = program(state, batch(8, mask=np.arange(8) < 6))
    assert len(program._graphs._seen) == 3
    assert int(model.optimizer.iterations.numpy()) == 8
    program.end(state)


def test_traces_leave_open_what_differs_in_any_dim():
    seen = []
    graphs = Graphs(
        lambda x, y, w, mask, size: (seen.append(tuple(x["a"].shape)), tf.reduce_sum(x["a"]))[1],
        jit=False,
    )
    for shape in ((2, 3), (2, 4), (2, 5), (3, 5), (4, 6)):
        assert float(graphs({"a": np.ones(shape, "float32")}, None, None, None, None)) == np.prod(
            shape
        )
    assert seen == [(2, 3), (2, None), (None, None)]


@pytest.mark.parametrize("option", [{"run_eagerly": True}, {"jit_compile": True}])
def test_eager_and_xla_runs_compute_the_same(option):
    data = [batch(8) for _ in range(3)]
    results = []
    for kwargs in ({}, option):
        model = compiled(**kwargs)
        program = backend.compile_step(model, "train", make_plan(None, model))
        for b in data:
            program(program.begin(), b)
        results.append(
            [*model.get_weights(), *(np.asarray(v) for v in model.get_metrics_result().values())]
        )
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_placing_again_on_the_same_device_keeps_the_variables_of_traced_graphs():
    model = compiled()
    train = backend.compile_step(model, "train", make_plan(None, model))
    train(None, batch(8))
    copies = [v._storage.copies[0] for v in model.variables]
    backend.compile_step(model, "test", make_plan(None, model))
    assert all(a is v._storage.copies[0] for a, v in zip(copies, model.variables, strict=True))


def test_a_step_of_the_user_gives_its_own_logs():
    class Model(kdist.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = self.compute_loss(y=y, y_pred=self(x))
            self.optimizer.apply_gradients(
                zip(
                    tape.gradient(loss, self.trainable_weights), self.trainable_weights, strict=True
                )
            )
            return {"mine": loss}

    model = Model()
    model.compile(optimizer=kdist.optimizers.SGD(0.1), loss="mse")
    x = RNG.standard_normal((32, 2)).astype("float32")
    logs = model.fit(x, x.sum(1, keepdims=True), epochs=20, verbose=0).history
    assert list(logs) == ["mine"]
    assert logs["mine"][-1] < 0.5 * logs["mine"][0]


OPTIMIZERS = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.9, "centered": True}),
    ("Adadelta", {}),
    ("Adamax", {}),
]


@pytest.mark.parametrize("name,config", OPTIMIZERS)
def test_fused_rows_do_what_update_steps_do(name, config):
    gradients = [
        [RNG.standard_normal(s).astype("float32") for s in ((3, 4), (4,))] for _ in range(5)
    ]
    ends = []
    for fused in (True, False):
        optimizer = getattr(kdist.optimizers, name)(0.01, **config)
        assert optimizer._row is not None
        optimizer._row = optimizer._row if fused else None
        variables = [
            kdist.Variable(np.linspace(-1, 1, g.size, dtype="float32").reshape(g.shape))
            for g in gradients[0]
        ]
        for g in gradients:
            optimizer.apply([tf.constant(a) for a in g], variables)
        ends.append([v.numpy() for v in (*variables, *optimizer.variables)])
    for a, b in zip(*ends, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_gradients_of_looked_up_rows_update_the_table():
    """They come as IndexedSlices, in which a row may stand twice."""
    table = kdist.Variable(np.zeros((5, 2), "float32"))
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(backend.OPS["embedding_lookup"](table, np.int32([1, 3, 1])))
    optimizer = kdist.optimizers.SGD(1.0)
    optimizer.apply(tape.gradient(y, [table]), [table])
    np.testing.assert_array_equal(table.numpy()[:, 0], [0, -2, 0, -1, 0])


def test_strategies_that_do_not_fit_the_devices_are_refused_by_name():
    with pytest.raises(ValueError, match=r"cpu:7.*There are"):
        backend.check_support(kdist.distribution.DataParallel(devices=["cpu:0", "cpu:7"]))
    mesh = kdist.distribution.DeviceMesh((1, 2), ("batch", "model"), ["cpu:0", "cpu:1"])
    with pytest.raises(ValueError, match="mesh of one axis"):
        backend.check_support(kdist.distribution.DataParallel(mesh))
    with pytest.raises(ValueError, match="not a kdist strategy"):
        backend.check_support("fsdp")
