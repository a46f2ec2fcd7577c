"""The list: order, which hooks are called, restored state, cleaning up."""

from __future__ import annotations

import pytest

from kdist.callbacks import (
    Callback,
    CallbackList,
    EarlyStopping,
    History,
    LambdaCallback,
    ModelCheckpoint,
    ProgbarLogger,
    ShardedCheckpoint,
    TensorBoard,
    TerminateOnNaN,
)


class Model:
    history = None


class Recorder(Callback):
    """Notes every hook of every kind."""

    def __init__(self, events, name="recorder"):
        super().__init__()
        self.events, self.name = events, name

    def __getattribute__(self, name):
        if name.startswith("on_"):
            events = object.__getattribute__(self, "events")
            return lambda *args, **kwargs: events.append(name)
        return object.__getattribute__(self, name)


HOOKS = [n for n in dir(Callback) if n.startswith("on_")]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_reaches_the_callbacks(hook):
    events = []
    callback = Recorder(events)
    setattr(callback, hook, None)  # on the object: it has batch hooks of all kinds
    callback.on_train_batch_end = callback.on_test_batch_end = callback.on_predict_batch_end = None
    handlers = CallbackList([callback])
    takes = {"epoch": (3, {}), "batch": (3, {}), "interrupted": ()}
    kind = next((k for k in takes if k in hook), None)
    getattr(handlers, hook)(*takes.get(kind, ({},)))
    assert events == [hook]


def test_order(tmp_path):
    saver, own, early = ShardedCheckpoint(tmp_path), Callback(), EarlyStopping()
    handlers = CallbackList([saver, own, early], add_history=True, add_progbar=True)
    assert [type(c) for c in handlers.callbacks] == [
        Callback,
        EarlyStopping,
        History,
        ProgbarLogger,
        ShardedCheckpoint,
    ]


def test_a_history_and_a_bar_of_the_user_are_used():
    history, bar = History(), ProgbarLogger()
    handlers = CallbackList([history, bar], add_history=True, add_progbar=True, model=Model())
    assert handlers.callbacks == [history, bar]
    assert handlers.history is history
    assert handlers.model.history is history


def test_model_and_params_reach_all():
    model, callback = Model(), Callback()
    CallbackList([callback], model=model, epochs=3, steps=None, verbose=0)
    assert callback.model is model
    assert callback.params == {"epochs": 3, "steps": None, "verbose": 0}


def test_a_single_callback_and_nested_lists():
    a, b = Callback(), Callback()
    assert CallbackList(a).callbacks == [a]
    assert CallbackList([a, [b]]).callbacks == [a, b]
    assert CallbackList(None).callbacks == []


@pytest.mark.parametrize("wrong", [EarlyStopping, "early", print])
def test_what_is_no_callback(wrong):
    with pytest.raises(TypeError, match="is no callback"):
        CallbackList([wrong])


class Train(Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass


class OldName(Callback):
    def on_batch_begin(self, batch, logs=None):
        pass


class Test(Callback):
    __test__ = False

    def on_test_batch_begin(self, batch, logs=None):
        pass


class Predict(Callback):
    def on_predict_batch_end(self, batch, logs=None):
        pass


@pytest.mark.parametrize(
    ("make", "watched"),
    [
        (Callback, ""),
        (History, ""),
        (EarlyStopping, ""),
        (Train, "train"),
        (OldName, "train"),
        (Test, "test"),
        (Predict, "predict"),
        (TerminateOnNaN, "train"),
        (lambda: LambdaCallback(on_epoch_end=print), ""),
        (lambda: LambdaCallback(on_train_batch_end=print), "train"),
        (lambda: ModelCheckpoint("a.keras"), ""),
        (lambda: ModelCheckpoint("a.keras", save_freq=5), "train"),
        (lambda: ShardedCheckpoint("a"), ""),
        (lambda: ShardedCheckpoint("a", save_freq=5), "train"),
        (lambda: TensorBoard("a"), ""),
        (lambda: TensorBoard("a", update_freq="batch"), "train"),
    ],
)
def test_who_watches_batches(make, watched):
    handlers = CallbackList([make()])
    seen = {k for k in ("train", "test", "predict") if getattr(handlers, f"watches_{k}_batches")}
    assert seen == ({watched} - {""})


def test_the_last_epochs_logs_come_to_train_end():
    got = []
    handlers = CallbackList([LambdaCallback(on_train_end=got.append)])
    handlers.on_epoch_end(0, {"loss": 2.0})
    handlers.on_epoch_end(1, {"loss": 1.0})
    handlers.on_train_end()
    assert got == [{"loss": 1.0}]


def test_what_a_callback_adds_to_the_logs_is_in_the_history():
    def add(epoch, logs):
        logs["extra"] = epoch * 10

    handlers = CallbackList([LambdaCallback(on_epoch_end=add)], add_history=True)
    handlers.on_train_begin()
    for epoch in range(2):
        handlers.on_epoch_end(epoch, {"loss": 1.0})
    assert handlers.history.history == {"loss": [1.0, 1.0], "extra": [0, 10]}
    assert handlers.history.epoch == [0, 1]


def test_every_callback_cleans_up_and_the_first_error_stays():
    done = []

    class Fails(Callback):
        def on_interrupted(self):
            raise OSError("disk on fire")

    handlers = CallbackList([Fails(), LambdaCallback(on_interrupted=lambda: done.append(1))])
    with pytest.raises(RuntimeError, match="the cause") as info:
        try:
            raise RuntimeError("the cause")
        except RuntimeError:
            handlers.on_interrupted()
            raise
    assert done == [1]
    assert info.value.__notes__ == ["Fails.on_interrupted: OSError: disk on fire"]


def test_an_unknown_hook():
    with pytest.raises(TypeError, match=r"on_epoch_ends=.*no such hook"):
        LambdaCallback(on_epoch_ends=print)


def test_resume_needs_a_checkpoint(tmp_path):
    saver = ShardedCheckpoint(tmp_path)
    assert CallbackList.checkpoint_of([Callback(), saver]) is saver
    for callbacks in (None, [], [EarlyStopping()]):
        with pytest.raises(ValueError, match="ShardedCheckpoint"):
            CallbackList.checkpoint_of(callbacks)
