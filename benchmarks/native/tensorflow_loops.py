"""TensorFlow by hand: variables, one `tf.function` per step, the fused Adam kernel, metrics on the device."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import workloads as w


def _variable(*shape):
    fan_in, fan_out = int(np.prod(shape[:-1])), shape[-1]
    limit = (6 / (fan_in + fan_out)) ** 0.5
    return tf.Variable(tf.random.uniform(shape, -limit, limit))


def _linear(a, b):
    return _variable(a, b), tf.Variable(tf.zeros(b))


def _dense(p, x):
    return tf.nn.bias_add(
        tf.tensordot(x, p[0], 1) if len(x.shape) > 2 else tf.matmul(x, p[0]), p[1]
    )


def _mlp():
    p = [_linear(64, 256), _linear(256, 256), _linear(256, w.CLASSES)]
    return p, lambda x: _dense(p[2], tf.nn.relu(_dense(p[1], tf.nn.relu(_dense(p[0], x)))))


def _convnet():
    conv = lambda a, b: (_variable(3, 3, a, b), tf.Variable(tf.zeros(b)))
    p = [conv(1, 32), conv(32, 32), conv(32, 64), _linear(64, w.CLASSES)]
    apply = lambda p, x: tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, p[0], 1, "VALID"), p[1]))

    def forward(x):
        x = tf.nn.max_pool2d(apply(p[1], apply(p[0], x)), 2, 2, "VALID")
        return _dense(p[3], tf.reduce_mean(apply(p[2], x), (1, 2)))

    return p, forward


def _transformer():
    norm = lambda: (tf.Variable(tf.ones(w.WIDTH)), tf.Variable(tf.zeros(w.WIDTH)))
    embed = tf.Variable(tf.random.uniform((w.VOCABULARY, w.WIDTH), -0.05, 0.05))
    blocks = [
        {
            "n1": norm(),
            "n2": norm(),
            "up": _linear(w.WIDTH, w.HIDDEN),
            "down": _linear(w.HIDDEN, w.WIDTH),
            **{n: _linear(w.WIDTH, w.WIDTH) for n in "qkvo"},
        }
        for _ in range(2)
    ]
    head = _linear(w.WIDTH, w.CLASSES)

    def normed(p, x):
        mean, variance = tf.nn.moments(x, -1, keepdims=True)
        return tf.nn.batch_normalization(x, mean, variance, p[1], p[0], 1e-5)

    def forward(x):
        x = tf.gather(embed, x)
        for b in blocks:
            h = normed(b["n1"], x)
            heads = lambda n, h=h, b=b: tf.transpose(
                tf.reshape(_dense(b[n], h), (-1, w.LENGTH, w.HEADS, w.WIDTH // w.HEADS)),
                (0, 2, 1, 3),
            )
            scores = tf.nn.softmax(
                tf.matmul(heads("q"), heads("k"), transpose_b=True) * (w.WIDTH // w.HEADS) ** -0.5
            )
            a = tf.reshape(
                tf.transpose(tf.matmul(scores, heads("v")), (0, 2, 1, 3)), (-1, w.LENGTH, w.WIDTH)
            )
            x = x + _dense(b["o"], a)
            x = x + _dense(b["down"], tf.nn.relu(_dense(b["up"], normed(b["n2"], x))))
        return _dense(head, tf.reduce_mean(x, 1))

    return [embed, blocks, head], forward


MODELS = {"mlp": _mlp, "convnet": _convnet, "transformer": _transformer}


def loops(name, x, y, work):
    parameters, forward = MODELS[name]()
    variables = tf.nest.flatten(parameters)
    m, v = (
        [tf.Variable(tf.zeros_like(p)) for p in variables],
        [tf.Variable(tf.zeros_like(p)) for p in variables],
    )
    powers, totals = [tf.Variable(1.0), tf.Variable(1.0)], tf.Variable(tf.zeros(3))

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, *x.shape[1:]), x.dtype),
            tf.TensorSpec((None,), y.dtype),
        ]
    )
    def step(x, y):
        with tf.GradientTape() as tape:
            logits = forward(x)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        grads = tape.gradient(loss, variables)
        powers[0].assign(powers[0] * 0.9)
        powers[1].assign(powers[1] * 0.999)
        for p, a, b, g in zip(variables, m, v, grads, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=p.handle, m=a.handle, v=b.handle, beta1_power=powers[0], beta2_power=powers[1],
                lr=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-7, grad=tf.convert_to_tensor(g),
            )  # fmt: skip
        n = tf.cast(tf.shape(x)[0], tf.float32)
        correct = tf.reduce_sum(tf.cast(tf.argmax(logits, -1, tf.int32) == y, tf.float32))
        totals.assign_add(tf.stack([loss * n, correct, n]))

    predict_step = tf.function(
        forward, input_signature=[tf.TensorSpec((None, *x.shape[1:]), x.dtype)]
    )

    def fit():
        order = np.random.default_rng(0).permutation(len(x))
        totals.assign(tf.zeros(3))
        for i in range(0, len(x), work.batch):
            rows = order[i : i + work.batch]
            step(tf.constant(x[rows]), tf.constant(y[rows]))
        return totals.numpy()

    def predict():
        outputs = [
            predict_step(tf.constant(x[i : i + work.batch]))
            for i in range(0, work.predict_samples, work.batch)
        ]
        return np.concatenate([o.numpy() for o in outputs])

    return fit, predict
