"""Trains a small model under a layout of devices and processes; saves what must not depend on it.

python child.py <out.npz> <devices per process> <processes> <rank> <port>
"""

from __future__ import annotations

import random
import sys

import jax
import numpy as np

out, devices, processes, rank, port = sys.argv[1], *map(int, sys.argv[2:])
jax.config.update("jax_num_cpu_devices", devices)

from kdist import distribution, layers, losses, metrics, models, optimizers
from kdist.backend import bound as backend
from kdist.core.coordination import BarrierTimeout

if processes > 1:
    distribution.initialize(f"127.0.0.1:{port}", processes, rank)
if devices * processes > 1:
    distribution.set_distribution(distribution.DataParallel())

random.seed(3)  # of the order of the samples
rng = np.random.default_rng(0)
x = rng.normal(size=(44, 6)).astype("float32")
y = rng.integers(0, 3, 44)
w = rng.uniform(0.5, 2, 44).astype("float32")
start = np.random.default_rng(1)

inputs = layers.Input((6,))
h = layers.Dense(8, activation="relu")(inputs)
h = layers.Dropout(0.3, seed=5)(h)
h = layers.BatchNormalization(momentum=0.8)(h)
model = models.Model(inputs, layers.Dense(3)(h))
model.set_weights([start.normal(size=v.shape) ** 2 * 0.3 + 0.1 for v in model.weights])
model.compile(
    optimizers.SGD(0.05, momentum=0.9),
    loss=losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
    weighted_metrics=[metrics.SparseCategoricalCrossentropy(from_logits=True, name="ce")],
)
history = model.fit(x, y, sample_weight=w, batch_size=16, epochs=3, verbose=0, shuffle=True).history
results = model.evaluate(x, y, sample_weight=w, batch_size=16, verbose=0)
outputs = model.predict(x, batch_size=16, verbose=0)
leaves = [backend.to_leaf(v) for v in model.weights]
owned = sum(len(leaf.boxes) for leaf in leaves)
seed = [np.asarray(v) for v in model.non_trainable_variables if v.dtype == "uint32"]

if processes > 1:
    channel = backend.runtime.coordinator()
    channel.barrier("everyone", 20)
    channel.barrier("everyone", 20)
    if rank == 0:
        try:
            channel.barrier("nobody else", 0.5)
        except BarrierTimeout as e:
            assert e.missing is None or e.missing == (1,), e
        else:
            raise AssertionError("a barrier that the others do not reach must fail")

np.savez(
    out,
    *[v.numpy() for v in model.weights],
    loss=history["loss"],
    accuracy=history["accuracy"],
    ce=history["ce"],
    results=results,
    outputs=outputs,
    owned=owned,
    seed=np.concatenate(seed),
)
distribution.shutdown()
