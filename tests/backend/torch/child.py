"""One of several processes: runs the functions named on its command line and prints what they return as JSON."""

from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np
import torch
import torch.distributed.tensor

import kdist
from kdist import distribution
from kdist.backend import bound as backend
from kdist.backend.torch import buckets, replicas, split_rules
from kdist.backend.torch.grid import grid_of
from kdist.backend.torch.programs import load_metrics
from kdist.backend.variable import Variable
from kdist.core.coordination import BarrierTimeout


def rank() -> int:
    return distribution.process_index()


def group() -> dict:
    return {
        "rank": rank(),
        "count": distribution.process_count(),
        "devices": distribution.list_devices(),
    }


def all_sum_and_its_gradient() -> dict:
    # The mean over replicas of L_r = c_r * y^2, y = x_0 + x_1.
    x = torch.tensor(float(rank() + 1), requires_grad=True)
    r = replicas.ProcessReplicas()
    y = r.all_sum(x)
    loss = (rank() + 1) * y * y
    loss.backward()
    (grad,) = r.mean_gradients([x.grad])
    return {"y": y.item(), "grad": x.grad.item(), "mean": grad.item()}


def gradients() -> dict:
    small = buckets.BYTES
    out = {}
    for limit in (small, 16):  # one bucket a dtype, and many
        buckets.BYTES = limit
        given = [
            torch.full((3, 2), rank() + 1.0),
            torch.full((), rank() * 4.0, dtype=torch.float64),
            torch.arange(5.0) * rank(),
        ]
        got = replicas.ProcessReplicas().mean_gradients(given)
        out[str(limit == small)] = [g.tolist() for g in got]
        out["dtypes"] = [str(g.dtype) for g in got]
    return out


def state() -> dict:
    mine = [
        torch.full((2,), float(rank())),
        torch.tensor(rank() == 0),
        torch.full((3,), rank() + 7).to(torch.bfloat16),
        torch.zeros(0),
    ]
    replicas.broadcast(mine)
    mean = [torch.tensor([float(rank()), 3.0])]
    replicas.average(mean)
    got = replicas.combined(
        [torch.ones(2), torch.tensor(float(rank())), torch.tensor(rank() + 5)],
        ["sum", "mean", "none"],
    )
    rows = replicas.gather_rows(torch.tensor([[rank(), 1], [rank(), 2]]))
    truth = replicas.gather_rows(torch.tensor([rank() == 0]))
    return {
        "broadcast": [t.tolist() for t in mine],
        "average": mean[0].tolist(),
        "combined": [t.tolist() for t in got],
        "rows": rows.tolist(),
        "truth": truth.tolist(),
    }


def statistics_and_leaves() -> dict:
    v = Variable(np.array([float(rank())]), trainable=False, aggregation="mean")
    leaf = backend.to_leaf(v)
    total = Variable(np.zeros(2), trainable=False, aggregation="sum")
    load_metrics([total], [np.array([4.0, 6.0])])
    return {"owned": len(leaf.boxes), "value": v.numpy().tolist(), "metric": total.numpy().tolist()}


class OwnStep(kdist.Sequential):
    """Returns its metrics' results, as Keras's guides do, and a number of its own beside them where told to."""

    extra = False

    def train_step(self, data):
        x, y = data
        y_pred = self(x, training=True)
        loss = self.compute_loss(y=y, y_pred=y_pred)
        weights = self.trainable_variables
        grads = torch.autograd.grad(loss, [v.value for v in weights])
        with torch.no_grad():
            self.optimizer.apply(grads, weights)
            for m in self.metrics:
                m.update_state(loss) if m.name == "loss" else m.update_state(y, y_pred)
        logs = {m.name: m.result() for m in self.metrics}
        return {**logs, "rows": torch.tensor(float(len(x)) * (rank() + 1))} if self.extra else logs


def training() -> dict:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(24, 4)).astype("float32"), rng.integers(0, 2, 24)
    out = {}
    strategy = distribution.DataParallel()
    for extra in (False, True):
        kdist.utils.set_random_seed(
            rank()
        )  # the processes begin apart, and take process 0's weights
        with strategy.scope():
            model = OwnStep(
                [
                    kdist.Input((4,)),
                    kdist.layers.Dense(3),
                    kdist.layers.BatchNormalization(synchronized=True),
                    kdist.layers.Dense(2),
                ]
            )
            model.extra = extra
            model.compile(
                "adam",
                kdist.losses.SparseCategoricalCrossentropy(from_logits=True),
                metrics=["accuracy"],
            )
            kdist.utils.set_random_seed(7)  # one order of the data
            history = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
            predictions = model.predict(x[:5], batch_size=3, verbose=0)
        weights = [w.tolist() for w in model.get_weights()]
        out[str(extra)] = {
            "history": history,
            "weights": weights,
            "predictions": predictions.tolist(),
        }
    return out


class Wandering(kdist.Model):
    """Process 1 does not go through `first`, and nobody goes through `never`."""

    def __init__(self):
        super().__init__()
        dense = lambda: kdist.layers.Dense(4, use_bias=False)
        self.first, self.second, self.never = dense(), dense(), dense()

    def build(self, shape):
        for layer in (self.first, self.second, self.never):
            layer.build(shape)
        self.built = True

    def call(self, x):
        return self.second(self.first(x) if rank() == 0 else x)


def missing_gradients() -> dict:
    """What a step of SGD makes of the three kernels, and what it should make of them."""
    x, y = np.eye(4, dtype="float32"), np.ones((4, 4), "float32")
    with distribution.DataParallel().scope():
        model = Wandering()
        model.build((None, 4))
        model.set_weights([2 * np.eye(4), np.eye(4), np.eye(4)])
        model.compile(kdist.optimizers.SGD(1.0), "mse")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            model.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    first, second = (torch.tensor(c * np.eye(4), requires_grad=True) for c in (2.0, 1.0))
    rows, wanted = torch.tensor(x, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)
    loss = ((rows[:2] @ first @ second - wanted[:2]) ** 2).mean() / 2
    loss = loss + ((rows[2:] @ second - wanted[2:]) ** 2).mean() / 2
    loss.backward()
    expected = [first - first.grad, second - second.grad, torch.eye(4)]
    return {
        "weights": [w.tolist() for w in model.get_weights()],
        "expected": [e.tolist() for e in expected],
        "hooks": sum(len(p._backward_hooks or ()) for p in model.parameters()),
    }


def _fitted(strategy, **arguments) -> dict:
    """The messages of each step of a fit, and the weights at its end."""
    steps: list = []

    class Step(kdist.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            steps.append([])

    class Noting(kdist.layers.Layer):
        """Notes when the backward pass comes by."""

        def call(self, x):
            if x.requires_grad:
                x.register_hook(lambda gradient: steps[-1].append("here"))
            return x * 1.0

    names = ("all_reduce", "reduce_scatter_single", "all_gather_single")
    native = {name: getattr(torch.distributed, name) for name in names}

    def noted(name):
        def collective(out, *args, **kwargs):
            if steps:
                steps[-1].append([name, out.numel() * out.element_size()])
            return native[name](out, *args, **kwargs)

        return collective

    kdist.utils.set_random_seed(5)
    dense = lambda n: kdist.layers.Dense(n, use_bias=False)
    x, y = np.eye(8, dtype="float32"), np.zeros((8, 4), "float32")
    for name in names:
        setattr(torch.distributed, name, noted(name))
    try:
        with strategy.scope():
            model = kdist.Sequential([kdist.Input((8,)), dense(16), Noting(), dense(4)])
            model.compile(kdist.optimizers.Adam(0.1, **arguments), "mse")
            model.fit(x, y, batch_size=4, verbose=0, shuffle=False, callbacks=[Step()])
    finally:
        for name in names:
            setattr(torch.distributed, name, native[name])
    return {"steps": steps, "weights": [w.tolist() for w in model.get_weights()]}


def messages() -> dict:
    usual = buckets.FIRST_BYTES
    zero_1 = distribution.FSDP(level="optimizer", min_size=8)
    out = {"data": _fitted(distribution.DataParallel())}
    buckets.FIRST_BYTES = 16
    try:
        out["early"] = _fitted(distribution.DataParallel())
        out["optimizer"] = _fitted(zero_1)
    finally:
        buckets.FIRST_BYTES = usual
    out["clipped"] = _fitted(zero_1, global_clipnorm=1e3)
    return out


def without_a_rule() -> dict:
    """An operation that DTensor cannot cut: on a whole tensor, and twice on one that is cut."""
    mesh = distribution.DeviceMesh((2,), ("tensor",), distribution.list_devices())
    part = torch.tensor([[1, 2], [4, 3]]) * (rank() + 1)
    make = torch.distributed.tensor.DTensor.from_local
    kinds = torch.distributed.tensor.Replicate(), torch.distributed.tensor.Shard(0)
    whole, cut = (make(part, grid_of(mesh).torch_mesh(["tensor"]), [kind]) for kind in kinds)
    said = []
    for x in (whole, cut, cut):
        with warnings.catch_warnings(record=True) as seen, split_rules.SplitMode():
            warnings.simplefilter("always")
            out = torch.unique(x)
        said.append([str(w.message) for w in seen])
    return {"said": said, "unique": out.to_local().tolist()}


def barriers() -> dict:
    c = distribution.runtime.runtime().coordinator()
    if rank() == 1:
        time.sleep(0.3)
    start = time.monotonic()
    c.barrier("a", 20)
    c.barrier("a", 20)
    waited = time.monotonic() - start
    missing = None
    if rank() == 0:
        try:
            c.barrier("never", 0.2)
        except BarrierTimeout as e:
            missing = e.missing
    return {"waited": waited, "missing": missing}


if __name__ == "__main__":
    torch.set_num_threads(1)
    distribution.initialize(timeout_s=30)
    print(json.dumps({name: globals()[name]() for name in sys.argv[1:]}), flush=True)
    distribution.shutdown()
