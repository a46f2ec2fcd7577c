"""Each loss against Keras's, and against formulas in float64."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from kdist import losses, ops

RNG = np.random.default_rng(11)


def probabilities(*shape):
    x = RNG.uniform(0.05, 1.0, shape)
    return (x / x.sum(-1, keepdims=True)).astype("float32")


def one_hot(batch, classes):
    return np.eye(classes, dtype="float32")[RNG.integers(0, classes, batch)]


REAL = (RNG.normal(size=(6, 3)).astype("float32"), RNG.normal(size=(6, 3)).astype("float32"))
POSITIVE = (
    RNG.uniform(0.1, 2, (6, 3)).astype("float32"),
    RNG.uniform(0.1, 2, (6, 3)).astype("float32"),
)
BINARY = (RNG.integers(0, 2, (6, 3)).astype("float32"), RNG.uniform(0, 1, (6, 3)).astype("float32"))
BINARY_LOGITS = (BINARY[0], REAL[1])
SIGNS = (BINARY[0] * 2 - 1, REAL[1])
CLASSES = (one_hot(6, 4), probabilities(6, 4))
CLASS_LOGITS = (CLASSES[0], RNG.normal(size=(6, 4)).astype("float32"))
NUMBERS = (CLASSES[0].argmax(-1).astype("int32"), CLASSES[1])
NUMBER_LOGITS = (NUMBERS[0], CLASS_LOGITS[1])
STEPS = (RNG.integers(0, 4, (5, 3)).astype("int32"), probabilities(5, 3, 4))
COLUMN = (NUMBERS[0][:, None], NUMBERS[1])
REGIONS = (
    RNG.integers(0, 2, (2, 4, 4, 3)).astype("float32"),
    RNG.uniform(0, 1, (2, 4, 4, 3)).astype("float32"),
)

CASES = [
    ("MeanSquaredError", {}, REAL),
    ("MeanSquaredError", {}, (REAL[0][:, :1], REAL[1][:, 0])),
    ("MeanAbsoluteError", {}, REAL),
    ("MeanAbsolutePercentageError", {}, REAL),
    ("MeanSquaredLogarithmicError", {}, POSITIVE),
    ("CosineSimilarity", {}, REAL),
    ("CosineSimilarity", {"axis": 0}, REAL),
    ("Huber", {}, REAL),
    ("Huber", {"delta": 0.3}, REAL),
    ("LogCosh", {}, REAL),
    ("KLDivergence", {}, (probabilities(6, 4), CLASSES[1])),
    ("Poisson", {}, POSITIVE),
    ("BinaryCrossentropy", {}, BINARY),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, BINARY_LOGITS),
    ("CategoricalCrossentropy", {}, CLASSES),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2}, CLASSES),
    ("CategoricalCrossentropy", {"from_logits": True}, CLASS_LOGITS),
    ("SparseCategoricalCrossentropy", {}, NUMBERS),
    ("SparseCategoricalCrossentropy", {}, COLUMN),
    ("SparseCategoricalCrossentropy", {}, STEPS),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, NUMBER_LOGITS),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, NUMBERS),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1, "from_logits": True}, NUMBER_LOGITS),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, STEPS),
    ("BinaryFocalCrossentropy", {}, BINARY),
    (
        "BinaryFocalCrossentropy",
        {"apply_class_balancing": True, "from_logits": True},
        BINARY_LOGITS,
    ),
    ("CategoricalFocalCrossentropy", {}, CLASSES),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "gamma": 1.0}, CLASS_LOGITS),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.7}, NUMBERS),
    ("Hinge", {}, SIGNS),
    ("Hinge", {}, BINARY_LOGITS),
    ("SquaredHinge", {}, SIGNS),
    ("CategoricalHinge", {}, CLASS_LOGITS),
    ("Dice", {}, REGIONS),
    ("Dice", {"axis": (1, 2, 3)}, REGIONS),
    ("Tversky", {"alpha": 0.3, "beta": 0.7}, REGIONS),
    ("Tversky", {"axis": (1, 2)}, REGIONS),
]
IDS = [f"{name}-{i}" for i, (name, _, _) in enumerate(CASES)]
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def value(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize(("name", "arguments", "data"), CASES, ids=IDS)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_loss_equals_keras(keras, name, arguments, data, weighted):
    y_true, y_pred = data
    weight = np.linspace(0.1, 2.0, len(y_true)).astype("float32") if weighted else None
    for reduction in REDUCTIONS:
        ours = getattr(losses, name)(**arguments, reduction=reduction)
        theirs = getattr(keras.losses, name)(**arguments, reduction=reduction)
        per_sample = np.ndim(value(getattr(losses, name)(**arguments, reduction=None)(*data)))
        if weighted and (per_sample != 1 or arguments.get("axis") == 0):
            continue  # Keras cannot weigh these by sample; see test_reduction.py
        mine = value(ours(y_true, y_pred, sample_weight=weight))
        right = value(theirs(y_true, y_pred, sample_weight=weight))
        np.testing.assert_allclose(mine, right, rtol=2e-5, atol=1e-6, err_msg=str(reduction))
        assert mine.dtype == right.dtype and mine.shape == right.shape


@pytest.mark.parametrize(("name", "arguments", "data"), CASES, ids=IDS)
def test_config_is_kept_and_keras_takes_it(keras, name, arguments, data):
    loss = getattr(losses, name)(**arguments, reduction="sum", name="mine")
    again = losses.deserialize(losses.serialize(loss))
    assert type(again) is type(loss) and again.get_config() == loss.get_config()
    np.testing.assert_array_equal(value(again(*data)), value(loss(*data)))
    if name == "CategoricalGeneralizedCrossEntropy":
        return  # Keras 3.15 does not find this class of its own: it gives back the name
    theirs = keras.losses.deserialize(losses.serialize(loss))
    np.testing.assert_allclose(value(theirs(*data)), value(loss(*data)), rtol=2e-5, atol=1e-6)
    ours = losses.deserialize(keras.losses.serialize(theirs))
    assert type(ours) is type(loss)


def test_formulas_in_float64():
    t, p = (x.astype("float64") for x in REAL)
    expected = {
        "mean_squared_error": ((t - p) ** 2).mean(-1),
        "mean_absolute_error": np.abs(t - p).mean(-1),
        "log_cosh": np.log(np.cosh(p - t)).mean(-1),
        "cosine_similarity": -(t * p).sum(-1)
        / np.linalg.norm(t, axis=-1)
        / np.linalg.norm(p, axis=-1),
    }
    for name, right in expected.items():
        np.testing.assert_allclose(value(losses.get(name)(*REAL)), right, rtol=2e-5, atol=1e-6)
    t, p = (x.astype("float64") for x in CLASSES)
    np.testing.assert_allclose(
        value(losses.categorical_crossentropy(*CLASSES)), -np.log((t * p).sum(-1)), rtol=1e-5
    )
    labels, logits = NUMBER_LOGITS[0], NUMBER_LOGITS[1].astype("float64")
    right = np.log(np.exp(logits).sum(-1)) - logits[np.arange(6), labels]
    mine = losses.sparse_categorical_crossentropy(labels, NUMBER_LOGITS[1], from_logits=True)
    np.testing.assert_allclose(value(mine), right, rtol=1e-5)


def test_signatures_are_keras_s(keras):
    for name in losses.__all__:
        theirs = getattr(keras.losses, name, None)
        if theirs is None:
            assert name == "LossFunctionWrapper"
            continue
        mine = inspect.signature(getattr(losses, name)).parameters.values()
        right = inspect.signature(theirs).parameters.values()
        assert [(p.name, p.default) for p in mine] == [(p.name, p.default) for p in right], name


@pytest.mark.parametrize(
    "identifier", ["mse", "MSE", "mean_squared_error", losses.mean_squared_error]
)
def test_get_a_function(identifier):
    assert losses.get(identifier) is losses.mean_squared_error


def test_get_an_object():
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert isinstance(losses.get(losses.Huber), losses.Huber)
    found = losses.get({"class_name": "Huber", "config": {"delta": 2.0}})
    assert isinstance(found, losses.Huber) and found.delta == 2.0
    assert losses.get(None) is None
    with pytest.raises(ValueError, match="mean_squared"):
        losses.get("meen_squared_error")


def test_a_custom_loss():
    class Biggest(losses.Loss):
        def call(self, y_true, y_pred):
            return ops.max(ops.abs(y_true - y_pred), axis=-1)

    loss = Biggest()
    assert loss.name == "biggest" and loss.get_config() == {
        "name": "biggest",
        "reduction": "sum_over_batch_size",
    }
    right = np.abs(REAL[0] - REAL[1]).max(-1).mean()
    np.testing.assert_allclose(value(loss(*REAL)), right, rtol=1e-6)
    # Integer targets arrive in the loss's dtype, as in Keras.
    np.testing.assert_allclose(value(loss(np.array([[3]]), np.array([[1.5]]))), 1.5)
    with pytest.raises(NotImplementedError, match="Loss must define call"):
        losses.Loss()(*REAL)


def test_a_loss_of_nested_outputs():
    class Both(losses.Loss):
        def call(self, y_true, y_pred):
            return ops.mean(ops.square(y_true["a"] - y_pred["a"]) + y_pred["b"], axis=-1)

    data = {"a": REAL[0], "b": REAL[1]}
    right = REAL[1].mean()
    np.testing.assert_allclose(value(Both()(data, data)), right, rtol=1e-5)


def test_lists_are_data():
    assert float(losses.MeanSquaredError()([[0.0], [1.0]], [[1.0], [1.0]])) == 0.5


def test_integer_labels_beyond_float_precision():
    """Labels are not sent through float32, which has no 16777217."""

    class Spy(losses.SparseCategoricalCrossentropy):
        def call(self, y_true, y_pred):
            assert "int" in str(y_true.dtype)
            return super().call(y_true, y_pred)

    assert np.isfinite(float(Spy()(*NUMBERS)))


def test_dtype():
    loss = losses.MeanSquaredError(dtype="bfloat16")
    assert loss.dtype == "bfloat16" and "bfloat16" in str(loss(*REAL).dtype)
    assert losses.MeanSquaredError(dtype="mixed_float16").dtype == "float16"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.MeanSquaredError(reduction="average"), "reduction='average'"),
        (lambda: losses.CategoricalGeneralizedCrossEntropy(q=1.5), "q=1.5"),
        (lambda: losses.categorical_crossentropy(*CLASSES, axis=True), "axis=True"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_one_class_is_suspicious():
    with pytest.warns(SyntaxWarning, match="binary_crossentropy"):
        losses.categorical_crossentropy(np.ones((2, 1), "float32"), np.ones((2, 1), "float32"))


# ---- losses whose rows depend on each other


def embeddings(rng, rows):
    x = rng.normal(size=(rows, 4)).astype("float32")
    return x / np.linalg.norm(x, axis=1, keepdims=True), rng.integers(0, 3, rows)


@pytest.mark.parametrize("remove_diagonal", [True, False])
def test_circle_equals_its_formula(remove_diagonal):
    x, labels = embeddings(np.random.default_rng(0), 7)
    references, of_references = embeddings(np.random.default_rng(1), 9)
    gamma, m = 20.0, 0.3
    similar = x @ references.T
    alike = labels[:, None] == of_references[None, :]
    differ = ~alike
    if remove_diagonal:
        alike = alike & ~np.eye(7, 9, dtype=bool)
    positive = np.exp(-gamma * np.maximum(1 + m - similar, 0) * (similar - 1 + m)) * alike
    negative = np.exp(gamma * np.maximum(similar + m, 0) * (similar - m)) * differ
    want = np.log1p(positive.sum(1) * negative.sum(1))
    mine = losses.circle(labels, x, of_references, references, remove_diagonal, gamma, m)
    np.testing.assert_allclose(ops.convert_to_numpy(mine), want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["Circle", "CTC"])
def test_equal_to_keras(keras, name):
    rng = np.random.default_rng(2)
    if name == "Circle":
        y_pred, y_true = embeddings(rng, 6)
    else:
        y_pred, y_true = rng.normal(size=(6, 5, 4)).astype("float32"), np.array([[1, 2, 0]] * 6)
    weight = rng.uniform(0.1, 1, 6).astype("float32")
    for arguments in ((), (weight,)):
        mine = getattr(losses, name)()(y_true, y_pred, *arguments)
        right = getattr(keras.losses, name)()(y_true, y_pred, *arguments)
        np.testing.assert_allclose(float(mine), float(right), rtol=1e-5)


def test_ctc_of_wrong_ranks():
    with pytest.raises(ValueError, match="y_pred must have 3 axes"):
        losses.ctc(np.ones((2, 3)), np.ones((2, 3)))
