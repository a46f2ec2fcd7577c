"""The ops of neural networks, under one name (`keras.ops.nn`)."""

from __future__ import annotations

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
