"""Several steps in one call: the same training as one by one, and callbacks that see the groups."""

from __future__ import annotations

import numpy as np
import pytest

import kdist
from kdist import layers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((16 * 7 + 5, 8)).astype("float32")  # 8 batches, the last one short
Y = RNG.integers(0, 3, len(X)).astype("int32")
W = RNG.uniform(0.5, 2.0, len(X)).astype("float32")


class Seen(kdist.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.batches: list = []
        self.tests: list = []

    def on_train_batch_begin(self, batch, logs=None):
        self.batches.append([batch])

    def on_train_batch_end(self, batch, logs=None):
        self.batches[-1].append(batch)

    def on_test_batch_begin(self, batch, logs=None):
        self.tests.append([batch])

    def on_test_batch_end(self, batch, logs=None):
        self.tests[-1].append(batch)


class OwnStep(kdist.Sequential):
    def train_step(self, *args):
        return super().train_step(*args)


def fit(k, kind=kdist.Sequential, callbacks=(), accumulation=None, strategy=None, **options):
    kdist.utils.set_random_seed(3)
    model = kind(
        [
            kdist.Input((8,)),
            layers.Dense(16, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(3),
        ]
    )
    model.compile(
        kdist.optimizers.Adam(0.01, gradient_accumulation_steps=accumulation),
        kdist.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["accuracy"],
        steps_per_execution=k,
        **options,
    )
    history = model.fit(
        X, Y, sample_weight=W, batch_size=16, epochs=2, verbose=0,
        validation_data=(X, Y), callbacks=list(callbacks),
    ).history  # fmt: skip
    values = [kdist.ops.convert_to_numpy(v) for v in (*model.variables, *model.optimizer.variables)]
    return model, history, values


def groups(model) -> list[list[int]]:
    """First and last batch of what callbacks see."""
    if hasattr(model._programs["train"], "steps"):
        return [[0, 2], [3, 5], [6, 7]]
    return [[i, i] for i in range(8)]


@pytest.mark.parametrize(
    "options",
    [{}, {"kind": OwnStep}, {"accumulation": 3}, {"run_eagerly": True}],
    ids=["plain", "own_step", "accumulation", "eagerly"],
)
def test_several_steps_in_one_call_train_as_one_by_one(options):
    _, one, first = fit(1, **options)
    _, many, second = fit(3, **options)
    assert one.keys() == many.keys()
    for name in one:
        np.testing.assert_allclose(one[name], many[name], rtol=1e-5)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_callbacks_see_groups_of_batches():
    seen = Seen()
    model, _, _ = fit(3, callbacks=[seen])
    assert seen.batches == groups(model) * 2
    assert seen.tests == groups(model) * 2
    assert int(kdist.ops.convert_to_numpy(model.optimizer.iterations)) == 16


def test_callbacks_that_save_every_few_batches_do_so_in_the_group_that_passes_them(tmp_path):
    saver = kdist.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}_{batch}.keras"), save_freq=4)
    model, _, _ = fit(3, callbacks=[saver])
    found = sorted(p.name for p in tmp_path.iterdir())
    if hasattr(model._programs["train"], "steps"):
        assert found == ["1_6.keras", "2_3.keras", "2_8.keras"]
    else:
        assert found == ["1_4.keras", "1_8.keras", "2_4.keras", "2_8.keras"]


def test_sharded_checkpoints_too(tmp_path):
    saver = kdist.callbacks.ShardedCheckpoint(str(tmp_path), save_freq=4, keep=None)
    model, _, _ = fit(3, callbacks=[saver])
    steps = sorted(int(p.name) for p in tmp_path.iterdir() if p.name.isdigit())
    grouped = hasattr(model._programs["train"], "steps")
    assert steps == ([6, 8, 14, 16] if grouped else [4, 8, 12, 16])
