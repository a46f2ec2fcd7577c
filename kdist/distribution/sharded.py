"""`FSDP` and `Parallelism`: strategies that derive every layout from the model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from kdist.distribution.layout import DimAxes, LayoutMap, TensorLayout, replicated
from kdist.distribution.mesh import DeviceMesh
from kdist.distribution.runtime import list_devices
from kdist.distribution.strategies import fitted, output_layout
from kdist.distribution.strategy import LARGE, Decision, Strategy
from kdist.distribution.tensor_choices import Choice, largest_dim, tensor_choices

Level = Literal["parameters", "optimizer"]
Rules = Mapping[str, Sequence[DimAxes] | TensorLayout]

# The names of the mesh axes, the outermost first: tensor parallelism communicates most, so its
# devices are neighbours.
DATA, SHARD, TENSOR = "data", "fsdp", "tensor"
MIN_SIZE = 1024


class _Sharded(Strategy):
    """What the two strategies have in common: they are the same decisions about meshes of different axes."""

    device_mesh: DeviceMesh
    batch_axes: tuple[str, ...]
    auto_shard_dataset: bool
    level: Level
    min_size: int
    sequence: bool
    rules: tuple[tuple[str, TensorLayout], ...]
    layout_map: LayoutMap

    def _set(
        self,
        mesh: DeviceMesh,
        level: str,
        min_size: int,
        rules: Rules | None,
        sequence: bool,
        auto_shard_dataset: bool,
    ) -> None:
        if level not in ("parameters", "optimizer"):
            raise ValueError(
                f"level={level!r} must be 'parameters' (parameters, gradients and optimizer state are sharded) or "
                "'optimizer' (the optimizer's state alone)."
            )
        layout_map = LayoutMap(mesh)
        for key, layout in (rules or {}).items():
            layout_map[key] = layout if isinstance(layout, TensorLayout) else tuple(layout)
        values = {
            "device_mesh": mesh,
            "batch_axes": tuple(a for a in mesh.axis_names if a != TENSOR),
            "auto_shard_dataset": bool(auto_shard_dataset),
            "level": level,
            "min_size": int(min_size),
            "sequence": bool(sequence),
            "rules": tuple(layout_map.items()),
            "layout_map": layout_map,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _count(self, axis: str) -> int:
        return self.device_mesh.axis_size(axis) if axis in self.device_mesh.axis_names else 1

    # ---- variables
    def variable_layout(self, path: str, shape: Sequence[int]) -> TensorLayout:
        """As finely cut as the strategy can: the model that will say which dim is best is not complete yet."""
        ruled = self.layout_map[path]
        if ruled is not None:
            return fitted(ruled, path, shape)
        layout = replicated(len(shape), self.device_mesh)
        for axis in (TENSOR, SHARD):
            if axis == TENSOR or self.level == "parameters":
                layout = self._cut(layout, tuple(shape), axis)[0]
        return layout

    def decide(self, model: Any) -> dict[int, Decision]:
        choices: dict[int, Choice] = {}
        if self._count(TENSOR) > 1:
            choices = tensor_choices(model, self._count(TENSOR), max(self.min_size, MIN_SIZE))
        return {id(v): self._decide(v, choices.get(id(v))) for v in model.variables}

    def _decide(self, variable: Any, choice: Choice | None) -> Decision:
        shape = tuple(variable.shape)
        layout = replicated(len(shape), self.device_mesh)
        key = self.layout_map.key_for(variable.path)
        if key is not None:
            return Decision(
                fitted(self.layout_map[key] or layout, variable.path, shape), f"rule {key!r}"
            )
        if not variable.trainable:
            return Decision(layout, "not trained")
        reasons = []
        if choice is not None:
            reasons.append(choice.why)
            if choice.dim is not None:
                layout = layout.split_further(choice.dim, TENSOR)
        if self.level == "parameters" and self._count(SHARD) > 1:
            layout, why = self._cut(layout, shape, SHARD)
            reasons.append(why)
        return Decision(layout, ", ".join(r for r in reasons if r))

    def slot_layout(self, layout: TensorLayout, shape: Sequence[int]) -> TensorLayout:
        if self.level == "parameters" or SHARD in layout.mesh_axes:
            return layout
        return self._cut(layout, tuple(shape), SHARD)[0]

    def _cut(
        self, layout: TensorLayout, shape: tuple[int, ...], axis: str
    ) -> tuple[TensorLayout, str]:
        """`layout` with its largest dim that divides cut along `axis`; and why not, if it is not."""
        count = self._count(axis)
        if count == 1:
            return layout, ""
        if math.prod(shape) < self.min_size:
            return layout, f"smaller than min_size={self.min_size}"
        dim = largest_dim(shape, lambda d: shape[d] % (layout.shards(d) * count) == 0)
        if dim is None:
            return layout, f"no dim divides by {axis}={count}"
        return layout.split_further(dim, axis), ""

    @property
    def shards_from(self) -> int | None:
        if self.level == "parameters" and self._count(SHARD) > 1:
            return self.min_size
        return LARGE if self._count(TENSOR) > 1 else None

    # ---- activations
    def activation_layout(self, path: str) -> TensorLayout | None:
        return output_layout(self.layout_map, path)

    def sequence_layout(self) -> TensorLayout | None:
        if not self.sequence or self._count(TENSOR) == 1:
            return None
        return self.data_layout(3).split_further(1, TENSOR)


@dataclass(frozen=True, init=False, repr=False)
class FSDP(_Sharded):
    """Fully sharded data parallelism.

    Each device keeps a part of every parameter, gradient and optimizer slot, and a slice of the
    batch. A parameter is gathered when a layer needs it, and its gradient is summed into its parts.
    Rajbhandari et al. 2020 (ZeRO), https://arxiv.org/abs/1910.02054.

    Arguments:
        device_mesh: a mesh with an axis "fsdp", and for hybrid sharding an axis "data" before it: parameters are
            sharded within each group of "fsdp" devices, and the groups are replicas. Default: one axis "fsdp" over
            `devices`.
        devices: device names; default: all devices of all processes.
        shards: the size of a group; default: all devices. Fewer make hybrid sharding.
        level: "parameters": all three are sharded (ZeRO-3); "optimizer": the optimizer's state alone (ZeRO-1).
        min_size: variables with fewer elements stay whole.
        rules: layouts by path, or by a regular expression searched in it, which win over the derived ones.
        auto_shard_dataset: as of DataParallel.

    Raises: ValueError for a mesh without the axis, or devices that the groups do not divide.

    Example:
        set_distribution(FSDP())            # all devices
        set_distribution(FSDP(shards=8))    # groups of 8, replicated
    """

    device_mesh: DeviceMesh
    batch_axes: tuple[str, ...]
    auto_shard_dataset: bool
    level: Level
    min_size: int
    sequence: bool
    rules: tuple[tuple[str, TensorLayout], ...]
    layout_map: LayoutMap = field(compare=False, hash=False)

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[str] | None = None,
        *,
        shards: int | None = None,
        level: Level = "parameters",
        min_size: int = MIN_SIZE,
        rules: Rules | None = None,
        auto_shard_dataset: bool = True,
    ):
        if device_mesh is not None and (devices is not None or shards is not None):
            raise ValueError("FSDP takes device_mesh, or devices and shards, not both.")
        if device_mesh is None:
            names = list(devices) if devices is not None else list_devices()
            shards = len(names) if shards is None else shards
            if shards < 1 or len(names) % shards:
                raise ValueError(
                    f"shards={shards} does not divide the {len(names)} devices. Use a divisor of {len(names)}."
                )
            groups = len(names) // shards
            device_mesh = (
                DeviceMesh((shards,), (SHARD,), names)
                if groups == 1
                else DeviceMesh((groups, shards), (DATA, SHARD), names)
            )
        if device_mesh.axis_names not in ((SHARD,), (DATA, SHARD)):
            raise ValueError(
                f"FSDP needs a mesh with the axes ('fsdp',) or ('data', 'fsdp'), and received "
                f"{device_mesh.axis_names}. For tensor parallelism use Parallelism(data=, fsdp=, tensor=)."
            )
        self._set(device_mesh, level, min_size, rules, False, auto_shard_dataset)

    def __repr__(self) -> str:
        level = "" if self.level == "parameters" else f", level={self.level!r}"
        return f"<FSDP {self.device_mesh!r}{level}>"


@dataclass(frozen=True, init=False, repr=False)
class Parallelism(_Sharded):
    """Data, fully sharded and tensor parallelism composed on one mesh of `data * fsdp * tensor` devices.

    The batch is split over data and fsdp. Parameters are sharded over fsdp and gathered when they are used. Over
    tensor the layers' own computation is split: pairs of Dense, attention by heads, embeddings by rows, convolutions
    by channels; see `Plan` for what was derived.

    Arguments:
        data: replicas of the whole, each with its slice of the batch. At most one of the three may be -1: as many as
            the devices allow.
        fsdp: devices that share each parameter.
        tensor: devices that share each layer's computation.
        sequence: also split activations (batch, time, ...) in time between the layers that tensor parallelism splits
            (Korthikanti et al. 2022, https://arxiv.org/abs/2205.05198), for long inputs.
        devices: device names; default: all devices of all processes.
        level, min_size, rules, auto_shard_dataset: as of FSDP.

    Raises: ValueError if the sizes do not multiply to the number of devices.

    Example:
        set_distribution(Parallelism(data=2, fsdp=2, tensor=2))
    """

    device_mesh: DeviceMesh
    batch_axes: tuple[str, ...]
    auto_shard_dataset: bool
    level: Level
    min_size: int
    sequence: bool
    rules: tuple[tuple[str, TensorLayout], ...]
    layout_map: LayoutMap = field(compare=False, hash=False)

    def __init__(
        self,
        data: int = 1,
        fsdp: int = 1,
        tensor: int = 1,
        *,
        sequence: bool = False,
        devices: Sequence[str] | None = None,
        level: Level = "parameters",
        min_size: int = MIN_SIZE,
        rules: Rules | None = None,
        auto_shard_dataset: bool = True,
    ):
        names = list(devices) if devices is not None else list_devices()
        sizes = _filled({DATA: data, SHARD: fsdp, TENSOR: tensor}, len(names))
        mesh = DeviceMesh(tuple(sizes.values()), tuple(sizes), names)
        self._set(mesh, level, min_size, rules, sequence, auto_shard_dataset)

    def __repr__(self) -> str:
        extras = "".join(
            (
                ", sequence" if self.sequence else "",
                "" if self.level == "parameters" else f", level={self.level!r}",
            )
        )
        return f"<Parallelism {self.device_mesh!r}{extras}>"


def _filled(sizes: dict[str, int], count: int) -> dict[str, int]:
    """The sizes with a -1 replaced by what `count` devices leave for it."""
    text = ", ".join(f"{k}={v}" for k, v in sizes.items())
    bad = [v for v in sizes.values() if v < 1 and v != -1]
    if bad or list(sizes.values()).count(-1) > 1:
        raise ValueError(f"Parallelism({text}): sizes are positive, and at most one may be -1.")
    known = math.prod(v for v in sizes.values() if v != -1)
    if -1 in sizes.values() and count % known == 0:
        sizes = {k: count // known if v == -1 else v for k, v in sizes.items()}
    if math.prod(sizes.values()) != count:
        raise ValueError(
            f"Parallelism({text}) does not make use of {count} devices. Choose sizes whose product is {count}, or "
            "-1 for one of them."
        )
    return sizes
