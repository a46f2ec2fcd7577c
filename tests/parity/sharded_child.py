"""What worker processes run for the tests of sharded training on torch. Imports nothing of pytest."""

from __future__ import annotations

from typing import Any

import cases
import numpy as np

import kdist
from kdist import layers, ops
from kdist.backend.torch import sharding


class Halving(kdist.optimizers.Optimizer):
    """As a user writes one; it looks at a whole gradient and a whole variable."""

    def build(self, variables):
        super().build(variables)
        self.means = self.add_optimizer_variables(variables, "mean")

    def update_step(self, gradient, variable, learning_rate):
        mean = self.means[self._get_variable_index(variable)]
        mean.assign(ops.add(ops.multiply(0.5, mean.value), ops.multiply(0.5, gradient)))
        norm = ops.sqrt(ops.sum(ops.square(mean.value))) + 1e-3
        size = ops.sqrt(ops.sum(ops.square(variable.value))) + 1e-3
        variable.assign_sub(ops.multiply(learning_rate, mean.value * (size / norm)))


def _adam(**arguments: Any) -> Any:
    return lambda: kdist.optimizers.Adam(0.003, **arguments)


OPTIMIZERS = {
    "clipnorm": _adam(clipnorm=0.02),
    "clipvalue": _adam(clipvalue=0.01),
    "global_clipnorm": _adam(global_clipnorm=0.05),
    "weight_decay": lambda: kdist.optimizers.AdamW(0.003, weight_decay=0.1),
    "average": _adam(use_ema=True, ema_momentum=0.9),
    "overwritten": _adam(use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=3),
    "scaled": _adam(loss_scale_factor=8.0),
    "amsgrad": _adam(amsgrad=True),
    "dynamic_scale": lambda: kdist.optimizers.LossScaleOptimizer(
        kdist.optimizers.Adam(0.003), initial_scale=64.0, dynamic_growth_steps=4
    ),
    "accumulated": _adam(gradient_accumulation_steps=3, global_clipnorm=0.05),
    "own": lambda: Halving(0.01),
    "sgd": lambda: kdist.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "nadam": lambda: kdist.optimizers.Nadam(0.003),
    "rmsprop": lambda: kdist.optimizers.RMSprop(0.001, centered=True, momentum=0.5),
    "lion": lambda: kdist.optimizers.Lion(0.001),
}


def constrained() -> Any:
    """A constraint that looks at whole columns, on the variable that is cut."""
    kernel = {"kernel_constraint": kdist.constraints.MaxNorm(0.7, axis=0)}
    return kdist.Sequential(
        [
            kdist.Input((8, 8, 3)),
            layers.Flatten(),
            layers.Dense(16, activation="tanh", **kernel),
            layers.Dense(5, activation="softmax", name="head"),
        ]
    )


def optimized(name: str) -> dict:
    kdist.utils.set_random_seed(3)
    model = constrained()
    model.compile(OPTIMIZERS[name](), "sparse_categorical_crossentropy")
    samples = cases.data()
    history = model.fit(samples["x"], samples["y"], batch_size=16, epochs=2, verbose=0).history
    return {
        "history": history,
        "weights": model.get_weights(),
        "optimizer": [v.numpy() for v in model.optimizer.variables],
    }


def several(jobs: list[tuple[str | None, str, str]]) -> dict:
    """Runs (strategy, "case" or "optimizer", name) one after another: starting processes costs more."""
    out, usual = {}, sharding.SMALL_UNIT_BYTES
    for strategy, kind, name in jobs:
        # All of these layers are small: once each is gathered by itself, and once with the model.
        sharding.SMALL_UNIT_BYTES = 0 if kind == "case" else usual
        if kind == "case":
            out[strategy, kind, name] = cases.train_under(strategy, name)
        elif strategy is None:
            out[strategy, kind, name] = optimized(name)
        else:
            with cases.STRATEGIES[strategy](kdist).scope():
                out[strategy, kind, name] = optimized(name)
    return out


def held(strategy: str) -> dict:
    """How much of each variable this process holds, before and after a fit, and that a fit leaves nothing whole."""
    kdist.utils.set_random_seed(3)
    with cases.STRATEGIES[strategy](kdist).scope():
        model = cases.compiled("transformer")
        samples = cases.CASES["transformer"].samples()
        born = [v._storage.held().numel() for v in model.trainable_variables]
        model.fit(samples["x"], samples["y"], batch_size=16, epochs=1, verbose=0)
        fitted = [v._storage.held().numel() for v in model.trainable_variables]
        registered = sum(p.to_local().numel() if hasattr(p, "to_local") else p.numel()
                         for p in model.parameters())  # fmt: skip
        slots = [v._storage.held().numel() for v in model.optimizer._momentums]
        planned = [v.layout.shard_shape(v.shape) for v in model.trainable_variables]
    return {
        "sizes": [v.size for v in model.trainable_variables],
        "planned": [int(np.prod(s)) for s in planned],
        "born": born,
        "fitted": fitted,
        "slots": slots,
        "registered": registered,
    }


def used_otherwise(strategy: str) -> dict:
    """What else one does with a model that is placed."""
    kdist.utils.set_random_seed(3)
    out = {}
    with cases.STRATEGIES[strategy](kdist).scope():
        model = cases.compiled("mlp")
        samples = cases.data()
        x = samples["x"][:6]
        out["before"] = np.asarray(kdist.ops.convert_to_numpy(model(x)))
        model.fit(samples["x"], samples["y"], batch_size=16, epochs=1, verbose=0)
        weights = model.get_weights()
        model.set_weights([2 * w for w in weights])
        out["doubled"] = [a / b for a, b in zip(model.get_weights(), weights, strict=True)]
        model.set_weights(weights)
        out["eager"] = np.asarray(kdist.ops.convert_to_numpy(model(x)))
        out["alone"] = np.asarray(kdist.ops.convert_to_numpy(model.layers[-1](np.ones((2, 16)))))
        out["symbolic"] = model.compute_output_shape((None, 8, 8, 3))
        model.compile("sgd", "sparse_categorical_crossentropy")  # placed anew, by the same strategy
        history = model.fit(samples["x"], samples["y"], batch_size=16, epochs=1, verbose=0).history
        out["again"] = history["loss"]
    out["weights"] = weights
    return out


def resumed(folder: str, strategy: str | None, epochs: int, crash: bool = False) -> dict:
    """Goes on from the checkpoints in `folder`; with `crash` it ends in the middle of its last epoch."""

    class Stop(kdist.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if crash and self.model.position.epoch == epochs - 1 and batch == 1:
                self.model.stop_training = True

    def fit() -> dict:
        model = cases.compiled("transformer")
        samples = cases.CASES["transformer"].samples()
        history = model.fit(
            samples["x"], samples["y"], sample_weight=samples["sample_weight"], batch_size=16,
            epochs=epochs, verbose=0, resume="auto",
            callbacks=[kdist.callbacks.ShardedCheckpoint(folder, save_freq=2), Stop()],
        ).history  # fmt: skip
        return {
            "history": {k: v[-1:] for k, v in history.items()},
            "weights": model.get_weights(),
            "optimizer": [v.numpy() for v in model.optimizer.variables],
        }

    if strategy is None:
        return fit()
    with cases.STRATEGIES[strategy](kdist).scope():
        return fit()


# ---- models that are used in other ways
def _arrays() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).standard_normal((32, 12)).astype("float32")
    return x, x[:, :6]


def _fit(model: Any, x: Any, y: Any, epochs: int = 1) -> list[float]:
    history = model.fit(x, y, batch_size=8, epochs=epochs, verbose=0, shuffle=False).history
    return next(iter(history.values()))


def two_models_with_layers_in_common() -> dict:
    x, y = _arrays()
    inputs = kdist.Input((12,))
    hidden = layers.Dense(16, activation="tanh")(inputs)
    first = kdist.Model(inputs, layers.Dense(6)(hidden))
    second = kdist.Model(inputs, layers.Dense(4)(hidden))
    features = kdist.Model(inputs, hidden)
    first.compile("adam", "mse")
    second.compile("adam", "mse")
    out = {"first": _fit(first, x, y)}
    out["features"] = features.predict(x, verbose=0, batch_size=8)
    out["second"] = _fit(second, x, y[:, :4])
    out["again"] = _fit(first, x, y)
    out["features again"] = features.predict(x, verbose=0, batch_size=8)
    first.layers[1].trainable = False
    first.compile("adam", "mse")
    out["frozen"] = _fit(first, x, y)
    out["kernel"] = first.get_weights()[0]
    return out


class Adversaries(kdist.Model):
    """Its train step calls its models, and never itself."""

    def __init__(self):
        super().__init__()
        dense = layers.Dense
        self.maker = kdist.Sequential([kdist.Input((4,)), dense(8, activation="relu"), dense(12)])
        self.judge = kdist.Sequential([kdist.Input((12,)), dense(8, activation="relu"), dense(1)])
        self.mean = kdist.metrics.Mean(name="mean")

    def call(self, x):
        return self.judge(x)

    def train_step(self, data):
        import torch

        x, _, _ = kdist.utils.unpack_x_y_sample_weight(data)
        self.zero_grad()
        false = self.maker(x[:, :4])
        loss = ((self.judge(x) - 1) ** 2).mean() + (self.judge(false) ** 2).mean()
        loss.backward()
        gradients = [v.value.grad for v in self.trainable_weights]
        with torch.no_grad():
            self.optimizer.apply(gradients, self.trainable_weights)
        self.mean.update_state(loss)
        return {"mean": self.mean.result()}


def models_that_are_called_alone() -> dict:
    model = Adversaries()
    model.compile(kdist.optimizers.Adam(0.01))
    out: dict = {"mean": _fit(model, *_arrays(), epochs=2)}
    return out | {str(i): w for i, w in enumerate(model.get_weights())}


class Tied(kdist.Model):
    """Reads a layer's variable outside of the layer, and has one of its own."""

    def __init__(self):
        super().__init__()
        self.table, self.norm = layers.Embedding(32, 16), layers.LayerNormalization()
        self.own = self.add_weight(shape=(16, 16), name="own")

    def call(self, x):
        h = ops.matmul(self.norm(self.table(x)), self.own)
        return ops.matmul(h, ops.transpose(self.table.embeddings.value))


def tied_weights() -> dict:
    ids = np.random.default_rng(1).integers(0, 32, (32, 5))
    model = Tied()
    model.compile("adam", kdist.losses.SparseCategoricalCrossentropy(from_logits=True))
    out: dict = {"loss": _fit(model, ids, ids, epochs=2)}
    return out | {str(i): w for i, w in enumerate(model.get_weights())}


def masked() -> dict:
    ids = np.random.default_rng(1).integers(0, 4, (32, 5))
    inputs = kdist.Input((5,))
    h = layers.Embedding(32, 16, mask_zero=True)(inputs)
    h = layers.GlobalAveragePooling1D()(layers.MultiHeadAttention(2, 4)(h, h))
    model = kdist.Model(inputs, layers.Dense(6)(h))
    model.compile("sgd", "mse")
    return {"loss": _fit(model, ids, _arrays()[1], epochs=2)}


def computed_again() -> dict:
    x, y = _arrays()
    with kdist.RematScope("full"):
        inputs = kdist.Input((12,))
        hidden = layers.Dense(16, activation="gelu")(inputs)
        model = kdist.Model(inputs, layers.Dense(6)(hidden))
    model.compile("adam", "mse")
    return {"loss": _fit(model, x, y, epochs=2), "kernel": model.get_weights()[0]}


class Positions(layers.Layer):
    """Adds a variable to each position."""

    def build(self, shape):
        self.table = self.add_weight(shape[1:], name="table")

    def call(self, x):
        return x + self.table.value


def sequences(length: int) -> dict:
    """Layers that look at several positions, among those that sequences are cut for."""
    ids = np.random.default_rng(1).integers(0, 32, (32, length))
    inputs = kdist.Input((length,))
    x = Positions()(layers.Embedding(32, 16)(inputs))
    h = layers.RMSNormalization()(x)
    x = layers.Add()([x, layers.MultiHeadAttention(4, 4, use_bias=False)(h, h)])
    h = layers.Dense(16)(layers.Dense(32, activation="gelu")(layers.LayerNormalization()(x)))
    x = layers.GroupNormalization(4)(layers.Add()([x, h]))
    x = layers.Conv1D(16, 3, padding="same", activation="tanh")(x)
    x = layers.Concatenate(axis=1)([x[:, :1], layers.Conv1D(16, 3, padding="same")(x)])
    # A product that is not cut, and its penalties.
    x = layers.Dense(3, kernel_regularizer="l2", activity_regularizer="l2")(x)
    model = kdist.Model(inputs, layers.Dense(6)(layers.Flatten()(x)))
    model.compile("sgd", "mse")
    out: dict = {"loss": _fit(model, ids, _arrays()[1], epochs=2)}
    return out | {str(i): w for i, w in enumerate(model.get_weights())}


class Seen(layers.Layer):
    """Notes how its input lies while a model runs."""

    keeps_tensor_split = True
    lies: Any = None

    def call(self, x):
        self.lies = [str(p) for p in getattr(x, "placements", ())]
        return x


def _lies(model: Any, *inputs: Any) -> dict:
    model.compile("sgd", "mse")
    model.predict(*inputs, verbose=0)
    return {x.name: x.lies for x in model.layers if isinstance(x, Seen)}


def placements() -> dict:
    """How activations lie after layers."""
    out = {}
    for name, length in (("even", 8), ("odd", 7)):
        with cases.STRATEGIES["sequence_2"](kdist).scope():
            inputs = kdist.Input((length,))
            x = Seen(name="embedded")(layers.Embedding(32, 16)(inputs))
            x = Seen(name="normed")(layers.LayerNormalization()(x))
            x = layers.Dense(16)(layers.Dense(32, activation="gelu")(x))
            x = layers.GlobalAveragePooling1D()(Seen(name="block")(x))
            model = kdist.Model(inputs, Seen(name="pooled")(x))
            out[name] = _lies(model, np.zeros((4, length), "int32"))
    mesh = kdist.distribution.DeviceMesh((1, 2), ("batch", "model"))
    rules = kdist.distribution.LayoutMap(mesh)
    rules["first/kernel"] = (None, "model")
    rules["first/output"] = ("batch", None)
    rules["second/output"] = ("batch", "model")
    with kdist.distribution.ModelParallel(layout_map=rules).scope():
        model = kdist.Sequential([kdist.Input((4,))])
        model.add(layers.Dense(8, name="first"))
        model.add(Seen(name="gathered"))
        model.add(layers.Dense(6, name="second"))
        model.add(Seen(name="cut"))
        out["ruled"] = _lies(model, np.zeros((3, 4), "float32"))
    return out


def from_a_file(folder: str) -> dict:
    """The optimizer's slots come with the file, before the model is placed."""
    x, y = _arrays()
    inputs = kdist.Input((12,))
    model = kdist.Model(inputs, layers.Dense(6)(layers.Dense(16, activation="tanh")(inputs)))
    model.compile("adam", "mse")
    _fit(model, x, y)
    path = f"{folder}/{kdist.distribution.process_index()}.keras"
    model.save(path)
    again = kdist.saving.load_model(path)
    return {"loss": _fit(again, x, y), "kernel": again.get_weights()[0]}


def unusual(strategy: str | None, folder: str) -> dict:
    """Results by name, for a strategy's name."""
    uses = {
        "shared": two_models_with_layers_in_common,
        "alone": models_that_are_called_alone,
        "tied": tied_weights,
        "masked": masked,
        "sequences": lambda: sequences(8),
        "odd sequences": lambda: sequences(7),
        "again": computed_again,
        "file": lambda: from_a_file(folder),
    }
    out = {}
    for name, use in uses.items():
        kdist.utils.set_random_seed(3)
        if strategy is None:
            out[name] = use()
        else:
            with cases.STRATEGIES[strategy](kdist).scope():
                out[name] = use()
    return out
