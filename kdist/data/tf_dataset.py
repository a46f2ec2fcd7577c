"""tf.data.Dataset, on every backend.

TensorFlow is not imported here: whoever passes a dataset has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import optree

from kdist.core.spec import Spec
from kdist.data.leaves import float_dtype, has_type, is_sparse, named_leaves
from kdist.data.packing import unpack_x_y_sample_weight
from kdist.data.stream import Feed

_ENDLESS = -1  # what `cardinality()` returns; -2 is unknown


def is_tf_dataset(value: Any) -> bool:
    return has_type(value, "tensorflow", "DatasetV2")


class TfDatasetFeed(Feed):
    """A batched tf.data.Dataset. A pass is one iteration, and iterations are counted.

    `shuffle(..., reshuffle_each_iteration=True)` orders the k-th iteration of a dataset by (seed,
    k). So that a resumed run sees the order of the interrupted one, iterations that this process
    has not made are opened and dropped.
    """

    name = "the tf.data.Dataset"
    restarts = True

    def __init__(self, dataset: Any, floatx: str):
        self._dataset = dataset
        self._opened = 0
        self._spec = _declared_spec(dataset, floatx)
        cardinality = int(dataset.cardinality().numpy())
        self.endless = cardinality == _ENDLESS
        self.num_batches = cardinality if cardinality >= 0 else None
        batches = {spec.shape[0] for spec in optree.tree_leaves(dataset.element_spec)}
        self.batch_size = batches.pop() if len(batches) == 1 else None
        # Static: the last batch is as large.
        if self.batch_size is not None and self.num_batches is not None:
            self.num_samples = self.batch_size * self.num_batches

    def open(self, pass_index: int) -> Iterator:
        while self._opened < pass_index:
            next(iter(self._dataset), None)
            self._opened += 1
        self._opened += 1
        return iter(self._dataset)

    def spec(self) -> tuple[Any, Any, Any]:
        return self._spec


def _declared_spec(dataset: Any, floatx: str) -> tuple[Any, Any, Any] | None:
    """The trees of `Spec`, or None if the rank of a component is unknown.

    Raises: TypeError for a ragged, sparse or text component; ValueError for a dataset that is not
        batched.
    """
    parts = unpack_x_y_sample_weight(dataset.element_spec)
    floats = float_dtype(floatx).name
    specs = []
    for name, spec in (
        pair
        for n, part in zip(("x", "y", "sample_weight"), parts, strict=True)
        for pair in named_leaves(n, part)
    ):
        if is_sparse(spec) or not hasattr(spec, "dtype"):
            raise TypeError(
                f"{name} of the tf.data.Dataset is {spec}. Make it dense: `.to_tensor()`,"
                " `tf.sparse.to_dense`."
            )
        if spec.dtype.name in ("string", "variant", "resource"):
            raise TypeError(
                f"{name} of the tf.data.Dataset has dtype {spec.dtype.name}. Encode it as numbers"
                " in `.map`."
            )
        if spec.shape.rank is None:
            return None
        if spec.shape.rank == 0:
            raise ValueError(
                f"{name} of the tf.data.Dataset is a scalar per element: batch the dataset,"
                " `.batch(32)`."
            )
        dtype = (
            floats if spec.dtype.is_floating and spec.dtype.name != "bfloat16" else spec.dtype.name
        )
        specs.append(Spec(tuple(spec.shape.as_list()[1:]), dtype))
    return optree.tree_unflatten(optree.tree_structure(parts), specs)
