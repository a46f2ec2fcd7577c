"""Models and data that are trained on one device and on several, and how far apart the results may be.

Runs in worker processes too, so it imports nothing of pytest.
"""

from __future__ import annotations

import numpy as np


def data(n: int = 61) -> dict:
    """61 samples in batches of 16: the last batch divides by nothing."""
    rng = np.random.default_rng(7)
    x = rng.standard_normal((n, 8, 8, 3)).astype("float32")
    y = rng.integers(0, 5, n).astype("int32")
    return {"x": x, "y": y, "sample_weight": rng.uniform(0.2, 2.0, n).astype("float32")}


def mlp(kdist, layers):
    return kdist.Sequential(
        [
            kdist.Input((8, 8, 3)),
            layers.Flatten(),
            layers.Dense(16, activation="tanh"),
            layers.Dense(5, activation="softmax"),
        ]
    )


def batchnorm(kdist, layers):
    return kdist.Sequential(
        [
            kdist.Input((8, 8, 3)),
            layers.Conv2D(8, 3, padding="same", use_bias=False),
            layers.BatchNormalization(synchronized=True),
            layers.Activation("relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5, activation="softmax"),
        ]
    )


def dropout(kdist, layers):
    return kdist.Sequential(
        [
            kdist.Input((8, 8, 3)),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(5, activation="softmax"),
        ]
    )


def regularized(kdist, layers):
    """Penalties of weights and of activities beside the loss."""
    return kdist.Sequential(
        [
            kdist.Input((8, 8, 3)),
            layers.Flatten(),
            layers.Dense(16, activation="tanh", kernel_regularizer="l2"),
            layers.Dense(5, activation="softmax", bias_regularizer=kdist.regularizers.L1(0.01)),
        ]
    )


def accumulated(kdist, layers):
    return mlp(kdist, layers)


MODELS = {f.__name__: f for f in (mlp, batchnorm, dropout, regularized, accumulated)}

# What a case's optimizer is told besides. Four batches in an epoch: updates cross from one to the next, over an
# evaluation, and the last one is left incomplete.
OPTIMIZERS = {"accumulated": {"gradient_accumulation_steps": 3}}


def train(case: str, weighted: bool = True, epochs: int = 2, optimizer: str = "adam") -> dict:
    """The trajectory of a fit: loss and metrics by epoch, evaluation, predictions, and the weights at the end."""
    import kdist
    from kdist import layers

    kdist.utils.set_random_seed(3)
    model = MODELS[case](kdist, layers)
    model.compile(
        optimizer=kdist.optimizers.get(
            {
                "class_name": optimizer,
                "config": {"learning_rate": 0.01, **OPTIMIZERS.get(case, {})},
            }
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        weighted_metrics=["sparse_categorical_crossentropy"],
    )
    samples = data()
    weight = samples["sample_weight"] if weighted else None
    history = model.fit(
        samples["x"], samples["y"], sample_weight=weight, batch_size=16, epochs=epochs, verbose=0
    )
    evaluation = model.evaluate(
        samples["x"], samples["y"], sample_weight=weight, batch_size=16, verbose=0, return_dict=True
    )
    predictions = model.predict(samples["x"], batch_size=16, verbose=0)
    return {
        "history": {k: [float(v) for v in vs] for k, vs in history.history.items()},
        "evaluation": {k: float(v) for k, v in evaluation.items()},
        "predictions": np.asarray(predictions),
        "weights": [np.asarray(w) for w in model.get_weights()],
        "optimizer": [v.numpy() for v in model.optimizer.variables],
        "seeds": [np.asarray(v.numpy()) for v in model.variables if "seed" in v.path],
    }


def distance(a, b) -> float:
    """Norm of the difference over the norm."""
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    assert a.shape == b.shape, f"{a.shape} against {b.shape}"
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(a), 1e-12))


def assert_same(one: dict, many: dict, tolerance: float = 1e-5) -> None:
    for what in ("history", "evaluation"):
        assert one[what].keys() == many[what].keys()
        for name, value in one[what].items():
            assert distance(value, many[what][name]) < tolerance, (
                f"{what} {name}: {value} against {many[what][name]}"
            )
    assert distance(one["predictions"], many["predictions"]) < tolerance
    for what in ("weights", "optimizer"):
        for i, (a, b) in enumerate(zip(one[what], many[what], strict=True)):
            assert distance(a, b) < tolerance, f"{what} {i}, shape {a.shape}: {distance(a, b)}"
    for a, b in zip(one["seeds"], many["seeds"], strict=True):
        assert np.array_equal(a, b)
