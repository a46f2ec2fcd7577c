"""Every op: numerical functions of tensors that also build a model's graph when a tensor is
symbolic.

The names, signatures and meanings are those of `keras.ops`. See `declare.py` for how an op is made.
"""

from __future__ import annotations

from kdist.ops import linalg as linalg
from kdist.ops import nn as nn
from kdist.ops import numpy as numpy
from kdist.ops import overloads as _overloads
from kdist.ops.core import (
    cast as cast,
)
from kdist.ops.core import (
    cond as cond,
)
from kdist.ops.core import (
    convert_to_numpy as convert_to_numpy,
)
from kdist.ops.core import (
    convert_to_tensor as convert_to_tensor,
)
from kdist.ops.core import (
    custom_gradient as custom_gradient,
)
from kdist.ops.core import (
    dtype as dtype,
)
from kdist.ops.core import (
    fori_loop as fori_loop,
)
from kdist.ops.core import (
    is_tensor as is_tensor,
)
from kdist.ops.core import (
    map as map,
)
from kdist.ops.core import (
    ndim as ndim,
)
from kdist.ops.core import (
    saturate_cast as saturate_cast,
)
from kdist.ops.core import (
    scan as scan,
)
from kdist.ops.core import (
    scatter as scatter,
)
from kdist.ops.core import (
    scatter_update as scatter_update,
)
from kdist.ops.core import (
    shape as shape,
)
from kdist.ops.core import (
    size as size,
)
from kdist.ops.core import (
    slice as slice,
)
from kdist.ops.core import (
    slice_update as slice_update,
)
from kdist.ops.core import (
    stop_gradient as stop_gradient,
)
from kdist.ops.core import (
    switch as switch,
)
from kdist.ops.core import (
    unstack as unstack,
)
from kdist.ops.core import (
    vectorized_map as vectorized_map,
)
from kdist.ops.core import (
    while_loop as while_loop,
)
from kdist.ops.fused import (
    batch_normalization_training as batch_normalization_training,
)
from kdist.ops.fused import (
    conv_with_bias as conv_with_bias,
)
from kdist.ops.fused import (
    embedding_lookup as embedding_lookup,
)
from kdist.ops.fused import (
    linear as linear,
)
from kdist.ops.fused import (
    mean_sparse_categorical_crossentropy as mean_sparse_categorical_crossentropy,
)
from kdist.ops.fused import (
    softmax_crossentropy_with_integer_labels as softmax_crossentropy_with_integer_labels,
)
from kdist.ops.fused import (
    sparse_hits as sparse_hits,
)
from kdist.ops.fused import (
    weighted_step as weighted_step,
)
from kdist.ops.linalg import (
    cholesky as cholesky,
)
from kdist.ops.linalg import (
    det as det,
)
from kdist.ops.linalg import (
    inv as inv,
)
from kdist.ops.linalg import (
    norm as norm,
)
from kdist.ops.linalg import (
    qr as qr,
)
from kdist.ops.linalg import (
    solve as solve,
)
from kdist.ops.linalg import (
    svd as svd,
)
from kdist.ops.math import (
    erf as erf,
)
from kdist.ops.math import (
    erfinv as erfinv,
)
from kdist.ops.math import (
    extract_sequences as extract_sequences,
)
from kdist.ops.math import (
    in_top_k as in_top_k,
)
from kdist.ops.math import (
    logsumexp as logsumexp,
)
from kdist.ops.math import (
    rsqrt as rsqrt,
)
from kdist.ops.math import (
    segment_max as segment_max,
)
from kdist.ops.math import (
    segment_sum as segment_sum,
)
from kdist.ops.math import (
    top_k as top_k,
)
from kdist.ops.nn_activations import (
    celu as celu,
)
from kdist.ops.nn_activations import (
    elu as elu,
)
from kdist.ops.nn_activations import (
    gelu as gelu,
)
from kdist.ops.nn_activations import (
    glu as glu,
)
from kdist.ops.nn_activations import (
    hard_shrink as hard_shrink,
)
from kdist.ops.nn_activations import (
    hard_sigmoid as hard_sigmoid,
)
from kdist.ops.nn_activations import (
    hard_silu as hard_silu,
)
from kdist.ops.nn_activations import (
    hard_swish as hard_swish,
)
from kdist.ops.nn_activations import (
    hard_tanh as hard_tanh,
)
from kdist.ops.nn_activations import (
    leaky_relu as leaky_relu,
)
from kdist.ops.nn_activations import (
    log_sigmoid as log_sigmoid,
)
from kdist.ops.nn_activations import (
    log_softmax as log_softmax,
)
from kdist.ops.nn_activations import (
    relu as relu,
)
from kdist.ops.nn_activations import (
    relu6 as relu6,
)
from kdist.ops.nn_activations import (
    selu as selu,
)
from kdist.ops.nn_activations import (
    sigmoid as sigmoid,
)
from kdist.ops.nn_activations import (
    silu as silu,
)
from kdist.ops.nn_activations import (
    soft_shrink as soft_shrink,
)
from kdist.ops.nn_activations import (
    softmax as softmax,
)
from kdist.ops.nn_activations import (
    softplus as softplus,
)
from kdist.ops.nn_activations import (
    softsign as softsign,
)
from kdist.ops.nn_activations import (
    sparse_plus as sparse_plus,
)
from kdist.ops.nn_activations import (
    sparse_sigmoid as sparse_sigmoid,
)
from kdist.ops.nn_activations import (
    sparsemax as sparsemax,
)
from kdist.ops.nn_activations import (
    squareplus as squareplus,
)
from kdist.ops.nn_activations import (
    swish as swish,
)
from kdist.ops.nn_activations import (
    tanh_shrink as tanh_shrink,
)
from kdist.ops.nn_activations import (
    threshold as threshold,
)
from kdist.ops.nn_conv import (
    average_pool as average_pool,
)
from kdist.ops.nn_conv import (
    conv as conv,
)
from kdist.ops.nn_conv import (
    conv_transpose as conv_transpose,
)
from kdist.ops.nn_conv import (
    depthwise_conv as depthwise_conv,
)
from kdist.ops.nn_conv import (
    dot_product_attention as dot_product_attention,
)
from kdist.ops.nn_conv import (
    max_pool as max_pool,
)
from kdist.ops.nn_conv import (
    separable_conv as separable_conv,
)
from kdist.ops.nn_losses import (
    binary_crossentropy as binary_crossentropy,
)
from kdist.ops.nn_losses import (
    categorical_crossentropy as categorical_crossentropy,
)
from kdist.ops.nn_losses import (
    sparse_categorical_crossentropy as sparse_categorical_crossentropy,
)
from kdist.ops.nn_norm import (
    batch_normalization as batch_normalization,
)
from kdist.ops.nn_norm import (
    layer_normalization as layer_normalization,
)
from kdist.ops.nn_norm import (
    moments as moments,
)
from kdist.ops.nn_norm import (
    multi_hot as multi_hot,
)
from kdist.ops.nn_norm import (
    normalize as normalize,
)
from kdist.ops.nn_norm import (
    one_hot as one_hot,
)
from kdist.ops.nn_norm import (
    rms_normalization as rms_normalization,
)
from kdist.ops.numpy import *  # noqa: F403 - every name there is an op

_overloads.bind()
