"""Evaluates ops on one backend for the tests of properties, in a process of its own.

A request is a pickled `wire.Request`, its reply a pickled dictionary; each has its length before it. The
backend is that of `KDIST_BACKEND`. What a framework prints goes to the standard error, so that the replies stay whole.
"""

from __future__ import annotations

import os
import pathlib
import pickle
import struct
import sys
import time
import traceback

replies = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import numpy as np
from wire import Request, upstream

from kdist import ops
from kdist.backend import bound as backend
from kdist.core import tree
from kdist.core.graph import KerasTensor


def find(name):
    return getattr(ops, name, None) or getattr(ops.image, name)


def is_array(x):
    return isinstance(x, np.ndarray)


def convert(x):
    return backend.convert_to_tensor(x) if is_array(x) else x


def described(outputs):
    """Outputs, tensors or not, as (array, dtype's name)."""
    found = []
    for x in tree.flatten(outputs):
        if backend.is_tensor(x):
            found.append((backend.convert_to_numpy(x), backend.dtype_of(x)))
        else:
            found.append((x, type(x).__name__))
    return found


def specs(request, masks):
    """Output specs with the dims of `masks` unknown: a tuple of booleans for each array."""
    given = iter(masks) if masks is not None else None

    def symbol(x):
        if not is_array(x):
            return x
        mask = next(given) if given is not None else (False,) * x.ndim
        shape = tuple(None if m else n for m, n in zip(mask, x.shape, strict=True))
        return KerasTensor(shape, backend.dtype_of(backend.convert_to_tensor(x)))

    args, kwargs = tree.map_structure(symbol, (request.args, request.kwargs))
    return [
        (tuple(x.shape), x.dtype) if isinstance(x, KerasTensor) else x
        for x in tree.flatten(find(request.op)(*args, **kwargs))
    ]


def weighted(request, leaves, values, places):
    """The sum of the op's outputs times a random vector, of the arrays at `places`."""
    replaced = list(leaves)
    for place, value in zip(places, values, strict=True):
        replaced[place] = value
    args, kwargs = tree.pack_sequence_as((request.args, request.kwargs), replaced)
    total = None
    for i, x in enumerate(tree.flatten(find(request.op)(*args, **kwargs))):
        if not backend.is_tensor(x):
            continue
        dtype = backend.dtype_of(x)
        if dtype.startswith("complex"):
            parts = [ops.real(x), ops.imag(x)]
        elif "float" in dtype:
            parts = [x]
        else:
            continue
        for j, part in enumerate(parts):
            weights = convert(upstream(request.seed, 2 * i + j, tuple(x.shape)).astype("float32"))
            term = ops.sum(ops.multiply(part, weights))
            total = term if total is None else total + term
    return total


def gradients(request, leaves, places):
    values = [leaves[p] for p in places]
    fn = lambda vs: weighted(request, leaves, vs, places)
    if backend.name == "jax":
        import jax

        out = jax.grad(fn)([convert(v) for v in values])
    elif backend.name == "torch":
        import torch

        tensors = [convert(v).clone().requires_grad_(True) for v in values]
        total = fn(tensors)
        if not total.requires_grad:
            return [np.zeros(tuple(v.shape), "float32") for v in values]
        out = torch.autograd.grad(total, tensors, allow_unused=True)
    else:
        import tensorflow as tf

        tensors = [convert(v) for v in values]
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            total = fn(tensors)
        out = [
            None if g is None else tf.convert_to_tensor(g) for g in tape.gradient(total, tensors)
        ]
    return [
        np.zeros(tuple(v.shape), "float32") if g is None else backend.convert_to_numpy(g)
        for g, v in zip(out, values, strict=True)
    ]


def attempt(fn, *args):
    """(result, None), or (None, what was raised)."""
    try:
        return fn(*args), None
    except Exception as error:
        return None, (type(error).__name__, str(error)[:2000], traceback.format_exc()[-1500:])


def run(request):
    began = time.perf_counter()
    leaves = [convert(x) for x in tree.flatten((request.args, request.kwargs))]
    args, kwargs = tree.pack_sequence_as((request.args, request.kwargs), leaves)
    reply = {"eager": attempt(lambda: described(find(request.op)(*args, **kwargs)))}
    reply["t_eager"] = time.perf_counter() - began
    if request.symbolic:
        reply["spec"] = attempt(specs, request, None)
        reply["unknown"] = [attempt(specs, request, m) for m in request.masks]
    reply["t_spec"] = time.perf_counter() - began
    if request.gradient_at:
        reply["gradients"] = attempt(gradients, request, leaves, request.gradient_at)
    reply["t_all"] = time.perf_counter() - began
    return reply


def dtype_of_call(name, left, right):
    """The dtype of a call with arguments of two dtypes, or the type of what it raised.

    A Python number stands for itself. jax says it without compiling.
    """
    numbers = {"py_int": 2, "py_float": 2.0, "py_bool": True, "py_complex": 2.0 + 1.0j}
    given = [numbers.get(d, d) for d in (left, right)]
    made = lambda d: ops.ones((2, 2), d) if isinstance(d, str) else d
    if backend.name == "jax":
        made = lambda d: KerasTensor((2, 2), d) if isinstance(d, str) else d
    try:
        a, b = (made(d) for d in given)
        if name == "where":
            condition = ops.ones((2, 2), "bool")
            out = ops.where(condition, a, b)
        elif name == "concatenate":
            out = ops.concatenate([a, b])
        else:
            out = find(name)(a, b)
    except Exception as error:
        return "!" + type(error).__name__
    return out.dtype if isinstance(out, KerasTensor) else backend.dtype_of(out)


def answer(message):
    if isinstance(message, Request):
        return run(message)
    return [dtype_of_call(*call) for call in message]


def main():
    requests = sys.stdin.buffer
    while head := requests.read(8):
        message = pickle.loads(requests.read(struct.unpack("<q", head)[0]))
        data = pickle.dumps(answer(message))
        replies.write(struct.pack("<q", len(data)) + data)
        replies.flush()


if __name__ == "__main__":
    main()
