"""`kdist.config.set_max_epochs` and `set_max_steps_per_epoch` cut a run short."""

from __future__ import annotations

import numpy as np
import pytest

import kdist


class Count(kdist.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.epochs = self.steps = self.tests = self.predictions = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs += 1

    def on_train_batch_begin(self, batch, logs=None):
        self.steps += 1

    def on_test_batch_begin(self, batch, logs=None):
        self.tests += 1

    def on_predict_batch_begin(self, batch, logs=None):
        self.predictions += 1


@pytest.fixture
def limits():
    yield kdist.config
    kdist.config.set_max_epochs(None)
    kdist.config.set_max_steps_per_epoch(None)


def test_fit_evaluate_and_predict_stop_at_the_limits(limits):
    x, y = np.ones((40, 2), "float32"), np.ones((40, 1), "float32")
    model = kdist.Sequential([kdist.layers.Dense(1)])
    model.compile("sgd", "mse")
    limits.set_max_epochs(2)
    limits.set_max_steps_per_epoch(3)
    count = Count()
    model.fit(x, y, batch_size=4, epochs=5, verbose=0, callbacks=[count])
    assert (count.epochs, count.steps) == (2, 6)
    model.evaluate(x, y, batch_size=4, verbose=0, callbacks=[count])
    assert count.tests == 3
    assert model.predict(x, batch_size=4, verbose=0, callbacks=[count]).shape == (12, 1)
    assert count.predictions == 3


@pytest.mark.parametrize("value", [0, -1, 1.5])
def test_limits_are_checked(limits, value):
    with pytest.raises(ValueError, match="max_epochs.* must be an int of at least 1"):
        limits.set_max_epochs(value)
