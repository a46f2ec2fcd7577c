"""What layers do that outputs beside Keras's do not show: noise, masks, losses, refusals,
adaptation.
"""

from __future__ import annotations

import numpy as np
import pytest

from kdist import layers, ops
from kdist.core import masks
from kdist.core.graph import KerasTensor
from kdist.core.replicas import step_scope
from kdist.models import Model

L = layers


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def numpy(x):
    return ops.convert_to_numpy(x)


# ---- noise
def test_dropout_drops_and_keeps_the_mean():
    x = np.ones((200, 50), "float32")
    layer = L.Dropout(0.3, seed=1)
    first, second = numpy(layer(x, training=True)), numpy(layer(x, training=True))
    np.testing.assert_allclose(np.unique(first), [0, 1 / 0.7], rtol=1e-6)
    assert abs((first == 0).mean() - 0.3) < 0.02
    assert (first != second).any()  # the seed moves on
    np.testing.assert_array_equal(numpy(layer(x, training=False)), x)
    np.testing.assert_array_equal(numpy(layer(x)), x)
    np.testing.assert_array_equal(numpy(L.Dropout(0.3, seed=1)(x, training=True)), first)


def test_a_noise_shape_repeats_the_mask():
    out = numpy(
        L.Dropout(0.5, noise_shape=(None, 1, None))(np.ones((4, 6, 8), "float32"), training=True)
    )
    assert (out == out[:, :1]).all()
    assert (out == 0).any()
    assert (out != 0).any()


@pytest.mark.parametrize(
    "layer, axes",
    [
        (L.SpatialDropout1D(0.5, seed=3), (1,)),
        (L.SpatialDropout2D(0.5, seed=3), (1, 2)),
        (L.SpatialDropout3D(0.5, seed=3), (1, 2, 3)),
        (L.SpatialDropout2D(0.5, data_format="channels_first", seed=3), (2, 3)),
    ],
)
def test_spatial_dropout_drops_whole_channels(layer, axes):
    shape = [8] * (len(axes) + 2)
    out = numpy(layer(np.ones(shape, "float32"), training=True))
    dropped = (out == 0).all(axis=axes)
    assert (dropped == (out == 0).any(axis=axes)).all()
    assert dropped.any()
    assert not dropped.all()


def test_noise_has_its_moments():
    x = np.full((300, 40), 2.0, "float32")
    noisy = numpy(L.GaussianNoise(0.5, seed=0)(x, training=True))
    assert abs(noisy.std() - 0.5) < 0.01
    assert abs(noisy.mean() - 2) < 0.02
    alpha = L.AlphaDropout(0.3, seed=0)
    out = numpy(alpha(draw(400, 50), training=True))
    assert abs(out.mean()) < 0.03
    assert abs(out.std() - 1) < 0.03
    multiplied = numpy(L.GaussianDropout(0.2, seed=0)(x, training=True))
    assert abs(multiplied.std() - 2 * 0.5) < 0.03
    assert abs(multiplied.mean() - 2) < 0.03


def test_noise_without_a_rate_has_no_seed():
    assert L.Dropout(0.0).variables == []
    assert len(L.Dropout(0.1).variables) == 1
    assert L.Dropout(0.1).weights == []


# ---- masks
def test_masks_go_from_embedding_through_layers():
    ids = np.array([[3, 4, 0, 0], [5, 0, 0, 0]], "int32")
    x = L.Embedding(9, 4, mask_zero=True)(ids)
    x = L.LayerNormalization()(L.Dropout(0.1)(L.Dense(4)(x)))
    np.testing.assert_array_equal(numpy(masks.get_keras_mask(x)), ids != 0)
    averaged = numpy(L.GlobalAveragePooling1D()(x))
    expected = [numpy(x)[0, :2].mean(0), numpy(x)[1, :1].mean(0)]
    np.testing.assert_allclose(averaged, expected, rtol=1e-5, atol=1e-6)
    assert masks.get_keras_mask(L.GlobalAveragePooling1D()(x)) is None


def test_masking_hides_steps():
    x = np.array([[[1.0, 2.0], [7.0, 7.0], [7.0, 1.0]]], "float32")
    out = L.Masking(7.0)(x)
    np.testing.assert_array_equal(numpy(masks.get_keras_mask(out)), [[True, False, True]])
    np.testing.assert_array_equal(numpy(out), [[[1, 2], [0, 0], [7, 1]]])


def test_merged_masks():
    a, b = (masked(draw(1, 3, 2, seed=s)) for s in (0, 1))
    masks.set_keras_mask(a, ops.convert_to_tensor(np.array([[True, False, False]])))
    masks.set_keras_mask(b, ops.convert_to_tensor(np.array([[True, True, False]])))
    either = np.array([[True, True, False]])
    np.testing.assert_array_equal(numpy(masks.get_keras_mask(L.Add()([a, b]))), either)
    out = L.Maximum()([a, b])
    np.testing.assert_array_equal(numpy(masks.get_keras_mask(out)), either)
    expected = np.maximum(numpy(a), numpy(b))
    expected[0, 1] = numpy(b)[0, 1]
    np.testing.assert_array_equal(numpy(out)[0, :2], expected[0, :2])
    joined = L.Concatenate(axis=1)([a, masked(draw(1, 2, 2))])
    np.testing.assert_array_equal(
        numpy(masks.get_keras_mask(joined)), [[True, False, False, True, True]]
    )


def masked(x):
    return ops.convert_to_tensor(x)


@pytest.mark.parametrize("kwargs", [{}, {"dropout": 0.1}])  # fused, and by scores
def test_masked_keys_have_no_influence_on_attention(kwargs):
    layer = L.MultiHeadAttention(2, 4, **kwargs)
    query, value = draw(2, 3, 4), draw(2, 5, 4, seed=1)
    mask = np.array([[True, True, True, False, False], [True] * 5])
    attention_mask = np.broadcast_to(mask[:, None], (2, 3, 5))
    first = numpy(layer(query, value, attention_mask=attention_mask))
    changed = value.copy()
    changed[0, 3:] = 50.0
    np.testing.assert_allclose(
        numpy(layer(query, changed, attention_mask=attention_mask)), first, rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(
        numpy(layer(query, changed, value_mask=mask)), first, rtol=1e-5, atol=1e-5
    )
    assert abs(numpy(layer(query, changed)) - first).max() > 1e-3


@pytest.mark.parametrize("kwargs", [{}, {"dropout": 0.1}])
def test_causal_attention_does_not_see_later_steps(kwargs):
    layer = L.MultiHeadAttention(2, 4, **kwargs)
    x = draw(1, 5, 4)
    first = numpy(layer(x, x, use_causal_mask=True))
    changed = x.copy()
    changed[0, 3:] = 50.0
    again = numpy(layer(changed, changed, use_causal_mask=True))
    np.testing.assert_allclose(again[:, :3], first[:, :3], rtol=1e-5, atol=1e-5)
    assert abs(again[:, 3:] - first[:, 3:]).max() > 1e-3


def test_attention_scores_are_weights():
    layer = L.MultiHeadAttention(2, 4)
    _, scores = layer(draw(2, 3, 4), draw(2, 5, 4), return_attention_scores=True)
    np.testing.assert_allclose(numpy(scores).sum(-1), np.ones((2, 2, 3)), rtol=1e-5)
    symbolic = layer(
        KerasTensor((None, 3, 4)), KerasTensor((None, 5, 4)), return_attention_scores=True
    )
    assert [x.shape for x in symbolic] == [(None, 3, 4), (None, 2, 3, 5)]


def test_flash_attention_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="Dropout is not supported"):
        L.MultiHeadAttention(2, 4, dropout=0.1, flash_attention=True)
    with pytest.raises(ValueError, match="attention scores"):
        L.MultiHeadAttention(2, 4, flash_attention=True)(
            draw(1, 2, 4), draw(1, 2, 4), return_attention_scores=True
        )


def test_each_projection_draws_its_own_numbers():
    layer = L.MultiHeadAttention(2, 4)
    layer.build((None, 3, 4), (None, 3, 4))
    query, key = layer.query_dense.kernel.numpy(), layer.key_dense.kernel.numpy()
    assert (query != key).any()
    assert layer.path == layer.name
    assert layer.query_dense.kernel.path == f"{layer.name}/query/kernel"


# ---- losses, constraints, dtypes
def test_activity_regularization_is_a_loss_per_sample():
    layer = L.ActivityRegularization(l1=0.5, l2=0.25)
    x = draw(4, 3)
    layer(x)
    expected = (0.5 * abs(x).sum() + 0.25 * (x**2).sum()) / 4
    np.testing.assert_allclose([float(numpy(v)) for v in layer.losses], [expected], rtol=1e-5)


def test_options_reach_the_weights():
    layer = L.Conv2D(2, 3, kernel_regularizer="l1", bias_constraint="non_neg")
    layer.build((None, 5, 5, 3))
    assert layer.kernel.regularizer is layer.kernel_regularizer
    assert layer.bias.constraint is layer.bias_constraint
    assert layer.kernel.constraint is None
    kernel = layer.kernel.numpy()
    np.testing.assert_allclose(numpy(layer.losses[0]), 0.01 * abs(kernel).sum(), rtol=1e-5)


def test_ints_stay_ints_through_reshaping():
    x = KerasTensor((None, 4, 6), "int32")
    stacked = (
        L.Flatten(),
        L.Reshape((6, 4)),
        L.Permute((2, 1)),
        L.ZeroPadding1D(1),
        L.UpSampling1D(),
    )
    for layer in stacked:
        assert layer(x).dtype == "int32"
        assert ops.dtype(layer(np.zeros((2, 4, 6), "int32"))) == "int32"


def test_reshaping_of_unknown_sizes():
    x = KerasTensor((None, None, 4))
    assert L.Flatten()(x).shape == (None, None)
    assert L.Reshape((-1, 2))(x).shape == (None, None, 2)
    assert L.Conv1D(3, 3)(x).shape == (None, None, 3)
    assert L.GlobalMaxPooling1D()(x).shape == (None, 4)


def test_embedding_weights_and_an_unbuilt_layer_in_a_graph():
    table = draw(5, 3)
    layer = L.Embedding(5, 3, weights=table)
    np.testing.assert_array_equal(numpy(layer(np.array([[1.0, 4.0]]))), table[None, [1, 4]])
    with pytest.raises(ValueError, match="input_dim"):
        L.Embedding(0, 3)


def test_lambda_infers_its_output():
    layer = L.Lambda(lambda x, k: ops.cast(ops.sum(x, axis=-1), "int32") * k, arguments={"k": 2})
    out = layer(KerasTensor((None, 4, 3)))
    assert (out.shape, out.dtype) == ((None, 4), "int32")
    np.testing.assert_array_equal(numpy(layer(np.ones((1, 2, 3), "float32"))), [[6, 6]])
    assert L.Lambda(ops.square, output_shape=(7,))(KerasTensor((None, 3))).shape == (None, 7)


def double(x):
    return ops.multiply(x, 2.0)


def test_a_lambda_from_a_file_is_refused_unless_trusted():
    with pytest.warns(UserWarning, match="lambda"):
        config = L.Lambda(lambda x: x + 1.0).get_config()
    with pytest.raises(ValueError, match="safe_mode"):
        L.Lambda.from_config(config)
    layer = L.Lambda.from_config(config, safe_mode=False)
    np.testing.assert_array_equal(numpy(layer(np.ones((1, 2), "float32"))), [[2, 2]])
    named = L.Lambda.from_config(L.Lambda(double).get_config(), custom_objects={"double": double})
    assert named.function is double


# ---- graphs
def test_a_convnet_and_a_transformer_block_as_models():
    image = L.Input((8, 8, 3))
    x = L.Conv2D(4, 3, activation="relu")(image)
    x = L.BatchNormalization()(x)
    x = L.MaxPooling2D()(x)
    x = L.Add()([L.Conv2D(4, 3, padding="same")(x), x])
    y = L.Dense(2)(L.Dropout(0.2)(L.Flatten()(x)))
    model = Model(image, y)
    assert numpy(model(draw(2, 8, 8, 3))).shape == (2, 2)
    assert model.count_params() == 112 + 16 + 148 + 74

    ids = L.Input((5,), dtype="int32")
    x = L.Embedding(9, 8)(ids)
    x = L.LayerNormalization()(L.add([x, L.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)]))
    model = Model(ids, L.Dense(9)(x))
    assert numpy(model(np.zeros((2, 5), "int32"))).shape == (2, 5, 9)
    assert Model.from_config(model.get_config()).count_params() == model.count_params()


# ---- preprocessing
@pytest.mark.parametrize("axis", [-1, None, (1, 2)])
def test_normalization_adapts_to_arrays_and_batches(axis):
    x = draw(10, 3, 4) * 3 + 100
    whole, parts = L.Normalization(axis), L.Normalization(axis)
    whole.adapt(x)
    parts.adapt((part, None) for part in np.split(x, [3, 4, 9]))
    reduced = {-1: (0, 1), None: (0, 1, 2), (1, 2): (0,)}[axis]
    expected = (x - x.mean(reduced, keepdims=True)) / x.std(reduced, keepdims=True)
    for layer in (whole, parts):
        np.testing.assert_allclose(numpy(layer(x)), expected, rtol=2e-3, atol=2e-3)
    back = L.Normalization(axis, invert=True)
    back.adapt(x)
    np.testing.assert_allclose(numpy(back(numpy(whole(x)))), x, rtol=1e-4, atol=1e-3)
    with pytest.raises(ValueError, match="empty"):
        L.Normalization().adapt([])


# ---- refusals
@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: L.Conv2D(3, 0), "kernel_size"),
        (lambda: L.Conv2D(3, (2, 2, 2)), "kernel_size.*2 ints"),
        (lambda: L.Conv2D(3, 3, padding="causal"), "padding='causal'"),
        (lambda: L.Conv2D(3, 3, groups=2), "groups=2, filters=3"),
        (lambda: L.Conv2D(3, 3, strides=2, dilation_rate=2), "dilation_rate"),
        (lambda: L.Conv2D(3, 9)(draw(1, 4, 4, 2)), "size 4 of spatial axis 0"),
        (lambda: L.Dropout(1.5), "rate=1.5"),
        (lambda: L.Dense(3, lora_rank=2), "lora_rank"),
        (lambda: L.EinsumDense("ab,bc->ac", 3, lora_rank=2), "lora_rank"),
        (lambda: L.EinsumDense("ab,bc", 3)(draw(2, 3)), "Invalid einsum equation"),
        (lambda: L.Reshape((5, -1))(draw(2, 3)), "total size"),
        (lambda: L.Permute((0, 1)), "consecutive"),
        (lambda: L.Cropping1D(3)(draw(1, 4, 2)), "cropping"),
        (lambda: L.Add()(draw(2, 3)), "list"),
        (lambda: L.Add()([draw(2, 3), draw(2, 4)]), "incompatible shapes"),
        (lambda: L.Add()([draw(2, 3), draw(3, 3)]), "batch sizes"),
        (lambda: L.Subtract()([draw(2, 3)] * 3), "exactly 2"),
        (lambda: L.Concatenate()([draw(2, 3), draw(3, 3)]), "matching shapes"),
        (lambda: L.Dot(0)([draw(2, 3), draw(2, 3)]), "batch axis"),
        (lambda: L.LayerNormalization(axis=4)(draw(2, 3)), "out of bounds"),
        (lambda: L.GroupNormalization(groups=2)(draw(2, 3)), "multiple"),
        (lambda: L.MultiHeadAttention(0, 3), "num_heads"),
        (lambda: L.Attention()(draw(1, 2, 3)), "list of inputs"),
        (lambda: L.UpSampling2D(interpolation="bicubic"), "bicubic"),
        (lambda: L.Wrapper(3), "supported layer type"),
        (lambda: L.Normalization(mean=1.0), "both `mean` and `variance`"),
    ],
)
def test_errors_name_what_is_wrong(make, says):
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (L.Dense(1, activation="softmax", name="head"), (None, 4)),
        (L.Activation("log_softmax", name="head"), (None, 1)),
        (L.Softmax(axis=(1, 2), name="head"), (None, 1, 1)),
    ],
)
def test_a_softmax_of_one_value_warns_when_a_model_is_built(layer, shape):
    with pytest.warns(UserWarning, match=r"layer .head.: \w*softmax over axis .*size 1"):
        layer(KerasTensor(shape))
    layer(np.ones([d or 2 for d in shape], "float32"))  # no more of it where it computes


def test_a_softmax_of_several_values_does_not_warn():
    for layer in (L.Dense(2, "softmax"), L.Activation("softmax"), L.Softmax(), L.Dense(1)):
        layer(KerasTensor((None, 1, 2)))


def test_no_padding_mask_outside_of_a_step():
    with step_scope(mask=ops.convert_to_tensor(np.array([True, False]))):
        inside = numpy(L.BatchNormalization()(draw(2, 3), training=True))
    outside = numpy(L.BatchNormalization()(draw(2, 3), training=True))
    assert abs(inside - outside).max() > 0.1


def test_a_subclass_with_a_build_of_its_own_is_built():
    class Scaled(L.Dropout):
        def build(self, input_shape):
            self.scale = self.add_weight((input_shape[-1],), "ones")

    layer = Scaled(0.5)
    assert not layer.built
    layer(draw(2, 3))
    assert layer.count_params() == 3


def test_the_older_scaling_without_a_mean_of_layer_normalization():
    layer = L.LayerNormalization(rms_scaling=True)
    x = draw(3, 8)
    expected = x / np.sqrt(x.var(-1, keepdims=True) + 1e-3)
    with pytest.warns(UserWarning, match="deprecated"):
        np.testing.assert_allclose(numpy(layer(x)), expected, rtol=1e-4, atol=1e-5)
    assert [w.name for w in layer.weights] == ["gamma"]
    assert type(layer).from_config(layer.get_config()).rms_scaling


def test_a_user_may_write_the_attention_alone():
    class Uniform(L.MultiHeadAttention):
        def _compute_attention(self, query, key, value, attention_mask=None, *args):
            self.seen = attention_mask
            mean = ops.mean(value, axis=1, keepdims=True)
            return ops.broadcast_to(mean, query.shape), None

    layer = Uniform(2, 4)
    out = numpy(layer(draw(1, 3, 4), draw(1, 3, 4), use_causal_mask=True))
    np.testing.assert_allclose(out, out[:, :1] * np.ones((1, 3, 1)), rtol=1e-5)
    assert numpy(layer.seen).tolist() == np.tril(np.ones((1, 3, 3), bool)).tolist()
