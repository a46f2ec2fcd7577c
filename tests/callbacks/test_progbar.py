"""The progress line, on a terminal and elsewhere."""

from __future__ import annotations

import re

import pytest

from kdist.callbacks import Progbar, ProgbarLogger, console

BAR = "━" * 20


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("KDIST_TTY", "1")
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def pipe(monkeypatch):
    monkeypatch.setenv("KDIST_TTY", "0")


@pytest.fixture
def clock(monkeypatch):
    """A clock that only moves when told to."""

    class Clock:
        now = 1000.0

    monkeypatch.setattr("kdist.callbacks.progbar.time.time", lambda: Clock.now)
    return Clock


def screen(text):
    """What a terminal shows after `text`: the lines, as they were drawn over."""
    rows, column = [[]], 0
    for c in re.sub(r"\x1b\[\d+m", "", text):
        if c == "\n":
            rows.append([])
            column = 0
        elif c == "\r":
            column = 0
        elif c == "\b":
            column = max(0, column - 1)
        else:
            row = rows[-1]
            row.extend(" " * (column + 1 - len(row)))
            row[column] = c
            column += 1
    return ["".join(row).rstrip() for row in rows]


def test_the_finished_line(terminal, clock, capsys):
    bar = Progbar(399, stateless_metrics=())
    clock.now += 1.0
    bar.update(1, [("acc", 0.5)])
    clock.now += 398 * 0.184
    bar.update(399, [("acc", 0.7496), ("loss", 0.7416), ("rate", 5e-4)])
    last = f"399/399 {BAR} 74s 184ms/step - acc: 0.7496 - loss: 0.7416 - rate: 5.0000e-04"
    assert screen(capsys.readouterr().out) == [last, ""]


def test_a_terminal_is_drawn_over_with_the_time_that_remains(terminal, clock, capsys):
    bar = Progbar(10, stateless_metrics=())
    clock.now += 5.0
    bar.update(1, [("loss", 1.0)])
    clock.now += 8.0
    bar.update(5, [("loss", 0.25)])
    out = capsys.readouterr().out
    assert screen(out) == [f" 5/10 {BAR} 10s 2s/step - loss: 0.2500"]
    assert f"\x1b[32m{'━' * 10}\x1b[0m\x1b[37m{'━' * 10}" in out


@pytest.mark.parametrize(
    ("seconds", "shown"), [(3.0, " 27s "), (100.0, " 15:00 "), (1000.0, " 2:30:00 ")]
)
def test_the_time_that_remains(terminal, clock, capsys, seconds, shown):
    bar = Progbar(10)
    clock.now += seconds
    bar.update(1)
    assert shown in screen(capsys.readouterr().out)[0]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(2.0, "2s/step"), (0.02, "20ms/step"), (2e-4, "200us/step")]
)
def test_the_time_of_a_step(terminal, clock, capsys, seconds, shown):
    bar = Progbar(2)
    clock.now += seconds
    bar.update(1)
    clock.now += seconds
    bar.update(2)
    assert shown in screen(capsys.readouterr().out)[0]


def test_at_most_twenty_drawings_a_second(terminal, clock, capsys):
    bar = Progbar(10_000)
    for i in range(1000):
        clock.now += 0.001
        bar.update(i + 1)
    assert 15 <= capsys.readouterr().out.count("\r") <= 21


def test_elsewhere_only_the_finished_line_is_printed(pipe, capsys):
    bar = Progbar(3)
    bar.update(1, [("loss", 3.0)])
    bar.update(2, [("loss", 2.0)])
    assert capsys.readouterr().out == ""
    bar.update(3, [("loss", 1.0)])
    assert re.fullmatch(rf"3/3 {BAR} 0s \d+us/step - loss: 1\.0000\n", capsys.readouterr().out)


def test_unknown_number_of_steps(terminal, clock, capsys):
    bar = Progbar(None)
    clock.now += 1.0
    bar.update(7, [("loss", 1.0)])
    assert screen(capsys.readouterr().out)[0].startswith(
        "      7/Unknown 1s 143ms/step - loss: 1.0"
    )


def test_averages_over_steps(terminal, clock, capsys):
    bar = Progbar(10, stateful_metrics=["as_is"])
    for i, value in enumerate([1.0, 2.0, 6.0]):
        clock.now += 1.0
        bar.update(i + 1, [("mean", value), ("as_is", value)])
    assert "mean: 3.0000 - as_is: 6.0000" in screen(capsys.readouterr().out)[0]


def test_both_lists_of_metrics():
    with pytest.raises(ValueError, match="pass one of them"):
        Progbar(3, stateful_metrics=["a"], stateless_metrics=["b"])


def test_an_unfinished_line_fits_the_terminal_and_the_finished_one_is_whole(
    terminal, clock, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "60")
    bar = Progbar(2, stateless_metrics=())
    values = [("a_long_metric_name", 0.5), ("another_long_metric_name", 0.25)]
    clock.now += 1.0
    bar.update(1, values)
    [line] = screen(capsys.readouterr().out)
    assert len(line) <= 59
    clock.now += 1.0
    bar.update(2, values)
    assert "another_long_metric_name: 0.2500" in capsys.readouterr().out


def test_verbose_2_is_a_line_and_0_is_silent(pipe, clock, capsys):
    bar = Progbar(2, verbose=2)
    bar.update(1, [("loss", 9.0)])
    clock.now += 3.0
    bar.update(2, [("loss", 0.5)])
    assert re.fullmatch(r"2/2 - 3s - \ds/step - loss: [\d.]+\n", capsys.readouterr().out)
    Progbar(2, verbose=0).update(2, [("loss", 0.5)])
    assert capsys.readouterr().out == ""


def test_an_announcement_starts_on_a_line_of_its_own(terminal, clock, capsys):
    bar = Progbar(2)
    clock.now += 1.0
    bar.update(1)
    console.say("news")
    bar.update(2)
    console.say("more")
    lines = screen(capsys.readouterr().out)
    assert [lines[1], lines[3]] == ["news", "more"]
    assert lines[2].startswith("2/2")


class LazyLogs(dict):
    """Counts how often its numbers are asked for."""

    reads = 0

    def local(self):
        type(self).reads += 1
        return dict(self)


def drive(logger, epochs=2, steps=3, logs=None, **params):
    logger.set_params({"verbose": 1, "epochs": epochs, "steps": steps, **params})
    logger.on_train_begin()
    for epoch in range(epochs):
        logger.on_epoch_begin(epoch)
        for batch in range(steps or 4):
            logger.on_train_batch_end(batch, logs)
        logger.on_epoch_end(epoch, {"loss": 0.5})
    logger.on_train_end()


def test_the_logger_prints_headers_and_lines(pipe, capsys):
    drive(ProgbarLogger())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Epoch 1/2"
    assert lines[2] == "Epoch 2/2"
    assert lines[1].startswith(f"3/3 {BAR} 0s ")
    assert lines[1].endswith(" - loss: 0.5000")


def test_the_logger_counts_where_steps_are_unknown(pipe, capsys):
    drive(ProgbarLogger(), epochs=1, steps=None)
    assert capsys.readouterr().out.startswith("4/4 ")


def test_logs_are_read_when_they_are_drawn_and_not_otherwise(terminal, clock, capsys):
    LazyLogs.reads = 0
    drive(ProgbarLogger(), epochs=1, steps=100, logs=LazyLogs(loss=1.0))
    assert LazyLogs.reads == 1
    assert capsys.readouterr().out.count("\r") == 2


def test_batches_are_not_watched_without_need(pipe, terminal, monkeypatch):
    logger = ProgbarLogger()
    logger.set_params({"verbose": 1, "epochs": 1, "steps": 3})
    assert logger.quiet == frozenset()
    logger.on_train_begin()
    assert logger.quiet == {"test"}
    logger.set_params({"verbose": 2, "epochs": 1, "steps": 3})
    assert logger.quiet == {"train", "test", "predict"}
    monkeypatch.setenv("KDIST_TTY", "0")
    logger.set_params({"verbose": 1, "epochs": 1, "steps": 3})
    assert "train" in logger.quiet
    logger.set_params({"verbose": 2, "epochs": 1, "steps": None})
    assert "train" not in logger.quiet
