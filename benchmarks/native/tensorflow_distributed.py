"""TensorFlow on several processes by hand: MultiWorkerMirroredStrategy, made by whoever joined the processes."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from native.tensorflow_loops import MODELS


def loop(name, strategy, x, y, work):
    scope = _multi_worker()
    rank, count = scope.cluster_resolver.task_id, scope.num_replicas_in_sync
    mine = work.batch // count
    with scope.scope():
        parameters, forward = MODELS[name]()
        variables = tf.nest.flatten(parameters)
        m, v = (
            [tf.Variable(tf.zeros_like(p)) for p in variables],
            [tf.Variable(tf.zeros_like(p)) for p in variables],
        )
        powers = [tf.Variable(1.0), tf.Variable(1.0)]

    def replica(x, y):
        with tf.GradientTape() as tape:
            logits = forward(x)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        grads = [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]
        grads = tf.distribute.get_replica_context().all_reduce("mean", grads)
        powers[0].assign(powers[0] * 0.9)
        powers[1].assign(powers[1] * 0.999)
        own = lambda p: scope.experimental_local_results(p)[0].handle
        for p, a, b, g in zip(variables, m, v, grads, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=own(p), m=own(a), v=own(b), beta1_power=powers[0], beta2_power=powers[1],
                lr=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-7, grad=g,
            )  # fmt: skip
        correct = tf.reduce_sum(tf.cast(tf.argmax(logits, -1, tf.int32) == y, tf.float32))
        return tf.stack([loss * mine, correct, tf.constant(float(mine))])

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, *x.shape[1:]), x.dtype),
            tf.TensorSpec((None,), y.dtype),
        ]
    )
    def step(x, y):
        return scope.experimental_local_results(scope.run(replica, (x, y)))[0]

    def fit():
        order = np.random.default_rng(0).permutation(len(x))
        total = tf.zeros(3)
        for i in range(0, len(x), work.batch):
            rows = order[i + rank * mine : i + (rank + 1) * mine]
            total += step(tf.constant(x[rows]), tf.constant(y[rows]))
        return total.numpy()

    return fit


def _multi_worker():
    """The process's one MultiWorkerMirroredStrategy: kdist's launcher has made it."""
    from kdist.backend.tensorflow.runtime import runtime

    return runtime.strategy(())
