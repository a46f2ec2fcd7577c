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
from kdist.ops.numpy_binary import (
    add as add,
)
from kdist.ops.numpy_binary import (
    divide as divide,
)
from kdist.ops.numpy_binary import (
    divide_no_nan as divide_no_nan,
)
from kdist.ops.numpy_binary import (
    equal as equal,
)
from kdist.ops.numpy_binary import (
    floor_divide as floor_divide,
)
from kdist.ops.numpy_binary import (
    greater as greater,
)
from kdist.ops.numpy_binary import (
    greater_equal as greater_equal,
)
from kdist.ops.numpy_binary import (
    isclose as isclose,
)
from kdist.ops.numpy_binary import (
    less as less,
)
from kdist.ops.numpy_binary import (
    less_equal as less_equal,
)
from kdist.ops.numpy_binary import (
    logaddexp as logaddexp,
)
from kdist.ops.numpy_binary import (
    logical_and as logical_and,
)
from kdist.ops.numpy_binary import (
    logical_or as logical_or,
)
from kdist.ops.numpy_binary import (
    logical_xor as logical_xor,
)
from kdist.ops.numpy_binary import (
    maximum as maximum,
)
from kdist.ops.numpy_binary import (
    minimum as minimum,
)
from kdist.ops.numpy_binary import (
    mod as mod,
)
from kdist.ops.numpy_binary import (
    multiply as multiply,
)
from kdist.ops.numpy_binary import (
    not_equal as not_equal,
)
from kdist.ops.numpy_binary import (
    power as power,
)
from kdist.ops.numpy_binary import (
    subtract as subtract,
)
from kdist.ops.numpy_binary import (
    true_divide as true_divide,
)
from kdist.ops.numpy_creation import (
    arange as arange,
)
from kdist.ops.numpy_creation import (
    array as array,
)
from kdist.ops.numpy_creation import (
    empty as empty,
)
from kdist.ops.numpy_creation import (
    eye as eye,
)
from kdist.ops.numpy_creation import (
    full as full,
)
from kdist.ops.numpy_creation import (
    full_like as full_like,
)
from kdist.ops.numpy_creation import (
    identity as identity,
)
from kdist.ops.numpy_creation import (
    linspace as linspace,
)
from kdist.ops.numpy_creation import (
    ones as ones,
)
from kdist.ops.numpy_creation import (
    ones_like as ones_like,
)
from kdist.ops.numpy_creation import (
    zeros as zeros,
)
from kdist.ops.numpy_creation import (
    zeros_like as zeros_like,
)
from kdist.ops.numpy_products import (
    cross as cross,
)
from kdist.ops.numpy_products import (
    dot as dot,
)
from kdist.ops.numpy_products import (
    einsum as einsum,
)
from kdist.ops.numpy_products import (
    matmul as matmul,
)
from kdist.ops.numpy_products import (
    outer as outer,
)
from kdist.ops.numpy_products import (
    tensordot as tensordot,
)
from kdist.ops.numpy_products import (
    trace as trace,
)
from kdist.ops.numpy_products import (
    vdot as vdot,
)
from kdist.ops.numpy_reductions import (
    all as all,
)
from kdist.ops.numpy_reductions import (
    amax as amax,
)
from kdist.ops.numpy_reductions import (
    amin as amin,
)
from kdist.ops.numpy_reductions import (
    any as any,
)
from kdist.ops.numpy_reductions import (
    argmax as argmax,
)
from kdist.ops.numpy_reductions import (
    argmin as argmin,
)
from kdist.ops.numpy_reductions import (
    argsort as argsort,
)
from kdist.ops.numpy_reductions import (
    average as average,
)
from kdist.ops.numpy_reductions import (
    bincount as bincount,
)
from kdist.ops.numpy_reductions import (
    count_nonzero as count_nonzero,
)
from kdist.ops.numpy_reductions import (
    cumprod as cumprod,
)
from kdist.ops.numpy_reductions import (
    cumsum as cumsum,
)
from kdist.ops.numpy_reductions import (
    diff as diff,
)
from kdist.ops.numpy_reductions import (
    max as max,
)
from kdist.ops.numpy_reductions import (
    mean as mean,
)
from kdist.ops.numpy_reductions import (
    median as median,
)
from kdist.ops.numpy_reductions import (
    min as min,
)
from kdist.ops.numpy_reductions import (
    nonzero as nonzero,
)
from kdist.ops.numpy_reductions import (
    prod as prod,
)
from kdist.ops.numpy_reductions import (
    searchsorted as searchsorted,
)
from kdist.ops.numpy_reductions import (
    sort as sort,
)
from kdist.ops.numpy_reductions import (
    std as std,
)
from kdist.ops.numpy_reductions import (
    sum as sum,
)
from kdist.ops.numpy_reductions import (
    var as var,
)
from kdist.ops.numpy_reductions import (
    where as where,
)
from kdist.ops.numpy_shaping import (
    broadcast_to as broadcast_to,
)
from kdist.ops.numpy_shaping import (
    concatenate as concatenate,
)
from kdist.ops.numpy_shaping import (
    diag as diag,
)
from kdist.ops.numpy_shaping import (
    expand_dims as expand_dims,
)
from kdist.ops.numpy_shaping import (
    flip as flip,
)
from kdist.ops.numpy_shaping import (
    get_item as get_item,
)
from kdist.ops.numpy_shaping import (
    hstack as hstack,
)
from kdist.ops.numpy_shaping import (
    meshgrid as meshgrid,
)
from kdist.ops.numpy_shaping import (
    moveaxis as moveaxis,
)
from kdist.ops.numpy_shaping import (
    pad as pad,
)
from kdist.ops.numpy_shaping import (
    ravel as ravel,
)
from kdist.ops.numpy_shaping import (
    repeat as repeat,
)
from kdist.ops.numpy_shaping import (
    reshape as reshape,
)
from kdist.ops.numpy_shaping import (
    roll as roll,
)
from kdist.ops.numpy_shaping import (
    split as split,
)
from kdist.ops.numpy_shaping import (
    squeeze as squeeze,
)
from kdist.ops.numpy_shaping import (
    stack as stack,
)
from kdist.ops.numpy_shaping import (
    swapaxes as swapaxes,
)
from kdist.ops.numpy_shaping import (
    take as take,
)
from kdist.ops.numpy_shaping import (
    take_along_axis as take_along_axis,
)
from kdist.ops.numpy_shaping import (
    tile as tile,
)
from kdist.ops.numpy_shaping import (
    transpose as transpose,
)
from kdist.ops.numpy_shaping import (
    tril as tril,
)
from kdist.ops.numpy_shaping import (
    triu as triu,
)
from kdist.ops.numpy_shaping import (
    vstack as vstack,
)
from kdist.ops.numpy_unary import (
    abs as abs,
)
from kdist.ops.numpy_unary import (
    absolute as absolute,
)
from kdist.ops.numpy_unary import (
    ceil as ceil,
)
from kdist.ops.numpy_unary import (
    clip as clip,
)
from kdist.ops.numpy_unary import (
    copy as copy,
)
from kdist.ops.numpy_unary import (
    cos as cos,
)
from kdist.ops.numpy_unary import (
    cosh as cosh,
)
from kdist.ops.numpy_unary import (
    exp as exp,
)
from kdist.ops.numpy_unary import (
    expm1 as expm1,
)
from kdist.ops.numpy_unary import (
    floor as floor,
)
from kdist.ops.numpy_unary import (
    isfinite as isfinite,
)
from kdist.ops.numpy_unary import (
    isinf as isinf,
)
from kdist.ops.numpy_unary import (
    isnan as isnan,
)
from kdist.ops.numpy_unary import (
    log as log,
)
from kdist.ops.numpy_unary import (
    log1p as log1p,
)
from kdist.ops.numpy_unary import (
    log2 as log2,
)
from kdist.ops.numpy_unary import (
    log10 as log10,
)
from kdist.ops.numpy_unary import (
    logical_not as logical_not,
)
from kdist.ops.numpy_unary import (
    nan_to_num as nan_to_num,
)
from kdist.ops.numpy_unary import (
    negative as negative,
)
from kdist.ops.numpy_unary import (
    reciprocal as reciprocal,
)
from kdist.ops.numpy_unary import (
    round as round,
)
from kdist.ops.numpy_unary import (
    sign as sign,
)
from kdist.ops.numpy_unary import (
    sin as sin,
)
from kdist.ops.numpy_unary import (
    sinh as sinh,
)
from kdist.ops.numpy_unary import (
    sqrt as sqrt,
)
from kdist.ops.numpy_unary import (
    square as square,
)
from kdist.ops.numpy_unary import (
    tan as tan,
)
from kdist.ops.numpy_unary import (
    tanh as tanh,
)

_overloads.bind()
