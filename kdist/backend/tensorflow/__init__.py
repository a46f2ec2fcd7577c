"""kdist on TensorFlow: binds the names of `kdist.backend.protocol.Backend`."""

from __future__ import annotations

from kdist.backend.tensorflow import (
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
    ops_numpy,
    ops_random,
    ops_reduce,
    ops_shape,
)
from kdist.backend.tensorflow.abstract import abstract_eval
from kdist.backend.tensorflow.checkpoint import from_reader, local_value, to_leaf
from kdist.backend.tensorflow.dtensor import native as native_layout
from kdist.backend.tensorflow.dtensor_rows import with_dtensor_rows
from kdist.backend.tensorflow.layer_base import LayerBase
from kdist.backend.tensorflow.placement import check_support, distribute_tensor
from kdist.backend.tensorflow.placement import place_model as place
from kdist.backend.tensorflow.programs import compile_step, load_metrics
from kdist.backend.tensorflow.remat import rematerialize
from kdist.backend.tensorflow.runtime import device_scope, runtime, synchronize
from kdist.backend.tensorflow.storage import make_storage
from kdist.backend.tensorflow.tensors import (
    convert_to_numpy,
    convert_to_tensor,
    dtype_of,
    is_tensor,
)
from kdist.backend.tensorflow.trace import recorder, trace_gradients
from kdist.backend.tensorflow.trainer import predict_step, test_step, train_step
from kdist.backend.tensorflow.updates import UPDATES
from kdist.backend.tensorflow.wrappers import ListWrapper as _  # noqa: F401 - registers them

name = "tensorflow"
# int64 and not uint32: TensorFlow keeps int32 variables on the host, and its random ops take no
# uint32.
RANDOM_SEED_DTYPE = "int64"

_FAMILIES = (
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
    ops_numpy,
    ops_random,
    ops_reduce,
    ops_shape,
)
OPS = with_dtensor_rows(
    {row_name: row for family in _FAMILIES for row_name, row in family.OPS.items()}
)
LENIENT = frozenset(
    {
        "dtypes", "text", "argpartition", "average", "batch_normalization", "bincount",
        "conv_with_bias", "diff", "embedding_lookup", "expand_dims", "flip", "layer_normalization", "linear",
        "multi_hot", "norm", "one_hot", "round", "slice_update", "squeeze", "stack",
        "unstack", "vdot",
    }
)  # fmt: skip

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
