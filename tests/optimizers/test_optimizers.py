"""Trajectories of every optimizer against Keras's and against the papers' formulas in float64."""

from __future__ import annotations

import inspect
import math
import pickle
import warnings

import numpy as np
import pytest

from kdist import ops, optimizers
from kdist.backend import bound as backend
from kdist.backend.variable import Variable
from kdist.optimizers import schedules

SHAPES = [("kernel", (3, 2)), ("bias", (2,)), ("scale", ())]
CASES = {
    "sgd": ("SGD", {"learning_rate": 0.1}),
    "sgd-momentum": ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    "sgd-nesterov": ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    "adam": ("Adam", {"learning_rate": 0.01}),
    "adam-epsilon": ("Adam", {"learning_rate": 0.01, "epsilon": 0.1, "beta_1": 0.5}),
    "amsgrad": ("Adam", {"learning_rate": 0.01, "amsgrad": True}),
    "adamw": ("AdamW", {"learning_rate": 0.01, "weight_decay": 0.1}),
    "rmsprop": ("RMSprop", {"learning_rate": 0.01}),
    "rmsprop-all": ("RMSprop", {"learning_rate": 0.01, "momentum": 0.5, "centered": True}),
    "adagrad": ("Adagrad", {"learning_rate": 0.1}),
    "adadelta": ("Adadelta", {"learning_rate": 1.0}),
    "adamax": ("Adamax", {"learning_rate": 0.01}),
    "nadam": ("Nadam", {"learning_rate": 0.01}),
    "lion": ("Lion", {"learning_rate": 0.01}),
    "clipnorm": ("SGD", {"learning_rate": 0.1, "clipnorm": 0.5}),
    "clipvalue": ("SGD", {"learning_rate": 0.1, "clipvalue": 0.3}),
    "global-clipnorm": ("Adam", {"learning_rate": 0.1, "global_clipnorm": 0.5}),
    "decay": ("SGD", {"learning_rate": 0.1, "weight_decay": 0.2}),
    "loss-scale": ("SGD", {"learning_rate": 0.1, "loss_scale_factor": 4.0}),
    "ema": ("Adam", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.8}),
    "ema-overwrite": (
        "SGD",
        {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3},
    ),
    "accumulation": ("Adam", {"learning_rate": 0.01, "gradient_accumulation_steps": 2}),
    "accumulation-all": (
        "AdamW",
        {
            "learning_rate": 0.01,
            "gradient_accumulation_steps": 3,
            "global_clipnorm": 0.5,
            "amsgrad": True,
        },
    ),
}


def start():
    rng = np.random.default_rng(2)
    return [rng.normal(size=shape).astype("float32") for _, shape in SHAPES]


def gradient(step):
    rng = np.random.default_rng(100 + step)
    return [rng.normal(size=shape).astype("float32") for _, shape in SHAPES]


def tensors(arrays):
    return [ops.convert_to_tensor(a) for a in arrays]


def variables():
    return [Variable(x, name=name) for x, (name, _) in zip(start(), SHAPES, strict=True)]


def values(found):
    return [v.numpy() for v in found]


def assert_close(mine, right, rtol=3e-5, atol=2e-6):
    assert len(mine) == len(right)
    for a, b in zip(mine, right, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def keras_variables(keras):
    return [keras.Variable(x, name=name) for x, (name, _) in zip(start(), SHAPES, strict=True)]


def keras_values(found):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch and TensorFlow warn of is Keras's business
        return [np.array(v.numpy()) for v in found]


def run_keras(keras, optimizer, model, steps=range(6)):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for step in steps:
            optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradient(step)], model)


@pytest.mark.parametrize("case", CASES)
def test_trajectory_and_state_equal_keras(keras, case):
    name, arguments = CASES[case]
    ours, theirs = (
        getattr(optimizers, name)(**arguments),
        getattr(keras.optimizers, name)(**arguments),
    )
    mine, right = variables(), keras_variables(keras)
    for step in range(6):
        ours.apply(tensors(gradient(step)), mine)
        run_keras(keras, theirs, right, [step])
        assert_close(values(mine), keras_values(right))
    # Nadam's running product has no name in Keras: "variable", "variable_1", ...
    names = [v.path.split("/")[-1] for v in theirs.variables]
    assert [v.path.split("/")[-1] for v in ours.variables if v.name != "u_product"] == [
        n for n in names if not n.startswith("variable")
    ]
    assert_close(values(ours.variables), keras_values(theirs.variables))


@pytest.mark.parametrize("case", CASES)
def test_stateless_apply_is_apply(case):
    name, arguments = CASES[case]
    one, two = (getattr(optimizers, name)(**arguments) for _ in range(2))
    stateful, model = variables(), variables()
    two.build(model)
    trainable, state = [v.value for v in model], [v.value for v in two.variables]
    before = values(model)
    for step in range(4):
        one.apply(tensors(gradient(step)), stateful)
        trainable, state = two.stateless_apply(state, tensors(gradient(step)), trainable)
    assert_close([ops.convert_to_numpy(x) for x in trainable], values(stateful))
    assert_close([ops.convert_to_numpy(x) for x in state], values(one.variables))
    assert_close(values(model), before, 0, 0)  # and nothing was changed


@pytest.mark.parametrize("case", CASES)
def test_state_is_saved_and_exchanged_with_keras(keras, case):
    name, arguments = CASES[case]
    ours, theirs = (
        getattr(optimizers, name)(**arguments),
        getattr(keras.optimizers, name)(**arguments),
    )
    mine, right = variables(), keras_variables(keras)
    for step in range(3):
        ours.apply(tensors(gradient(step)), mine)
    store = {}
    ours.save_own_variables(store)
    assert list(store) == [str(i) for i in range(len(ours.variables))]
    # Continued by Keras, and by a new optimizer of our own.
    theirs.build(right)
    theirs.load_own_variables(store)
    for v, x in zip(right, values(mine), strict=True):
        v.assign(x)
    again, model = getattr(optimizers, name)(**arguments), variables()
    again.build(model)
    again.load_own_variables(store)
    for v, x in zip(model, values(mine), strict=True):
        v.assign(x)
    for step in range(3, 6):
        ours.apply(tensors(gradient(step)), mine)
        again.apply(tensors(gradient(step)), model)
        run_keras(keras, theirs, right, [step])
    assert_close(values(model), values(mine), 1e-6, 1e-7)
    assert_close(values(mine), keras_values(right))


@pytest.mark.parametrize("case", CASES)
def test_config_is_kept_and_keras_takes_it(keras, case):
    name, arguments = CASES[case]
    ours = getattr(optimizers, name)(**arguments, name="mine")
    again = optimizers.deserialize(optimizers.serialize(ours))
    assert type(again) is type(ours) and again.get_config() == ours.get_config()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = keras.optimizers.deserialize(optimizers.serialize(ours))
        right, config = theirs.get_config(), keras.optimizers.serialize(theirs)
    assert right == ours.get_config()
    back = optimizers.deserialize(config)
    assert back.get_config() == ours.get_config()


def adam_reference(w, steps, rate=0.01, b1=0.9, b2=0.999, epsilon=1e-7):
    """Kingma & Ba, 2014, the second form before section 2.1."""
    m = v = np.zeros_like(w)
    for t in range(1, steps + 1):
        g = gradient(t - 1)[0].astype("float64")
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        w = w - rate * math.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(v) + epsilon)
    return w


def sgd_reference(w, steps, rate=0.1, momentum=0.9):
    v = np.zeros_like(w)
    for t in range(steps):
        v = momentum * v - rate * gradient(t)[0].astype("float64")
        w = w + v
    return w


def rmsprop_reference(w, steps, rate=0.01, rho=0.9, epsilon=1e-7):
    v = np.zeros_like(w)
    for t in range(steps):
        g = gradient(t)[0].astype("float64")
        v = rho * v + (1 - rho) * g * g
        w = w - rate * g / np.sqrt(v + epsilon)
    return w


@pytest.mark.parametrize(
    ("make", "reference"),
    [
        (lambda: optimizers.Adam(0.01), adam_reference),
        (lambda: optimizers.SGD(0.1, momentum=0.9), sgd_reference),
        (lambda: optimizers.RMSprop(0.01), rmsprop_reference),
    ],
    ids=["adam", "sgd", "rmsprop"],
)
def test_formulas_in_float64(make, reference):
    optimizer, model = make(), variables()
    for step in range(20):
        optimizer.apply(tensors(gradient(step)), model)
    assert_close([model[0].numpy()], [reference(start()[0].astype("float64"), 20)])


def test_signatures_are_keras_s(keras):
    for module, theirs in ((optimizers, keras.optimizers), (schedules, keras.optimizers.schedules)):
        for name in module.__all__:
            if name in ("schedules", "LearningRateSchedule"):
                continue
            # Keras's optimizers have a __new__ on torch and its base an __init__ on TensorFlow that
            # hide the arguments.
            base = keras.src.optimizers.base_optimizer.BaseOptimizer
            each = (getattr(module, name), base if name == "Optimizer" else getattr(theirs, name))
            each = [x.__init__ if isinstance(x, type) else x for x in each]
            mine, right = (inspect.signature(x).parameters.values() for x in each)
            assert [(p.name, p.default) for p in mine] == [(p.name, p.default) for p in right], name


def test_every_row_belongs_to_an_optimizer():
    known = {n.lower() for n in optimizers.__all__}
    known |= {"weight_decay", "accumulate", "average", "square_sums", "whole"}
    assert set(backend.UPDATES) <= known


class Descent(optimizers.Optimizer):
    """As a user writes one."""

    def __init__(self, learning_rate=0.1, decay=None, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.inertia = 0.5

    def build(self, variables):
        super().build(variables)
        self.speeds = [self.add_variable_from_reference(v, name="speed") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        speed = self.speeds[self._get_variable_index(variable)]
        self.assign(speed, self.inertia * speed.value + gradient)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * speed.value)


def test_a_custom_optimizer():
    optimizer, model = Descent(), variables()
    for step in range(2):
        optimizer.apply(tensors(gradient(step)), model)
    g0, g1 = gradient(0)[0], gradient(1)[0]
    assert_close([model[0].numpy()], [start()[0] - 0.1 * g0 - 0.1 * (0.5 * g0 + g1)])
    assert [v.path for v in optimizer.variables] == [
        *("descent/iteration", "descent/learning_rate"),
        *("descent/kernel_speed", "descent/bias_speed", "descent/scale_speed"),
    ]


def test_a_subclass_of_a_built_in_runs_its_own_update():
    class Twice(optimizers.SGD):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(2.0 * gradient, variable, learning_rate)

    optimizer, model = Twice(0.1), variables()
    optimizer.apply(tensors(gradient(0)), model)
    assert_close([model[0].numpy()], [start()[0] - 0.2 * gradient(0)[0]])


def test_some_variables_in_another_order():
    """Slots follow their variables when a call passes fewer of them."""
    arguments = {"learning_rate": 0.1, "momentum": 0.9}
    one, two = optimizers.SGD(**arguments), optimizers.SGD(**arguments)
    a, b = variables(), variables()
    one.build(a)
    two.build(b)
    for step in range(3):
        g = tensors(gradient(step))
        one.apply([g[2], g[0]], [a[2], a[0]])
        two.apply([g[0], g[2]], [b[0], b[2]])
    assert_close(values(a), values(b), 1e-6, 1e-7)
    assert_close([a[1].numpy()], [start()[1]], 0, 0)


def test_missing_gradients():
    optimizer, model = optimizers.Adam(0.1), variables()
    g = tensors(gradient(0))
    with pytest.warns(UserWarning, match="bias"):
        optimizer.apply([g[0], None, g[2]], model)
    assert_close([model[1].numpy()], [start()[1]], 0, 0)
    assert (model[0].numpy() != start()[0]).all()
    with pytest.raises(ValueError, match="no gradient for any"):
        optimizer.apply([None, None, None], model)
    optimizer.apply([])
    assert int(optimizer.iterations) == 1


def test_apply_gradients_counts():
    optimizer, model = optimizers.SGD(0.1), variables()
    out = optimizer.apply_gradients(zip(tensors(gradient(0)), model, strict=True))
    assert int(out) == 1


def test_constraints_hold_after_the_update():
    optimizer, model = optimizers.SGD(10.0), variables()
    model[0].constraint = lambda w: ops.maximum(w, 0.0)
    optimizer.apply(tensors(gradient(0)), model)
    assert (model[0].numpy() >= 0).all() and (model[0].numpy() > 0).any()
    assert (model[1].numpy() < 0).any()


def test_weight_decay_exclusions():
    rate, decay = 0.1, 0.5
    optimizer, model = optimizers.SGD(rate, weight_decay=decay), variables()
    optimizer.exclude_from_weight_decay(var_list=[model[2]], var_names=["bias"])
    optimizer.apply([ops.zeros_like(v.value) for v in model], model)
    left = start()
    assert_close(values(model), [left[0] * (1 - rate * decay), left[1], left[2]], 1e-6)
    with pytest.raises(ValueError, match="before"):
        optimizer.exclude_from_weight_decay(var_names=["x"])


def test_learning_rate_can_be_set():
    optimizer, model = optimizers.SGD(0.1), variables()
    assert float(optimizer.learning_rate) == pytest.approx(0.1)
    optimizer.learning_rate = 1.0
    optimizer.apply(tensors(gradient(0)), model)
    assert_close([model[0].numpy()], [start()[0] - gradient(0)[0]])
    assert optimizer.get_config()["learning_rate"] == 1.0
    optimizer.learning_rate = schedules.ExponentialDecay(0.5, 1, 0.5)
    assert float(optimizer.learning_rate) == pytest.approx(0.25)  # at step 1
    assert [v.name for v in optimizer.variables] == ["iteration"]
    with pytest.raises(TypeError, match="ExponentialDecay"):
        optimizer.learning_rate = 0.1


def test_a_callable_rate():
    optimizer, model = optimizers.SGD(lambda: 0.25), variables()
    optimizer.apply(tensors(gradient(0)), model)
    assert_close([model[0].numpy()], [start()[0] - 0.25 * gradient(0)[0]])


def test_a_schedule_counts_steps_also_while_accumulating():
    schedule = schedules.PiecewiseConstantDecay([1], [1.0, 10.0])
    optimizer, model = optimizers.SGD(schedule, gradient_accumulation_steps=2), variables()
    for _ in range(4):
        optimizer.apply([ops.ones_like(v.value) for v in model], model)
    assert_close([model[0].numpy()], [start()[0] - 1.0 - 10.0], 1e-6)
    assert int(optimizer.iterations) == 2


def test_variables_that_take_their_gradient():
    """As scales of float8 training do."""
    for steps, right in ((None, [3.0, 1.0, 2.0, 5.0]), (2, [0.0, 3.0, 3.0, 5.0])):
        scale = Variable(0.0, name="scale")
        scale.overwrite_with_gradient = True
        weight = Variable(np.ones(2, "float32"), name="w")
        optimizer = optimizers.Adam(0.1, gradient_accumulation_steps=steps)
        seen = []
        for g in (3.0, 1.0, 2.0, 5.0):
            g = [ops.ones((2,)), ops.convert_to_tensor(g)]
            optimizer.apply(g, [weight, scale])
            seen.append(float(scale))
        assert seen == right
        assert optimizer._momentums[1] is None


def test_finalize_takes_the_averages():
    optimizer, model = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), variables()
    for step in range(2):
        optimizer.apply(tensors(gradient(step)), model)
    first = start()[0] - 0.1 * gradient(0)[0]
    optimizer.finalize_variable_values(model)
    assert_close([model[0].numpy()], [0.5 * first + 0.5 * (first - 0.1 * gradient(1)[0])], 1e-5)
    with pytest.raises(ValueError, match="3 variables"):
        optimizer.finalize_variable_values(model[:1])


def test_get():
    for name in ("adam", "Adam", "ADAM", "rmsprop", "RMSprop", "adamw", "sgd"):
        assert type(optimizers.get(name)).__name__.lower() == name.lower()
    found = optimizers.get({"class_name": "sgd", "config": {"learning_rate": 0.5}})
    assert isinstance(found, optimizers.SGD) and float(found.learning_rate) == 0.5
    assert optimizers.get(found) is found and optimizers.get(None) is None
    with pytest.raises(ValueError, match="optimizer='adamant'"):
        optimizers.get("adamant")
    with pytest.raises(ValueError, match="not an Optimizer"):
        optimizers.get(lambda: 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optimizers.SGD(learning_rate=1), "learning_rate=1"),
        (lambda: optimizers.SGD(momentum=2.0), "momentum=2.0"),
        (lambda: optimizers.Adam(lr=0.1), "lr"),
        (lambda: optimizers.Adam(clipnorm=1.0, clipvalue=1.0), "at most one"),
        (lambda: optimizers.Adam(gradient_accumulation_steps=1), "gradient_accumulation_steps=1"),
        (lambda: optimizers.Adam(use_ema=True, ema_momentum=2.0), "ema_momentum=2.0"),
        (lambda: optimizers.Adam(use_ema=True, ema_overwrite_frequency=0.5), "frequency=0.5"),
        (lambda: optimizers.AdamW(weight_decay=None), "weight_decay=None"),
        (lambda: optimizers.Lion(beta_1=0.0), "beta_1=0.0"),
        (lambda: optimizers.Adam().apply(tensors(gradient(0))), "needs the variables"),
        (lambda: optimizers.Adam().stateless_apply([], [], []), "built"),
        (lambda: optimizers.Adam().set_weights([]), "built"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_bad_calls():
    optimizer, model = optimizers.Adam(), variables()
    optimizer.build(model)
    g = tensors(gradient(0))
    with pytest.raises(ValueError, match="2 gradients, but was built with 3"):
        optimizer.apply(g[:2])
    with pytest.raises(ValueError, match="does not know the variable"):
        optimizer.apply(g, variables())
    with pytest.raises(ValueError, match="optimizer_variables has 0"):
        optimizer.stateless_apply([], g, [v.value for v in model])
    with pytest.raises(ValueError, match="weights has 1"):
        optimizer.set_weights([0])
    with pytest.warns(UserWarning, match="skipped"):
        optimizer.load_own_variables({"0": 1})
    with pytest.raises(NotImplementedError, match="update_step"):
        optimizers.Optimizer(0.1).apply(g, model)


def test_super_comes_first():
    class Hasty(optimizers.Optimizer):
        def __init__(self):
            self.rate = 1

    with pytest.raises(RuntimeError, match=r"Hasty.__init__ must call super"):
        Hasty()


def test_an_optimizer_can_be_copied_and_pickled():
    one, model = optimizers.Adam(0.1, weight_decay=0.1), variables()
    one.exclude_from_weight_decay(var_list=[model[1]])
    one.apply(tensors(gradient(0)), model)
    two, again = pickle.loads(pickle.dumps((one, model)))
    for o, m in ((one, model), (two, again)):
        o.apply(tensors(gradient(1)), m)
    assert_close(values(again), values(model), 1e-6, 1e-7)
    assert_close(values(two.variables), values(one.variables), 1e-6, 1e-7)


def test_set_weights():
    one, two = optimizers.Adam(0.1), optimizers.Adam(0.1)
    one.apply(tensors(gradient(0)), variables())
    two.build(variables())
    two.set_weights(values(one.variables))
    assert_close(values(two.variables), values(one.variables), 0, 0)
