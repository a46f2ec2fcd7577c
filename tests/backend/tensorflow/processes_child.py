"""One of two processes: `processes_child.py rank addresses`. Prints "ok" at its end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context

import kdist
from kdist import distribution, layers
from kdist.backend import bound as backend
from kdist.backend.tensorflow import replicas
from kdist.backend.tensorflow.collectives import (
    broadcast_from_first,
    comparison,
    gather_rows,
    sum_over_processes,
)
from kdist.backend.variable import Variable
from kdist.core.coordination import BarrierTimeout

rank = int(sys.argv[1])
tf_context = context.context()
# As a worker of Ray does it: not in the main thread.
joining = threading.Thread(target=distribution.initialize, args=(sys.argv[2], 2, rank, 60))
joining.start()
joining.join()
assert (distribution.process_index(), distribution.process_count()) == (rank, 2)
assert distribution.list_devices() == ["cpu:0", "cpu:1"]

for dtype in ("float32", "bfloat16", "int32", "uint8", "bool"):
    (total,) = sum_over_processes([tf.cast([rank, 1], dtype)])
    np.testing.assert_array_equal(tf.cast(total, tf.float32), [1, 1] if dtype == "bool" else [1, 2])
    assert total.dtype.name == dtype
    (first,) = broadcast_from_first([tf.cast([1 - rank], dtype)])
    assert float(tf.cast(first, tf.float32)[0]) == 1
    np.testing.assert_array_equal(
        tf.cast(gather_rows(tf.cast([[rank]], dtype)), tf.float32), [[0], [1]]
    )

# States are compared before they are sent: one number on one process makes them differ.
kinds = ("float32", "bfloat16", "int64", "bool")
own = [Variable(np.ones(3), dtype=kind, trainable=False)._storage for kind in kinds]
alike = comparison(own)
assert alike()
for storage in own:
    before = storage.read()
    storage.write(before if rank == 0 else tf.cast([1, 1, 0], before.dtype))
    assert not alike()
    storage.write(before)
assert alike()

# A step sends all of its gradients in one message, with as many bytes as the plan says.
means = []
plain = replicas.all_reduce


def noted(how, values):
    if how == "MEAN":
        means.append([v.shape.num_elements() * v.dtype.size for v in values])
    return plain(how, values)


replicas.all_reduce = noted
with distribution.DataParallel().scope():
    model = kdist.Sequential([kdist.Input((3,)), layers.Dense(5), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3), "float32"), np.ones((4, 1), "float32"), batch_size=4, verbose=0)
    [planned] = model.plan(batch_size=4).collectives
replicas.all_reduce = plain
assert (planned.kind, planned.count) == ("all-reduce", len(means[0]))
assert means and all(sum(sizes) == planned.nbytes for sizes in means)
functions = [tf_context.get_function_def(name) for name in tf_context.list_function_names()]
packed = [
    [node.op for node in f.node_def].count("CollectiveReduceV2")
    for f in functions
    if any(n.op == "ConcatV2" and len(n.input) == planned.count + 1 for n in f.node_def)
]
assert packed and set(packed) == {1}, packed

# A barrier in a background thread stands beside the collectives of the main one.
coordinator = backend.runtime.coordinator()
done = threading.Event()


def wait() -> None:
    if rank == 0:
        time.sleep(0.5)
    coordinator.barrier("save", 30.0)
    done.set()


thread = threading.Thread(target=wait)
thread.start()
for _ in range(20):
    sum_over_processes([tf.ones(3)])
thread.join(30)
assert done.is_set()

if rank == 0:
    try:
        coordinator.barrier("alone", 0.3)
    except BarrierTimeout as e:
        assert e.missing == (1,)
    else:
        raise AssertionError("a barrier that rank 1 did not reach let rank 0 pass")

metric = Variable(np.float32(rank + 1), aggregation="sum", trainable=False)
leaf = backend.to_leaf(metric)
assert bool(leaf.boxes) == (rank == 0)
if rank == 0:
    assert leaf.boxes[0][1] == 3.0
assert float(metric.numpy()) == (3.0 if rank == 0 else 0.0)
backend.from_reader(metric, lambda index: np.float32(8.0))
assert float(sum_over_processes([metric.value])[0]) == 8.0

distribution.shutdown()
print("ok", flush=True)
if len(sys.argv) > 3:  # the service's own handler would swallow it
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(20)
    print("survived SIGTERM", flush=True)
