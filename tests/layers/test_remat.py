"""Computing again changes nothing but memory: values, gradients, seeds and statistics are as without it."""

from __future__ import annotations

import contextlib
import copy
import functools
import os
import weakref

import numpy as np
import pytest

import kdist
from kdist import layers, ops

BACKEND = os.environ["KDIST_BACKEND"]
RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 6, 4)).astype("float32")
Y = X.sum((1, 2), keepdims=True)[:, 0]
TOKENS = RNG.integers(0, 9, (40, 6))

SCOPES = {
    "full": {"mode": "full"},
    "activations": {"mode": "activations"},
    "larger_than": {"mode": "larger_than", "output_size_threshold": 3},
    "list_of_layers": {"mode": "list_of_layers", "layer_names": ["first", "drop", "block", "bn"]},
}


class Block(layers.Layer):
    """Sublayers with seeds, statistics and penalties, made in `__init__` and built by the first call."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = layers.Dense(8, activation="gelu", activity_regularizer="l2")
        self.normal = layers.BatchNormalization()
        self.drop = layers.Dropout(0.5, seed=1)
        self.outer = layers.Dense(4)

    def call(self, x, training=None):
        h = self.drop(self.normal(self.inner(x)))
        self.add_loss(ops.mean(ops.square(h)))
        return {"sum": x + self.outer(h), "size": 3}


def parts() -> list:
    return [
        layers.Dense(4, activation="tanh", name="first"),
        layers.BatchNormalization(momentum=0.5, name="bn"),
        layers.Dropout(0.4, seed=2, name="drop"),
    ]


def functional():
    x = inputs = kdist.Input((6, 4))
    for layer in parts():
        x = layer(x)
    x = Block(name="block")(x)["sum"]
    return kdist.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(x)))


def nested():
    inner = kdist.Sequential([kdist.Input((6, 4)), *parts()], name="block")
    return kdist.Sequential([kdist.Input((6, 4)), inner, layers.Flatten(), layers.Dense(1)])


class Own(kdist.Model):
    def __init__(self):
        super().__init__(name="own")
        self.parts = [*parts(), layers.Flatten()]
        self.block = Block(name="block")
        self.head = layers.Dense(1)

    def call(self, x, training=None):
        x = self.block(x)["sum"]
        for part in self.parts:
            x = part(x, training=training) if "drop" in part.name else part(x)
        return self.head(x)


def masked():
    """Masks come from inside of a nested model, and are used outside of it."""
    inner = kdist.Sequential(
        [kdist.Input((6,), dtype="int32"), layers.Embedding(9, 4, mask_zero=True)], name="block"
    )
    x = inputs = kdist.Input((6,), dtype="int32")
    x = layers.Dense(4, activation="tanh", name="first")(inner(x))
    return kdist.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(x)))


MODELS = {"functional": functional, "nested": nested, "own": Own, "masked": masked}


def train(model_fn, scope) -> dict:
    kdist.utils.set_random_seed(4)
    with scope:
        model = model_fn()
    model.compile(kdist.optimizers.SGD(0.01), "mse")
    x = TOKENS if model_fn is masked else X
    losses = model.fit(x, Y, batch_size=16, epochs=2, shuffle=False, verbose=0).history["loss"]
    return {"losses": losses, "variables": [v.numpy() for v in model.variables]}


def assert_same(one: dict, other: dict) -> None:
    np.testing.assert_allclose(one["losses"], other["losses"], rtol=1e-6)
    for a, b in zip(one["variables"], other["variables"], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


@functools.cache
def plain(name: str) -> dict:
    return train(MODELS[name], contextlib.nullcontext())


# Each fit is a compilation, which is what takes the time.
@pytest.mark.parametrize(
    ("name", "scope"),
    [
        *((name, "full") for name in MODELS),
        *(("own", scope) for scope in SCOPES if scope != "full"),
    ],
)
def test_training_is_the_same(name, scope):
    assert_same(plain(name), train(MODELS[name], kdist.RematScope(**SCOPES[scope])))


def gradients(fn, variables) -> list:
    """Of the scalar `fn()`, which is run outside of any program."""
    if BACKEND == "jax":
        import jax

        def loss(values):
            pairs = zip(variables, values, strict=True)
            with kdist.StatelessScope(pairs):
                return fn()

        return [np.asarray(g) for g in jax.grad(loss)([v.value for v in variables])]
    if BACKEND == "torch":
        import torch

        return [g.numpy() for g in torch.autograd.grad(fn(), [v.value for v in variables])]
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = fn()
    return [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, variables)]


def test_remat_of_a_function_and_of_a_layer():
    kdist.utils.set_random_seed(0)
    layer = layers.Dense(4, activation="gelu")
    layer.build((None, 4))
    scale = kdist.Variable(np.full((4,), 1.5, "float32"))
    variables = [*layer.trainable_variables, scale]

    def both(x, factor, *, shift):
        return layer(x) * scale * factor, [x + shift, "text", None]

    def loss_of(function, call):
        def loss():
            y, (z, text, none) = function(ops.convert_to_tensor(X), 2.0, shift=1.0)
            assert (text, none) == ("text", None)
            return ops.sum(call(y) * z)

        return loss

    plain = gradients(loss_of(both, layer), variables)
    again = gradients(loss_of(kdist.remat(both), kdist.remat(layer)), variables)
    for a, b in zip(plain, again, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    assert kdist.remat(both).__name__ == "both"


def test_remat_of_a_function_of_symbolic_tensors():
    x = kdist.Input((4,))
    y = kdist.remat(lambda x: ops.relu(x) + 1)(x)
    model = kdist.Model(x, y)
    np.testing.assert_allclose(model.predict(X[0], verbose=0), np.maximum(X[0], 0) + 1)


@pytest.mark.skipif(
    BACKEND == "jax", reason="a variable cannot be assigned while jax takes gradients"
)
def test_state_moves_once_and_gradients_see_the_same_numbers():
    drop, normal = layers.Dropout(0.5, seed=3), layers.BatchNormalization(momentum=0.5)
    normal.build((None, 4))
    scale = kdist.Variable(np.ones((4,), "float32"))
    x = ops.convert_to_tensor(X[0])
    seen = []

    def part(x):
        seen.append(1)
        return drop(normal(x * scale, training=True), training=True)

    seed = drop.seed_generator.state
    first = seed.numpy()
    out = kdist.remat(part)(x)
    moved = normal.moving_mean.numpy()
    np.testing.assert_allclose(moved, 0.5 * X[0].mean(0), rtol=1e-5)
    np.testing.assert_array_equal(seed.numpy(), first + [0, 1])

    outputs = []

    def loss():
        y = kdist.remat(part)(x)
        outputs.append(ops.convert_to_numpy(ops.stop_gradient(y)))
        return ops.sum(y * x)

    seed.assign(first)
    normal.moving_mean.assign(np.zeros(4, "float32"))
    seen.clear()
    [gradient] = gradients(loss, [scale])
    assert len(seen) == 2  # once forward, once again
    np.testing.assert_array_equal(outputs[0], ops.convert_to_numpy(ops.stop_gradient(out)))
    np.testing.assert_array_equal(normal.moving_mean.numpy(), moved)
    np.testing.assert_array_equal(seed.numpy(), first + [0, 1])

    seed.assign(first)
    [plain] = gradients(lambda: ops.sum(part(x) * x), [scale])
    np.testing.assert_allclose(gradient, plain, rtol=1e-5, atol=1e-6)


def kept(scope) -> int:
    """Bytes that the gradients of a chain of layers keep from the forward pass."""
    with scope:
        chain = kdist.Sequential(
            [kdist.Input((64,)), *(layers.Dense(64, activation="gelu") for _ in range(6))]
        )
    x = RNG.standard_normal((512, 64)).astype("float32")
    return KEPT[BACKEND](chain, x)


def kept_by_jax(chain, x) -> int:
    import jax

    values = [v.value for v in chain.trainable_variables]
    given = {id(x) for x in values}

    def forward(values):
        return chain.stateless_call(values, [], x)[0]

    backward = jax.vjp(forward, values)[1]
    return sum(r.nbytes for r in jax.tree.leaves(backward) if id(r) not in given)


def kept_by_torch(chain, x) -> int:
    import torch

    found = {}

    def pack(t):
        found[t.untyped_storage()._cdata] = t.untyped_storage().nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        chain(x)
    return sum(found.values())


def kept_by_tensorflow(chain, x) -> int:
    import tensorflow as tf

    alive = []

    for layer in chain.layers:
        own = layer.activation

        def activation(x, own=own):
            alive.append(weakref.ref(x))
            return own(x)

        layer.activation = activation
    with tf.GradientTape() as tape:
        out = chain(x)
        tape.watch(out)
        return sum(ref().numpy().nbytes for ref in alive if ref() is not None)


KEPT = {"jax": kept_by_jax, "torch": kept_by_torch, "tensorflow": kept_by_tensorflow}


def test_less_is_kept():
    plain, again = kept(contextlib.nullcontext()), kept(kdist.RematScope())
    one_layer = 512 * 64 * 4
    assert plain >= 6 * one_layer
    assert plain - again >= 6 * one_layer


def test_the_plan_knows():
    found = []
    for scope in (contextlib.nullcontext(), kdist.RematScope()):
        with scope:
            hidden = [layers.Dense(64, activation="gelu") for _ in range(8)]
        model = kdist.Sequential([kdist.Input((64,)), *hidden])
        model.compile("sgd", "mse")
        found.append(model.plan(batch_size=512).bytes_per_device["activations"])
    assert found[1] < 0.7 * found[0]


# ---- scopes
def test_layers_remember_their_scope():
    with kdist.RematScope("full"):
        outer = layers.Dense(1)
        with kdist.RematScope("larger_than", output_size_threshold=7):
            inner = layers.Dense(1)
            with kdist.RematScope(None):
                without = layers.Dense(1)
        again = layers.Dense(1)
    outside = layers.Dense(1)
    assert (outer.remat_mode.mode, again.remat_mode.mode) == ("full", "full")
    assert inner.remat_mode.output_size_threshold == 7
    assert without.remat_mode.mode is None
    assert outside.remat_mode is None
    assert "call" not in vars(outside) and "call" not in vars(without)


def test_a_scope_is_left_after_an_error():
    with pytest.raises(KeyError), kdist.RematScope():
        raise KeyError
    assert layers.Dense(1).remat_mode is None


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="mode='some' of RematScope"):
        kdist.RematScope("some")


def test_only_large_layers_run_again(monkeypatch):
    ran = []
    original = layers.remat.run_again

    def noting(fn, args, kwargs):
        ran.append(fn.__self__.name)
        return original(fn, args, kwargs)

    monkeypatch.setattr(layers.remat, "run_again", noting)
    with kdist.RematScope("larger_than", output_size_threshold=20):
        small, large = layers.Dense(2, name="small"), layers.Dense(8, name="large")
        pieces = layers.Lambda(lambda x: [x, x], name="pieces")  # without compute_output_shape
    for layer in (small, large, pieces):
        layer(X[0])
    assert ran == ["large", "pieces"]


def test_models_are_left_to_their_layers():
    with kdist.RematScope():
        model = functional()
    assert "call" not in vars(model)
    assert "call" in vars(model.get_layer("first"))


def test_configs_and_copies():
    with kdist.RematScope():
        light = layers.Dense(4, activation="gelu", name="light")
    heavy = layers.Dense(4, activation="gelu", name="light")
    assert light.get_config() == heavy.get_config()
    assert type(light).from_config(light.get_config()).remat_mode is None
    light.build((None, 4))
    twin = copy.deepcopy(light)
    twin.kernel.assign(np.zeros((4, 4), "float32"))
    largest = lambda y: float(ops.max(ops.abs(ops.stop_gradient(y))))
    assert largest(twin(X[0])) == 0.0
    assert largest(light(X[0])) > 0.0
    with kdist.RematScope("activations"):
        part = layers.Dense(4, activation="gelu")
    part(X[0])
    assert part.get_config()["activation"] == "gelu"
