"""Every op: numerical functions of tensors.

They also build a model's graph when a tensor is symbolic.

The names, signatures and meanings are those of `keras.ops`. See `declare.py` for how an op is made.
"""

# ruff: noqa: F401
from __future__ import annotations

from kdist.ops import image as image
from kdist.ops import linalg as linalg
from kdist.ops import nn as nn
from kdist.ops import numpy as numpy
from kdist.ops import overloads as _overloads
from kdist.ops.core import (
    cast as cast,
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
    is_tensor as is_tensor,
)
from kdist.ops.core import (
    ndim as ndim,
)
from kdist.ops.core import (
    saturate_cast as saturate_cast,
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
    unstack as unstack,
)
from kdist.ops.core_control import (
    cond,
    fori_loop,
    map,
    scan,
    switch,
    vectorized_map,
    while_loop,
)
from kdist.ops.core_scan import associative_scan
from kdist.ops.einops import rearrange
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
    cholesky,
    cholesky_inverse,
    det,
    eig,
    eigh,
    inv,
    jvp,
    lstsq,
    lu_factor,
    matrix_rank,
    norm,
    pinv,
    qr,
    solve,
    solve_triangular,
    svd,
)
from kdist.ops.math import (
    cdist,
    erf,
    erfc,
    erfinv,
    extract_sequences,
    in_top_k,
    logdet,
    logsumexp,
    rsqrt,
    segment_max,
    segment_min,
    segment_prod,
    segment_sum,
    top_k,
    view_as_complex,
    view_as_real,
)
from kdist.ops.math_fft import fft, fft2, ifft2, irfft, istft, rfft, stft
from kdist.ops.nn import *  # noqa: F403
from kdist.ops.numpy import *  # noqa: F403 - every name there is an op

_overloads.bind()
