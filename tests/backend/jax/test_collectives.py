"""What a compiled step communicates: what the strategy needs, and nothing hidden."""

from __future__ import annotations

import functools
import pathlib
import sys

import pytest

import kdist
from kdist import layers
from kdist.backend.jax import memory
from kdist.backend.jax.collectives import messages, read_messages, totals
from kdist.data import adapt
from kdist.distribution import DeviceMesh, LayoutMap, ModelParallel, Parallelism, list_devices
from kdist.training.prepare import prepare

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "parity"))
sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "distribution"))
import branches
import cases
import graphs
import planned as models
import reached
import sequences

# The head's 5 classes divide by nothing.
pytestmark = pytest.mark.filterwarnings("ignore:Sizes that do not divide")
ROWS, TIME, DIM, CLASSES = 16, 8, 16, cases.CLASSES


def prepared(model, samples):
    """(train program, batch) of a compiled model."""
    weight = samples.get("sample_weight")
    source = adapt(samples["x"], samples["y"], weight, batch_size=ROWS)
    prepare(model, source, training=True)
    return model._program("train"), next(iter(source.epoch(0, model._shard())))


@functools.cache
def sent(case: str, strategy: str, remat: str | None = None):
    with cases.STRATEGIES[strategy](kdist).scope(), kdist.RematScope(mode=remat):
        model = cases.compiled(case)
        return model, messages(*prepared(model, cases.CASES[case].samples(ROWS)))


@pytest.fixture(autouse=True)
def without_memory(monkeypatch):
    """Plans need not ask XLA for its memory here."""
    monkeypatch.setattr(memory, "COMPILED_LIMIT", 0)
    monkeypatch.setattr(memory, "UNREPEATED_LIMIT", 0)


def planned(model) -> dict:
    """What the plan says, in the form of `totals`."""
    found: dict = {}
    for c in model.plan(batch_size=ROWS).collectives:
        count, nbytes = found.get(c.kind, (0, 0))
        found[c.kind] = count + c.count, nbytes + c.nbytes
    return found


STRATEGIES = ("data", "fsdp", "optimizer", "hybrid", "tensor_fsdp", "composed", "sequence")


@pytest.mark.parametrize(
    ("case", "strategy"),
    [
        *(("mlp", s) for s in ("fsdp", "composed")),
        *(("transformer", s) for s in STRATEGIES),
        *(("batchnorm", s) for s in ("data", "fsdp", "composed")),
    ],
)
def test_the_plan_counts_what_the_compiled_step_sends(case, strategy):
    model, found = sent(case, strategy)
    assert planned(model) == totals(found)


@pytest.mark.parametrize(
    ("case", "strategy"),
    [("mlp", "fsdp"), ("shared", "fsdp"), ("transformer", "fsdp"), ("transformer", "tensor_fsdp")],
)
def test_the_plan_counts_what_is_gathered_again(case, strategy):
    model, found = sent(case, strategy, "full")
    assert planned(model) == totals(found)
    assert of(found, "all-gather", backward=True)


@pytest.mark.parametrize("blocks", [1, 3])
def test_only_what_gradients_need_is_gathered_again(blocks):
    """Not the shifts of normalisations, biases of linear products, and the table of an Embedding."""
    strategy = Parallelism(fsdp=4, tensor=2, min_size=8)
    with strategy.scope(), kdist.RematScope(mode="full"):
        model, x, y = models.compiled(
            "transformer", kdist, layers, blocks=blocks, width=16, words=32, length=8, rows=ROWS
        )
        found = messages(*prepared(model, {"x": x, "y": y}))
    assert planned(model) == totals(found)
    once, again = (len(of(found, "all-gather", backward=b)) for b in (False, True))
    # Shifts of two in each block and one, biases of two in each block and the head's, the table.
    assert once - again == (2 * blocks + 1) + (2 * blocks + 1) + 1


@pytest.mark.parametrize("act", ["tanh", None])
def test_products_that_end_linearly_gather_no_bias_again(act):
    with cases.STRATEGIES["fsdp"](kdist).scope(), kdist.RematScope(mode="full"):
        model = kdist.Sequential(
            [kdist.Input((16,)), *(layers.Dense(16, activation=act) for _ in range(3))]
        )
        model.compile("sgd", "mse")
        x = cases.np.ones((ROWS, 16), "float32")
        found = messages(*prepared(model, {"x": x, "y": x}))
    assert planned(model) == totals(found)
    # The first one's input has no gradient, so its kernel is not needed either.
    assert len(of(found, "all-gather", backward=True)) == (6 if act else 2)


@pytest.mark.parametrize("strategy", ["data", "fsdp", "optimizer"])
def test_gradients_of_layers_that_are_called_twice_are_summed_twice(strategy):
    model, found = sent("shared", strategy)
    assert planned(model) == totals(found)
    tower = [v for v in model.trainable_variables if "head" not in v.path]
    assert len(of(found, "all-reduce")) == len(model.trainable_variables) + len(tower) == 10


def test_the_plan_counts_sums_that_are_computed_again():
    """The head's softmax follows a sum, and its gradient is computed from that."""
    model, found = sent("mlp", "composed", "full")
    assert planned(model) == totals(found)
    once = totals(sent("mlp", "composed")[1])
    assert planned(model)["all-reduce"][0] == once["all-reduce"][0] + 1


@pytest.mark.parametrize(("norm_last", "sums"), [(True, 2), (False, 1)])
def test_sums_in_the_middle_of_what_is_computed_again(norm_last, sums):
    """They are made again if what follows needs them for its gradient, and not at the end."""

    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.up, self.down = layers.Dense(32, activation="tanh"), layers.Dense(16)
            self.norm = layers.LayerNormalization()

        def build(self, shape):
            for layer in (self.norm, self.up):
                layer.build(shape)
            self.down.build((*shape[:-1], 32))

        def call(self, x):
            if norm_last:
                return self.norm(x + self.down(self.up(x)))
            return x + self.down(self.up(self.norm(x)))

    strategy = Parallelism(data=4, tensor=2, min_size=1)
    with strategy.scope(), kdist.RematScope(mode="full"):
        inputs = kdist.Input((16,))
        model = kdist.Model(inputs, Block()(layers.LayerNormalization()(inputs)))
        model.compile("sgd", "mse")
        x = cases.np.ones((ROWS, 16), "float32")
        found = messages(*prepared(model, {"x": x, "y": x}))
    assert planned(model) == totals(found)
    again = [c.count for c in model.plan(batch_size=ROWS).collectives if "again" in c.purpose]
    assert sum(again) == sums - 1


@pytest.mark.parametrize("sequence", [False, True])
def test_the_plan_counts_regions_within_regions(sequence):
    """The block's, its attention's and its products'."""
    strategy = Parallelism(data=2, fsdp=2, tensor=2, min_size=1, sequence=sequence)
    with strategy.scope(), kdist.RematScope(mode="full"):
        model, x, y = sequences.in_regions(kdist, ROWS)
        found = messages(*prepared(model, {"x": x, "y": y}))
    assert planned(model) == totals(found)


@pytest.mark.parametrize(
    ("name", "remat"),
    [
        *((name, None) for name in sequences.NAMES),
        ("dense", "full"),
        ("conv2d_pooled", "full"),
        ("conv2d_pooled", "activations"),
    ],
)
def test_the_plan_counts_what_is_sent_of_sequences(name, remat):
    strategy = Parallelism(data=4, tensor=2, min_size=1, sequence=True)
    with strategy.scope(), kdist.RematScope(mode=remat):
        model, x, y = sequences.compiled(name, kdist, ROWS)
        found = messages(*prepared(model, {"x": x, "y": y}))
    assert planned(model) == totals(found)


@pytest.mark.parametrize(
    ("name", "strategy", "remat"),
    [
        *((name, "composed", remat) for name in reached.CUT for remat in (None, "full")),
        *((name, "fsdp", remat) for name in reached.GATHERED[1:] for remat in (None, "full")),
        ("unused", "optimizer", None),
    ],
)
def test_the_plan_counts_what_gradients_reach(name, strategy, remat):
    """Inputs that are data have none, nor has what the loss does not depend on."""
    with cases.STRATEGIES[strategy](kdist).scope(), kdist.RematScope(mode=remat):
        model, x, y = reached.compiled(name, kdist, ROWS)
        found = messages(*prepared(model, {"x": x, "y": y}))
    assert planned(model) == totals(found)


@pytest.mark.parametrize(
    ("name", "shape", "remat"),
    [
        *((name, (64,), None) for name in branches.NAMES),
        *((name, (16,), None) for name in ("two_chains_alike", "read_whole_too", "called_twice")),
        ("read_whole_too", (64,), "full"),
    ],
)
def test_the_plan_counts_what_is_sent_of_branches(name, shape, remat):
    """Pairs are made of what follows each other, and what is cut alone is gathered once."""
    with Parallelism(data=4, tensor=2, min_size=1).scope(), kdist.RematScope(mode=remat):
        model, x, y = branches.compiled(name, kdist, ROWS, shape)
        found = messages(*prepared(model, {"x": x, "y": y}))
    assert planned(model) == totals(found)


@pytest.mark.parametrize("strategy", ["tensor_fsdp", "sequence"])
@pytest.mark.parametrize("seed", [0, 1, 2, 3, 7, 29, 39, 53, 64, 100])
def test_the_plan_counts_what_is_sent_of_any_graph(seed, strategy):
    with cases.STRATEGIES[strategy](kdist).scope():
        model, x, y = graphs.compiled(seed, kdist, ROWS)
        found = messages(*prepared(model, {"x": x, "y": y}))
    assert planned(model) == totals(found)


@pytest.mark.parametrize("strategy", ["data", "tensor_fsdp"])
@pytest.mark.parametrize("remat", [None, "full"])
@pytest.mark.parametrize(
    "options", [{}, {"scale": False}, {"center": False, "scale": False}, {"trainable": False}]
)
def test_the_plan_counts_the_statistics_of_batches(options, remat, strategy):
    """Of a layer whose inputs have gradients, and of one whose have none."""
    with cases.STRATEGIES[strategy](kdist).scope(), kdist.RematScope(mode=remat):
        model = kdist.Sequential(
            [
                kdist.Input((DIM,)),
                layers.BatchNormalization(**options),
                layers.Dense(32),
                layers.BatchNormalization(**options),
                layers.ReLU(),
                layers.Dense(CLASSES),
            ]
        )
        model.compile("sgd", "mse")
        x, y = (cases.np.ones((ROWS, size), "float32") for size in (DIM, CLASSES))
        found = messages(*prepared(model, {"x": x, "y": y}))
    assert planned(model) == totals(found)


def test_what_the_model_gives_stays_in_parts():
    """Of their loss a number for each row is sent, which is not counted."""
    with Parallelism(data=4, tensor=2).scope():
        normalised = layers.LayerNormalization()
        head = layers.Dense(32, activation="softmax")
        model = kdist.Sequential([kdist.Input((64,)), normalised, head])
        model.compile("sgd", "sparse_categorical_crossentropy")
        x = cases.np.ones((ROWS, 64), "float32")
        found = messages(*prepared(model, {"x": x, "y": x[:, 0].astype("int32")}))
    assert head.kernel.layout.axes == (None, "tensor")
    assert planned(model) == totals([m for m in found if m.shape != (ROWS // 4,)])


def of(found, kind, backward=None):
    return [m for m in found if m.kind == kind and backward in (None, m.backward)]


def sharded(model):
    return [v for v in model.trainable_variables if not v.layout.is_replicated]


def test_fsdp_gathers_each_parameter_once_and_reduces_each_gradient_once():
    model, found = sent("transformer", "fsdp")
    gathered = sorted(m.shape for m in of(found, "all-gather"))
    assert gathered == sorted(v.shape for v in sharded(model))
    assert of(found, "all-gather", backward=True) == []
    reduced = of(found, "all-reduce")
    sizes = [v.size for v in model.trainable_variables]
    assert sorted(m.nbytes for m in reduced) == sorted(4 * n for n in sizes)
    assert set(totals(found)) == {"all-gather", "all-reduce"}


def test_sharding_the_optimizer_gathers_each_updated_parameter_once():
    model, found = sent("transformer", "optimizer")
    slots = [v for v in model.trainable_variables if v.size >= 8 and v.shape != (CLASSES,)]
    assert sorted(m.shape for m in of(found, "all-gather")) == sorted(v.shape for v in slots)
    assert len(of(found, "all-reduce")) == len(model.trainable_variables)
    assert set(totals(found)) == {"all-gather", "all-reduce"}


def activations(found, kind, backward):
    """How many whole activations (rows of a device, time, features) are communicated."""
    return sum(m.shape == (ROWS // 4, TIME, DIM) for m in of(found, kind, backward))


def test_tensor_parallel_sums_what_each_pair_gives():
    model, found = sent("transformer", "composed")
    # An Embedding by rows, an attention and a pair of Dense; back through the latter two, for query, key and value.
    assert activations(found, "all-reduce", backward=False) == 3
    assert activations(found, "all-reduce", backward=True) == 1 + 3
    assert activations(found, "all-gather", None) == 0
    assert len(of(found, "all-gather")) == sum("fsdp" in v.layout.mesh_axes for v in sharded(model))
    assert set(totals(found)) == {"all-gather", "all-reduce"}


def test_sequences_are_cut_between_the_layers_that_are_split():
    model, found = sent("transformer", "sequence")
    assert activations(found, "all-reduce", backward=False) == 3
    # Before the attention and the pair; and after each of the three sums on the way back.
    assert activations(found, "all-gather", backward=False) == 2
    assert activations(found, "all-gather", backward=True) == 3
    weights = [m for m in of(found, "all-gather") if m.shape != (ROWS // 4, TIME, DIM)]
    assert len(weights) == sum("fsdp" in v.layout.mesh_axes for v in sharded(model))


@pytest.mark.parametrize("strategy", ["fsdp", "optimizer"])
def test_a_step_of_ones_own_communicates_as_the_built_in_one(strategy):
    own = totals(sent("own_step", strategy)[1])
    kept = cases.OWN_STEPS["jax"]
    try:
        cases.OWN_STEPS["jax"] = kdist.Model.train_step
        built_in = totals(sent.__wrapped__("own_step", strategy)[1])
    finally:
        cases.OWN_STEPS["jax"] = kept
    assert own == built_in and own["all-gather"][0] > 0


def test_a_rule_lays_out_a_layer_s_output():
    mesh = DeviceMesh((4, 2), ("batch", "model"), list_devices())
    rules = LayoutMap(mesh)
    rules["wide/output"] = ("batch", "model")
    shapes = {}
    for name, layout_map in (("ruled", rules), ("free", LayoutMap(mesh))):
        with ModelParallel(layout_map=layout_map).scope():
            model = kdist.Sequential(
                [
                    kdist.Input((6,)),
                    layers.Dense(10, activation="tanh", name="wide"),
                    layers.Dense(1),
                ]
            )
            model.compile("sgd", "mse")
            x = cases.np.ones((ROWS, 6), "float32")
            program, batch = prepared(model, {"x": x, "y": x[:, :1]})
            hlo = program.compiled(batch).as_text()
            shapes[name] = "f32[4,5]" in hlo, "f32[4,10]" in hlo
    assert shapes == {"ruled": (True, False), "free": (False, True)}


def test_a_rule_lays_out_what_would_be_gathered():
    """A product that is cut alone gives its features whole, unless a rule says otherwise, here: cut in time."""
    mesh = DeviceMesh((4, 2), ("batch", "model"), list_devices())
    rules = LayoutMap(mesh)
    rules["wide/kernel"], rules["wide/output"] = (None, "model"), ("batch", "model")
    with ModelParallel(layout_map=rules).scope():
        wide = layers.Dense(10, activation="tanh", name="wide")
        model = kdist.Sequential([kdist.Input((4, 6)), wide, layers.Dense(1)])
        model.compile("sgd", "mse")
        x = cases.np.ones((ROWS, 4, 6), "float32")
        program, batch = prepared(model, {"x": x, "y": x[..., :1]})
        assert "f32[4,2,10]" in program.compiled(batch).as_text()


def test_reading_hlo():
    text = """
      %a = (f32[4,2]{1,0}, bf16[8]{0}, f32[]) all-reduce(%x, %y, %z), metadata={op_name="jit(step)/transpose(jvp())"}
      %b = f32[16]{0} all-gather(%p), dimensions={0}
    """
    found = read_messages(text)
    assert totals(found) == {"all-gather": (1, 64), "all-reduce": (2, 48)}
    assert [m.backward for m in found] == [True, True, False]


def test_what_is_rematerialized_gathers_its_parameters_again():
    found, kernels = {}, {}
    for mode in ("full", None):
        with cases.STRATEGIES["fsdp"](kdist).scope(), kdist.RematScope(mode=mode):
            model = kdist.Sequential(
                [kdist.Input((16,)), *(layers.Dense(16, activation="tanh") for _ in range(3))]
            )
            model.compile("sgd", "mse")
            x = cases.np.ones((ROWS, 16), "float32")
            found[mode] = messages(*prepared(model, {"x": x, "y": x}))
            kernels[mode] = len(model.trainable_variables)
    assert len(of(found[None], "all-gather")) == kernels[None]
    assert len(of(found["full"], "all-gather", backward=False)) == kernels["full"]
    assert len(of(found["full"], "all-gather", backward=True)) >= 3
