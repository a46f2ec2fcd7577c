"""ShardedCheckpoint in fit: what is saved, and that a resumed run ends like an unbroken one."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest

from kdist import callbacks, layers, models
from kdist.checkpoint import Checkpointer, CheckpointError, commit
from kdist.random import set_random_seed
from kdist.training.checkpointing import state_paths

ROWS, BATCH = 56, 8  # 7 batches an epoch


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 6)).astype("float32")
    return x, (x[:, :2] > 0).astype("float32")


def make_model(units=5):
    set_random_seed(7)
    model = models.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(units, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(2, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


_made = []


def fresh():
    """The model as it was made, and Python's random numbers as they were then.

    There is one for all tests, so that its steps are compiled once.
    """
    if not _made:
        model = make_model()
        model.optimizer.build(model.trainable_variables)
        _made.append((model, {v: np.array(v.numpy()) for v in state_paths(model).values()}))
    model, values = _made[0]
    set_random_seed(7)
    for variable, value in values.items():
        variable.assign(value)
    return model


def spoiled():
    """The same with other values in every variable, as if of another process."""
    model = fresh()
    set_random_seed(12345)
    for variable in state_paths(model).values():
        variable.assign(np.array(variable.numpy()) + 1)
    return model


class Interrupt(callbacks.Callback):
    """Ends the run after so many steps, as a fault would."""

    class Fault(Exception):
        pass

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if self.model.position.step == self.step:
            raise self.Fault


def fit(model, data, *, epochs=3, more=(), resume=None, **kwargs):
    options = {
        "batch_size": BATCH,
        "epochs": epochs,
        "verbose": 0,
        "validation_split": 0.0,
        **kwargs,
    }
    return model.fit(*data, callbacks=list(more), resume=resume, **options)


def state_of(model):
    return [np.array(v.numpy()) for v in state_paths(model).values()]


def assert_same(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.fixture(scope="module")
def unbroken(data):
    """(state, history) after three epochs without a fault."""
    model = fresh()
    history = fit(model, data, more=[callbacks.EarlyStopping("loss", patience=99)])
    return state_of(model), history


@pytest.mark.parametrize(
    ("save_freq", "fault", "resumed_from", "block"),
    [
        ("epoch", 10, 7, True),
        ("epoch", 10, 7, False),
        (4, 11, 8, False),
        (7, 8, 7, True),
        (3, 14, 12, False),
    ],
)
def test_a_resumed_run_ends_where_an_unbroken_one_does(
    tmp_path, data, unbroken, save_freq, fault, resumed_from, block
):
    def early():
        return callbacks.EarlyStopping("loss", patience=99)

    def saver():
        return callbacks.ShardedCheckpoint(tmp_path, save_freq=save_freq, block=block)

    with pytest.raises(Interrupt.Fault):
        fit(fresh(), data, more=[early(), Interrupt(fault), saver()])
    assert Checkpointer(tmp_path).latest() == resumed_from

    resumed, again = spoiled(), early()
    history = fit(resumed, data, more=[again, saver()], resume="auto")
    state, expected = unbroken
    assert resumed.position.step == 21
    assert_same(state_of(resumed), state)
    assert history.history == expected.history
    assert history.epoch == expected.epoch == [0, 1, 2]
    assert again.best == min(expected.history["loss"])


def test_nothing_to_resume_from(tmp_path, data):
    saver = callbacks.ShardedCheckpoint(tmp_path / "a")
    fit(fresh(), data, epochs=1, more=[saver], resume="auto")
    assert Checkpointer(tmp_path / "a").steps() == [7]
    with pytest.raises(CheckpointError, match=r"resume=True.*holds no complete checkpoint"):
        fit(fresh(), data, more=[callbacks.ShardedCheckpoint(tmp_path / "b")], resume=True)
    with pytest.raises(CheckpointError, match="no published step 3"):
        fit(fresh(), data, more=[callbacks.ShardedCheckpoint(tmp_path / "a")], resume=3)
    with pytest.raises(ValueError, match="resume='newest'"):
        fit(fresh(), data, more=[callbacks.ShardedCheckpoint(tmp_path / "a")], resume="newest")


def test_resuming_a_finished_run_trains_no_more(tmp_path, data):
    saver = callbacks.ShardedCheckpoint(tmp_path)
    first = fresh()
    fit(first, data, epochs=2, more=[saver])
    expected = state_of(first)
    again = spoiled()
    history = fit(again, data, epochs=2, more=[callbacks.ShardedCheckpoint(tmp_path)], resume=True)
    assert_same(state_of(again), expected)
    assert history.epoch == [0, 1]
    assert Checkpointer(tmp_path).steps() == [7, 14]


def test_from_an_older_step_the_later_ones_are_replaced(tmp_path, data, caplog):
    whole = fresh()
    fit(whole, data, epochs=2)
    expected = state_of(whole)
    fit(fresh(), data, epochs=4, more=[callbacks.ShardedCheckpoint(tmp_path, keep=None)])
    resumed = spoiled()
    saver = callbacks.ShardedCheckpoint(tmp_path, keep=None)
    fit(resumed, data, more=[saver], resume=7, epochs=2)
    assert_same(state_of(resumed), expected)
    assert Checkpointer(tmp_path).steps() == [7, 14]
    assert "removing step 28" in caplog.text


def test_a_new_run_in_a_folder_with_checkpoints_is_refused_at_once(tmp_path, data):
    fit(fresh(), data, epochs=1, more=[callbacks.ShardedCheckpoint(tmp_path)])
    again = fresh()
    with pytest.raises(CheckpointError, match=r"holds the checkpoints \[7\].*resume='auto'"):
        fit(again, data, epochs=1, more=[callbacks.ShardedCheckpoint(tmp_path)])
    assert again.position.step == 0
    assert Checkpointer(tmp_path).steps() == [7]


def test_what_is_kept(tmp_path, data):
    fit(fresh(), data, epochs=4, more=[callbacks.ShardedCheckpoint(tmp_path / "a", keep=2)])
    assert Checkpointer(tmp_path / "a").steps() == [21, 28]
    fit(fresh(), data, epochs=1, more=[callbacks.ShardedCheckpoint(tmp_path / "b", 2, None)])
    assert Checkpointer(tmp_path / "b").steps() == [2, 4, 6]


def test_the_best_is_kept_as_well(tmp_path, data):
    losses = {1: 3.0, 2: 1.0, 3: 2.0, 4: 5.0}
    fake = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(quality=losses[epoch + 1])
    )
    saver = callbacks.ShardedCheckpoint(tmp_path, keep=2, monitor="quality", mode="min")
    fit(fresh(), data, epochs=4, more=[fake, saver])
    assert Checkpointer(tmp_path).steps() == [14, 21, 28]


def test_state_of_callbacks_with_arrays(tmp_path, data):
    early = callbacks.EarlyStopping("loss", patience=99, restore_best_weights=True)
    rate = callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=100.0)
    with pytest.raises(Interrupt.Fault):
        fit(
            fresh(),
            data,
            more=[early, rate, Interrupt(15), callbacks.ShardedCheckpoint(tmp_path)],
        )

    seen = {}

    class Look(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen.setdefault("state", (again.get_state(), other.get_state()))

    again = callbacks.EarlyStopping("loss", patience=99, restore_best_weights=True)
    other = callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=100.0)
    saver = callbacks.ShardedCheckpoint(tmp_path)
    # Another order, and one more: each finds its own.
    fit(fresh(), data, more=[other, Look(), again, saver], resume="auto")
    state, plateau = seen["state"]
    assert sum(isinstance(v, np.ndarray) for v in state.values()) == 4
    for name, value in early.get_state().items():
        np.testing.assert_array_equal(state[name], value)
    assert plateau == rate.get_state()
    assert plateau["best"] is not None


def test_early_stopping_is_remembered(tmp_path, data):
    def parts():
        return [
            callbacks.EarlyStopping("loss", patience=1, min_delta=100.0),
            callbacks.ShardedCheckpoint(tmp_path),
        ]

    first = fresh()
    fit(first, data, epochs=9, more=parts())
    assert first.position.epoch == 2
    expected = state_of(first)
    again = spoiled()
    history = fit(again, data, epochs=9, more=parts(), resume="auto")
    assert again.position.epoch == 2
    assert len(history.epoch) == 2
    assert_same(state_of(again), expected)


def test_a_damaged_newest_step_is_an_error_that_says_what_to_do(tmp_path, data):
    fit(fresh(), data, more=[callbacks.ShardedCheckpoint(tmp_path)])
    for path in (tmp_path / "21" / "state").glob("**/d/*"):
        path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(CheckpointError, match=r"resume=<int> to fit\(\); there are \[7, 14\]") as e:
        fit(
            fresh(),
            data,
            epochs=4,
            more=[callbacks.ShardedCheckpoint(tmp_path)],
            resume="auto",
        )
    assert "21" in str(e.value)
    resumed = fresh()
    fit(resumed, data, epochs=4, more=[callbacks.ShardedCheckpoint(tmp_path)], resume=14)
    assert resumed.position.step == 28


def test_damaged_metadata(tmp_path, data):
    fit(fresh(), data, more=[callbacks.ShardedCheckpoint(tmp_path)])
    (tmp_path / "21" / "kdist.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"kdist\.json.*there are \[7, 14\]"):
        fit(fresh(), data, more=[callbacks.ShardedCheckpoint(tmp_path)], resume="auto")


def test_another_model_is_refused(tmp_path, data):
    fit(fresh(), data, epochs=1, more=[callbacks.ShardedCheckpoint(tmp_path)])
    with pytest.raises(ValueError, match="has shape"):
        fit(make_model(6), data, more=[callbacks.ShardedCheckpoint(tmp_path)], resume="auto")


def test_a_checkpoint_that_fit_did_not_write(tmp_path, data):
    Checkpointer(tmp_path).save(3, {}, {"mine": 1})
    with pytest.raises(CheckpointError, match="was not saved by fit"):
        fit(fresh(), data, more=[callbacks.ShardedCheckpoint(tmp_path)], resume="auto")


@pytest.mark.parametrize("block", [True, False])
def test_a_failed_save_raises_from_fit(tmp_path, data, monkeypatch, block):
    saver = callbacks.ShardedCheckpoint(tmp_path, save_freq=7, block=block)

    class Obstruct(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0:
                saver._checkpointer.wait()

                def fail(self):
                    raise CheckpointError("No space left on device")

                monkeypatch.setattr(commit.Attempt, "run", fail)

    with pytest.raises(CheckpointError, match="No space left"):
        fit(fresh(), data, more=[Obstruct(), saver])
    assert Checkpointer(tmp_path).steps() == [7]


def test_how_long_training_waited_is_logged(tmp_path, data, caplog):
    with caplog.at_level(logging.INFO, logger="kdist.checkpoint"):
        fit(fresh(), data, epochs=1, more=[callbacks.ShardedCheckpoint(tmp_path)])
    assert "checkpoint of step 7: training waited" in caplog.text


def test_the_meta_is_json_with_position_and_history(tmp_path, data):
    fit(fresh(), data, epochs=2, more=[callbacks.ShardedCheckpoint(tmp_path)])
    with Checkpointer(tmp_path).open() as step:
        meta, metrics = step.meta, step.metrics
    json.dumps(meta)
    assert meta["position"]["epoch"] == 2
    assert meta["position"]["batch"] == meta["position"]["sample"] == 0
    assert len(meta["position"]["history"]["loss"]) == 2
    assert metrics["loss"] == meta["position"]["history"]["loss"][-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"save_freq": "batch"}, "save_freq='batch'"),
        ({"save_freq": -1}, "save_freq=-1"),
        ({"keep": 0}, "keep=0"),
        ({"monitor": "loss", "save_freq": 5}, "pass save_freq='epoch'"),
    ],
)
def test_arguments_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        callbacks.ShardedCheckpoint("a", **arguments)
