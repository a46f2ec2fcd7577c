"""Which dims of which variables tensor parallelism cuts, read off the model."""

from __future__ import annotations

import kdist
from kdist import layers
from kdist.distribution import LinearSplit, Parallelism, abstract_scope
from kdist.distribution.tensor_split import tensor_choices

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
