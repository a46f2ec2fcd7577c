"""`MultiHeadAttention`."""

from __future__ import annotations

import math
from typing import Any

from kdist import ops, regularizers
from kdist.core.graph import KerasTensor
from kdist.distribution import InnerSplit
from kdist.layers.activations.activation import Softmax
from kdist.layers.attention import equations
from kdist.layers.attention.masks import causal_mask, combine, window_mask
from kdist.layers.core.einsum_dense import EinsumDense
from kdist.layers.layer import Layer
from kdist.layers.options import options_config, set_options
from kdist.layers.regularization.dropout import Dropout


class MultiHeadAttention(Layer):
    """Attention of several heads, each with its own projections of query, key and value.

    Vaswani et al. 2017, https://arxiv.org/abs/1706.03762.

    Arguments:
        num_heads: number of heads.
        key_dim: size of each head's queries and keys.
        value_dim: size of each head's values; None: `key_dim`.
        dropout: rate of dropout of the attention weights.
        use_bias: whether the projections have biases.
        output_shape: the output's last dims; None: the query's last.
        attention_axes: axes that are attended over; None: all between the batch and the features.
        sliding_window: each query sees only keys less than this far away.
        flash_attention: demand (True) or forbid (False) a fused kernel; None: use one where
            possible.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            kernel_constraint, bias_constraint: of the projections.
        activity_regularizer: penalises the projections' outputs.
        use_gate: multiply each head's output by a sigmoid of a projection of the query.
        seed: of the dropout.

    `call(query, value, key=None, query_mask=None, value_mask=None, key_mask=None,
    attention_mask=None, return_attention_scores=False, training=None, use_causal_mask=False)`:
    query (batch, T, dim), value and key (batch, S, dim); attention_mask (batch, T, S) bool; gives
    (batch, T, dim), and with `return_attention_scores` the weights (batch, heads, T, S).

    Raises: ValueError for sizes that are no positive ints, and for flash attention with dropout or
    returned scores.
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Any = None,
        attention_axes: Any = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        sizes = {"num_heads": num_heads, "key_dim": key_dim}
        optional = {"value_dim": value_dim, "sliding_window": sliding_window}
        sizes.update({k: v for k, v in optional.items() if v is not None})
        for name, size in sizes.items():
            if not isinstance(size, int) or size <= 0:
                raise ValueError(
                    f"`{name}` of MultiHeadAttention must be a positive integer. Received: "
                    f"{name}={size!r}"
                )
        super().__init__(**kwargs)
        self.supports_masking = True
        self._num_heads = num_heads
        self._key_dim = key_dim
        self._value_dim = value_dim or key_dim
        self._dropout = dropout
        self._use_bias = use_bias
        self._use_gate = use_gate
        self._output_shape = _as_tuple(output_shape, "output_shape")
        self._attention_axes = _as_tuple(attention_axes, "attention_axes")
        self._sliding_window = sliding_window
        self._flash_attention = flash_attention
        if flash_attention and dropout > 0:
            raise ValueError(
                "Dropout is not supported when flash attention is enabled. Set dropout to "
                "0.0 to use flash attention."
            )
        set_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        set_options(self, "bias", bias_initializer, bias_regularizer, bias_constraint)
        self._activity_regularizer = regularizers.get(activity_regularizer)
        self.seed = seed
        self._scale = 1.0 / math.sqrt(key_dim)

    # ---- read-only views of the arguments --------------------------------------------------------
    @property
    def num_heads(self) -> int:
        return self._num_heads

    @property
    def key_dim(self) -> int:
        return self._key_dim

    @property
    def value_dim(self) -> int:
        return self._value_dim

    @property
    def dropout(self) -> float:
        return self._dropout

    @property
    def use_bias(self) -> bool:
        return self._use_bias

    @property
    def attention_axes(self) -> Any:
        return self._attention_axes

    @property
    def query_dense(self) -> EinsumDense:
        return self._query_dense

    @property
    def key_dense(self) -> EinsumDense:
        return self._key_dense

    @property
    def value_dense(self) -> EinsumDense:
        return self._value_dense

    @property
    def output_dense(self) -> EinsumDense:
        return self._output_dense

    # ---- building --------------------------------------------------------------------------------
    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        _check_lengths(value_shape, key_shape)
        rank = len(query_shape)
        heads = (self._num_heads, self._key_dim)
        values = (self._num_heads, self._value_dim)
        self._query_dense = self._projection("query", query_shape, 1, heads)
        self._key_dense = self._projection("key", key_shape, 1, heads)
        if self._use_gate:
            self._gate_dense = self._projection("gate", query_shape, 1, values, "sigmoid")
        self._value_dense = self._projection("value", value_shape, 1, values)
        if self._attention_axes is None:
            self._attention_axes = tuple(range(1, rank - 1))
        else:
            self._attention_axes = tuple(a % rank for a in self._attention_axes)
        self._dot_product_equation, self._combine_equation, scores_rank = equations.attention(
            rank + 1, self._attention_axes
        )
        attended = len(self._attention_axes)
        self._softmax = Softmax(
            axis=tuple(range(scores_rank - attended, scores_rank)), dtype=self.dtype_policy
        )
        self._dropout_layer = Dropout(self._dropout, seed=self.seed, dtype=self.dtype_policy)
        self._output_dense = self._projection(
            "attention_output",
            (*query_shape[:-1], *values),
            2,
            self._output_shape or (query_shape[-1],),
        )

    def _projection(
        self, name: str, input_shape: Any, bound: int, new: tuple, activation: Any = None
    ) -> EinsumDense:
        """A built dense layer from the last `bound` dims to the dims `new`."""
        free = len(input_shape) - bound
        equation, bias_axes, rank = equations.projection(free, bound, len(new))
        # Configs, so that each layer draws its own numbers.
        options = options_config(self, "kernel", "bias")
        dense = EinsumDense(
            equation,
            output_shape=(*(None,) * (rank - 1 - len(new)), *new),
            bias_axes=bias_axes if self._use_bias else None,
            activation=activation,
            activity_regularizer=self._activity_regularizer,
            name=name,
            dtype=self.dtype_policy,
            **options,
        )
        dense.build(tuple(input_shape))
        return dense

    # ---- computing -------------------------------------------------------------------------------
    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: Any = None,
        use_causal_mask: bool = False,
    ) -> Any:
        if self._flash_attention and return_attention_scores:
            raise ValueError(
                "Returning attention scores is not supported when flash attention is "
                "enabled. Disable flash attention to access them."
            )
        key = value if key is None else key
        others = (query_mask, value_mask, key_mask, attention_mask, self._sliding_window)
        # A kernel that knows causality needs no mask in memory; a user's own attention gets one.
        own = type(self)._compute_attention is MultiHeadAttention._compute_attention
        only_causal = bool(use_causal_mask) and own and all(m is None for m in others)
        mask = None
        if not only_causal:
            masks = (query_mask, value_mask, key_mask, attention_mask)
            mask = self._mask(query, value, *masks, use_causal_mask)
        gate = self._gate_dense(query) if self._use_gate else None
        out, scores = self._compute_attention(
            self._query_dense(query),
            self._key_dense(key),
            self._value_dense(value),
            mask,
            training,
            return_attention_scores,
            **({"use_causal_mask": True} if only_causal else {}),
        )
        out = self._output_dense(out if gate is None else ops.multiply(out, gate))
        return (out, scores) if return_attention_scores else out

    def _compute_attention(
        self,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any = None,
        training: Any = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> tuple[Any, Any]:
        """Attention of projected tensors (batch, length, heads, dim).

        Returns: (its output, the weights or None).
        """
        # The fused op takes one dim for all, and gives no weights.
        fused = len(query.shape) == 4 and self._value_dim == self._key_dim
        if fused and not self._dropout and not return_attention_scores:
            out = ops.dot_product_attention(
                query,
                key,
                value,
                mask=self._with_heads(attention_mask, 4),
                scale=self._scale,
                is_causal=use_causal_mask,
                flash_attention=self._flash_attention,
            )
            return out, None
        if use_causal_mask:
            causal = causal_mask(ops.shape(query)[1], ops.shape(key)[1])
            attention_mask = combine(
                [causal, *([] if attention_mask is None else [attention_mask])]
            )
        scores = ops.einsum(self._dot_product_equation, key, ops.multiply(query, self._scale))
        scores = self._softmax(scores, mask=self._with_heads(attention_mask, len(scores.shape)))
        weights = self._dropout_layer(scores, training=training) if self._dropout else scores
        return ops.einsum(self._combine_equation, weights, value), scores

    def _with_heads(self, mask: Any, rank: int) -> Any:
        """The mask with an axis for the heads before the attended axes, of the scores' rank."""
        if mask is None:
            return None
        for _ in range(rank - len(mask.shape)):
            mask = ops.expand_dims(mask, -len(self._attention_axes) * 2 - 1)
        return mask

    def _mask(
        self,
        query: Any,
        value: Any,
        query_mask: Any,
        value_mask: Any,
        key_mask: Any,
        attention_mask: Any,
        use_causal_mask: bool,
    ) -> Any:
        """All masks together, (batch or 1, T, S), or None."""
        parts = []
        if query_mask is not None:
            parts.append(ops.expand_dims(ops.cast(query_mask, "bool"), -1))
        for mask in (value_mask, key_mask):
            if mask is not None:
                parts.append(ops.expand_dims(ops.cast(mask, "bool"), -2))
        if use_causal_mask:
            parts.append(causal_mask(ops.shape(query)[1], ops.shape(value)[1]))
        if self._sliding_window is not None:
            parts.append(
                window_mask(ops.shape(query)[1], ops.shape(value)[1], self._sliding_window)
            )
        if attention_mask is not None:
            parts.append(ops.cast(attention_mask, "bool"))
        return combine(parts)

    # ---- parallelism -----------------------------------------------------------------------------
    def tensor_split(self) -> InnerSplit | None:
        """By heads: each device projects to some of them, attends, and sums its part of the output's product."""
        if not self.built:
            return None
        projections = [self._query_dense, self._key_dense, self._value_dense]
        if self._use_gate:
            projections.append(self._gate_dense)
        heads = [(dense.kernel, -2) for dense in projections]
        heads += [(dense.bias, -2) for dense in projections if dense.bias is not None]
        return InnerSplit(((*heads, (self._output_dense.kernel, 0)),))

    # ---- shapes and config -----------------------------------------------------------------------
    def compute_output_shape(
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> Any:
        _check_lengths(value_shape, value_shape if key_shape is None else key_shape)
        if self._output_shape:
            return (*query_shape[:-1], *self._output_shape)
        return tuple(query_shape)

    def compute_output_spec(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: Any = None,
        use_causal_mask: bool = False,
    ) -> Any:
        shape = self.compute_output_shape(
            query.shape, value.shape, None if key is None else key.shape
        )
        out = KerasTensor(shape, self.compute_dtype)
        if not return_attention_scores:
            return out
        rank = len(query.shape)
        axes = self._attention_axes or tuple(range(1, rank - 1))
        batch = [query.shape[i] for i in range(rank - 1) if i not in axes]
        attended = [x.shape[a] for x in (query, value) for a in axes]
        return out, KerasTensor((*batch, self._num_heads, *attended), self.compute_dtype)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_heads": self._num_heads,
            "key_dim": self._key_dim,
            "value_dim": self._value_dim,
            "dropout": self._dropout,
            "use_bias": self._use_bias,
            "use_gate": self._use_gate,
            "output_shape": self._output_shape,
            "attention_axes": self._attention_axes,
            "sliding_window": self._sliding_window,
            **options_config(self, "kernel", "bias"),
            "activity_regularizer": regularizers.serialize(self._activity_regularizer),
            "seed": self.seed,
        }


def _as_tuple(value: Any, name: str) -> tuple | None:
    """An int or several as a tuple; None stays."""
    if not value and value != 0:
        return None
    if isinstance(value, int):
        return (value,)
    if isinstance(value, list | tuple):
        return tuple(value)
    raise ValueError(
        f"`{name}` of MultiHeadAttention must be an int, a list or a tuple. Received: "
        f"{name}={value!r}"
    )


def _check_lengths(value_shape: Any, key_shape: Any) -> None:
    if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
        raise ValueError(
            "All dimensions of `value` and `key`, except the last one, must be equal. "
            f"Received: value_shape={tuple(value_shape)} and key_shape={tuple(key_shape)}"
        )
