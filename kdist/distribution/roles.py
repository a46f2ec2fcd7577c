"""What each layer does under tensor parallelism, read off the layouts of its variables.

It does not matter who chose the layouts: `Parallelism` from the model, or a user's rules.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from kdist.distribution.copies import Copies
from kdist.distribution.costs import layout_bytes
from kdist.distribution.flow import Features, Flow
from kdist.distribution.layout import TensorLayout, axes_of
from kdist.distribution.tensor_split import Cuts, InnerSplit, LinearSplit, leaves
from kdist.distribution.trace import SEQUENCE_DIMS, LayerCall, Part


@dataclass(frozen=True)
class Role:
    """What a layer's cut communicates.

    Arguments:
        axes: the mesh axes along which its computation is split; none: it is whole.
        output: "sum": devices hold parts of a sum; "gather": parts of the features, which the next layer wants
            whole; "": parts of the features, and the next layer takes them so.
        whole_input: whether each device computes a part of the input's gradient from the whole input.
        is_compound: whether it does so by products of layers inside of it: see `Roles.products`.
        has_variables: whether it holds any.
        trains: whether it has trained variables, so that gradients are wanted of what comes after.
        sums_with: id of the variable that is cut along what it sums over; 0: none.
        activates: whether it ends in an activation, whose gradient is computed from what it was given or gave.
        needs_input: whether its gradients are computed from its inputs.
    """

    axes: tuple[str, ...] = ()
    output: Literal["sum", "gather", ""] = ""
    whole_input: bool = False
    is_compound: bool = False
    has_variables: bool = True
    trains: bool = False
    sums_with: int = 0
    activates: bool = False
    needs_input: bool = True


class Roles:
    """The roles of a model's layers.

    Attributes:
        of: layer id -> Role.
        products: id of a layer inside of one that is split, and which is a product of whole inputs by columns -> the
            mesh axes that cut it.
        positionwise: id of a layer that computes each position of a sequence for itself -> bytes of the gradients of
            its own variables.
        adding: ids of those of them that add their inputs up.
        pools: ids of the layers that make one position of all.
        mixing: ids of other layers that are not split: they may look at any position.
        shares: (layer id, in its backward pass) -> which part of what it makes one device holds, where that is not
            all. A forward pass makes outputs, and a backward pass what lies like the inputs.
        copies: between which layers tensors change how they lie.
        between: ids of layers that look at single elements of features, and find them cut.
        results: ids of the products that give parts of features which only the model gives.
    """

    def __init__(
        self,
        model: Any,
        strategy: Any,
        layouts: Mapping[int, TensorLayout],
        calls: Iterable[LayerCall] = (),
    ):
        """Arguments:
        layouts: of the variables, by their ids.
        calls: a step's; only layers that give sequences have them cut in time.
        """
        self._strategy, self._layouts = strategy, layouts
        self._flat = {
            c.layer for c in calls if all(len(x.shape) < SEQUENCE_DIMS for x in c.outputs)
        }
        self.of: dict[int, Role] = {}
        self.products: dict[int, tuple[str, ...]] = {}
        self.positionwise: dict[int, tuple[int, ...]] = {}
        self.adding: set[int] = set()
        self.pools: set[int] = set()
        self.mixing: set[int] = set()
        self.shares: dict[Part, float] = {}
        self.between: set[int] = set()
        self.results: set[int] = set()
        self._sums: set[int] = set()
        for layer in leaves(model):
            self._look_at(layer)
        for features in Flow(model).features:
            self._follow(features)
        gathered = frozenset(i for i, role in self.of.items() if role.output == "gather")
        products = {i for i, r in self.of.items() if r.whole_input and not r.is_compound}
        if getattr(strategy, "sequence", False):
            self.copies = self._cut_in_time(model, gathered, products)
        else:
            self.copies = Copies(gathered, frozenset(self._sums), frozenset(products))

    def compute(self, whole: Collection[int], pooled: Collection[int]) -> None:
        """Note what was found out of sequences.

        Arguments:
            whole: ids of layers that could compute parts of them, and are not given parts.
            pooled: ids of layers that make one position of parts.
        """
        self.shares.update({(i, True): 1.0 for i in whole})
        share = self._share(self._strategy.tensor_axes)
        self.shares.update({(i, True): share for i in pooled})
        self.copies = replace(
            self.copies, computed_whole=frozenset(whole), pooled=frozenset(pooled)
        )

    def _look_at(self, layer: Any) -> None:
        split = layer.tensor_split()
        trains = bool(layer.trainable_variables)
        if isinstance(split, LinearSplit):
            self._linear(layer, split, trains)
            return
        if isinstance(split, InnerSplit):
            self._inner(layer, split, trains)
            return
        needs_input = trains or not layer.is_positionwise
        has_variables = bool(layer.variables)
        self.of[id(layer)] = Role(
            has_variables=has_variables, trains=trains, needs_input=needs_input
        )
        self._look_at_positions(layer)

    def _look_at_positions(self, layer: Any) -> None:
        """Note what a layer that is not split does with positions."""
        if keeps_positions(layer):
            self.positionwise[id(layer)] = tuple(map(self._gradient, layer.trainable_variables))
            if layer.adds_inputs:
                self.adding.add(id(layer))
        elif layer.pools_positions:
            self.pools.add(id(layer))
        else:
            self.mixing.add(id(layer))

    def _linear(self, layer: Any, split: LinearSplit, trains: bool) -> None:
        rows = self._cut_along(split.rows)
        activation = getattr(layer, "activation", None)
        activates = getattr(activation, "__name__", "linear") != "linear"
        if rows:
            self.of[id(layer)] = Role(
                rows, "sum", trains=trains, sums_with=id(split.rows[0][0]), activates=activates
            )
            self.shares[id(layer), True] = self._share(rows)
            self._sums.add(id(layer))
            return
        columns = self._cut_along(split.columns)
        self.of[id(layer)] = Role(
            columns,
            "gather" if columns else "",
            bool(columns),
            trains=trains,
            activates=activates,
        )
        if not columns:
            self._look_at_positions(layer)
            return
        self.shares[id(layer), False] = self._share(columns)

    def _inner(self, layer: Any, split: InnerSplit, trains: bool) -> None:
        taken = next(((c, a) for c in split.cuts if (a := self._cut_along(c))), None)
        if taken is None:
            self.of[id(layer)] = Role(trains=trains)
            self._look_at_positions(layer)
            return
        cuts, axes = taken
        last, dim = cuts[-1]
        # A last product that is cut along what it sums over ends in a sum.
        sums = _sums_first(last, dim)
        share, cut = self._share(axes), {id(v) for v, _ in cuts}
        parts = [x for x in layer._flatten_layers() if x is not layer]
        products = [x for x in parts if _own(x) & cut and id(last) not in _own(x)]
        self.products.update((id(x), axes) for x in products)
        if sums:
            self._sums.update(id(x) for x in parts if id(last) in _own(x))
        output: Literal["sum", "gather"] = "sum" if sums else "gather"
        sums_with = id(last) if sums else 0
        self.of[id(layer)] = Role(
            axes, output, True, bool(products), trains=trains, sums_with=sums_with
        )
        for part in layer._flatten_layers():
            own = _own(part)
            if id(last) not in own:
                self.shares[id(part), False] = share
            if id(last) in own or not own & cut:
                self.shares[id(part), True] = share

    def _follow(self, features: Features) -> None:
        """Where all products that give `features` give parts, and all that take them take parts, none are sent."""
        roles = {i: self.of.get(i, Role()) for i in features.products}
        cut = [i for i in features.makers if roles[i].output == "gather"]
        if features.are_for_products and _are_partners(
            [roles[i] for i in features.makers], [roles[i] for i in features.readers]
        ):
            share = self._share(roles[cut[0]].axes)
            for i in cut:
                self.of[i] = replace(roles[i], output="")
            for i in features.between:
                self.shares[i, False] = self.shares[i, True] = share
            self.between.update(features.between)
        elif cut and not features.is_whole and not features.readers:
            self.results.update(cut)
            self.between.update(features.between)

    def _cut_along(self, cuts: Cuts) -> tuple[str, ...]:
        """The mesh axes, beside the batch's, that cut the first variable of `cuts` as they say."""
        if not cuts:
            return ()
        variable, dim = cuts[0]
        layout = self._layouts.get(id(variable))
        if layout is None:
            return ()
        entry = layout.padded(len(variable.shape)).axes[dim % len(variable.shape)]
        return tuple(a for a in axes_of(entry) if a not in self._strategy.batch_axes)

    def _gradient(self, variable: Any) -> int:
        layout = self._strategy.compute_layout(self._layouts[id(variable)])
        return layout_bytes(layout, variable.shape, variable.dtype)

    def _share(self, axes: Iterable[str]) -> float:
        share = 1.0
        for axis in axes:
            share /= self._strategy.device_mesh.axis_size(axis)
        return share

    def _cut_in_time(self, model: Any, gathered: frozenset[int], products: set[int]) -> Copies:
        share = self._share(self._strategy.tensor_axes)
        whole, mixing = set(self.products), set[int]()
        for layer in leaves(model):
            if id(layer) in self.mixing:
                mixing.update(map(id, layer._flatten_layers()))
            elif self.of[id(layer)].whole_input:
                whole.update(map(id, layer._flatten_layers()))
            elif self.of[id(layer)].output == "gather":
                whole.add(id(layer))
        whole |= mixing
        parts = {i for (i, backward) in self.shares if not backward} | mixing
        layers = [id(layer) for layer in model._flatten_layers() if id(layer) not in self._flat]
        for i in layers:
            self.shares.setdefault((i, False), 1.0 if i in mixing else share)
            # The gradient of a whole input is whole before it is scattered.
            self.shares.setdefault((i, True), 1.0 if i in whole else share)
        cut = frozenset(i for i in layers if i not in parts)
        sums, input_sums = (frozenset(ids & self._flat) for ids in (self._sums, products))
        scattered, scattered_inputs = frozenset(self._sums) - sums, frozenset(products) - input_sums
        return Copies(
            gathered,
            sums,
            input_sums,
            cut,
            frozenset(whole),
            scattered,
            scattered_inputs,
            late=True,
        )


def _are_partners(makers: Sequence[Role], readers: Sequence[Role]) -> bool:
    """Whether these give parts of features, and those take them."""
    axes = {role.axes for role in (*makers, *readers)}
    outputs = {role.output for role in makers}, {role.output for role in readers}
    return len(axes) == 1 and outputs == ({"gather"}, {"sum"})


def keeps_positions(layer: Any) -> bool:
    """Whether each position of a layer's output is computed from the same one of its inputs alone."""
    return layer.is_positionwise or layer.keeps_tensor_split


def _sums_first(variable: Any, dim: int) -> bool:
    """Whether a cut of `dim` leaves parts of a sum. Convolutions, whose first dim is another, add theirs up."""
    return dim % len(variable.shape) == 0


def _own(layer: Any) -> set[int]:
    """The ids of the trained variables that a layer holds itself."""
    return {id(v) for v in layer._own_trainable}
