"""The ops that follow NumPy, under one name (`keras.ops.numpy`)."""

from __future__ import annotations

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
