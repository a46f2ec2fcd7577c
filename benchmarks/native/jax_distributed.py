"""jax on several processes by hand: one jitted step over a mesh, its state replicated or sharded."""

from __future__ import annotations

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from native.jax_loops import MODELS, initial, train_step


def _replicated(mesh, x):
    return NamedSharding(mesh, PartitionSpec())


def _cut(mesh, x):
    """The largest dim that divides, as kdist chooses it."""
    dims = [d for d in range(x.ndim) if x.shape[d] % mesh.size == 0]
    if x.size < 1024 or not dims:
        return NamedSharding(mesh, PartitionSpec())
    best = max(dims, key=lambda d: (x.shape[d], -d))
    return NamedSharding(mesh, PartitionSpec(*(None,) * best, "batch"))


def _gathered(forward, mesh):
    """Whole parameters before they are used: left alone, XLA may cut the activations to suit the parameters instead."""
    whole = NamedSharding(mesh, PartitionSpec())
    return lambda p, x: forward(jax.lax.with_sharding_constraint(p, whole), x)


STRATEGIES = {
    "DataParallel": (_replicated, lambda forward, mesh: forward),
    "FSDP": (_cut, _gathered),
}


def loop(name, strategy, x, y, work):
    mesh = Mesh(np.array(jax.devices()), ("batch",), axis_types=(AxisType.Auto,))
    rows_of = NamedSharding(mesh, PartitionSpec("batch"))
    host = jax.tree.map(np.asarray, initial(name))
    sharding, used = STRATEGIES[strategy]
    shardings = jax.tree.map(lambda a: sharding(mesh, a), host)
    place = lambda a, s: jax.make_array_from_callback(a.shape, s, lambda index: a[index])
    state = [jax.tree.map(place, host, shardings)]
    step = train_step(used(MODELS[name][1], mesh))
    step = jax.jit(step, donate_argnums=0, out_shardings=shardings)
    rank, mine = jax.process_index(), work.batch // jax.process_count()

    def fit():
        order = np.random.default_rng(0).permutation(len(x))
        s = (*state[0][:4], place(np.zeros(3, "float32"), shardings[4]))
        for i in range(0, len(x), work.batch):
            rows = order[i + rank * mine : i + (rank + 1) * mine]
            put = lambda a: jax.make_array_from_process_local_data(rows_of, a)
            s = step(s, put(x[rows]), put(y[rows]))
        state[0] = s
        return np.asarray(s[4].addressable_data(0))

    return fit
