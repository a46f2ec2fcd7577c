"""JAX by hand: parameters in a dict, one jitted step with donated state, metrics on the device."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import workloads as w


def _uniform(key, shape):
    fan_in, fan_out = int(np.prod(shape[:-1])), shape[-1]
    limit = (6 / (fan_in + fan_out)) ** 0.5
    return jax.random.uniform(key, shape, minval=-limit, maxval=limit)


def _linear(key, a, b):
    return {"w": _uniform(key, (a, b)), "b": jnp.zeros(b)}


def _dense(p, x):
    return x @ p["w"] + p["b"]


def _mlp(keys):
    return [_linear(next(keys), a, b) for a, b in ((64, 256), (256, 256), (256, w.CLASSES))]


def _mlp_forward(p, x):
    return _dense(p[2], jax.nn.relu(_dense(p[1], jax.nn.relu(_dense(p[0], x)))))


def _convnet(keys):
    conv = lambda a, b: {"w": _uniform(next(keys), (3, 3, a, b)), "b": jnp.zeros(b)}
    return [conv(1, 32), conv(32, 32), conv(32, 64), _linear(next(keys), 64, w.CLASSES)]


def _convnet_forward(p, x):
    conv = lambda p, x: jax.nn.relu(
        jax.lax.conv_general_dilated(
            x, p["w"], (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        + p["b"]
    )
    x = conv(p[1], conv(p[0], x))
    x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return _dense(p[3], conv(p[2], x).mean((1, 2)))


def _transformer(keys):
    norm = lambda: {"g": jnp.ones(w.WIDTH), "b": jnp.zeros(w.WIDTH)}
    block = lambda: {
        "n1": norm(), "n2": norm(),
        "up": _linear(next(keys), w.WIDTH, w.HIDDEN), "down": _linear(next(keys), w.HIDDEN, w.WIDTH),
        **{n: _linear(next(keys), w.WIDTH, w.WIDTH) for n in "qkvo"},
    }  # fmt: skip
    return {
        "embed": jax.random.uniform(next(keys), (w.VOCABULARY, w.WIDTH), minval=-0.05, maxval=0.05),
        "blocks": [block() for _ in range(2)],
        "head": _linear(next(keys), w.WIDTH, w.CLASSES),
    }


def _norm(p, x):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * p["g"] + p["b"]


def _transformer_forward(p, x):
    x = p["embed"][x]
    for b in p["blocks"]:
        h = _norm(b["n1"], x)
        heads = lambda n, h=h, b=b: _dense(b[n], h).reshape(*h.shape[:2], w.HEADS, -1)
        a = jax.nn.dot_product_attention(heads("q"), heads("k"), heads("v"))
        x = x + _dense(b["o"], a.reshape(h.shape))
        x = x + _dense(b["down"], jax.nn.relu(_dense(b["up"], _norm(b["n2"], x))))
    return _dense(p["head"], x.mean(1))


MODELS = {
    "mlp": (_mlp, _mlp_forward),
    "convnet": (_convnet, _convnet_forward),
    "transformer": (_transformer, _transformer_forward),
}


def _adam(params, grads, m, v, t, lr=1e-3, b1=0.9, b2=0.999, eps=1e-7):
    alpha = lr * jnp.sqrt(1 - b2**t) / (1 - b1**t)
    m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, grads)
    v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, grads)
    return jax.tree.map(lambda p, m, v: p - alpha * m / (jnp.sqrt(v) + eps), params, m, v), m, v


def initial(name):
    params = MODELS[name][0](iter(jax.random.split(jax.random.key(0), 64)))
    zeros = jax.tree.map(jnp.zeros_like, params)
    return params, zeros, jax.tree.map(jnp.copy, zeros), jnp.float32(0), jnp.zeros(3)


def train_step(forward):
    """A function (state, x, y) -> state."""

    def loss_fn(params, x, y):
        logits = forward(params, x)
        return (
            jax.nn.logsumexp(logits, -1) - jnp.take_along_axis(logits, y[:, None], 1)[:, 0]
        ).mean(), logits

    def step(state, x, y):
        params, m, v, t, totals = state
        (loss, logits), grads = jax.value_and_grad(loss_fn, has_aux=True)(params, x, y)
        t = t + 1
        params, m, v = _adam(params, grads, m, v, t)
        n = x.shape[0]
        return (
            params,
            m,
            v,
            t,
            totals
            + jnp.stack(
                [loss * n, (logits.argmax(-1) == y).sum().astype("float32"), jnp.float32(n)]
            ),
        )

    return step


def loops(name, x, y, work):
    forward = MODELS[name][1]
    state = [initial(name)]
    step = jax.jit(train_step(forward), donate_argnums=0)
    predict_step = jax.jit(forward)

    def fit():
        order = np.random.default_rng(0).permutation(len(x))
        s = state[0]
        s = (*s[:4], jnp.zeros(3))
        for i in range(0, len(x), work.batch):
            rows = order[i : i + work.batch]
            s = step(s, x[rows], y[rows])
        state[0] = s
        return np.asarray(s[4])

    def predict():
        outputs = [
            predict_step(state[0][0], x[i : i + work.batch])
            for i in range(0, work.predict_samples, work.batch)
        ]
        return np.concatenate([np.asarray(o) for o in outputs])

    return fit, predict
