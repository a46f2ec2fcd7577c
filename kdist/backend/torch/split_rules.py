"""Computing over a tensor axis: what DTensor cannot do on parts, or does wrongly, is done here.

While a model's forward pass runs, a mode sees each torch function that is called. For a function in the table the
processes compute on their own parts, by the rule there. One for which DTensor has no rule of its own is computed whole
on every process, with a warning. Everything else is DTensor's.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from kdist.backend.torch.parts import dtensor, is_dtensor, is_sum, moved, redistributed
from kdist.backend.torch.sharded_storage import computing
from kdist.core import tree


def _mesh_of(args: Any) -> Any:
    """The mesh of the first DTensor among nested arguments; None if there is no DTensor."""
    for x in args:
        if is_dtensor(x):
            return x.device_mesh
        if isinstance(x, list | tuple):
            mesh = _mesh_of(x)
            if mesh is not None:
                return mesh
    return None


def _placed(x: Any, mesh: Any, placement: Any) -> Any:
    """`x`, a DTensor or a tensor that is whole on every process, as a DTensor of one placement."""
    if not is_dtensor(x):
        x = dtensor.DTensor.from_local(x, mesh, [dtensor.Replicate()], run_check=False)
    # Moved to where it is, its gradient would be added up there, before it is known where it is wanted.
    return x if x.placements[0] == placement else moved(x, placement)


def _part(x: Tensor | None, mesh: Any, placement: Any, gradient: Any = None) -> Tensor | None:
    """This process's part of `x`. `gradient` is how the parts' gradients make the whole one; default: as the parts."""
    if x is None:
        return None
    return _placed(x, mesh, placement).to_local(grad_placements=[gradient or placement])


def _joined(part: Tensor, mesh: Any, placement: Any) -> Any:
    return dtensor.DTensor.from_local(part, mesh, [placement], run_check=False)


def whole(func: Callable, args: Sequence, kwargs: dict) -> Any:
    """`func` on whole tensors, the same on every process. What it changes in place must be whole."""
    mesh = _mesh_of([*args, *kwargs.values()])
    replicate = dtensor.Replicate()

    def plain(x: Any) -> Any:
        return _part(x, mesh, replicate) if is_dtensor(x) else x

    out = func(*tree.map_structure(plain, tuple(args)), **tree.map_structure(plain, kwargs))
    return tree.map_structure(
        lambda x: _joined(x, mesh, replicate) if isinstance(x, Tensor) else x, out
    )


def _convolution(func: Callable, args: Sequence, kwargs: dict) -> Any:
    """By output channels, by input channels (a sum of parts), or by groups; else whole."""
    names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
    given = {"bias": None, "groups": 1, **dict(zip(names, args, strict=False)), **kwargs}
    x, weight, bias, groups = (given.pop(n) for n in ("input", "weight", "bias", "groups"))
    mesh = _mesh_of((x, weight, bias))
    shard, partial, replicate = dtensor.Shard, dtensor.Partial(), dtensor.Replicate()
    cut = weight.placements[0] if is_dtensor(weight) else replicate
    if cut == shard(0) and groups == 1:
        parts = (_part(x, mesh, replicate, partial), _part(weight, mesh, cut))
        out = func(*parts, _part(bias, mesh, shard(0)), **given)
        return _joined(out, mesh, shard(1))
    if cut == shard(0) and groups % mesh.size() == 0:
        parts = (_part(x, mesh, shard(1)), _part(weight, mesh, cut))
        out = func(*parts, _part(bias, mesh, shard(0)), groups=groups // mesh.size(), **given)
        return _joined(out, mesh, shard(1))
    if cut == shard(1) and groups == 1:
        # Held by no name, as the parts are let go when they are added up.
        parts = (_part(x, mesh, shard(1)), _part(weight, mesh, cut))
        total = _joined(func(*parts, None, **given), mesh, partial)
        if bias is None:
            return total
        if computing.adds_later is None:
            total = moved(total, replicate)
        return total + bias.reshape(-1, *(1,) * (total.ndim - 2))
    return whole(func, (x, weight, bias), {**given, "groups": groups})


def _attention(func: Callable, args: Sequence, kwargs: dict) -> Any:
    """By heads or by samples, if query, key and value are cut alike; else whole."""
    names = ("query", "key", "value", "attn_mask")
    given = {"attn_mask": None, **dict(zip(names, args, strict=False)), **kwargs}
    mask = given.pop("attn_mask")
    inputs = [given.pop(n) for n in names[:3]]
    more = dict(zip(("dropout_p", "is_causal"), args[4:], strict=False))
    cuts = {x.placements[0] if is_dtensor(x) else None for x in inputs}
    [cut] = cuts if len(cuts) == 1 else [None]
    if cut not in (dtensor.Shard(0), dtensor.Shard(1)):
        return whole(func, (*inputs, mask), {**given, **more})
    mesh = _mesh_of(inputs)
    if mask is not None:
        # Dims of the mask count from the last: (batch, heads, query, key), or fewer.
        dim = mask.ndim - 4 + cut.dim
        alike = dim >= 0 and mask.shape[dim] > 1
        mask = _part(mask, mesh, dtensor.Shard(dim) if alike else dtensor.Replicate())
    out = func(*(_part(x, mesh, cut) for x in inputs), mask, **given, **more)
    return _joined_heads(out, mesh) if cut.dim == 1 else _joined(out, mesh, cut)


def _joined_heads(part: Tensor, mesh: Any) -> Any:
    """Parts of (batch, heads, length, head size), which lie in memory with the heads after the length.

    Of a single head that cannot be told from its strides, and DTensor would copy it where heads are put together.
    """
    rows, heads, length, size = part.shape
    if heads > 1:
        return _joined(part, mesh, dtensor.Shard(1))
    heads = mesh.size()
    return dtensor.DTensor.from_local(
        part, mesh, [dtensor.Shard(1)], run_check=False,
        shape=torch.Size((rows, heads, length, size)),
        stride=(length * heads * size, size, heads * size, 1),
    )  # fmt: skip


# The options of F.embedding that leave it a plain look-up.
_EMBEDDING = {
    "padding_idx": None,
    "max_norm": None,
    "norm_type": 2.0,
    "scale_grad_by_freq": False,
    "sparse": False,
}


def _embedding(func: Callable, args: Sequence, kwargs: dict) -> Any:
    """By rows of the table, each process giving those that it has and zeros for the others, or by columns."""
    given = {**dict(zip(("input", "weight"), args, strict=False)), **kwargs}
    ids: Any = given.pop("input")
    table = given.pop("weight")
    # torch hands on every option, also those that were left out.
    chosen = any(value != _EMBEDDING.get(name) for name, value in given.items())
    if not is_dtensor(table) or chosen or len(args) > 2:
        return whole(func, args, kwargs)
    mesh, cut = table.device_mesh, table.placements[0]
    ids = _part(ids, mesh, dtensor.Replicate())
    part = table.to_local(grad_placements=[cut])
    if cut == dtensor.Shard(0):
        first = mesh.get_local_rank() * len(part)
        mine = (ids >= first) & (ids < first + len(part))
        out = func(torch.where(mine, ids - first, 0), part) * mine.unsqueeze(-1)
        # DTensor's own rule keeps a mask that serves one use.
        return _joined(out, mesh, dtensor.Partial())
    if cut == dtensor.Shard(1):
        return _joined(func(ids, part), mesh, dtensor.Shard(ids.ndim))
    return whole(func, args, kwargs)


def _by_channel(func: Callable, args: Sequence, kwargs: dict) -> Any:
    """On parts that are cut by samples or channels, (batch, channels, ...); else whole."""
    x, *others = args
    cut = x.placements[0] if is_dtensor(x) else None
    if cut not in (dtensor.Shard(0), dtensor.Shard(1)):
        return whole(func, args, kwargs)
    return _joined(func(_part(x, x.device_mesh, cut), *others, **kwargs), x.device_mesh, cut)


def _normalisation(func: Callable, args: Sequence, kwargs: dict) -> Any:
    """On parts that are cut along a dim before those that are normalised over; else whole."""
    x, shape, *parameters = args
    cut = x.placements[0] if is_dtensor(x) else None
    dim = cut.dim if isinstance(cut, dtensor.Shard) else x.ndim
    if dim >= x.ndim - len(shape) or x.shape[dim] % x.device_mesh.size():
        return whole(func, args, kwargs)
    mesh = x.device_mesh

    def used(v: Any) -> Any:
        # Each process has the gradient of its own positions.
        if not isinstance(v, Tensor):
            return v
        return _part(v, mesh, dtensor.Replicate(), dtensor.Partial())

    given = {name: used(v) for name, v in kwargs.items()}
    out = func(_part(x, mesh, cut), shape, *map(used, parameters), **given)
    return _joined(out, mesh, cut)


def _reshaped(func: Callable, args: Sequence, kwargs: dict) -> Any:
    """DTensor takes what has arrived to lie as what was sent, and finds views of it that there are not."""
    x, *others = args
    if is_dtensor(x) and x.is_contiguous() and not x._local_tensor.is_contiguous():
        cut = x.placements[0]
        x = _joined(_part(x, x.device_mesh, cut).contiguous(), x.device_mesh, cut)
    return func(x, *others, **kwargs)


_RULES: dict[Callable, Callable] = {
    **dict.fromkeys((torch.reshape, Tensor.reshape, torch.flatten), _reshaped),
    torch.conv1d: _convolution,
    torch.conv2d: _convolution,
    torch.conv3d: _convolution,
    F.scaled_dot_product_attention: _attention,
    F.embedding: _embedding,
    **dict.fromkeys((F.layer_norm, torch.layer_norm, F.rms_norm, torch.rms_norm), _normalisation),
    **dict.fromkeys(
        (
            F.max_pool1d, F.max_pool2d, F.max_pool3d, torch.max_pool1d, torch.max_pool2d,
            torch.max_pool3d, F.avg_pool1d, F.avg_pool2d, F.avg_pool3d,
            F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d,
            F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d, F.pixel_shuffle,
            F.pixel_unshuffle,
        ),
        _by_channel,
    ),
    # DTensor's backward passes of these fail, or cut the batch, which need not divide.
    **dict.fromkeys(
        (
            torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d,
            torch.batch_norm, F.batch_norm, F.group_norm, torch.group_norm, F.ctc_loss,
        ),
        whole,
    ),
}  # fmt: skip


# Not of a sum's parts, and their gradients may be computed from what they were given: that is added up first. DTensor
# would keep the parts, and add them up once more in the backward pass.
_NONLINEAR = {
    function
    for name in (
        "abs", "celu", "clamp", "elu", "erf", "exp", "expm1", "gelu", "glu", "hardshrink", "hardsigmoid",
        "hardswish", "hardtanh", "leaky_relu", "log", "log1p", "log_softmax", "logsigmoid", "mish", "pow", "relu",
        "relu6", "rsqrt", "selu", "sigmoid", "silu", "softmax", "softplus", "softshrink", "softsign", "sqrt",
        "square", "tanh", "tanhshrink", "threshold",
    )
    for namespace in (torch, F, Tensor)
    if (function := getattr(namespace, name, None)) is not None
}  # fmt: skip
# Their results are smaller than what later uses would make of them: they are added up here, also where sums are to
# travel later.
_REDUCTIONS = {
    torch.sum, torch.mean, torch.prod, torch.amax, torch.amin, torch.all, torch.any, torch.var, torch.logsumexp,
    torch.linalg.vector_norm, torch.linalg.norm,
}  # fmt: skip


class SplitMode(TorchFunctionMode):
    """The mode in which a model that is cut over a tensor axis computes.

    Sums of parts are added up where they come up, once, except in layers whose output is brought to a layout.
    """

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        mesh = _mesh_of(args)
        if mesh is None and kwargs:
            mesh = _mesh_of(kwargs.values())
        if mesh is None:
            return func(*args, **kwargs)
        if func in _NONLINEAR:
            args = tuple(_added(_brought(x)) for x in args)
        out = _computed(func, tuple(_entered(x, mesh) for x in args), kwargs)
        if func in _REDUCTIONS or computing.adds_later is None:
            out = _added(out)
        if is_dtensor(out) and out.requires_grad and out.placements[0].is_replicate():
            out.register_hook(_whole_gradient)
        return out


def _entered(x: Any, mesh: Any) -> Any:
    """A plain tensor that meets a DTensor, made one: its gradient is to come back plain."""
    if isinstance(x, Tensor) and x.requires_grad and not is_dtensor(x):
        return _joined(x, mesh, dtensor.Replicate())
    return x


def _added(x: Any) -> Any:
    """A sum of parts, added up; anything else as it is."""
    return moved(x, dtensor.Replicate()) if is_sum(x) else x


def _brought(x: Any) -> Any:
    """A sum of parts, where the layer's output is brought to a layout: in that, if it has the dims for it."""
    return computing.adds_later(x) if is_sum(x) and computing.adds_later is not None else x


def _computed(func: Callable, args: tuple, kwargs: dict) -> Any:
    rule = _RULES.get(func)
    if rule is not None:
        return rule(func, args, kwargs)
    try:
        return func(*args, **kwargs)
    except (NotImplementedError, RuntimeError) as e:
        # Without a rule, or with one that asks for the sizes of a result before there is one.
        if "sharding strategy" not in str(e) and "Sharding propagation failed" not in str(e):
            raise
    out = whole(func, args, kwargs)
    if any(_is_cut(x) for x in tree.flatten((args, kwargs))):
        _say_whole(torch.overrides.resolve_name(func) or func.__name__)
    return out


def _is_cut(x: Any) -> bool:
    return is_dtensor(x) and not x.placements[0].is_replicate()


@functools.cache
def _say_whole(name: str) -> None:
    """Once for each operation."""
    warnings.warn(
        f"{name} received tensors that are cut over a tensor axis, and torch has no rule to compute it on parts: they "
        "are gathered, and every process computes all of it. The result is the same, at the cost of these messages "
        "and of memory. Keep the variables before it whole, by `rules` for their paths, or use the jax backend.",
        stacklevel=2,
    )


def _whole_gradient(gradient: Tensor) -> Tensor | None:
    """The gradient of a whole value, whole where a product that is cut by rows has left it in parts.

    Else DTensor would carry the cut back through the layers before, over to dims that do not divide. A sum of
    parts may stay one: several of them are added up before they travel.
    """
    if is_dtensor(gradient) and gradient.placements[0].is_shard():
        return redistributed(gradient, [dtensor.Replicate()])
    return None
