"""Rows of cross-entropies, each element or sample on its own.

Probabilities are normalised and clipped as Keras does.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kdist.backend.torch.tensors import as_float, as_tensor, in_dtype, promoted, torch_dtype
from kdist.core import config

_NONE = 0  # what torch's kernels are told for reduction="none"


def _same_shape(target: Tensor, output: Tensor) -> None:
    if target.shape != output.shape:
        raise ValueError(
            f"target and output must have the same shape. Received: target.shape={tuple(target.shape)}, "
            f"output.shape={tuple(output.shape)}."
        )


def _log_probabilities(output: Tensor, axis: int) -> Tensor:
    epsilon = config.epsilon()
    return torch.log(
        torch.clamp(output / torch.sum(output, dim=axis, keepdim=True), epsilon, 1.0 - epsilon)
    )


def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Tensor:
    target, output = promoted(target, as_float(output))
    _same_shape(target, output)
    if output.ndim < 1:
        raise ValueError("target and output must have at least one dim, and are scalars.")
    log_p = torch.log_softmax(output, axis) if from_logits else _log_probabilities(output, axis)
    return -torch.sum(target * log_p, dim=axis)


def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Tensor:
    target, output = as_tensor(target), as_float(output)
    if from_logits and output.ndim == 2 and target.ndim == 1 and axis in (-1, 1):
        return F.cross_entropy(output, target.long(), reduction="none")
    if output.ndim < 1:
        raise ValueError("output must have at least one dim, and is a scalar.")
    if target.ndim == output.ndim and target.shape[axis] == 1:
        target = torch.squeeze(target, axis)
    shape, along = output.shape, axis % output.ndim
    expected = shape[:-1] if axis == -1 else shape[:along] + shape[along + 1 :]
    if target.shape != expected:
        raise ValueError(
            f"target must have the shape of output without its class dim, {tuple(expected)}. "
            f"Received: target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}, axis={axis}."
        )
    if from_logits:
        return softmax_crossentropy_with_integer_labels(target, output, axis)
    log_p = _log_probabilities(output, axis)
    target = target if target.dtype is torch.int64 else target.long()
    return -torch.gather(log_p, axis, target.unsqueeze(axis)).squeeze(axis)


def softmax_crossentropy_with_integer_labels(labels: Any, logits: Any, axis: int = -1) -> Tensor:
    """-log softmax(logits)[labels]."""
    labels, logits = as_tensor(labels), as_float(logits)
    labels = labels if labels.dtype is torch.int64 else labels.long()
    # The kernel wants the classes second.
    if logits.ndim == 1:
        return F.cross_entropy(logits, labels, reduction="none")
    if axis != 1 and axis != 1 - logits.ndim:
        logits = torch.movedim(logits, axis, 1)
    return F.cross_entropy(logits, labels, reduction="none")


def mean_sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False
) -> Tensor:
    """The mean, by the one kernel that takes the mean in its own pass."""
    target, output = as_tensor(target), as_float(output)
    if not from_logits or output.ndim != 2 or target.ndim != 1:
        return torch.mean(sparse_categorical_crossentropy(target, output, from_logits))
    return F.cross_entropy(output, target if target.dtype is torch.int64 else target.long())


def sparse_hits(target: Any, output: Any) -> Tensor:
    """1.0 where the largest of `output` is number `target`."""
    output = as_tensor(output)
    if not output.ndim:  # to torch it has an axis
        raise ValueError("output has no axis of classes.")
    found = torch.argmax(output, -1)
    return in_dtype(torch.eq(found, as_tensor(target)), torch_dtype(None))


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Tensor:
    target, output = promoted(target, as_float(output))
    _same_shape(target, output)
    if from_logits:
        return torch.binary_cross_entropy_with_logits(output, target, None, None, _NONE)
    epsilon = config.epsilon()
    output = torch.clamp(output, epsilon, 1.0 - epsilon)
    return F.binary_cross_entropy(output, target, reduction="none")


def ctc_loss(
    target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0
) -> Tensor:
    output = as_float(output)
    output = output.float() if output.dtype in (torch.float16, torch.bfloat16) else output
    if output.is_meta:  # torch 2.13 infers no shape for this kernel
        return output.new_empty(output.shape[:1])
    target, lengths, frames = (
        as_tensor(x, "int64") for x in (target, target_length, output_length)
    )
    says = torch.log_softmax(output, -1).transpose(0, 1)  # torch has the frames in front
    loss = F.ctc_loss(
        says, target, frames, lengths, blank=mask_index, reduction="none", zero_infinity=True
    )
    # Too few frames for the labels, and for the blanks that must part equal ones: an infinite loss
    # whose gradient is 0.
    counts = torch.arange(1, target.shape[1], device=target.device) < lengths[:, None]
    parted = ((target[:, 1:] == target[:, :-1]) & counts).sum(1)
    return torch.where(lengths + parted > frames, float("inf"), loss)


OPS = {
    "ctc_loss": ctc_loss,
    "binary_crossentropy": binary_crossentropy,
    "categorical_crossentropy": categorical_crossentropy,
    "mean_sparse_categorical_crossentropy": mean_sparse_categorical_crossentropy,
    "softmax_crossentropy_with_integer_labels": softmax_crossentropy_with_integer_labels,
    "sparse_categorical_crossentropy": sparse_categorical_crossentropy,
    "sparse_hits": sparse_hits,
}
