"""Parts of tensors that are cut over processes: taking one's own, and putting all together again.

A dim that two mesh axes cut is cut by the first of its layout's axes, and then each part by the next.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeGuard

import torch
import torch.distributed as dist
from torch import Tensor

from kdist.backend.torch.grid import Grid, grid_of
from kdist.core.lazy import LazyModule
from kdist.distribution.layout import TensorLayout, axes_of

# Imported where a model is first placed: it costs more than the whole of kdist.
dtensor = LazyModule("torch.distributed.tensor")

Box = tuple[slice, ...]


def is_dtensor(x: Any) -> TypeGuard[Any]:
    return hasattr(x, "_local_tensor")


def is_sum(x: Any) -> bool:
    """Whether `x` is a sum whose parts are not added up yet."""
    return is_dtensor(x) and x.placements[0].is_partial()


def plain(x: Tensor) -> Tensor:
    """A DTensor's whole value, any other tensor itself."""
    return x.full_tensor() if is_dtensor(x) else x


def like(part: Tensor, model: Any) -> Any:
    """`part` as a DTensor that lies as the DTensor `model`."""
    return dtensor.DTensor.from_local(
        part, model.device_mesh, model.placements, run_check=False, shape=model.shape,
        stride=model.stride(),
    )  # fmt: skip


def redistributed(gradient: Any, placements: Any) -> Any:
    """A gradient, a DTensor, brought to `placements`.

    What arrives lies in order, and DTensor takes it to lie as what was sent, of which it would make views that there
    are not.
    """
    out = gradient.redistribute(placements=placements)
    part = out.to_local()
    if out.is_contiguous() or not part.is_contiguous():
        return out
    return dtensor.DTensor.from_local(
        part, out.device_mesh, out.placements, run_check=False, shape=out.shape,
        stride=torch.empty(out.shape, device="meta").stride(),
    )  # fmt: skip


def moved(x: Any, placement: Any) -> Any:
    """A DTensor brought to one placement; its gradient finds the way back.

    torch's own way fails where the gradient is a sum of parts and the value was a mean of parts, or the reverse.
    """
    before = x.placements[0]
    order = _order(x._local_tensor) if before.is_partial() and placement.is_replicate() else None
    if order is None:
        out = x.redistribute(placements=[placement])
    else:
        out = x.permute(order).redistribute(placements=[placement]).permute(_inverse(order))
    if before.is_partial() and out.requires_grad:
        out.register_hook(lambda gradient: _alike(gradient, before))
    return out


def _order(part: Tensor) -> list[int] | None:
    """The dims as they lie in memory, if that is dense and another order than their own: images' channels are last.

    What is sent so arrives so. Else it would arrive in the dims' own order, and kernels would bring it back to the
    other one, at the cost of copies.
    """
    if part.is_contiguous():
        return None
    order = sorted(range(part.ndim), key=part.stride, reverse=True)
    return order if part.permute(order).is_contiguous() else None


def _inverse(order: list[int]) -> list[int]:
    return sorted(range(len(order)), key=order.__getitem__)


def _alike(gradient: Tensor, value: Any) -> Tensor | None:
    """The gradient, added up if it is in parts of another kind than `value`, a placement, says."""
    if is_sum(gradient) and gradient.placements[0] != value:
        return redistributed(gradient, [dtensor.Replicate()])
    return None


def settled(gradient: Tensor, parameter: Any) -> Tensor:
    """A gradient that lies as its parameter does. On its way it may be a sum that is not added up yet."""
    if is_dtensor(gradient) and gradient.placements != parameter.placements:
        return redistributed(gradient, parameter.placements)
    return gradient


class Cut:
    """How a tensor of one shape is cut by one layout: shared by the storages that lie so.

    Arguments:
        layout: with its mesh; its axes divide the dims they cut.
        shape: of the whole tensor.
        batch_axes: the mesh axes that split batches; along the others, processes compute on the same rows.
    """

    def __init__(self, layout: TensorLayout, shape: tuple[int, ...], batch_axes: Collection[str]):
        assert layout.device_mesh is not None
        self.layout, self.shape = layout, shape
        self.grid: Grid = grid_of(layout.device_mesh)
        self.dims = [
            (dim, axes)
            for dim, entry in enumerate(layout.axes)
            if (axes := tuple(a for a in axes_of(entry) if self.grid.count((a,)) > 1))
        ]
        self.axes = self.grid.ordered([a for _, axes in self.dims for a in axes])
        self.batch_axes = self.grid.ordered(batch_axes)
        self.gathers = self.grid.ordered([a for a in self.axes if a in self.batch_axes])
        self.part_shape = tuple(
            n // self.grid.count(axes_of(entry))
            for n, entry in zip(shape, layout.padded(len(shape)).axes, strict=True)
        )

    @property
    def copies(self) -> tuple[str, ...]:
        """The mesh axes along which processes hold the same part."""
        return self.grid.ordered([a for a in self.grid.axes if a not in self.axes])

    def box(self) -> Box:
        """Which part is this process's."""
        box = [slice(0, n) for n in self.shape]
        for dim, axes in self.dims:
            size, i = self.part_shape[dim], self.grid.index(axes)
            box[dim] = slice(i * size, (i + 1) * size)
        return tuple(box)

    def part_of(self, whole: Tensor) -> Tensor:
        """A view of this process's part."""
        return whole[self.box()] if self.dims else whole

    def join(self, part: Tensor) -> Tensor:
        """The whole, from the parts of all processes, which call it together."""
        part = part.detach()
        for dim, axes in self.dims:
            for axis in reversed(axes):
                part = _gathered(part, dim, self.grid, axis)
        return part

    def reduced(self, gradient: Tensor) -> Tensor:
        """The part of a whole gradient. If parts are gathered, also averaged over the processes that have seen other
        rows; gradients of others are averaged later, all of them together.
        """
        gradient = plain(gradient).detach()
        for dim, axes in self.dims:
            for axis in axes:
                gradient = self._reduced_along(gradient, dim, axis)
        if not self.gathers:
            return gradient
        others = [a for a in self.batch_axes if a not in self.gathers]
        if others:
            gradient = gradient.contiguous()
            dist.all_reduce(gradient, group=self.grid.group(others))
        return gradient.div(self.grid.count(self.batch_axes))

    def _reduced_along(self, gradient: Tensor, dim: int, axis: str) -> Tensor:
        count, index = self.grid.count((axis,)), self.grid.index((axis,))
        chunks = gradient.chunk(count, dim)
        if axis not in self.batch_axes:
            return chunks[index]
        flat = torch.stack(chunks).contiguous()
        out = torch.empty_like(flat[0])
        dist.reduce_scatter_single(out.view(-1), flat.view(-1), group=self.grid.group((axis,)))
        return out

    def wrap(self, part: Tensor) -> Any:
        """A part as a DTensor, which says for itself how it is cut."""
        axes = {*self.axes, *(self.batch_axes if self.gathers else ())}
        mesh = self.grid.torch_mesh(axes)
        dim_of = {a: dim for dim, entry in self.dims for a in entry}
        placements = [
            dtensor.Shard(dim_of[a]) if a in dim_of else dtensor.Replicate()
            for a in mesh.mesh_dim_names
        ]
        return dtensor.DTensor.from_local(
            part, mesh, placements, run_check=False, shape=torch.Size(self.shape),
            stride=torch.empty(self.shape, device="meta").stride(),
        )  # fmt: skip


def _gathered(part: Tensor, dim: int, grid: Grid, axis: str) -> Tensor:
    count = grid.count((axis,))
    part = part.contiguous()
    out = part.new_empty((count, *part.shape))
    if part.numel():
        # As bytes: gloo does not know every dtype.
        as_bytes = lambda t: t.view(-1).view(torch.uint8)
        dist.all_gather_single(as_bytes(out), as_bytes(part), group=grid.group((axis,)))
    return out.flatten(0, 1) if dim == 0 else torch.cat(out.unbind(0), dim)


class _Joined(torch.autograd.Function):
    """A parameter's whole value. What its gradient becomes on its way back is `Cut.reduced`."""

    @staticmethod
    def forward(ctx: Any, held: Tensor, cut: Cut) -> Tensor:
        ctx.cut, ctx.wrapped = cut, held if is_dtensor(held) else None
        return cut.join(local(held))

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple:
        gradient = ctx.cut.reduced(upstream).contiguous()
        return gradient if ctx.wrapped is None else like(gradient, ctx.wrapped), None


def local(x: Any) -> Tensor:
    """What this process holds of a DTensor; any other tensor itself."""
    return x._local_tensor if is_dtensor(x) else x


def joined(held: Tensor, cut: Cut) -> Tensor:
    """The whole value of a part, differentiable; all processes call it together."""
    if held.requires_grad and torch.is_grad_enabled():
        return _Joined.apply(held, cut)
    return cut.join(local(held))
