"""What would otherwise fail in silence: models that do not train, processes that differ, steps that hang."""

from __future__ import annotations

import itertools
import threading
import time
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

import kdist
from kdist import layers
from kdist.backend import bound as backend
from kdist.core.coordination import SingleProcess
from kdist.distribution import DataParallel
from kdist.training import agreement, watchdog
from kdist.training.change_watch import ChangeWatch


class Together:
    """A channel whose processes are threads."""

    def __init__(self, count: int):
        self.count, self._texts = count, {}
        self._barrier = threading.Barrier(count)

    def of(self, rank: int):
        me = SimpleNamespace(rank=rank, count=self.count)
        me.barrier = lambda name, timeout_s: self._barrier.wait(timeout_s)
        me.put = self._texts.__setitem__
        me.get = self._texts.get
        return me


def model(units: int = 4, name: str = "wide"):
    made = kdist.Sequential([kdist.Input((3,)), layers.Dense(units, name=name), layers.Dense(1)])
    made.compile("sgd", "mse")
    return made


def agree(monkeypatch, made, *facts):
    """Each of `made` calls check_agreement as a process of its own; what each raised, by rank."""
    together = Together(len(made))
    here = threading.local()
    monkeypatch.setattr(backend.runtime, "coordinator", lambda: here.channel)
    monkeypatch.setattr(agreement, "_uses", itertools.repeat(0))
    errors: list = [None] * len(made)

    def process(rank: int) -> None:
        here.channel = together.of(rank)
        try:
            agreement.check_agreement(made[rank], *(f[rank] for f in facts))
        except ValueError as e:
            errors[rank] = str(e)

    threads = [threading.Thread(target=process, args=(r,)) for r in range(len(made))]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
    return errors


def test_processes_that_agree(monkeypatch):
    assert agree(monkeypatch, [model(), model()], (7, 7), (1, 1), (True, True)) == [None, None]


def test_processes_that_built_different_models(monkeypatch):
    errors = agree(monkeypatch, [model(4), model(5)], (7, 7), (1, 1), (True, True))
    for error in errors:
        assert "built different models" in error
        assert "of shape (3, 4), float32 on rank 0" in error
        assert "of shape (3, 5), float32 on rank 1" in error


def test_processes_with_different_numbers_of_batches(monkeypatch):
    errors = agree(monkeypatch, [model(), model()], (7, 6), (1, 1), (True, True))
    assert all("rank 0 has 7, rank 1 has 6" in e for e in errors)


def test_processes_with_different_orders_of_the_data(monkeypatch):
    errors = agree(monkeypatch, [model(), model()], (7, 7), (1, 2), (True, True))
    assert all("different orders" in e and "set_random_seed" in e for e in errors)


def test_the_order_does_not_matter_where_each_process_has_its_own_data(monkeypatch):
    assert agree(monkeypatch, [model(), model()], (7, 7), (1, 2), (False, False)) == [None, None]


class Cut(layers.Layer):
    """Lets no gradient through."""

    def call(self, x):
        return kdist.ops.stop_gradient(x)


def data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((32, 3)).astype("float32"), rng.standard_normal((32, 1)).astype(
        "float32"
    )


class Resting(kdist.optimizers.SGD):
    """An optimizer that updates a copy."""

    def update_step(self, gradient, variable, learning_rate):
        self.assign(variable, variable.value)


def test_a_fit_that_changes_nothing_warns():
    made = model()
    made.compile(Resting(0.1), "mse")
    with pytest.warns(
        UserWarning, match=r"Training changes no parameter: after 16 update\(s\), .*bias"
    ):
        made.fit(*data(), batch_size=2, epochs=1, verbose=0)


def test_a_distributed_fit_that_changes_nothing_fails():
    with DataParallel(devices=kdist.distribution.list_devices()[:1]).scope():
        made = model()
        made.compile(Resting(0.1), "mse")
        with pytest.raises(RuntimeError, match="Training changes no parameter"):
            made.fit(*data(), batch_size=2, epochs=1, verbose=0)


def test_where_variables_are_sharded_one_update_must_tell():
    made = model()
    made.compile(Resting(0.1), "mse")
    watch = ChangeWatch(made, strict=True, patient=False)
    with pytest.raises(RuntimeError, match=r"after 1 update\(s\)"):
        watch.after_steps(1)


def test_a_rate_of_zero_is_waited_for():
    class Warm(kdist.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return kdist.ops.where(kdist.ops.less(step, 3), 0.0, 0.1)

    made = model()
    made.compile(kdist.optimizers.SGD(Warm()), "mse")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made.fit(*data(), batch_size=4, epochs=1, verbose=0)


def test_accumulation_is_waited_for():
    made = model()
    made.compile(kdist.optimizers.SGD(0.1, gradient_accumulation_steps=3), "mse")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made.fit(*data(), batch_size=4, epochs=1, verbose=0)


def test_a_model_without_parameters_says_so():
    made = kdist.Sequential([kdist.Input((1,)), layers.Rescaling(2.0)])
    made.compile("sgd", "mse")
    x, _ = data()
    with pytest.warns(UserWarning, match="has no trainable variables"):
        made.fit(x[:, :1], x[:, :1], epochs=1, verbose=0)


# ---- the watchdog
def test_a_process_alone_is_not_watched():
    before = threading.active_count()
    with watchdog.watchdog(SingleProcess(), SimpleNamespace(epoch=0, batch=0, step=0)):
        assert threading.active_count() == before


def test_a_hang_is_reported_with_rank_and_stack_of_all(monkeypatch, capsys):
    monkeypatch.setenv("KDIST_HANG_TIMEOUT_S", "0.2")
    monkeypatch.setattr(watchdog, "_GRACE_S", 0.3)
    together = Together(2)
    monkeypatch.setattr(watchdog, "_starts", itertools.repeat(0))
    place = SimpleNamespace(epoch=1, batch=5, step=25)
    with watchdog.watchdog(together.of(0), place), watchdog.watchdog(together.of(1), place):
        deadline = time.monotonic() + 20
        text = ""
        while text.count("rank 1 of 2 has made no step") < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
            text += capsys.readouterr().err
    assert "rank 0 of 2 has made no step" in text
    assert text.count("rank 1 of 2 has made no step") == 2  # by itself, and repeated by the chief
    assert "It is in epoch 2, after 5 batches" in text
    assert "test_a_hang_is_reported_with_rank_and_stack_of_all" in text


def test_steps_keep_the_watchdog_quiet(monkeypatch, capsys):
    monkeypatch.setenv("KDIST_HANG_TIMEOUT_S", "0.4")
    place = SimpleNamespace(epoch=0, batch=0, step=0)
    with watchdog.watchdog(Together(2).of(0), place):
        for _ in range(20):
            time.sleep(0.05)
            place.step += 1
    assert capsys.readouterr().err == ""


def test_a_limit_that_is_no_number(monkeypatch):
    monkeypatch.setenv("KDIST_HANG_TIMEOUT_S", "soon")
    with pytest.raises(ValueError, match="KDIST_HANG_TIMEOUT_S='soon' must be a number of seconds"):
        watchdog.watchdog(Together(2).of(0), SimpleNamespace())
