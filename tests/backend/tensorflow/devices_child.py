"""Two replicas in one process: what variables, sums, random numbers and outputs are on each. Prints
"ok"; an assertion ends it otherwise.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

import kdist
from kdist import layers
from kdist.backend import bound as backend
from kdist.backend.tensorflow.replicas import DistributedReplica
from kdist.backend.variable import Variable
from kdist.core.replicas import step_scope
from kdist.distribution import DataParallel

assert kdist.distribution.list_devices() == ["cpu:0", "cpu:1"]
strategy = backend.runtime.strategy(("cpu:0", "cpu:1"))
OPS = backend.OPS


def on_both(fn):
    """The results of `fn(replica)` on both replicas."""

    @tf.function(autograph=False)
    def run():
        def one():
            number = int(
                tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group)
            )
            replica = DistributedReplica(strategy, 0, number, ("cpu:0", "cpu:1"))
            with step_scope(replica):
                out = fn(replica)
                replica.settle()
                return out

        return strategy.experimental_local_results(strategy.run(one))

    return [tf.nest.map_structure(lambda t: t.numpy(), r) for r in run()]


def variable(aggregation):
    with DataParallel().scope():
        return Variable(np.float32([1.0]), aggregation=aggregation, trainable=False)


def test_sums_add_up_and_means_are_averaged():
    total, mean, same = variable("sum"), variable("mean"), variable("none")

    def step(replica):
        for v in (total, mean, same):
            v.assign_add([float(replica.index) if v is not same else 5.0])
        return mean.value

    assert [float(r[0]) for r in on_both(step)] == [
        1.0,
        2.0,
    ]  # before the step's end each replica sees its own
    assert float(total.numpy()[0]) == 1.0 + 0.0 + 1.0
    assert [float(c.numpy()[0]) for c in mean._storage.copies] == [1.5, 1.5]
    assert [float(c.numpy()[0]) for c in same._storage.copies] == [6.0, 6.0]
    total.assign([7.0])
    assert [float(c.numpy()[0]) for c in total._storage.copies] == [7.0, 0.0]
    leaf = backend.to_leaf(total)
    assert leaf.boxes[0][1][0] == 7.0


def test_all_sum_is_differentiable():
    v = variable("none")

    def step(replica):
        with tf.GradientTape() as tape:
            tape.watch(v._storage._copy())
            y = replica.all_sum(v.value * float(replica.index + 1)) ** 2
        return y, tape.gradient(y, [v])[0]

    # y = (1 v + 2 v)^2 = 9 on both; dv on replica r: (r + 1) * sum of both upstream gradients, 6 +
    # 6
    (y0, g0), (y1, g1) = on_both(step)
    assert y0 == y1 == 9.0
    assert (g0[0], g1[0]) == (12.0, 24.0)


def test_mean_gradients_of_several_dtypes():
    def step(replica):
        r = float(replica.index)
        slices = tf.IndexedSlices(tf.fill((1, 2), r), tf.constant([1]), tf.constant([3, 2]))
        grads = [
            tf.fill((2,), r),
            None,
            tf.cast(tf.fill((3,), r), tf.float64),
            tf.cast(tf.fill((1,), r), tf.bfloat16),
            slices,
        ]
        out = replica.mean_gradients(grads)
        assert out[1] is None
        assert [g.dtype.name for g in out if g is not None] == [
            "float32",
            "float64",
            "bfloat16",
            "float32",
        ]
        return [tf.cast(g, tf.float32) for g in out if g is not None]

    for result in on_both(step):
        assert all((np.asarray(g)[g != 0] == 0.5).all() and (g != 0).any() for g in result)


def test_replicas_draw_different_numbers_from_one_seed():
    first, second = on_both(lambda replica: OPS["random_uniform"]((1000,), seed=np.int64([1, 2])))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1
    again, _ = on_both(lambda replica: OPS["random_uniform"]((1000,), seed=np.int64([1, 2])))
    assert (first == again).all()


def test_moments_over_both_slices():
    x = np.random.default_rng().normal(3.0, 2.0, (8, 5)).astype("float32")
    half = lambda r: tf.constant(x)[4 * r.index : 4 * r.index + 4]
    for mean, variance in on_both(lambda r: OPS["moments"](half(r), [0], synchronized=True)):
        np.testing.assert_allclose(mean, x.mean(0), rtol=1e-5)
        np.testing.assert_allclose(variance, x.var(0), rtol=1e-5)


def test_a_model_built_before_the_strategy_is_placed_when_it_trains():
    model = kdist.Sequential([kdist.Input((3,)), layers.Dense(2, use_bias=False)])
    before = model.get_weights()[0]
    x = np.random.default_rng().normal(size=(10, 3)).astype("float32")
    with DataParallel().scope():
        model.compile(optimizer=kdist.optimizers.SGD(0.1), loss="mse")
        model.fit(x, x[:, :2], batch_size=8, verbose=0)
        copies = model.trainable_variables[0]._storage.copies
        assert [c.device[-5:] for c in copies] == ["CPU:0", "CPU:1"]
        assert (copies[0].numpy() == copies[1].numpy()).all() and not (
            copies[0].numpy() == before
        ).all()
        np.testing.assert_allclose(
            model.predict(x, batch_size=4, verbose=0), x @ copies[0].numpy(), rtol=1e-5, atol=1e-6
        )


def test_a_variable_born_in_a_step_has_a_copy_for_each_replica():
    born = []

    def step(replica):
        if not born:
            born.append(Variable(np.float32([0.0]), trainable=False, aggregation="sum"))
        born[0].assign_add([1.0])
        return born[0].value

    assert [float(r[0]) for r in on_both(step)] == [1.0, 1.0]
    assert float(born[0].numpy()[0]) == 2.0


def test_a_users_logs_are_averaged():
    class Model(kdist.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def test_step(self, data):
            x, _ = data
            return {"mean": OPS["mean"](x)}

    with DataParallel().scope():
        model = Model()
        model.compile(loss="mse")
        x = np.arange(8, dtype="float32").reshape(8, 1)
        assert model.evaluate(x, x, batch_size=8, verbose=0, return_dict=True) == {"mean": 3.5}


for name, test in list(globals().items()):
    if name.startswith("test_"):
        test()
print("ok")
