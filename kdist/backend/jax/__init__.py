"""kdist on jax: the names of the contract in `kdist.backend.protocol`."""

from __future__ import annotations

from collections.abc import Callable

from kdist.backend.jax import (
    ops_arrays,
    ops_conv,
    ops_core,
    ops_fft,
    ops_linalg,
    ops_losses,
    ops_math,
    ops_nn,
    ops_numpy,
    ops_numpy_more,
    random,
)
from kdist.backend.jax.abstract import abstract_eval, is_tracing
from kdist.backend.jax.checkpoint import from_reader, local_value, to_leaf
from kdist.backend.jax.layer_base import LayerBase
from kdist.backend.jax.placement import (
    check_support,
    device_scope,
    distribute_tensor,
    synchronize,
)
from kdist.backend.jax.placement import place_model as place
from kdist.backend.jax.placement import sharding_of as native_layout
from kdist.backend.jax.programs import compile_step, load_metrics
from kdist.backend.jax.random import SEED_DTYPE as RANDOM_SEED_DTYPE
from kdist.backend.jax.remat import rematerialize
from kdist.backend.jax.runtime import Runtime
from kdist.backend.jax.steps import predict_step, test_step, train_step
from kdist.backend.jax.storage import make_storage
from kdist.backend.jax.tensors import (
    as_tensor,
    convert_to_numpy,
    convert_to_tensor,
    dtype_of,
    is_tensor,
)
from kdist.backend.jax.trace import recorder, trace_gradients

name = "jax"
runtime = Runtime()
OPS = {
    **ops_numpy.ROWS,
    **ops_numpy_more.ROWS,
    **ops_arrays.ROWS,
    **ops_math.ROWS,
    **ops_fft.ROWS,
    **ops_linalg.ROWS,
    **ops_losses.ROWS,
    **ops_nn.ROWS,
    **ops_conv.ROWS,
    **ops_core.ROWS,
    **random.ROWS,
}
# XLA fuses the updates of single variables into the step: no optimizer needs a row of its own.
UPDATES: dict[str, Callable] = {}
LENIENT = frozenset(
    {
        "dtypes", "argpartition", "batch_normalization", "batch_normalization_training", "bincount",
        "conv_with_bias", "linspace", "nanmedian", "nanpercentile", "repeat",
        "rms_normalization", "scatter", "scatter_update",
        "slice_update", "tensordot", "view_as_complex", "select",
    }
)  # fmt: skip

__all__ = [
    "LENIENT",
    "OPS",
    "RANDOM_SEED_DTYPE",
    "UPDATES",
    "LayerBase",
    "abstract_eval",
    "as_tensor",
    "check_support",
    "compile_step",
    "convert_to_numpy",
    "convert_to_tensor",
    "device_scope",
    "distribute_tensor",
    "dtype_of",
    "from_reader",
    "is_tensor",
    "is_tracing",
    "load_metrics",
    "local_value",
    "make_storage",
    "name",
    "native_layout",
    "place",
    "predict_step",
    "recorder",
    "rematerialize",
    "runtime",
    "synchronize",
    "test_step",
    "to_leaf",
    "trace_gradients",
    "train_step",
]
