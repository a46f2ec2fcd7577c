"""One reduction over the global batch: replicas, padding, weights and masks in all combinations."""

from __future__ import annotations

import pathlib
import sys

import numpy as np
import pytest

from kdist import losses, ops
from kdist.core import masks
from kdist.core.replicas import step_scope
from kdist.losses import reduction as reductions

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from replica_threads import run_replicas

SCALARS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight")
BATCH, COUNT = 7, 3  # 7 samples on 3 replicas: slices of 3, the last with 2 rows of padding


def value(x):
    return ops.convert_to_numpy(x)


def data(rng, steps):
    shape = (BATCH, steps, 4) if steps else (BATCH, 4)
    logits = rng.normal(size=shape).astype("float32")
    labels = rng.integers(0, 4, shape[:-1]).astype("int32")
    return labels, logits


def padded(x):
    """`x` to 9 rows; padding repeats a real row, whose loss must not count."""
    return np.concatenate([x, np.repeat(x[:1], COUNT * 3 - BATCH, axis=0)])


def slices(x):
    return np.split(x, COUNT)


def with_mask(logits, mask):
    """The tensor a layer would give: logits with a mask attached."""
    tensor = ops.convert_to_tensor(logits)
    if mask is not None:
        masks.set_keras_mask(tensor, ops.convert_to_tensor(mask))
    return tensor


@pytest.mark.parametrize("reduction", SCALARS)
@pytest.mark.parametrize("steps", [0, 5], ids=["vectors", "sequences"])
@pytest.mark.parametrize("weighting", ["none", "samples", "elements"])
@pytest.mark.parametrize("masked", [False, True], ids=["plain", "masked"])
@pytest.mark.parametrize("ignore", [None, 2], ids=["all", "ignore"])
def test_mean_over_replicas_is_the_global_loss(reduction, steps, weighting, masked, ignore):
    rng = np.random.default_rng(5)
    labels, logits = data(rng, steps)
    shape = labels.shape if weighting == "elements" else labels.shape[:1]
    weight = rng.uniform(0, 2, shape).astype("float32") if weighting != "none" else None
    if weighting == "samples" and steps:
        weight = weight[:, None]
    mask = rng.uniform(size=labels.shape) > 0.4 if masked else None
    loss = losses.SparseCategoricalCrossentropy(True, ignore_class=ignore, reduction=reduction)
    alone = value(loss(labels, with_mask(logits, mask), sample_weight=weight))

    parts = [None if x is None else slices(padded(x)) for x in (labels, logits, weight, mask)]
    take = lambda x, i: None if x is None else x[i]

    def step(i):
        y_true, y_pred, w, m = (take(x, i) for x in parts)
        return value(loss(y_true, with_mask(y_pred, m), sample_weight=w))

    real = [ops.convert_to_tensor(m) for m in slices(np.arange(COUNT * 3) < BATCH)]
    each, _ = run_replicas(COUNT, step, real)
    np.testing.assert_allclose(np.mean(each), alone, rtol=1e-5)

    # The same from numerators and denominators, without any communication.
    pairs = [
        loss.partial(
            take(parts[0], i), with_mask(parts[1][i], take(parts[3], i)), take(parts[2], i), real[i]
        )
        for i in range(COUNT)
    ]
    numerator = sum(value(n) for n, _ in pairs)
    denominator = 1 if pairs[0][1] is None else sum(value(d) for _, d in pairs)
    np.testing.assert_allclose(numerator / denominator, alone, rtol=1e-5)


@pytest.mark.parametrize("reduction", SCALARS)
@pytest.mark.parametrize("weighted", [False, True])
def test_equal_slices_communicate_only_weights(reduction, weighted):
    labels, logits = data(np.random.default_rng(0), 0)
    labels, logits = labels[:6], logits[:6]
    weight = np.arange(6, dtype="float32") if weighted else None
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction)
    alone = value(loss(labels, logits, weight))
    cut = lambda x, i: None if x is None else x[i * 3 : i * 3 + 3]
    each, replicas = run_replicas(
        2, lambda i: value(loss(*(cut(x, i) for x in (labels, logits, weight))))
    )
    np.testing.assert_allclose(np.mean(each), alone, rtol=1e-6)
    assert replicas[0].sums == (1 if weighted and reduction == "mean_with_sample_weight" else 0)


@pytest.mark.parametrize("name", ["Dice", "Tversky"])
@pytest.mark.parametrize("axis", [None, (0, 1), (1, 2), -3])
def test_ratios_of_sums_over_the_batch_are_global(name, axis):
    rng = np.random.default_rng(1)
    y_true = rng.integers(0, 2, (BATCH, 3, 2)).astype("float32")
    y_pred = rng.uniform(0, 1, (BATCH, 3, 2)).astype("float32")
    loss = getattr(losses, name)(axis=axis)
    alone = value(loss(y_true, y_pred))
    parts = [slices(padded(x)) for x in (y_true, y_pred)]
    real = [ops.convert_to_tensor(m) for m in slices(np.arange(COUNT * 3) < BATCH)]
    each, _ = run_replicas(COUNT, lambda i: value(loss(parts[0][i], parts[1][i])), real)
    np.testing.assert_allclose(np.mean(each), alone, rtol=1e-5)


@pytest.mark.parametrize("reduction", [*SCALARS, "none"])
def test_padding_alone(reduction):
    """One replica and a padded last batch."""
    labels, logits = data(np.random.default_rng(2), 0)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction)
    alone = value(loss(labels, logits))
    real = ops.convert_to_tensor(np.arange(9) < BATCH)
    bad = np.concatenate([logits, np.full((2, 4), np.nan, "float32")])
    with step_scope(mask=real):
        mine = value(loss(padded(labels), bad))
    np.testing.assert_allclose(mine[:BATCH] if reduction == "none" else mine, alone, rtol=1e-5)
    if reduction == "none":
        assert mine[BATCH:].tolist() == [0.0, 0.0]


def test_nothing_real_is_zero():
    loss = losses.MeanSquaredError()
    with step_scope(mask=ops.convert_to_tensor(np.zeros(3, bool))):
        assert float(loss(np.ones((3, 1), "float32"), np.zeros((3, 1), "float32"))) == 0.0


@pytest.mark.parametrize("reduction", [*SCALARS, "none"])
@pytest.mark.parametrize("weighting", ["none", "samples", "elements"])
def test_masks_equal_keras(keras, reduction, weighting):
    rng = np.random.default_rng(3)
    labels, logits = data(rng, 5)
    mask = rng.uniform(size=labels.shape) > 0.4
    shape = {"none": None, "samples": (BATCH, 1), "elements": labels.shape}[weighting]
    weight = None if shape is None else rng.uniform(0, 2, shape).astype("float32")
    theirs = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction)
    tensor = keras.ops.convert_to_tensor(logits)
    keras.src.backend.set_keras_mask(tensor, keras.ops.convert_to_tensor(mask))
    # Keras multiplies weights by the mask in place on torch, so there they need its shape.
    full = None if weight is None else np.broadcast_to(weight, labels.shape).copy()
    right = value(theirs(labels, tensor, sample_weight=full))
    ours = losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction)
    mine = value(ours(labels, with_mask(logits, mask), sample_weight=weight))
    np.testing.assert_allclose(mine, right, rtol=1e-5, atol=1e-6)


def test_weights_of_samples_reach_the_elements():
    labels, logits = data(np.random.default_rng(4), 5)
    weight = np.linspace(0, 1, BATCH).astype("float32")
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    mine = value(loss(labels, logits, sample_weight=weight))
    np.testing.assert_allclose(mine, value(loss(labels, logits, weight[:, None])), rtol=1e-6)


@pytest.mark.parametrize(
    ("a", "b", "right"),
    [
        ((4,), (4, 1), ((4, 1), (4, 1))),
        ((4, 1), (4,), ((4, 1), (4, 1))),
        ((4, 3, 1), (4, 3), ((4, 3), (4, 3))),
        ((4, 3), (4, 3, 1), ((4, 3), (4, 3))),
        ((4, 3), (4,), ((4, 3), (4,))),
        ((4, 3), (4, 3), ((4, 3), (4, 3))),
    ],
)
def test_same_rank(a, b, right):
    x, y = (ops.convert_to_tensor(np.zeros(s, "float32")) for s in (a, b))
    x, y = reductions.squeeze_or_expand_to_same_rank(x, y)
    assert (tuple(x.shape), tuple(y.shape)) == right


def test_circle_sees_the_whole_batch():
    rng = np.random.default_rng(3)
    x, labels = rng.normal(size=(8, 4)).astype("float32"), rng.integers(0, 3, 8)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    loss = losses.Circle(gamma=10.0)
    together = float(loss(labels[:7], x[:7]))
    padded = [labels.copy(), x.copy()]
    padded[0][7], padded[1][7] = padded[0][6], padded[1][6]
    masks = [ops.convert_to_tensor(np.arange(4) + 4 * i < 7) for i in range(2)]
    parts, _ = run_replicas(
        2,
        lambda i: float(loss(padded[0][4 * i : 4 * i + 4], padded[1][4 * i : 4 * i + 4])),
        masks,
    )
    np.testing.assert_allclose(np.mean(parts), together, rtol=1e-5)
