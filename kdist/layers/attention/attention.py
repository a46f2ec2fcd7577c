"""`Attention` and `AdditiveAttention`: one head, without projections."""

from __future__ import annotations

from typing import Any

from kdist import ops, random
from kdist.core.graph import KerasTensor
from kdist.layers.attention.masks import causal_mask
from kdist.layers.layer import Layer
from kdist.layers.masking import hands_on


class BaseAttention(Layer):
    """softmax(scores) @ value.

    Abstract: a subclass gives `_scores`, and makes its weights in `build`.

    Arguments:
        use_scale: whether the scores have trained weights.
        dropout: rate of dropout of the attention weights.
        seed: of the dropout.

    `call([query, value] or [query, value, key], mask=None, training=False,
    return_attention_scores=False, use_causal_mask=False)`: query (batch, T, dim), value and key
    (batch, S, dim), mask [query_mask, value_mask]; gives (batch, T, dim), and the weights (batch,
    T, S) if they are asked for.
    """

    def __init__(self, use_scale: bool, dropout: float, seed: int | None, **kwargs: Any):
        super().__init__(**kwargs)
        self.use_scale = use_scale
        self.dropout = dropout
        self.seed = seed
        if dropout > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def _scores(self, query: Any, key: Any) -> Any:
        """(batch, T, S)."""
        raise NotImplementedError(f"{type(self).__name__} does not define _scores().")

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: Any = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        self._check(inputs, mask)
        query, value = inputs[0], inputs[1]
        key = inputs[2] if len(inputs) > 2 else value
        query_mask, value_mask = (mask[0], mask[1]) if mask else (None, None)
        scores = self._scores(query, key)
        allowed = None if value_mask is None else ops.expand_dims(value_mask, -2)
        if use_causal_mask:
            causal = causal_mask(ops.shape(scores)[-2], ops.shape(scores)[-1])
            allowed = causal if allowed is None else ops.logical_and(allowed, causal)
        if allowed is not None:
            # Finite, so that a row without any key gives no NaN; 65504 is float16's largest number.
            low = 65504.0 if ops.dtype(scores) == "float16" else 1.0e9
            scores = ops.where(allowed, scores, ops.subtract(scores, low))
        weights = ops.softmax(scores, axis=-1)
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        out = ops.matmul(weights, value)
        if query_mask is not None:
            out = ops.where(ops.expand_dims(query_mask, -1), out, ops.zeros_like(out))
        return (out, weights) if return_attention_scores else out

    @hands_on
    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        self._check(inputs, mask)
        return None if mask is None or mask[0] is None else mask[0]

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[0][:-1], input_shape[1][-1])

    def compute_output_spec(
        self,
        inputs: Any,
        mask: Any = None,
        training: Any = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        self._check(inputs, mask)
        out = KerasTensor(self.compute_output_shape([x.shape for x in inputs]), self.compute_dtype)
        if not return_attention_scores:
            return out
        return out, KerasTensor((*inputs[0].shape[:-1], inputs[-1].shape[-2]), self.compute_dtype)

    def _check(self, inputs: Any, mask: Any = None) -> None:
        name = type(self).__name__
        if not isinstance(inputs, list | tuple):
            raise ValueError(
                f"{name} layer must be called on a list of inputs, namely [query, value] or "
                f"[query, value, key]. Received: inputs={inputs}."
            )
        if not 2 <= len(inputs) <= 3:
            raise ValueError(
                f"{name} layer accepts inputs list of length 2 or 3, namely [query, value] or "
                f"[query, value, key]. Received length: {len(inputs)}."
            )
        if mask is not None:
            if not isinstance(mask, list | tuple):
                raise ValueError(
                    f"{name} layer mask must be a list, namely [query_mask, value_mask]. "
                    f"Received: mask={mask}."
                )
            if not 2 <= len(mask) <= 3:
                raise ValueError(
                    f"{name} layer accepts mask list of length 2 or 3. Received: "
                    f"inputs={inputs}, mask={mask}."
                )

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "use_scale": self.use_scale,
            "dropout": self.dropout,
            "seed": self.seed,
        }


class Attention(BaseAttention):
    """Dot-product attention. Luong et al. 2015, https://arxiv.org/abs/1508.04025.

    Arguments:
        use_scale: multiply the scores by a trained number.
        score_mode: "dot": query @ key; "concat": a trained number times sum(tanh(query + key)).
        dropout: rate of dropout of the attention weights.
        seed: of the dropout.

    Called on a list [query, value] or [query, value, key]: query (batch, T, dim), value and key
    (batch, S, dim). Gives (batch, T, dim). Raises: ValueError unless called on such a list.
    """

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        if score_mode not in ("dot", "concat"):
            raise ValueError(
                "Invalid value for argument score_mode. Expected one of {'dot', 'concat'}. "
                f"Received: score_mode={score_mode}"
            )
        super().__init__(use_scale, dropout, seed, **kwargs)
        self.score_mode = score_mode

    def build(self, input_shape: Any) -> None:
        self._check(input_shape)
        self.scale = self.add_weight((), "ones", name="scale") if self.use_scale else None
        concat = self.score_mode == "concat"
        self.concat_score_weight = (
            self.add_weight((), "ones", name="concat_score_weight") if concat else None
        )

    def _scores(self, query: Any, key: Any) -> Any:
        scale = None if self.scale is None else self.scale.value
        if self.concat_score_weight is None:
            scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
            return scores if scale is None else ops.multiply(scores, scale)
        pairs = ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3))
        pairs = pairs if scale is None else ops.multiply(pairs, scale)
        return ops.multiply(self.concat_score_weight.value, ops.sum(ops.tanh(pairs), axis=-1))

    def get_config(self) -> dict:
        return {**super().get_config(), "score_mode": self.score_mode}


class AdditiveAttention(BaseAttention):
    """Attention by sum(scale * tanh(query + key)).

    Bahdanau et al. 2014, https://arxiv.org/abs/1409.0473.

    Arguments:
        use_scale: whether there is a trained scale, (dim,).
        dropout: rate of dropout of the attention weights.
        seed: of the dropout.

    Called as `Attention`.
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any):
        super().__init__(use_scale, dropout, kwargs.pop("seed", None), **kwargs)

    def build(self, input_shape: Any) -> None:
        self._check(input_shape)
        shape = (input_shape[0][-1],)
        self.scale = (
            self.add_weight(shape, "glorot_uniform", name="scale") if self.use_scale else None
        )

    def _scores(self, query: Any, key: Any) -> Any:
        pairs = ops.tanh(ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3)))
        if self.scale is not None:
            pairs = ops.multiply(pairs, self.scale.value)
        return ops.sum(pairs, axis=-1)
