"""The calls of the op table as an expert writes them in torch, with results of the same dtypes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

array = torch.as_tensor


def wait(out: Any) -> None:
    """Results are there when a call on the CPU returns."""


def _last_to_first(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 3, 1, 2)


def _first_to_last(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 2, 3, 1)


def _conv(x: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    return _first_to_last(F.conv2d(_last_to_first(x), k.permute(3, 2, 0, 1), padding="same"))


def _attention(causal: bool) -> Callable:
    def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        heads_first = (t.transpose(1, 2) for t in (q, k, v))
        return F.scaled_dot_product_attention(*heads_first, is_causal=causal).transpose(1, 2)

    return attend


def _one_hot(i: torch.Tensor) -> torch.Tensor:
    return F.one_hot(i.long(), 8).float()


def _segment_sum(x: torch.Tensor, i: torch.Tensor) -> torch.Tensor:
    return x.new_zeros(8, x.shape[1]).index_add_(0, i, x)


def _fft(x: torch.Tensor, y: torch.Tensor) -> tuple:
    out = torch.fft.fft(torch.complex(x, y))
    return out.real, out.imag


def _rfft(x: torch.Tensor) -> tuple:
    out = torch.fft.rfft(x)
    return out.real, out.imag


def _top_k(x: torch.Tensor) -> tuple:
    values, indices = torch.topk(x, 5)
    return values, indices.to(torch.int32)


# Functions that look their op up, as those for kdist do.
CALLS: dict[str, Callable] = {
    "exp": lambda x: torch.exp(x),
    "tanh": lambda x: torch.tanh(x),
    "relu": lambda x: torch.relu(x),
    "sigmoid": lambda x: torch.sigmoid(x),
    "silu": lambda x: F.silu(x),
    "gelu": lambda x: F.gelu(x, approximate="tanh"),
    "abs": lambda x: torch.abs(x),
    "log": lambda x: torch.log(x),
    "sqrt": lambda x: torch.sqrt(x),
    "add": lambda x, y: torch.add(x, y),
    "multiply": lambda x, y: torch.multiply(x, y),
    "maximum": lambda x, y: torch.maximum(x, y),
    "greater": lambda x, y: torch.gt(x, y),
    "divide": lambda x, y: torch.div(x, y),
    "power": lambda x: torch.pow(x, 2.0),
    "add_scalar": lambda x: torch.add(x, 1.5),
    "clip": lambda x: torch.clamp(x, -1.0, 1.0),
    "cast": lambda x: x.to(torch.float16),
    "where": lambda c, x, y: torch.where(c, x, y),
    "sum": lambda x: torch.sum(x, dim=-1),
    "mean": lambda x: torch.mean(x, dim=-1),
    "max": lambda x: torch.amax(x, dim=-1),
    "argmax": lambda x: torch.argmax(x, dim=-1).to(torch.int32),
    "var": lambda x: torch.var(x, dim=-1, correction=0),
    "cumsum": lambda x: torch.cumsum(x, dim=-1),
    "sort": lambda x: torch.sort(x, dim=-1).values,
    "softmax": lambda x: torch.softmax(x, dim=-1),
    "log_softmax": lambda x: torch.log_softmax(x, dim=-1),
    "logsumexp": lambda x: torch.logsumexp(x, dim=-1),
    "sum_all": lambda x: torch.sum(x),
    "top_k": _top_k,
    "reshape": lambda x: torch.reshape(x, (-1,)),
    "transpose": lambda x: x.T,
    "expand_dims": lambda x: torch.unsqueeze(x, 1),
    "concatenate": lambda x, y: torch.cat([x, y], dim=-1),
    "stack": lambda x, y: torch.stack([x, y]),
    "pad": lambda x: F.pad(x, (2, 2, 1, 1)),
    "take": lambda x, i: torch.index_select(x, 0, i),
    "one_hot": _one_hot,
    "segment_sum": _segment_sum,
    "matmul": lambda x, y: torch.matmul(x, y),
    "einsum": lambda x, y: torch.einsum("bti,ij->btj", x, y),
    "linear": lambda x, k, b: F.linear(x, k.T, b),
    "norm": lambda x: torch.linalg.vector_norm(x),
    "solve": lambda x, y: torch.linalg.solve(x, y),
    "cholesky": lambda x: torch.linalg.cholesky(x),
    "rfft": _rfft,
    "fft": _fft,
    "layer_normalization": lambda x, g, b: F.layer_norm(x, g.shape, g, b, eps=1e-5),
    "rms_normalization": lambda x, g: F.rms_norm(x, g.shape, g, eps=1e-5),
    "batch_normalization": lambda x, m, v: F.batch_norm(x, m, v, eps=1e-3),
    "dot_product_attention": _attention(causal=False),
    "causal_attention": _attention(causal=True),
    "conv": _conv,
    "conv_channels_first": lambda x, k: F.conv2d(x, k.permute(3, 2, 0, 1), padding="same"),
    "max_pool": lambda x: _first_to_last(F.max_pool2d(_last_to_first(x), 2, 2)),
    "average_pool": lambda x: _first_to_last(F.avg_pool2d(_last_to_first(x), 2, 2)),
    "sparse_categorical_crossentropy": lambda t, x: F.cross_entropy(x, t.long(), reduction="none"),
    "binary_crossentropy": lambda t, x: F.binary_cross_entropy_with_logits(x, t, reduction="none"),
}
