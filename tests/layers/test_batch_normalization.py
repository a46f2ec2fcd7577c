"""BatchNormalization where rows are padding, elements are masked, or replicas share a batch."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from kdist import ops
from kdist.backend import bound as backend
from kdist.core.replicas import step_scope
from kdist.layers import BatchNormalization


def draw(*shape, offset=0.0):
    return (np.random.default_rng(3).normal(size=shape) * 2 + offset).astype("float32")


def trained(layer, x, **kwargs):
    """The output of one training call, and the moving statistics after it."""
    out = ops.convert_to_numpy(layer(x, training=True, **kwargs))
    return out, layer.moving_mean.numpy(), layer.moving_variance.numpy()


def close(a, b, tolerance=1e-5):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("shape, axis", [((6, 3), -1), ((6, 5, 4, 3), -1), ((6, 3, 5), 1)])
def test_rows_of_padding_do_not_count(shape, axis):
    x = draw(*shape, offset=5.0)
    alone = trained(BatchNormalization(axis), x[:4])
    layer = BatchNormalization(axis)
    padded = x.copy()
    padded[4:] = 1e6
    mask = ops.convert_to_tensor(np.array([True] * 4 + [False] * 2))
    with step_scope(mask=mask):
        out, mean, variance = trained(layer, padded)
    close((out[:4], mean, variance), alone)


def test_rows_of_padding_where_the_batch_is_the_outer_part_of_the_first_axis():
    x = draw(4, 3, 5)
    alone = trained(BatchNormalization(), x[:3].reshape(9, 5))
    mask = ops.convert_to_tensor(np.array([True, True, True, False]))
    with step_scope(mask=mask):
        out, mean, variance = trained(BatchNormalization(), x.reshape(12, 5))
    close((out[:9], mean, variance), alone)
    with step_scope(mask=mask), pytest.raises(ValueError, match="9 rows and the batch 4"):
        BatchNormalization()(x.reshape(12, 5)[:9], training=True)


def test_a_batch_of_padding_leaves_the_moving_statistics():
    layer = BatchNormalization()
    layer.build((None, 3))
    with step_scope(mask=ops.convert_to_tensor(np.array([False, False]))):
        out, mean, variance = trained(layer, draw(2, 3))
    np.testing.assert_array_equal(mean, np.zeros(3))
    np.testing.assert_array_equal(variance, np.ones(3))
    assert np.isfinite(out).all()


def test_masked_steps_do_not_count():
    x = draw(2, 5, 3)
    mask = np.array([[True] * 5, [True, True, False, False, False]])
    kept = x[mask]
    out, mean, variance = trained(BatchNormalization(momentum=0.0), x, mask=mask)
    close((mean, variance), (kept.mean(0), kept.var(0)))
    close([out[mask]], [(kept - kept.mean(0)) / np.sqrt(kept.var(0) + 1e-3)])
    with pytest.raises(ValueError, match="one dimension less"):
        BatchNormalization()(x, mask=mask[0])


def test_a_mask_beside_padding():
    x = draw(3, 4, 2)
    mask = np.array([[True, True, False, False], [True] * 4, [True] * 4])
    kept = x[:2][mask[:2]]
    with step_scope(mask=ops.convert_to_tensor(np.array([True, True, False]))):
        _, mean, variance = trained(BatchNormalization(momentum=0.0), x, mask=mask)
    close((mean, variance), (kept.mean(0), kept.var(0)))


class ThreadReplica:
    """One of several replicas that run in threads and exchange sums."""

    def __init__(self, index, count, shared):
        self.index, self.count, self.shared = index, count, shared

    def all_sum(self, x):
        self.shared["calls"][self.index] += 1
        self.shared["parts"][self.index] = x
        self.shared["barrier"].wait(timeout=60)
        total = sum(self.shared["parts"][1:], self.shared["parts"][0])
        self.shared["barrier"].wait(timeout=60)
        return total

    def mean_gradients(self, gradients, variables=()):
        return gradients


def run_replicas(slices, masks):
    count = len(slices)
    shared = {"parts": [None] * count, "calls": [0] * count, "barrier": threading.Barrier(count)}
    layers = [BatchNormalization(synchronized=True) for _ in slices]
    for layer in layers:
        layer.build((None, *slices[0].shape[1:]))
    results: list = [None] * count

    def work(i):
        mask = None if masks is None else ops.convert_to_tensor(masks[i])
        try:
            with step_scope(ThreadReplica(i, count, shared), mask):
                results[i] = trained(layers[i], slices[i])
        except BaseException as e:
            shared["barrier"].abort()
            results[i] = e

    threads = [threading.Thread(target=work, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(timeout=120)
    for r in results:
        if isinstance(r, BaseException):
            raise r
    return results, shared["calls"]


@pytest.mark.parametrize("offset", [0.0, 1000.0])
@pytest.mark.parametrize("padded", [False, True])
def test_synchronized_replicas_use_the_statistics_of_the_whole_batch(offset, padded):
    # Uneven parts; an offset that is large against the deviation must not spoil the variance.
    x = draw(9, 4, 3, offset=offset)
    whole = trained(BatchNormalization(), x[:7] if padded else x)
    masks = None
    if padded:
        keep = np.arange(9) < 7
        masks = [keep[:2], keep[2:5], keep[5:]]
    results, calls = run_replicas([x[:2], x[2:5], x[5:]], masks)
    assert calls == [1, 1, 1]  # one message
    out = np.concatenate([r[0] for r in results])[: len(whole[0])]
    tolerance = 1e-5 if offset == 0 else 2e-3  # float32 itself, at values of 1000
    close([out], [whole[0]], tolerance)
    for _, mean, variance in results:
        close([mean, variance], whole[1:], 1e-5 if offset == 0 else 1e-4)


def test_replicas_that_are_not_synchronized_do_not_talk():
    class Silent:
        count, index = 2, 0

        def all_sum(self, x):
            raise AssertionError("all_sum was called")

    x = draw(4, 3)
    layer = BatchNormalization()
    with step_scope(Silent()):
        # How the assignment of a moving statistic is shared is the backend's business.
        mean, variance = (
            layer._batch_moments(ops.convert_to_tensor(x), None) if build(layer) else ()
        )
    close(map(ops.convert_to_numpy, (mean, variance)), (x.mean(0), x.var(0)))
    assert layer.moving_mean.aggregation == layer.moving_variance.aggregation == "mean"
    assert layer.gamma.aggregation == "none"


def build(layer):
    layer.build((None, 3))
    return layer.built


def test_frozen_and_inference_use_the_moving_statistics():
    x = draw(5, 3, offset=4.0)
    layer = BatchNormalization()
    expected = x / np.sqrt(1 + 1e-3)
    for training, trainable in ((False, True), (True, False), (None, True)):
        layer.trainable = trainable
        close([ops.convert_to_numpy(layer(x, training=training))], [expected])
    np.testing.assert_array_equal(layer.moving_mean.numpy(), np.zeros(3))


def test_sixteen_bits_keep_their_statistics_in_thirty_two():
    x = draw(64, 3, offset=300.0)
    layer = BatchNormalization(momentum=0.0, dtype="mixed_bfloat16")
    out = layer(ops.cast(x, "bfloat16"), training=True)
    assert ops.dtype(out) == "bfloat16"
    assert layer.moving_mean.dtype == backend.dtype_of(layer.moving_mean.value) == "float32"


def test_renorm_is_refused():
    with pytest.raises(ValueError, match="renorm"):
        BatchNormalization(renorm=True)
