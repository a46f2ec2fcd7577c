"""kdist on jax: the names of the contract in `kdist.backend.protocol`."""

from kdist.backend.jax import (
    ops_arrays,
    ops_conv,
    ops_core,
    ops_math,
    ops_nn,
    ops_numpy,
    random,
)
from kdist.backend.jax.abstract import abstract_eval
from kdist.backend.jax.checkpoint import from_reader, to_leaf
from kdist.backend.jax.layer_base import LayerBase
from kdist.backend.jax.placement import check_support, device_scope, distribute_tensor, synchronize
from kdist.backend.jax.random import SEED_DTYPE as RANDOM_SEED_DTYPE
from kdist.backend.jax.runtime import Runtime
from kdist.backend.jax.storage import make_storage
from kdist.backend.jax.tensors import (
    as_tensor,
    convert_to_numpy,
    convert_to_tensor,
    dtype_of,
    is_tensor,
)

name = "jax"
runtime = Runtime()
OPS = {
    **ops_numpy.ROWS,
    **ops_arrays.ROWS,
    **ops_math.ROWS,
    **ops_nn.ROWS,
    **ops_conv.ROWS,
    **ops_core.ROWS,
    **random.ROWS,
}

__all__ = [
    "OPS",
    "RANDOM_SEED_DTYPE",
    "LayerBase",
    "abstract_eval",
    "as_tensor",
    "check_support",
    "convert_to_numpy",
    "convert_to_tensor",
    "device_scope",
    "distribute_tensor",
    "dtype_of",
    "from_reader",
    "is_tensor",
    "make_storage",
    "name",
    "runtime",
    "synchronize",
    "to_leaf",
]
