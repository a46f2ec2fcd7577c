"""Ops of which each element of the output comes from the same one of the inputs alone."""

from __future__ import annotations

ELEMENTWISE = frozenset(
    {
        "abs", "absolute", "add", "cast", "ceil", "celu", "clip", "copy", "cos", "cosh", "divide",
        "divide_no_nan", "elu", "equal", "erf", "exp", "expm1", "floor", "floor_divide", "gelu", "greater",
        "greater_equal", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "isclose",
        "isfinite", "isinf", "isnan", "leaky_relu", "less", "less_equal", "log", "log10", "log1p", "log2",
        "log_sigmoid", "logaddexp", "logical_and", "logical_not", "logical_or", "logical_xor", "maximum",
        "minimum", "mod", "multiply", "nan_to_num", "negative", "not_equal", "power", "reciprocal", "relu",
        "relu6", "round", "rsqrt", "selu", "sigmoid", "sign", "silu", "sin", "sinh", "soft_shrink",
        "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "sqrt", "square", "squareplus",
        "stop_gradient", "subtract", "swish", "tan", "tanh", "tanh_shrink", "threshold", "true_divide",
        "where",
    }
)  # fmt: skip
