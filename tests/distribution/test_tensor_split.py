"""Which dims of which variables tensor parallelism cuts, read off the model."""

from __future__ import annotations

import kdist
from kdist import layers
from kdist.distribution import LinearSplit, Parallelism, abstract_scope
from kdist.distribution.tensor_choices import tensor_choices

EIGHT = [f"cpu:{i}" for i in range(8)]
BIG = 1 << 16


def choices(model, count: int = 4) -> dict[str, tuple]:
    chosen = tensor_choices(model, count, BIG)
    return {
        f"{layer.name}/{v.name}": (chosen[id(v)].dim, chosen[id(v)].why)
        for layer in model._flatten_layers(include_self=False)
        for v in layer._own_trainable
        if id(v) in chosen
    }


def sequential(*parts):
    return kdist.Sequential([kdist.Input((8,)), *parts])


def test_a_pair_is_cut_by_columns_and_rows_and_its_last_bias_is_whole():
    found = choices(
        sequential(layers.Dense(16, name="up"), layers.ReLU(), layers.Dense(8, name="down"))
    )
    assert found == {
        "up/kernel": (1, "columns of a pair"),
        "up/bias": (0, "columns of a pair"),
        "down/kernel": (0, "rows of a pair"),
    }


def test_what_mixes_features_keeps_products_apart():
    found = choices(
        sequential(
            layers.Dense(16, name="up"), layers.LayerNormalization(), layers.Dense(8, name="down")
        )
    )
    assert {dim for dim, _ in found.values()} == {None}
    assert "alone, and smaller than min_size" in found["up/kernel"][1]


def test_sizes_that_do_not_divide_are_left():
    found = choices(sequential(layers.Dense(18, name="up"), layers.Dense(8, name="down")))
    assert found["up/kernel"] == (None, "18 features do not divide by 4")


def gated():
    x = inputs = kdist.Input((8,))
    gate = layers.Dense(16, activation="silu", use_bias=False, name="gate")(x)
    up = layers.Dense(16, use_bias=False, name="up")(x)
    return kdist.Model(inputs, layers.Dense(8, name="down")(layers.Multiply()([gate, up])))


def test_both_sides_of_a_gated_block_pair_with_what_follows():
    found = choices(gated())
    assert found["gate/kernel"] == found["up/kernel"] == (1, "columns of a pair")
    assert found["down/kernel"] == (0, "rows of a pair")


def test_a_gated_block_sums_once_each_way():
    model = gated()
    model.compile("sgd", "mse")
    plan = Parallelism(tensor=4, devices=EIGHT[:4], min_size=1).plan(model, batch_size=4)
    found = {(c.kind, c.purpose): c.count for c in plan.collectives}
    assert found[("all-reduce", "activations, forward")] == 1
    assert not any(kind == "all-gather" for kind, _ in found)


def test_attention_is_cut_by_heads_and_embeddings_by_rows():
    with abstract_scope():
        x = inputs = kdist.Input((6,), dtype="int32")
        x = layers.Embedding(32, 16, name="embed")(x)
        model = kdist.Model(inputs, layers.MultiHeadAttention(4, 4, name="mha")(x, x))
    found = choices(model)
    assert found["embed/embeddings"][0] == 0
    assert found["query/kernel"][0] == 1 and found["query/bias"][0] == 0
    assert found["attention_output/kernel"][0] == 0
    assert "attention_output/bias" not in found


def test_a_layer_of_one_s_own_takes_part():
    class Product(layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight((input_shape[-1], 12), name="w")

        def call(self, x):
            return kdist.ops.matmul(x, self.w)

        def tensor_split(self):
            n, m = self.w.shape
            return LinearSplit(n, m, columns=((self.w, 1),), rows=((self.w, 0),))

    found = choices(sequential(Product(name="mine"), layers.Dense(8, name="down")))
    assert found["mine/w"] == (1, "columns of a pair")
    assert found["down/kernel"] == (0, "rows of a pair")


COLUMNS, ROWS = (1, "columns of a pair"), (0, "rows of a pair")


def kernels(function) -> dict[str, tuple]:
    """What is chosen for the kernels of a functional model, by the names of its layers."""
    inputs = kdist.Input((8,))
    model = kdist.Model(inputs, function(inputs))
    return {k.removesuffix("/kernel"): v for k, v in choices(model).items() if "kernel" in k}


def dense(units: int, name: str):
    return layers.Dense(units, name=name)


def are_whole(*found) -> bool:
    return {dim for dim, _ in found} == {None}


def test_pairs_are_made_of_what_follows_each_other():
    """The model holds the first products of both branches before the second ones."""

    def sides(x):
        left, right = dense(16, "a")(x), dense(16, "c")(x)
        return layers.Add()([dense(8, "b")(left), dense(8, "d")(right)])

    found = kernels(sides)
    assert list(found) == ["a", "c", "b", "d"]
    assert found["a"] == found["c"] == COLUMNS
    assert found["b"] == found["d"] == ROWS


def test_all_that_take_features_are_cut_by_rows_or_none_is():
    def twice(x):
        x = dense(16, "up")(x)
        return layers.Add()([dense(8, "one")(x), dense(8, "other")(layers.ReLU()(x))])

    def also(x):
        x = dense(16, "up")(x)
        return layers.Concatenate()([dense(8, "one")(x), x])

    assert kernels(twice) == {"up": COLUMNS, "one": ROWS, "other": ROWS}
    assert are_whole(*kernels(also).values())


def test_both_sides_of_an_elementwise_layer_are_cut_or_none_is():
    def half(x):
        up = layers.Multiply()([dense(16, "up")(x), layers.Concatenate()([x, x])])
        return dense(8, "down")(up)

    assert are_whole(*kernels(half).values())


def test_what_the_model_gives_is_no_pair_s():
    inputs = kdist.Input((8,))
    hidden = dense(16, "up")(inputs)
    model = kdist.Model(inputs, [hidden, dense(8, "down")(hidden)])
    assert are_whole(*choices(model).values())


def test_operations_between_products():
    def single_elements(x):
        gate = kdist.ops.silu(dense(16, "gate")(x))
        return dense(8, "down")(gate * dense(16, "up")(x) + 1.0)

    def all_elements(x):
        return dense(8, "down")(kdist.ops.softmax(dense(16, "up")(x)))

    assert kernels(single_elements) == {"gate": COLUMNS, "up": COLUMNS, "down": ROWS}
    assert are_whole(*kernels(all_elements).values())


def test_layers_that_are_called_twice():
    """Each call's input and output lies as the others'."""

    def alike(x):
        up, down = dense(16, "up"), dense(8, "down")
        return layers.Subtract()([down(up(x)), down(up(layers.ReLU()(x)))])

    def apart(x):
        up = dense(16, "up")
        return layers.Concatenate()([dense(8, "down")(up(x)), up(layers.ReLU()(x))])

    assert kernels(alike) == {"up": COLUMNS, "down": ROWS}
    assert are_whole(*kernels(apart).values())


def test_features_flow_into_models_within_and_out_of_them():
    def within(x):
        inputs = kdist.Input((16,))
        inner = kdist.Model(
            inputs, dense(16, "b")(layers.ReLU()(dense(12, "c")(dense(8, "d")(inputs))))
        )
        return dense(8, "e")(inner(dense(16, "a")(x)))

    model_s = kernels(within)
    assert model_s["a"] == model_s["c"] == COLUMNS
    assert model_s["d"] == model_s["b"] == ROWS
    assert are_whole(model_s["e"])


class Held(layers.Layer):
    """A layer of which nothing is known but the layers in it."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = list(parts)

    def build(self, shape):
        for part, size in zip(self.parts, (8, 8, 16), strict=True):
            part.build((None, size))

    def call(self, x):
        gate, up, down = self.parts
        return x + down(gate(x) * up(x))


def test_where_the_flow_is_not_known_layers_are_a_chain():
    def held(x):
        return Held(dense(16, "gate"), dense(16, "up"), dense(8, "down"))(dense(8, "before")(x))

    found = kernels(held)
    assert found["gate"] == found["up"] == COLUMNS and found["down"] == ROWS
    assert are_whole(found["before"])  # the layer may want it whole: here it does
