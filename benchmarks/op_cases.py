"""The ops that the op table times: the call through `ops`, and the shapes of a tiny and a large input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Shapes = tuple[tuple[int, ...], ...]
# A pass over it takes a millisecond. XLA's threads fall asleep between calls: the time of much shorter ones is that of
# waking them.
BIG = (4096, 2048)


@dataclass(frozen=True)
class Case:
    """One op.

    Arguments:
        call: `call(ops, *arrays)`; the same call by hand stands under this name in native/{torch,jax}_ops.py.
        small, large: shapes of the arrays; None where the op gives a view of whatever is large.
        make: gives an array of a shape; one for each array, the last for all others.
    """

    call: Callable
    small: Shapes
    large: Shapes | None
    make: tuple[Callable, ...] = ()

    def arrays(self, shapes: Shapes) -> list[np.ndarray]:
        rng = np.random.default_rng(0)
        makers = [*self.make, *[self.make[-1] if self.make else normal] * len(shapes)]
        return [make(rng, shape) for make, shape in zip(makers, shapes, strict=False)]


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(size=shape).astype("float32")


def positive(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.uniform(0.5, 2.0, size=shape).astype("float32")


def ids(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Integers below 8."""
    return rng.integers(0, 8, size=shape).astype("int32")


def sorted_ids(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.sort(ids(rng, shape))


def flags(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.integers(0, 2, size=shape).astype(bool)


def definite(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Symmetric positive definite matrices."""
    a = rng.normal(size=shape)
    n = shape[-1]
    return (a @ np.swapaxes(a, -1, -2) / n + np.eye(n)).astype("float32")


def _elementwise(name: str, *make: Callable) -> Case:
    return Case(lambda ops, x: getattr(ops, name)(x), ((8, 8),), (BIG,), make)


def _pairs(name: str, *make: Callable) -> Case:
    return Case(lambda ops, x, y: getattr(ops, name)(x, y), ((8, 8),) * 2, (BIG,) * 2, make)


def _along(name: str, large: tuple[int, ...] = BIG) -> Case:
    return Case(lambda ops, x: getattr(ops, name)(x, axis=-1), ((8, 8),), (large,))


IMAGES: tuple[Shapes, Shapes] = (
    ((1, 8, 8, 4), (3, 3, 4, 8)),
    ((16, 32, 32, 32), (3, 3, 32, 64)),
)
IMAGES_FIRST: tuple[Shapes, Shapes] = (
    ((1, 4, 8, 8), (3, 3, 4, 8)),
    ((16, 32, 32, 32), (3, 3, 32, 64)),
)
HEADS: tuple[Shapes, Shapes] = (((1, 8, 2, 8),) * 3, ((8, 256, 4, 32),) * 3)
LOGITS: tuple[Shapes, Shapes] = (((8,), (8, 8)), ((4096,), (4096, 512)))

CASES: dict[str, Case] = {
    **{n: _elementwise(n) for n in ("exp", "tanh", "relu", "sigmoid", "silu", "gelu", "abs")},
    **{n: _elementwise(n, positive) for n in ("log", "sqrt")},
    **{n: _pairs(n) for n in ("add", "multiply", "maximum", "greater")},
    "divide": _pairs("divide", positive),
    "power": Case(lambda ops, x: ops.power(x, 2.0), ((8, 8),), (BIG,)),
    "add_scalar": Case(lambda ops, x: ops.add(x, 1.5), ((8, 8),), (BIG,)),
    "clip": Case(lambda ops, x: ops.clip(x, -1.0, 1.0), ((8, 8),), (BIG,)),
    "cast": Case(lambda ops, x: ops.cast(x, "float16"), ((8, 8),), (BIG,)),
    "where": Case(
        lambda ops, c, x, y: ops.where(c, x, y),
        ((8, 8),) * 3,
        (BIG,) * 3,
        (flags, normal),
    ),
    **{
        n: _along(n)
        for n in (
            *("sum", "mean", "max", "argmax", "var", "cumsum"),
            *("softmax", "log_softmax", "logsumexp"),
        )
    },
    "sort": _along("sort", (1024, 1024)),
    "sum_all": Case(lambda ops, x: ops.sum(x), ((8, 8),), (BIG,)),
    "top_k": Case(lambda ops, x: ops.top_k(x, 5), ((8, 8),), ((1024, 1024),)),
    "reshape": Case(lambda ops, x: ops.reshape(x, (-1,)), ((8, 8),), None),
    "transpose": Case(lambda ops, x: ops.transpose(x), ((8, 8),), None),
    "expand_dims": Case(lambda ops, x: ops.expand_dims(x, 1), ((8, 8),), None),
    "concatenate": Case(
        lambda ops, x, y: ops.concatenate([x, y], axis=-1), ((8, 8),) * 2, ((2048, 2048),) * 2
    ),
    "stack": Case(lambda ops, x, y: ops.stack([x, y]), ((8, 8),) * 2, ((2048, 2048),) * 2),
    "pad": Case(lambda ops, x: ops.pad(x, ((1, 1), (2, 2))), ((8, 8),), (BIG,)),
    "take": Case(
        lambda ops, x, i: ops.take(x, i, axis=0),
        ((8, 8), (16,)),
        ((8, 512), (4096,)),
        (normal, ids),
    ),
    "one_hot": Case(lambda ops, i: ops.one_hot(i, 8), ((8,),), ((262144,),), (ids,)),
    "segment_sum": Case(
        lambda ops, x, i: ops.segment_sum(x, i, num_segments=8),
        ((8, 4), (8,)),
        ((65536, 32), (65536,)),
        (normal, sorted_ids),
    ),
    "matmul": Case(lambda ops, x, y: ops.matmul(x, y), ((8, 8),) * 2, ((512, 512),) * 2),
    "einsum": Case(
        lambda ops, x, y: ops.einsum("bti,ij->btj", x, y),
        ((2, 4, 8), (8, 8)),
        ((8, 128, 256), (256, 256)),
    ),
    "linear": Case(
        lambda ops, x, k, b: ops.linear(x, k, b),
        ((8, 8), (8, 8), (8,)),
        ((1024, 512), (512, 512), (512,)),
    ),
    "norm": Case(lambda ops, x: ops.norm(x), ((8, 8),), (BIG,)),
    "solve": Case(
        lambda ops, a, b: ops.solve(a, b),
        ((8, 8), (8, 2)),
        ((384, 384), (384, 64)),
        (definite, normal),
    ),
    "cholesky": Case(lambda ops, a: ops.cholesky(a), ((8, 8),), ((512, 512),), (definite,)),
    "rfft": Case(lambda ops, x: ops.rfft(x), ((8, 8),), ((512, 1024),)),
    "fft": Case(lambda ops, x, y: ops.fft((x, y)), ((8, 8),) * 2, ((512, 1024),) * 2),
    "layer_normalization": Case(
        lambda ops, x, g, b: ops.layer_normalization(x, g, b, epsilon=1e-5),
        ((8, 8), (8,), (8,)),
        ((4096, 512), (512,), (512,)),
    ),
    "rms_normalization": Case(
        lambda ops, x, g: ops.rms_normalization(x, g, epsilon=1e-5),
        ((8, 8), (8,)),
        ((4096, 512), (512,)),
    ),
    "batch_normalization": Case(
        lambda ops, x, m, v: ops.batch_normalization(x, m, v, axis=-1),
        ((8, 8), (8,), (8,)),
        (BIG, (2048,), (2048,)),
        (normal, normal, positive),
    ),
    "dot_product_attention": Case(lambda ops, q, k, v: ops.dot_product_attention(q, k, v), *HEADS),
    "causal_attention": Case(
        lambda ops, q, k, v: ops.dot_product_attention(q, k, v, is_causal=True), *HEADS
    ),
    "conv": Case(
        lambda ops, x, k: ops.conv(x, k, padding="same", data_format="channels_last"), *IMAGES
    ),
    "conv_channels_first": Case(
        lambda ops, x, k: ops.conv(x, k, padding="same", data_format="channels_first"),
        *IMAGES_FIRST,
    ),
    "max_pool": Case(
        lambda ops, x: ops.max_pool(x, 2, 2, data_format="channels_last"),
        ((1, 8, 8, 4),),
        ((16, 64, 64, 32),),
    ),
    "average_pool": Case(
        lambda ops, x: ops.average_pool(x, 2, 2, data_format="channels_last"),
        ((1, 8, 8, 4),),
        ((16, 64, 64, 32),),
    ),
    "sparse_categorical_crossentropy": Case(
        lambda ops, t, x: ops.sparse_categorical_crossentropy(t, x, from_logits=True),
        *LOGITS,
        (ids, normal),
    ),
    "binary_crossentropy": Case(
        lambda ops, t, x: ops.binary_crossentropy(t, x, from_logits=True),
        ((8, 8),) * 2,
        ((1024, 1024),) * 2,
        (lambda rng, shape: flags(rng, shape).astype("float32"), normal),
    ),
}
