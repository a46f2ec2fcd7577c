"""Graphs of layers: structures, sharing, nesting, order, and their JSON."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import kdist
from kdist import layers, ops
from kdist.backend import bound as backend

X = np.linspace(-1, 1, 15, dtype="float32").reshape(3, 5)
Z = np.linspace(0, 2, 12, dtype="float32").reshape(3, 4)


def numpy(x):
    return backend.convert_to_numpy(x)


def close(a, b, tolerance=1e-5):
    np.testing.assert_allclose(numpy(a), numpy(b), rtol=tolerance, atol=tolerance)


def branches(k):
    """Two inputs, a shared layer, ops in the graph, a nested model, a dict of outputs."""
    a, b = k.Input((5,), name="a"), k.Input((4,), name="b")
    shared = k.layers.Dense(4, activation="tanh", name="shared")
    inner_in = k.Input((4,), name="inner_in")
    inner = k.Model(inner_in, k.layers.Dense(4, name="inner_dense")(inner_in), name="inner")
    h = shared(k.layers.Dense(4, name="to_four")(a))
    g = shared(b) * 2.0 + k.ops.sum(h, axis=-1, keepdims=True)
    both = k.layers.Concatenate(name="both")([inner(h), inner(g)])
    return k.Model(
        [a, b], {"sum": k.layers.Dense(1, name="s")(both), "raw": g[:, :2]}, name="branches"
    )


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras
def test_a_graph_computes_what_keras_s_does(keras):
    ours, theirs = branches(kdist), branches(keras)
    theirs.set_weights(ours.get_weights())
    a, b = ours([X, Z]), theirs([X, Z])
    assert set(a) == {"sum", "raw"}
    for key in a:
        close(a[key], keras.ops.convert_to_numpy(b[key]))


def test_shared_layers_and_nested_models_are_there_once():
    model = branches(kdist)
    assert [w.shape for w in model.weights].count((4, 4)) == 2  # shared, inner_dense
    assert len(model.get_layer("shared")._inbound_nodes) == 2
    assert model.get_layer("inner").get_layer("inner_dense").units == 4


def test_json_there_and_back():
    model = branches(kdist)
    copy = kdist.models.model_from_json(model.to_json())
    assert copy.to_json() == model.to_json()
    assert [x.name for x in copy.layers] == [x.name for x in model.layers]
    copy.set_weights(model.get_weights())
    close(copy([X, Z])["sum"], model([X, Z])["sum"])


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras
def test_keras_reads_our_json_and_we_read_theirs(keras):
    ours = branches(kdist)
    theirs = keras.models.model_from_json(ours.to_json())
    theirs.set_weights(ours.get_weights())
    close(ours([X, Z])["sum"], keras.ops.convert_to_numpy(theirs([X, Z])["sum"]))
    back = kdist.models.model_from_json(theirs.to_json())
    back.set_weights(ours.get_weights())
    close(ours([X, Z])["raw"], back([X, Z])["raw"])


def random_graph(k, seed):
    """A random acyclic graph of Dense and Add layers over vectors of 4 numbers; some layers are used twice."""
    rng = np.random.default_rng(seed)
    inputs = [k.Input((4,), name=f"in{i}") for i in range(int(rng.integers(1, 4)))]
    tensors, made = list(inputs), []
    for i in range(int(rng.integers(3, 12))):
        if rng.random() < 0.4 and len(tensors) > 1:
            chosen = rng.choice(len(tensors), size=2, replace=False)
            tensors.append(k.layers.Add(name=f"add{i}")([tensors[c] for c in chosen]))
        else:
            if made and rng.random() < 0.3:
                layer = made[int(rng.integers(len(made)))]
            else:
                layer = k.layers.Dense(4, name=f"dense{i}")
                made.append(layer)
            tensors.append(layer(tensors[int(rng.integers(len(tensors)))]))
    computed = tensors[len(inputs) :]
    outputs = [
        computed[c] for c in rng.choice(len(computed), size=min(2, len(computed)), replace=False)
    ]
    return k.Model([x for x in inputs if reached(x, outputs)], outputs, name=f"graph{seed}")


def reached(x, outputs):
    seen, todo = set(), list(outputs)
    while todo:
        tensor = todo.pop()
        if tensor is x:
            return True
        operation, node, _ = tensor._keras_history
        if (id(operation), node) not in seen:
            seen.add((id(operation), node))
            todo += operation._inbound_nodes[node].input_tensors
    return False


@pytest.mark.parametrize("seed", range(25))
def test_layers_stand_in_keras_s_order(keras, seed):
    """Files of weights rely on it."""
    ours, theirs = random_graph(kdist, seed), random_graph(keras, seed)
    assert [x.name for x in ours.layers] == [x.name for x in theirs.layers]
    assert [w.path for w in ours.weights] == [w.path for w in theirs.weights]
    assert ours.output_names == list(theirs.output_names)


def test_a_part_of_a_model_is_a_model():
    model = branches(kdist)
    part = kdist.Model(model.inputs[0], model.get_layer("to_four").output)
    close(part(X), model.get_layer("to_four")(X))
    assert part.weights[0] is model.get_layer("to_four").kernel


def test_a_model_called_on_other_symbols_does_not_change():
    model = branches(kdist)
    before = model.to_json()
    other = kdist.Model(
        c := {"p": kdist.Input((5,)), "q": kdist.Input((4,))}, model([c["p"], c["q"]])["sum"]
    )
    assert model.to_json() == before
    close(other({"p": X, "q": Z}), model([X, Z])["sum"])


def test_inputs_come_as_dicts_lists_and_by_name():
    a, b = kdist.Input((5,), name="a"), kdist.Input((4,), name="b")
    out = layers.Dense(2)(ops.concatenate([a, b], axis=-1))
    as_list, as_dict = kdist.Model([a, b], out), kdist.Model({"b": b, "a": a}, out)
    expected = as_list([X, Z])
    for given in ((X, Z), {"a": X, "b": Z}, {"b": Z, "a": X}):
        close(as_list(given), expected)
    close(as_dict({"b": Z, "a": X}), expected)
    # Keras warns of keys that no input has, and so may kdist; they are not used.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        close(as_dict({"a": X, "b": Z, "more": Z}), expected)
    assert as_list.output_names == [out._keras_history.operation.name]
    assert as_list.input_shape == [(None, 5), (None, 4)]
    assert as_list.output_shape == (None, 2)


def test_a_last_dim_of_one_is_added_or_dropped():
    x = kdist.Input((5, 1))
    model = kdist.Model(x, layers.Flatten()(x))
    assert tuple(model(X).shape) == (3, 5)
    assert tuple(model(X[..., None]).shape) == (3, 5)
    x = kdist.Input((5,))
    assert tuple(kdist.Model(x, x + 1.0)(X[..., None]).shape) == (3, 5)


def test_shapes_are_inferred_for_other_sizes():
    x = kdist.Input((None, 5))
    model = kdist.Model(x, layers.Dense(2)(x))
    assert model.compute_output_shape((7, 9, 5)) == (7, 9, 2)
    assert tuple(model(np.zeros((2, 3, 5), "float32")).shape) == (2, 3, 2)


def test_frozen_models_freeze_what_is_inside():
    model = branches(kdist)
    model.get_layer("inner").trainable = False
    assert len(model.trainable_weights) == len(model.weights) - 2
    assert len(model.non_trainable_weights) == 2
    model.trainable = False
    assert not model.trainable_weights


def test_get_layer():
    model = branches(kdist)
    assert model.get_layer(index=0) is model.layers[0]
    with pytest.raises(
        ValueError, match=r"There is no layer named 'nothing'. The model has \['a', "
    ):
        model.get_layer("nothing")
    with pytest.raises(ValueError, match="index=99: the model has"):
        model.get_layer(index=99)
    with pytest.raises(ValueError, match="name or index, one of them"):
        model.get_layer()


def test_graphs_that_cannot_be():
    a, b = kdist.Input((5,), name="a"), kdist.Input((5,), name="b")
    with pytest.raises(
        ValueError, match=r"depend on .*name=b.*which is not among the inputs \['a'\]"
    ):
        kdist.Model(a, a + b)
    with pytest.raises(ValueError, match="outputs of a model must be symbolic tensors"):
        kdist.Model(a, np.zeros(3))
    with pytest.raises(ValueError, match="The name 'same' is used 2 times in the model"):
        kdist.Model(a, layers.Dense(1, name="same")(layers.Dense(5, name="same")(a)))


def test_calls_that_do_not_fit():
    model = branches(kdist)
    with pytest.raises(ValueError, match=r'"branches" expects 2 input\(s\), but it received 1'):
        model([X])
    with pytest.raises(
        ValueError,
        match=r'Input 1 of layer "branches" is incompatible.*expected shape=\(None, 4\), found shape=\(3, 5\)',
    ):
        model([X, X])
    with pytest.raises(ValueError, match="'b'"):
        model({"a": X})


def test_a_symbol_has_no_value():
    x = kdist.Input((5,))
    for use in (bool, float, np.asarray, list):
        with pytest.raises(ValueError, match="symbolic and has no value"):
            use(x)


def test_a_deep_chain_meets_no_recursion_limit():
    x = first = kdist.Input((2,))
    for _ in range(1200):
        x = ops.add(x, 1.0)
    model = kdist.Model(first, x)
    close(model(np.zeros((1, 2), "float32")), np.full((1, 2), 1200.0))
