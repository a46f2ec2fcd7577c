"""Callbacks that watch a number."""

from __future__ import annotations

import numpy as np
import pytest

from kdist import callbacks, layers, losses, metrics, models, optimizers
from kdist.backend import bound as backend
from kdist.callbacks import model_checkpoint
from kdist.callbacks.monitor import direction


class Fake:
    """As much of a model as the callbacks need, whose weight is the epoch."""

    def __init__(self, metrics=()):
        self.metrics = list(metrics)
        self.stop_training = False
        self.epoch = 0
        self.saved = []
        self.variables, self.optimizer = [], None

    def settle_replicas(self):
        """There is one."""

    def get_weights(self):
        return [np.full((2,), float(self.epoch)), np.full((1, 1), -float(self.epoch))]

    def set_weights(self, weights):
        self.weights = weights

    def save(self, path, overwrite):
        self.saved.append(str(path))

    def save_weights(self, path, overwrite):
        self.saved.append(str(path))


def drive(callback, values, monitor="val_loss", model=None, begin=True):
    """The epochs that are run when `monitor` takes `values`; returns the model and their number."""
    model = model or Fake()
    callback.set_model(model)
    if begin:
        callback.on_train_begin()
    for epoch, value in enumerate(values):
        model.epoch = epoch
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {monitor: value})
        if model.stop_training:
            break
    callback.on_train_end()
    return model, epoch + 1


# ---- which is better -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("monitor", "expected"),
    [("loss", "min"), ("val_loss", "min"), ("val_head_loss", "min"), ("val_acc", "max")],
)
def test_direction(monitor, expected):
    model = Fake([metrics.SparseCategoricalAccuracy(name="acc"), metrics.MeanAbsoluteError()])
    assert direction(monitor, "auto", model, "X") == expected
    assert direction("val_mean_absolute_error", "auto", model, "X") == "min"
    assert direction("val_head_acc", "auto", model, "X") == "max"


def test_direction_that_nobody_knows():
    with pytest.raises(ValueError, match=r"Early\(monitor='quality'.*mode='min' or mode='max'"):
        direction("quality", "auto", Fake(), "Early")
    assert direction("quality", "max", Fake(), "Early") == "max"


def test_an_unknown_mode_warns():
    with pytest.warns(UserWarning, match="mode='best'"):
        callback = callbacks.EarlyStopping(mode="best")
    assert callback.mode == "auto"


# ---- EarlyStopping -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("options", "values", "epochs"),
    [
        ({"patience": 0}, [1.0, 0.9, 0.95, 0.1], 3),
        ({"patience": 2}, [1.0, 0.9, 0.95, 0.91, 0.1], 4),
        ({"patience": 2}, [1.0, 0.9, 0.95, 0.8, 0.85, 0.81, 0.0], 6),
        ({"patience": 1, "min_delta": 0.2}, [1.0, 0.9, 0.7, 0.65, 0.6], 2),
        ({"patience": 1, "mode": "max"}, [1.0, 2.0, 1.5, 3.0], 3),
        ({"patience": 1, "baseline": 0.5}, [1.0, 0.9, 0.4], 3),
        ({"patience": 2, "baseline": 0.5}, [1.0, 0.9, 0.8, 0.8], 4),
        ({"patience": 0, "start_from_epoch": 3}, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 5),
        ({"patience": 0}, [float("nan"), float("nan"), 0.5], 2),
    ],
)
def test_when_training_is_stopped(options, values, epochs):
    assert drive(callbacks.EarlyStopping(**options), values)[1] == epochs


def test_the_best_weights_come_back(capsys):
    callback = callbacks.EarlyStopping(patience=1, restore_best_weights=True, verbose=1)
    model, _ = drive(callback, [1.0, 0.5, 0.6, 0.1])
    assert [w.flat[0] for w in model.weights] == [1.0, -1.0]
    assert capsys.readouterr().out == (
        "Epoch 3: early stopping\nThe weights are those of the best epoch: 2.\n"
    )


def test_a_missing_log_warns_and_trains_on():
    with pytest.warns(UserWarning, match="no such log, so training is not stopped.*acc"):
        _, epochs = drive(callbacks.EarlyStopping(), [1.0, 2.0, 3.0], monitor="acc")
    assert epochs == 3


def test_state_goes_on_where_it_was():
    options = {"patience": 2, "restore_best_weights": True}
    first = callbacks.EarlyStopping(**options)
    drive(first, [1.0, 0.5, 0.6])
    state = first.get_state()

    second = callbacks.EarlyStopping(**options)
    model = Fake()
    second.set_model(model)
    second.on_train_begin()
    second.set_state(state)
    assert not model.stop_training
    second.on_epoch_end(3, {"val_loss": 0.7})
    assert model.stop_training
    second.on_train_end()
    assert [w.flat[0] for w in model.weights] == [1.0, -1.0]


def test_a_run_that_had_stopped_stays_stopped_unless_it_is_to_wait_longer():
    first = callbacks.EarlyStopping(patience=1)
    drive(first, [1.0, 2.0])
    for patience, stopped in ((1, True), (5, False)):
        again, model = callbacks.EarlyStopping(patience=patience), Fake()
        again.set_model(model)
        again.on_train_begin()
        again.set_state(first.get_state())
        assert model.stop_training is stopped


# ---- ModelCheckpoint -----------------------------------------------------------------------------
def test_file_names():
    callback = callbacks.ModelCheckpoint("m_{epoch:02d}_{val_loss:.2f}.keras")
    model, _ = drive(callback, [1.0, 0.5])
    assert model.saved == ["m_01_1.00.keras", "m_02_0.50.keras"]


def test_a_field_that_is_no_log():
    with pytest.raises(KeyError, match=r"no 'acc' to fill in; there are.*val_loss"):
        drive(callbacks.ModelCheckpoint("m_{acc}.keras"), [1.0])


@pytest.mark.parametrize(
    ("options", "saved"),
    [
        ({}, [1, 3, 5]),
        ({"mode": "max"}, [1, 2, 4]),
        ({"initial_value_threshold": 0.75}, [3, 5]),
    ],
)
def test_only_the_best(options, saved):
    callback = callbacks.ModelCheckpoint("{epoch}.keras", save_best_only=True, **options)
    model, _ = drive(callback, [1.0, 1.5, 0.5, 2.0, 0.4])
    assert model.saved == [f"{i}.keras" for i in saved]


def test_what_it_says(capsys):
    callback = callbacks.ModelCheckpoint("m.keras", save_best_only=True, verbose=1)
    drive(callback, [1.0, 2.0, 0.5])
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 1: val_loss improved from none to 1.00000, saving to m.keras",
        "Epoch 2: val_loss did not improve from 1.00000",
        "Epoch 3: val_loss improved from 1.00000 to 0.50000, saving to m.keras",
    ]


def test_the_best_goes_into_a_checkpoint():
    first = callbacks.ModelCheckpoint("{epoch}.keras", save_best_only=True)
    drive(first, [0.5])
    second = callbacks.ModelCheckpoint("{epoch}.keras", save_best_only=True)
    second.set_state(first.get_state())
    model, _ = drive(second, [0.6, 0.4], begin=False)
    assert model.saved == ["2.keras"]


def test_every_so_many_batches():
    callback = callbacks.ModelCheckpoint(
        "e{epoch}_b{batch}.weights.h5", save_weights_only=True, save_freq=3
    )
    callback.set_model(model := Fake())
    for epoch in range(2):
        callback.on_epoch_begin(epoch)
        for batch in range(5):
            callback.on_train_batch_end(batch, {"loss": 1.0})
        callback.on_epoch_end(epoch, {"loss": 1.0})
    assert model.saved == [f"{name}.weights.h5" for name in ("e1_b3", "e2_b1", "e2_b4")]


def test_a_batch_name_without_logs_does_not_read_them():
    class Unread(dict):
        def __getitem__(self, key):
            raise AssertionError("read")

        __iter__ = __len__ = __getitem__

    callback = callbacks.ModelCheckpoint("{epoch}_{batch}.keras", save_freq=1)
    callback.set_model(model := Fake())
    callback.on_train_batch_end(0, Unread(loss=1.0))
    assert model.saved == ["1_1.keras"]


def test_only_the_chief_writes(monkeypatch):
    monkeypatch.setattr(model_checkpoint, "process_index", lambda: 1)
    callback = callbacks.ModelCheckpoint("m.keras", save_best_only=True)
    model, _ = drive(callback, [1.0, 0.5])
    assert model.saved == []
    assert callback.best == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filepath": "m.h5"}, "must end in '.keras'"),
        ({"filepath": "m.keras", "save_weights_only": True}, "must end in '.weights.h5'"),
        ({"filepath": "m.keras", "save_freq": "batch"}, "save_freq='batch'"),
        ({"filepath": "m.keras", "save_freq": 0}, "save_freq=0"),
    ],
)
def test_arguments_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        callbacks.ModelCheckpoint(**arguments)


def test_a_folder_in_the_way(tmp_path):
    (tmp_path / "m.keras").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder; name a file"):
        drive(callbacks.ModelCheckpoint(tmp_path / "m.keras"), [1.0])


def test_a_failure_to_write_raises():
    class Broken(Fake):
        def save(self, path, overwrite):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        drive(callbacks.ModelCheckpoint("m.keras"), [1.0], model=Broken())


# ---- with a model --------------------------------------------------------------------------------
def make_model(rate=0.1):
    model = models.Sequential([layers.Input((3,)), layers.Dense(1, kernel_initializer="zeros")])
    model.compile(optimizers.SGD(rate), losses.MeanSquaredError())
    return model


def rate_of(model):
    return float(backend.convert_to_numpy(model.optimizer.learning_rate))


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(12, 3)).astype("float32"), rng.normal(size=(12, 1)).astype("float32")


@pytest.mark.parametrize(
    "schedule", [lambda epoch, rate: rate * 0.5, lambda epoch: 0.1 * 0.5 ** (epoch + 1)]
)
def test_a_schedule_is_what_the_steps_use(data, schedule):
    x, y = data
    model = make_model()
    scheduler = callbacks.LearningRateScheduler(schedule)
    history = model.fit(x, y, batch_size=12, epochs=3, callbacks=[scheduler], verbose=0).history
    np.testing.assert_allclose(history["learning_rate"], [0.05, 0.025, 0.0125], rtol=1e-6)

    kernel, bias = np.zeros((3, 1)), np.zeros(1)
    for rate in (0.05, 0.025, 0.0125):
        error = 2 * (x @ kernel + bias - y) / 12
        kernel, bias = kernel - rate * x.T @ error, bias - rate * error.sum(0)
    np.testing.assert_allclose(model.get_weights()[0], kernel, rtol=1e-4, atol=1e-6)


def test_a_schedule_that_gives_no_float(data):
    model = make_model()
    scheduler = callbacks.LearningRateScheduler(lambda epoch: "fast")
    with pytest.raises(ValueError, match="gave 'fast' of type str; it must give a float"):
        model.fit(*data, epochs=1, callbacks=[scheduler], verbose=0)


def test_the_rate_is_reduced_on_a_plateau(data, capsys):
    model = make_model(rate=1e-6)
    reduce = callbacks.ReduceLROnPlateau(
        monitor="loss", factor=0.1, patience=2, cooldown=1, min_lr=5e-9, min_delta=1.0, verbose=1
    )
    history = model.fit(*data, epochs=9, callbacks=[reduce], verbose=0).history
    # Waits two epochs, then one passes without counting and the next counts again.
    expected = [1e-6, 1e-6, 1e-6, 1e-7, 1e-7, 1e-8, 1e-8, 5e-9, 5e-9]
    np.testing.assert_allclose(history["learning_rate"], expected, rtol=1e-5)
    assert capsys.readouterr().out.startswith("Epoch 3: reducing the learning rate to 1e-07.\n")
    assert rate_of(model) == np.float32(5e-9)


def test_a_metric_is_logged_under_the_name_it_was_given(data):
    model = make_model()
    model.compile("sgd", "mse", metrics=["mae"])
    early = callbacks.EarlyStopping("val_mae", patience=1)
    history = model.fit(*data, validation_data=data, callbacks=[early], verbose=0)
    assert list(history.history) == ["loss", "mae", "val_loss", "val_mae"]


def test_an_unknown_argument():
    with pytest.raises(TypeError, match=r"argument\(s\) \['epsilon'\]"):
        callbacks.ReduceLROnPlateau(epsilon=1.0)


def test_a_factor_that_does_not_reduce():
    with pytest.raises(ValueError, match=r"factor=1\.0"):
        callbacks.ReduceLROnPlateau(factor=1.0)


def test_early_stopping_in_fit_brings_back_the_best_weights(data):
    x, y = data
    kept = []
    model = make_model(rate=0.9)  # diverges
    record = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append((logs["val_loss"], model.get_weights()))
    )
    early = callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    history = model.fit(
        x, y, epochs=9, batch_size=4, validation_data=(x, -y), callbacks=[record, early], verbose=0
    )
    assert len(history.epoch) < 9
    best = min(kept, key=lambda item: item[0])[1]
    for got, wanted in zip(model.get_weights(), best, strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_training_ends_at_a_loss_that_is_no_number(data, bad, capsys):
    x, y = data
    y = y.copy()
    y[5] = bad
    model = make_model()
    history = model.fit(
        x,
        y,
        batch_size=4,
        epochs=3,
        shuffle=False,
        callbacks=[callbacks.TerminateOnNaN()],
        verbose=0,
    )
    assert len(history.epoch) == 1
    assert model.position.step == 2
    assert capsys.readouterr().out.startswith("Batch 1: the loss is ")
    with pytest.raises(RuntimeError, match="at batch 1"):
        make_model().fit(
            x,
            y,
            batch_size=4,
            shuffle=False,
            callbacks=[callbacks.TerminateOnNaN(raise_error=True)],
            verbose=0,
        )
