"""What the statistics of batches communicate."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from kdist.core import dtypes
from kdist.distribution.communication import Communication
from kdist.distribution.costs import ALL_REDUCE, Tally
from kdist.distribution.links import group_size
from kdist.distribution.trace import LayerCall


class BatchStatistics:
    """Counts what layers exchange that normalise by the mean and the variance of the whole batch."""

    def __init__(
        self,
        tally: Tally,
        strategy: Any,
        model: Any,
        how: Communication,
        repeated: Collection[int] = (),
    ):
        """Arguments:
        repeated: ids of the variables that are read in what is computed again for the gradients.
        """
        self._tally, self._axes, self._how = tally, tuple(strategy.batch_axes), how.statistics
        self._replicas = group_size(strategy.device_mesh, self._axes)
        self._layers = {id(x): x for x in model._flatten_layers() if x.batch_statistics}
        self._repeated = frozenset(repeated)

    def count(self, call: LayerCall) -> None:
        """Count those of a call."""
        layer, how = self._layers.get(call.layer), self._how
        if layer is None or not (how.unasked or layer.synchronized):
            return
        wide = dtypes.result_type(layer.compute_dtype, "float32")
        nbytes = layer.batch_statistics * how.elements * dtypes.size_in_bytes(wide)
        nbytes *= self._replicas if how.per_replica else 1
        counted = len(layer.trainable_variables) if how.with_gradients else 0
        flows = any(x.flows for x in call.inputs)
        # The gradient of an offset is computed from neither of them.
        needed = flows or layer.scale or not how.prunes
        repeats = needed and self._is_repeated(layer)
        for purpose, messages in (
            ("forward", how.forward),
            ("again", how.forward if repeats else 0),
            ("backward", how.backward - counted if flows else 0),
        ):
            for _ in range(messages):
                self._tally.add(ALL_REDUCE, self._axes, f"statistics, {purpose}", nbytes)

    def _is_repeated(self, layer: Any) -> bool:
        return not self._repeated.isdisjoint(map(id, layer.variables))
