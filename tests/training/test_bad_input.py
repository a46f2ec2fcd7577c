"""What does not fit is refused by name, with the value and the remedy."""

from __future__ import annotations

import numpy as np
import pytest

import kdist
from kdist import layers
from kdist.backend import bound as backend
from kdist.data import OutOfDataError
from kdist.distribution import DataParallel, set_distribution


def model(loss="mse", **arguments):
    made = kdist.Sequential([kdist.Input((6,)), layers.Dense(3, name="out")], name="small")
    made.compile("sgd", loss, **arguments)
    return made


def two_outputs(loss):
    x = kdist.Input((6,))
    made = kdist.Model(x, [layers.Dense(2, name="one")(x), layers.Dense(1, name="two")(x)])
    made.compile("sgd", loss)
    return made


def zeros(*shape):
    return np.zeros(shape, "float32")


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_training_before_compile(method):
    plain = kdist.Sequential([kdist.Input((6,)), layers.Dense(3)])
    with pytest.raises(
        ValueError, match=r"Call model.compile\(optimizer=..., loss=...\) before model." + method
    ):
        getattr(plain, method)(zeros(4, 6), zeros(4, 3))


def test_lengths_that_differ():
    with pytest.raises(
        ValueError, match=r"x has 8 samples \(shape \(8, 6\)\) and y has 7 \(shape \(7, 3\)\)"
    ):
        model().fit(zeros(8, 6), zeros(7, 3), verbose=0)


@pytest.mark.parametrize("method", ["fit", "predict"])
def test_an_input_of_another_shape_names_the_layer_and_both_shapes(method):
    data = (zeros(8, 5), zeros(8, 3)) if method == "fit" else (zeros(8, 5),)
    with pytest.raises(
        ValueError,
        match=r'layer "small" is incompatible.*expected shape=\(None, 6\), found shape=\(8, 5\)',
    ):
        getattr(model(), method)(*data, verbose=0)


def test_an_unbuilt_model_names_the_layer_that_cannot_take_its_input():
    made = kdist.Sequential(
        [layers.Dense(4, name="first"), layers.Conv2D(2, 3, name="second")], name="chain"
    )
    made.compile("sgd", "mse")
    with pytest.raises(
        ValueError, match=r'layer "second" is incompatible.*ndim=4.*found shape=\(None, 4\)'
    ):
        made.fit(zeros(8, 6), zeros(8, 3), verbose=0)


def test_targets_of_another_shape():
    with pytest.raises(
        ValueError,
        match=r"y has shape \(8, 5\) and the output 'out' \(8, 3\).*'mean_squared_error' cannot compare",
    ):
        model().fit(zeros(8, 6), zeros(8, 5), verbose=0)


def test_no_targets_for_a_loss():
    with pytest.raises(
        ValueError, match=r"model 'small' got loss='mse', and the data has no targets y"
    ):
        model().fit(zeros(8, 6), verbose=0)


def test_nothing_to_minimise():
    with pytest.raises(ValueError, match=r"'small' has nothing to minimise: pass loss="):
        model(None).fit(zeros(8, 6), zeros(8, 3), verbose=0)


def test_one_array_of_targets_for_two_outputs():
    with pytest.raises(
        ValueError,
        match=r"y is one array of shape \(8, 2\), and 2 outputs have a loss: \['one', 'two'\]",
    ):
        two_outputs("mse").fit(zeros(8, 6), zeros(8, 2), verbose=0)


def test_three_targets_for_two_outputs():
    with pytest.raises(ValueError, match=r"y has 3 parts, and the model has 2 outputs"):
        two_outputs("mse").fit(zeros(8, 6), [zeros(8, 2), zeros(8, 1), zeros(8, 1)], verbose=0)


def test_targets_without_an_output_that_has_a_loss():
    with pytest.raises(
        ValueError, match=r"y has no entry for the output 'two'; its keys are \['one'\]"
    ):
        two_outputs({"one": "mse", "two": "mse"}).fit(zeros(8, 6), {"one": zeros(8, 2)}, verbose=0)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ({"three": "mse"}, r"no output named 'three'. The model's outputs are \['one', 'two'\]"),
        (["mse", "mse", "mse"], r"loss has 3 entries for 2 outputs: \['one', 'two'\]"),
    ],
)
def test_losses_that_fit_no_output(loss, message):
    with pytest.raises(ValueError, match=message):
        two_outputs(loss).fit(zeros(8, 6), [zeros(8, 2), zeros(8, 1)], verbose=0)


@pytest.mark.parametrize(("argument", "kind"), [("optimizer", "optimizer"), ("loss", "loss")])
def test_names_that_are_not_known(argument, kind):
    made = kdist.Sequential([kdist.Input((6,)), layers.Dense(3)])
    with pytest.raises(ValueError, match=rf"{kind}='sgdd' is not known. Use one of"):
        made.compile(**{"optimizer": "sgd", "loss": "mse", argument: "sgdd"})
        made.fit(zeros(8, 6), zeros(8, 3), verbose=0)


def test_a_generator_that_runs_dry():
    def three():
        for _ in range(3):
            yield zeros(4, 6), zeros(4, 3)

    made = model()
    with pytest.raises(
        OutOfDataError,
        match=r"generator ran dry at batch 2 of 2 in epoch 2, after 3 batches.*while True",
    ):
        made.fit(three(), steps_per_epoch=2, epochs=2, verbose=0)
    # What was trained is not lost, and the model can be trained on.
    made.fit(zeros(4, 6), zeros(4, 3), verbose=0)


def test_an_empty_generator():
    with pytest.raises(OutOfDataError, match="the generator gave no batch at all"):
        model().fit(iter(()), verbose=0)


def test_more_steps_than_data():
    with pytest.raises(
        OutOfDataError, match=r"steps_per_epoch=9, but 8 samples in batches of 4 make 2 batches"
    ):
        model().fit(zeros(8, 6), zeros(8, 3), batch_size=4, steps_per_epoch=9, verbose=0)


def test_two_kinds_of_validation_data():
    with pytest.raises(ValueError, match="validation_split or validation_data, not both"):
        model().fit(
            zeros(8, 6),
            zeros(8, 3),
            validation_split=0.5,
            validation_data=(zeros(8, 6), zeros(8, 3)),
            verbose=0,
        )


# On torch a process drives one device; the others are asked for one that is not there.
REFUSED = {
    "jax": (["cpu:0", "cpu:99"], "cpu:99"),
    "tensorflow": (["cpu:0", "cpu:99"], "there is no device 'cpu:99'"),
    "torch": (["cpu:0", "cpu:1"], "Start as many processes as devices"),
}


def test_a_strategy_that_the_backend_cannot_run_is_refused_at_compile():
    devices, message = REFUSED[backend.name]
    made = kdist.Sequential([kdist.Input((6,)), layers.Dense(3)])
    set_distribution(DataParallel(devices=devices))
    try:
        with pytest.raises(ValueError, match=message):
            made.compile("sgd", "mse")
    finally:
        set_distribution(None)
    assert not made.compiled


def test_a_strategy_of_the_wrong_type():
    with pytest.raises(
        ValueError,
        match=r"set_distribution expects a strategy such as DataParallel\(\), and received 'ddp'",
    ):
        set_distribution("ddp")
