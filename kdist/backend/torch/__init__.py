"""kdist on PyTorch: binds the names of `kdist.backend.protocol.Backend`."""

from __future__ import annotations

from kdist.backend.torch import (
    ops_conv,
    ops_core,
    ops_create,
    ops_elementwise,
    ops_image,
    ops_index,
    ops_linalg,
    ops_losses,
    ops_math,
    ops_nn,
    ops_norm,
    ops_numpy,
    ops_pool,
    ops_reduce,
    ops_shape,
    random,
)
from kdist.backend.torch.abstract import abstract_eval
from kdist.backend.torch.checkpoint import from_reader, local_value, to_leaf
from kdist.backend.torch.device import device_scope, synchronize
from kdist.backend.torch.layer_base import LayerBase
from kdist.backend.torch.placement import check_support, distribute_tensor
from kdist.backend.torch.programs import compile_step, load_metrics
from kdist.backend.torch.random import RANDOM_SEED_DTYPE
from kdist.backend.torch.remat import rematerialize
from kdist.backend.torch.runtime import runtime
from kdist.backend.torch.sharded_storage import make_storage
from kdist.backend.torch.sharding import place_model as place
from kdist.backend.torch.tensors import convert_to_numpy, convert_to_tensor, dtype_of, is_tensor
from kdist.backend.torch.trace import recorder, trace_gradients
from kdist.backend.torch.trainer import predict_step, test_step, train_step
from kdist.backend.torch.updates import UPDATES

name = "torch"

OPS = {
    row_name: row
    for family in (
        ops_conv,
        ops_pool,
        ops_core,
        ops_create,
        ops_elementwise,
        ops_image,
        ops_index,
        ops_linalg,
        ops_losses,
        ops_math,
        ops_nn,
        ops_norm,
        ops_numpy,
        ops_reduce,
        ops_shape,
        random,
    )
    for row_name, row in family.OPS.items()
}
LENIENT = frozenset({"cbrt", "ctc_decode", "fold", "ptp", "unique"})

__all__ = [
    "LENIENT",
    "OPS",
    "RANDOM_SEED_DTYPE",
    "UPDATES",
    "LayerBase",
    "abstract_eval",
    "check_support",
    "compile_step",
    "convert_to_numpy",
    "convert_to_tensor",
    "device_scope",
    "distribute_tensor",
    "dtype_of",
    "from_reader",
    "is_tensor",
    "load_metrics",
    "local_value",
    "make_storage",
    "name",
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
