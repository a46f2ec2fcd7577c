"""Each metric against Keras's, over several batches, with and without weights."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest

from kdist import metrics, ops

RNG = np.random.default_rng(7)


@pytest.fixture(autouse=True)
def same_numbers_in_each_test():
    RNG.bit_generator.state = np.random.default_rng(7).bit_generator.state


def real(*shape):
    return RNG.normal(size=shape).astype("float32")


def uniform(*shape):
    return RNG.uniform(0.02, 0.98, shape).astype("float32")


def binary(*shape):
    return RNG.integers(0, 2, shape).astype("float32")


def probabilities(*shape):
    x = uniform(*shape)
    return x / x.sum(-1, keepdims=True)


def classes(*shape, n=4):
    return RNG.integers(0, n, shape).astype("int32")


def one_hot(*shape, n=4):
    return np.eye(n, dtype="float32")[classes(*shape, n=n)]


REAL = lambda: (real(6, 3), real(6, 3))
POSITIVE = lambda: (uniform(6, 3), uniform(6, 3))
BINARY = lambda: (binary(6, 3), uniform(6, 3))
VECTOR = lambda: (binary(6), uniform(6))
CLASSES = lambda: (one_hot(6), probabilities(6, 4))
NUMBERS = lambda: (classes(6), probabilities(6, 4))
COLUMN = lambda: (classes(6, 1), probabilities(6, 4))
STEPS = lambda: (classes(6, 5), probabilities(6, 5, 4))
LABELS = lambda: (classes(6), classes(6))
IMAGES = lambda: (classes(2, 3, 3), classes(2, 3, 3))

CASES = [
    ("Accuracy", {}, LABELS),
    ("BinaryAccuracy", {}, BINARY),
    ("BinaryAccuracy", {"threshold": 0.3}, VECTOR),
    ("CategoricalAccuracy", {}, CLASSES),
    ("SparseCategoricalAccuracy", {}, NUMBERS),
    ("SparseCategoricalAccuracy", {}, COLUMN),
    ("SparseCategoricalAccuracy", {}, STEPS),
    ("TopKCategoricalAccuracy", {"k": 2}, CLASSES),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, NUMBERS),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, STEPS),
    ("MeanSquaredError", {}, REAL),
    ("RootMeanSquaredError", {}, REAL),
    ("MeanAbsoluteError", {}, REAL),
    ("MeanAbsolutePercentageError", {}, REAL),
    ("MeanSquaredLogarithmicError", {}, POSITIVE),
    ("CosineSimilarity", {}, REAL),
    ("LogCoshError", {}, REAL),
    ("KLDivergence", {}, POSITIVE),
    ("Poisson", {}, POSITIVE),
    ("BinaryCrossentropy", {}, BINARY),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, BINARY),
    ("CategoricalCrossentropy", {}, CLASSES),
    ("SparseCategoricalCrossentropy", {}, NUMBERS),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, STEPS),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, NUMBERS),
    ("Hinge", {}, BINARY),
    ("SquaredHinge", {}, BINARY),
    ("CategoricalHinge", {}, CLASSES),
    ("PearsonCorrelation", {}, REAL),
    ("TruePositives", {}, BINARY),
    ("FalsePositives", {"thresholds": [0.2, 0.6]}, BINARY),
    ("TrueNegatives", {"thresholds": [0.0, 0.5, 1.0]}, VECTOR),
    ("FalseNegatives", {}, VECTOR),
    ("Precision", {}, BINARY),
    ("Precision", {"thresholds": [0.1, 0.5]}, VECTOR),
    ("Precision", {"top_k": 2}, CLASSES),
    ("Recall", {"class_id": 1}, CLASSES),
    ("Recall", {"top_k": 1}, CLASSES),
    ("AUC", {}, BINARY),
    ("AUC", {"num_thresholds": 11}, VECTOR),
    ("AUC", {"curve": "PR"}, BINARY),
    ("AUC", {"curve": "PR", "summation_method": "minoring"}, BINARY),
    ("AUC", {"curve": "PRGAIN", "summation_method": "majoring"}, BINARY),
    ("AUC", {"thresholds": [0.3, 0.4, 0.9]}, BINARY),
    ("AUC", {"multi_label": True}, BINARY),
    ("AUC", {"multi_label": True, "label_weights": [1.0, 2.0, 0.5]}, BINARY),
    ("AUC", {"multi_label": True, "num_labels": 3, "curve": "PR"}, BINARY),
    ("AUC", {"from_logits": True}, REAL),
    ("SensitivityAtSpecificity", {"specificity": 0.4}, BINARY),
    ("SpecificityAtSensitivity", {"sensitivity": 0.4, "num_thresholds": 1}, BINARY),
    ("PrecisionAtRecall", {"recall": 0.4}, VECTOR),
    ("RecallAtPrecision", {"precision": 0.4, "num_thresholds": 50}, BINARY),
    ("F1Score", {}, CLASSES),
    ("F1Score", {"average": "macro", "threshold": 0.3}, BINARY),
    ("FBetaScore", {"average": "micro", "beta": 2.0}, CLASSES),
    ("FBetaScore", {"average": "weighted", "beta": 0.5}, CLASSES),
    ("R2Score", {}, REAL),
    ("R2Score", {"class_aggregation": None}, REAL),
    ("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 2}, REAL),
    ("IoU", {"num_classes": 4, "target_class_ids": [0, 2]}, LABELS),
    ("MeanIoU", {"num_classes": 4}, IMAGES),
    ("MeanIoU", {"num_classes": 4, "ignore_class": 1, "dtype": "float32"}, IMAGES),
    ("BinaryIoU", {"threshold": 0.4}, BINARY),
    ("OneHotIoU", {"num_classes": 4, "target_class_ids": [1, 3]}, CLASSES),
    ("OneHotMeanIoU", {"num_classes": 4}, CLASSES),
]
IDS = [f"{name}-{i}" for i, (name, _, _) in enumerate(CASES)]
# Keras 3.15 cannot weigh these by sample: labels of several dims, or int counts.
UNWEIGHED = ("MeanIoU", "IoU", "BinaryIoU", "OneHotIoU", "OneHotMeanIoU")


def value(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize(("name", "arguments", "make"), CASES, ids=IDS)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_metric_equals_keras(keras, name, arguments, make, weighted):
    if weighted and name in UNWEIGHED:
        pytest.skip("Keras cannot weigh it by sample")
    ours = getattr(metrics, name)(**arguments)
    theirs = getattr(keras.metrics, name)(**arguments)
    for _ in range(2):
        y_true, y_pred = make()
        weight = uniform(len(y_true)) if weighted else None
        ours.update_state(y_true, y_pred, sample_weight=weight)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs.update_state(y_true, y_pred, sample_weight=weight)
            right = value(theirs.result())
        np.testing.assert_allclose(value(ours.result()), right, rtol=3e-5, atol=2e-6)
    # Keras's plain "int" is int64 on TensorFlow; kdist's is int32 everywhere.
    assert [(v.shape, v.dtype, v.name) for v in ours.variables] == [
        (tuple(v.shape), v.dtype.replace("int64", "int32"), v.name) for v in theirs.variables
    ]
    ours.reset_state()
    assert all(not value(v.value).any() for v in ours.variables)


@pytest.mark.parametrize(("name", "arguments", "make"), CASES, ids=IDS)
def test_stateless_calls(name, arguments, make):
    metric = getattr(metrics, name)(**arguments)
    batch = make()
    metric.update_state(*batch)
    before = [value(v.value) for v in metric.variables]
    start = metric.stateless_reset_state()
    once = metric.stateless_update_state(start, *batch)
    for a, b in zip(once, before, strict=True):
        np.testing.assert_allclose(value(a), b, rtol=1e-6)
    np.testing.assert_allclose(
        value(metric.stateless_result(once)), value(metric.result()), rtol=1e-6
    )
    twice = metric.stateless_update_state(once, *batch)
    for a, b in zip(once, twice, strict=True):
        np.testing.assert_allclose(value(b), 2 * value(a), rtol=1e-5)
    for v, b in zip(metric.variables, before, strict=True):
        np.testing.assert_array_equal(value(v.value), b)


@pytest.mark.parametrize(("name", "arguments", "make"), CASES, ids=IDS)
def test_sums_of_parts_are_the_whole(name, arguments, make):
    """Variables are sums: those of two replicas, added, give the metric of both."""
    both, one, two = (getattr(metrics, name)(**arguments) for _ in range(3))
    first, second = make(), make()
    both.update_state(*first)
    both.update_state(*second)
    one.update_state(*first)
    two.update_state(*second)
    assert all(v.aggregation == "sum" for v in both.variables)
    added = [ops.add(a.value, b.value) for a, b in zip(one.variables, two.variables, strict=True)]
    np.testing.assert_allclose(
        value(both.stateless_result(added)), value(both.result()), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(("name", "arguments", "make"), CASES, ids=IDS)
def test_config_is_kept_and_keras_takes_it(keras, name, arguments, make):
    metric = getattr(metrics, name)(**arguments)
    again = metrics.deserialize(metrics.serialize(metric))
    assert type(again) is type(metric) and again.get_config() == metric.get_config()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = keras.metrics.deserialize(metrics.serialize(metric))
        ours = metrics.deserialize(keras.metrics.serialize(theirs))
    assert type(theirs).__name__ == name and ours.get_config() == metric.get_config()


PADDED = [
    c
    for c in CASES
    if c[0] in {"SparseCategoricalAccuracy", "AUC", "F1Score", "MeanIoU", "R2Score"}
]


@pytest.mark.parametrize(("name", "arguments", "make"), PADDED, ids=[c[0] for c in PADDED])
def test_zero_weights_take_rows_out(name, arguments, make):
    """As training does for rows of padding."""
    if arguments.get("num_regressors"):
        pytest.skip("the adjustment counts rows, as Keras's does")
    y_true, y_pred = make()
    real_rows = len(y_true) - 1
    weight = np.r_[np.ones(real_rows), 0].astype("float32")
    kept, weighed = (getattr(metrics, name)(**arguments) for _ in range(2))
    kept.update_state(y_true[:real_rows], y_pred[:real_rows])
    weighed.update_state(y_true, y_pred, sample_weight=weight)
    np.testing.assert_allclose(value(weighed.result()), value(kept.result()), rtol=1e-5, atol=1e-6)


def test_signatures_are_keras_s(keras):
    for name in metrics.__all__:
        theirs = getattr(keras.metrics, name, None)
        if theirs is None:
            assert name == "accuracy"
            continue
        mine = inspect.signature(getattr(metrics, name)).parameters.values()
        right = inspect.signature(theirs).parameters.values()
        assert [(p.name, p.default) for p in mine] == [(p.name, p.default) for p in right], name
    missing = {n for n in dir(keras.metrics) if not n.startswith("_")} - set(metrics.__all__)
    assert missing == set()


def test_mean_and_sum():
    mean, total = metrics.Mean(), metrics.Sum()
    assert float(mean.result()) == 0.0
    for m in (mean, total):
        m.update_state([1.0, 2.0])
        m.update_state(6.0)
    assert (float(mean.result()), float(total.result())) == (3.0, 9.0)
    mean.update_state([[1.0, 3.0]], sample_weight=[2.0])
    np.testing.assert_allclose(value(mean.result()), (9 + 4) / 5, rtol=1e-6)
    assert float(mean(11.0)) == pytest.approx((9 + 4 + 11) / 6)


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 3)])
def test_mean_of_sequences_equals_keras(keras, shape):
    ours, theirs = metrics.Mean(), keras.metrics.Mean()
    for _ in range(2):
        values, weight = real(4, 3), uniform(*shape)
        ours.update_state(values, sample_weight=weight)
        theirs.update_state(values, sample_weight=weight)
    np.testing.assert_allclose(value(ours.result()), value(theirs.result()), rtol=1e-5)


def test_a_masked_prediction_counts_where_it_is_real():
    from kdist.core import masks

    y_pred = ops.convert_to_tensor(np.array([[1.0], [5.0], [7.0]], "float32"))
    masks.set_keras_mask(y_pred, ops.convert_to_tensor(np.array([True, True, False])))
    metric = metrics.MeanAbsoluteError()
    metric.update_state(np.zeros((3, 1), "float32"), y_pred)
    assert float(metric.result()) == 3.0


def test_a_custom_metric():
    class Largest(metrics.Metric):
        def __init__(self, name="largest"):
            super().__init__(name=name)
            self.inner = metrics.Mean()
            self.value = self.add_weight(name="value")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.inner.update_state(y_pred)
            self.value.assign(ops.maximum(self.value.value, ops.max(y_pred)))

        def result(self):
            return {"largest": self.value.value, "mean": self.inner.result()}

    metric = Largest()
    metric.more = {"a": [metrics.Sum()]}
    assert len(metric.variables) == 4
    metric = Largest()
    assert metric.variables[0].path == "largest/value"
    assert len(metric.variables) == 3
    out = metric([0.0, 0.0], np.array([1.0, 3.0], "float32"))
    assert (float(out["largest"]), float(out["mean"])) == (3.0, 2.0)
    metric.reset_state()
    assert float(metric.result()["mean"]) == 0.0


def test_a_wrapped_function():
    wrapped = metrics.MeanMetricWrapper(lambda t, p, power: ops.abs(t - p) ** power, "gap", power=3)
    wrapped.update_state(np.zeros(2, "float32"), np.array([1.0, 2.0], "float32"))
    assert float(wrapped.result()) == 4.5
    named = metrics.MeanMetricWrapper(metrics.binary_accuracy, threshold=0.7)
    again = metrics.deserialize(metrics.serialize(named))
    assert again._fn is metrics.binary_accuracy and again._fn_kwargs == {"threshold": 0.7}


def test_state_before_super():
    class Hasty(metrics.Metric):
        def __init__(self):
            self.count = self.add_variable((), "zeros")

    with pytest.raises(RuntimeError, match=r"Hasty.__init__ must call super"):
        Hasty()


def test_get():
    assert isinstance(metrics.get("mse"), metrics.MeanSquaredError)
    assert isinstance(metrics.get("AUC"), metrics.AUC)
    assert isinstance(metrics.get("sparse_categorical_accuracy"), metrics.SparseCategoricalAccuracy)
    assert metrics.get(None) is None and metrics.get(metrics.hinge) is metrics.hinge
    with pytest.raises(ValueError, match="metric='acuracy'"):
        metrics.get("acuracy")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: metrics.BinaryAccuracy(threshold=2), "threshold=2"),
        (lambda: metrics.Precision(thresholds=[0.5, 1.5]), "1.5"),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds=1"),
        (lambda: metrics.AUC(curve="DET"), 'curve value: "DET"'),
        (lambda: metrics.AUC(summation_method="simpson"), "simpson"),
        (lambda: metrics.AUC(num_labels=2), "num_labels=2"),
        (lambda: metrics.FBetaScore(average="mean"), "average='mean'"),
        (lambda: metrics.FBetaScore(beta=0.0), "beta=0.0"),
        (lambda: metrics.F1Score(threshold=2.0), "threshold=2.0"),
        (lambda: metrics.F1Score()(np.zeros(3), np.zeros(3)), "F1Score takes"),
        (lambda: metrics.R2Score(num_regressors=-1), "num_regressors=-1"),
        (lambda: metrics.IoU(2, [2]), "target_class_ids"),
        (lambda: metrics.RecallAtPrecision(1.5), "precision=1.5"),
        (lambda: metrics.Mean().stateless_result([0.0]), "1 values"),
        (lambda: metrics.Recall(class_id=1)(np.zeros(2), np.zeros(2)), "class_id=1"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
