"""Which layers' parameters are gathered together."""

from __future__ import annotations

from kdist import Input, Model, Sequential, layers
from kdist.distribution.units import containers, units_of


def everything(variable) -> bool:
    return variable.trainable


def names(units) -> list[str]:
    return [unit.layer.name for unit in units]


class Twice(layers.Layer):
    """Holds a layer, and may hold one that others hold too."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner, self.second = inner, layers.Dense(3, name="second")

    def call(self, x):
        return self.second(self.inner(x))


def test_models_are_looked_into_and_other_layers_are_units():
    inner = Sequential([Input((3,)), layers.Dense(4, name="a"), layers.ReLU()], name="inner")
    model = Sequential([Input((3,)), inner, Twice(layers.Dense(3, name="b"), name="twice")])
    units, rest = units_of(model, everything)
    assert names(units) == ["a", "twice"]
    assert [len(u.variables) for u in units] == [2, 4]
    assert rest.variables == ()
    assert [m.name for m in containers(model)] == [model.name, "inner"]


def test_a_layer_that_is_called_twice_is_one_unit():
    dense = layers.Dense(3, name="dense")
    x = Input((3,))
    units, rest = units_of(Model(x, dense(dense(x))), everything)
    assert names(units) == ["dense"]
    assert rest.variables == ()


def test_what_several_units_use_is_gathered_for_the_whole_run():
    common = layers.Dense(3, name="common")
    x = Input((3,))
    model = Model(x, common(Twice(common, name="twice")(x)))
    units, rest = units_of(model, everything)
    assert names(units) == ["twice"]
    assert {v.path.rsplit("/", 2)[-2] for v in units[0].variables} == {"second"}
    assert list(rest.variables) == common.trainable_variables


def test_what_a_model_holds_itself_is_gathered_for_the_whole_run():
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3, name="dense")
            self.scale = self.add_weight(shape=(3,), name="scale")

        def call(self, x):
            return self.dense(x) * self.scale

    model = Own()
    model.build((None, 3))
    units, rest = units_of(model, everything)
    assert names(units) == ["dense"]
    assert [v.name for v in rest.variables] == ["scale"]
    assert rest.layer is model


def test_layers_without_gathered_variables_are_no_units():
    model = Sequential([Input((3,)), layers.Dense(3, name="a"), layers.Dense(2, name="b")])
    units, _ = units_of(model, lambda v: v is model.layers[0].kernel)
    assert names(units) == ["a"]


def test_small_layers_are_gathered_with_the_model_up_to_a_limit():
    model = Sequential(
        [Input((4,)), *(layers.Dense(4, name=n) for n in "abc"), layers.Dense(64, name="big")]
    )
    nbytes = 4 * (4 * 4 + 4)
    units, rest = units_of(model, everything, small=nbytes + 1, together=2 * nbytes)
    assert names(units) == ["c", "big"]
    assert len(rest.variables) == 4
