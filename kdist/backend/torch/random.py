"""Rows of random numbers. Each takes an explicit seed of shape (2,) and gives the same numbers for the same seed."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor

from kdist.backend.torch.device import place
from kdist.backend.torch.ops_create import size_of
from kdist.backend.torch.tensors import as_float, as_tensor, torch_dtype
from kdist.core.replicas import replicas

RANDOM_SEED_DTYPE = "int64"  # torch has no uint32 to compute with; the values are those of uint32

_generators: dict[torch.device, torch.Generator] = {}
_MASK = (1 << 64) - 1


def _mix(z: int) -> int:
    """One round of SplitMix64 (Steele, Lea and Flood 2014): neighbouring seeds give unrelated states."""
    z = (z + 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def generator(seed: Any) -> torch.Generator | None:
    """The device's generator in the state that `seed` (2,) and this replica's number stand for.

    None where there are no values.
    """
    device = place.device
    if device.type == "meta" or (
        isinstance(seed, Tensor) and (seed.is_meta or isinstance(seed, FakeTensor))
    ):
        return None
    a, b = seed.tolist() if hasattr(seed, "tolist") else seed
    found = _generators.get(device)
    if found is None:
        found = _generators[device] = torch.Generator(device)
    state = _mix((int(a) & 0xFFFFFFFF) << 32 | (int(b) & 0xFFFFFFFF))
    replica = replicas().index
    if replica:
        state = _mix(state ^ int(replica))
    # A signed 64-bit number is what torch takes.
    found.manual_seed(state >> 1)
    return found


def normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    out = torch.randn(
        size_of(shape), generator=generator(seed), dtype=torch_dtype(dtype), device=place.device
    )
    return _affine(out, stddev, mean)


def _affine(x: Tensor, factor: Any, shift: Any) -> Tensor:
    if type(factor) in (int, float) and type(shift) in (int, float):
        return x.mul_(factor).add_(shift)
    return (x * as_tensor(factor).to(x.dtype) + as_tensor(shift).to(x.dtype)).to(x.dtype)


def uniform(
    shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    out = torch.rand(
        size_of(shape), generator=generator(seed), dtype=torch_dtype(dtype), device=place.device
    )
    return _affine(out, maxval - minval, minval)


def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> Tensor:
    out = torch.randint(
        int(minval), int(maxval), size_of(shape), generator=generator(seed), device=place.device
    )
    return out.to(torch_dtype(dtype))


def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """A normal distribution cut at two standard deviations, without rejection.

    The inverse of the distribution function, of uniform numbers.
    """
    target = torch_dtype(dtype)
    wide = torch.float64 if target is torch.float64 else torch.float32
    low, high = (math.erf(s / math.sqrt(2.0)) for s in (-2.0, 2.0))
    u = torch.rand(size_of(shape), generator=generator(seed), dtype=wide, device=place.device)
    out = torch.erfinv(u.mul_(high - low).add_(low)).mul_(math.sqrt(2.0)).clamp_(-2.0, 2.0)
    return _affine(out, stddev, mean).to(target)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    p = torch.softmax(as_float(logits), dim=-1)
    return torch.multinomial(p, num_samples, replacement=True, generator=generator(seed)).to(
        torch_dtype(dtype)
    )


def bernoulli(shape: Any, p: float, dtype: Any = "bool", seed: Any = None) -> Tensor:
    """1 with probability `p`, else 0."""
    out = torch.empty(size_of(shape), dtype=torch_dtype(dtype), device=place.device)
    return out.bernoulli_(p, generator=generator(seed))


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Tensor:
    """Zero with probability `rate`, and the rest scaled by 1 / (1 - rate)."""
    x = as_tensor(inputs)
    if rate <= 0:
        return x
    if rate >= 1:
        return torch.zeros_like(x)
    shape = (
        x.shape
        if noise_shape is None
        else [n if k is None else k for k, n in zip(noise_shape, x.shape, strict=True)]
    )
    keep = 1.0 - rate
    mask = torch.empty(shape, dtype=x.dtype, device=x.device).bernoulli_(
        keep, generator=generator(seed)
    )
    return x * mask.div_(keep)


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Tensor:
    x = as_tensor(x)
    order = torch.randperm(x.shape[axis], generator=generator(seed), device=place.device)
    return torch.index_select(x, axis, order)


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    wide = "float64" if dtype == "float64" else "float32"  # there is no gamma in half precision
    alpha = as_tensor(alpha, wide).expand(size_of(shape)).contiguous()
    return torch._standard_gamma(alpha, generator=generator(seed)).to(torch_dtype(dtype))


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """X / (X + Y) of two gamma variables, drawn in one call so that they are independent."""
    both = torch.stack([as_tensor(v, "float32").expand(size_of(shape)) for v in (alpha, beta)])
    x, y = torch._standard_gamma(both, generator=generator(seed)).unbind(0)
    return (x / (x + y)).to(torch_dtype(dtype))


def binomial(
    shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> Tensor:
    counts = as_tensor(counts, "float32").expand(size_of(shape)).contiguous()
    p = as_tensor(probabilities, "float32").expand(size_of(shape)).contiguous()
    return torch.binomial(counts, p, generator=generator(seed)).to(torch_dtype(dtype))


OPS = {
    "random_bernoulli": bernoulli,
    "random_beta": beta,
    "random_binomial": binomial,
    "random_categorical": categorical,
    "random_dropout": dropout,
    "random_gamma": gamma,
    "random_normal": normal,
    "random_randint": randint,
    "random_shuffle": shuffle,
    "random_truncated_normal": truncated_normal,
    "random_uniform": uniform,
}
