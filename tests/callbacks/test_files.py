"""Callbacks that write files: CSVLogger and TensorBoard."""

from __future__ import annotations

import csv
import struct
import sys

import numpy as np
import pytest

from kdist import callbacks, layers, models
from kdist.callbacks import csv_logger, tensorboard


def epochs(callback, rows, start=0):
    for epoch, logs in enumerate(rows, start):
        callback.on_epoch_end(epoch, logs)


def read(path):
    with open(path, newline="") as f:
        return list(csv.reader(f))


def test_a_line_per_epoch(tmp_path):
    logger = callbacks.CSVLogger(tmp_path / "log.csv")
    logger.on_train_begin()
    epochs(logger, [{"loss": 0.5, "acc": 1.0, "val_loss": 0.25}, {"loss": 0.125, "acc": 2.0}])
    assert read(tmp_path / "log.csv") == [
        ["epoch", "acc", "loss", "val_loss"],
        ["0", "1.0", "0.5", "0.25"],
        ["1", "2.0", "0.125", "NA"],
    ]
    logger.on_train_end()


def test_validation_that_comes_later_has_its_fields(tmp_path):
    logger = callbacks.CSVLogger(tmp_path / "log.csv", separator=";")
    logger.on_train_begin()
    epochs(logger, [{"loss": 0.5}, {"loss": 0.25, "val_loss": 0.125}])
    logger.on_train_end()
    lines = (tmp_path / "log.csv").read_text().split()
    assert lines == ["epoch;loss;val_loss", "0;0.5;NA", "1;0.25;0.125"]


def test_vectors(tmp_path):
    logger = callbacks.CSVLogger(tmp_path / "log.csv")
    logger.on_train_begin()
    epochs(logger, [{"per_class": np.array([0.5, 0.25])}])
    logger.on_train_end()
    assert read(tmp_path / "log.csv")[1][1] == '"[0.5, 0.25]"'


@pytest.mark.parametrize("append", [False, True])
def test_append(tmp_path, append):
    for _ in range(2):
        logger = callbacks.CSVLogger(tmp_path / "log.csv", append=append)
        logger.on_train_begin()
        epochs(logger, [{"loss": 0.5}])
        logger.on_train_end()
    assert len(read(tmp_path / "log.csv")) == (3 if append else 2)


def test_a_resumed_run_goes_on_in_its_file(tmp_path):
    path = tmp_path / "log.csv"
    first = callbacks.CSVLogger(path)
    first.on_train_begin()
    epochs(first, [{"loss": 0.0}, {"loss": 1.0}])
    state = first.get_state()
    epochs(first, [{"loss": 22.0}], start=2)  # after the checkpoint: comes again
    first.on_interrupted()

    second = callbacks.CSVLogger(path)
    second.on_train_begin()
    second.set_state(state)
    epochs(second, [{"loss": 2.0}], start=2)
    second.on_train_end()
    assert [row[:2] for row in read(path)] == [
        ["epoch", "loss"],
        ["0", "0.0"],
        ["1", "1.0"],
        ["2", "2.0"],
    ]


def test_a_resumed_run_whose_file_is_gone_begins_a_new_one(tmp_path):
    first = callbacks.CSVLogger(tmp_path / "a.csv")
    first.on_train_begin()
    epochs(first, [{"loss": 0.0}])
    second = callbacks.CSVLogger(tmp_path / "b.csv")
    second.on_train_begin()
    second.set_state(first.get_state())
    epochs(second, [{"loss": 1.0}], start=1)
    second.on_train_end()
    first.on_train_end()
    assert [row[:2] for row in read(tmp_path / "b.csv")] == [["epoch", "loss"], ["1", "1.0"]]


def test_a_wrong_path_is_seen_before_training(tmp_path):
    with pytest.raises(FileNotFoundError):
        callbacks.CSVLogger(tmp_path / "nowhere" / "log.csv").on_train_begin()


def test_only_the_chief_writes_csv(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_logger, "process_index", lambda: 1)
    logger = callbacks.CSVLogger(tmp_path / "log.csv")
    logger.on_train_begin()
    epochs(logger, [{"loss": 0.5}])
    assert logger.get_state() == {}
    logger.on_train_end()
    assert list(tmp_path.iterdir()) == []


# ---- TensorBoard ---------------------------------------------------------------------------------
def events(folder):
    """{(tag, step): value or None} of the event files in a folder."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for path in folder.glob("events*"):
        data = path.read_bytes()
        at = 0
        while at < len(data):  # records: length (8), its checksum (4), the event, its checksum (4)
            [size] = struct.unpack("<Q", data[at : at + 8])
            event = Event.FromString(data[at + 12 : at + 12 + size])
            for value in event.summary.value:
                number = value.simple_value if value.WhichOneof("value") == "simple_value" else None
                found[value.tag, event.step] = number
            at += size + 16
    return found


@pytest.fixture
def fit():
    def run(callback, **kwargs):
        model = models.Sequential([layers.Input((3,)), layers.Dense(1, name="d")], name="m")
        model.compile("sgd", "mse")
        x, y = np.ones((8, 3), "float32"), np.zeros((8, 1), "float32")
        history = model.fit(x, y, batch_size=2, epochs=2, callbacks=[callback], verbose=0, **kwargs)
        return model, history.history

    return run


def test_logs_of_epochs(tmp_path, fit):
    _, history = fit(callbacks.TensorBoard(tmp_path), validation_split=0.5)
    train, validation = events(tmp_path / "train"), events(tmp_path / "validation")
    for epoch in range(2):
        assert train["epoch_loss", epoch] == pytest.approx(history["loss"][epoch])
        assert train["epoch_learning_rate", epoch] == pytest.approx(0.01)
        assert validation["epoch_loss", epoch] == pytest.approx(history["val_loss"][epoch])


def test_logs_of_batches_speed_and_histograms(tmp_path, fit):
    board = callbacks.TensorBoard(
        tmp_path, update_freq=2, write_steps_per_second=True, histogram_freq=1
    )
    fit(board)
    found = events(tmp_path / "train")
    assert [step for tag, step in sorted(found) if tag == "batch_loss"] == [2, 4, 6, 8]
    assert found["epoch_steps_per_second", 1] > 0
    assert found["batch_steps_per_second", 8] > 0
    assert sum(tag.endswith("/histogram") for tag, _ in found) == 4


def test_evaluation(tmp_path):
    model = models.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    board = callbacks.TensorBoard(tmp_path)
    x, y = np.ones((8, 3), "float32"), np.zeros((8, 1), "float32")
    loss = model.evaluate(x, y, verbose=0, callbacks=[board])
    found = events(tmp_path / "validation")
    assert found["evaluation_loss_vs_iterations", 0] == pytest.approx(loss)


def test_only_the_chief_writes_events(tmp_path, fit, monkeypatch):
    monkeypatch.setattr(tensorboard, "process_index", lambda: 1)
    fit(callbacks.TensorBoard(tmp_path, update_freq="batch", histogram_freq=1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["write_images", "profile_batch", "embeddings_freq"])
def test_what_is_not_supported_is_refused(name):
    with pytest.raises(ValueError, match=f"{name}=1.*not supported"):
        callbacks.TensorBoard(**{name: 1})


def test_update_freq():
    with pytest.raises(ValueError, match=r"TensorBoard\(update_freq='often'\)"):
        callbacks.TensorBoard(update_freq="often")


def test_without_tensorboardx(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match="pip install 'kdist\\[tensorboard\\]'"):
        callbacks.TensorBoard()
