"""`Embedding`: rows of a table at integer indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from kdist import ops
from kdist.distribution import InnerSplit
from kdist.layers.layer import Layer
from kdist.layers.options import activity_config, add_weight, options_config, refuse, set_options

_INTEGERS = frozenset({"int32", "int64"})


class Embedding(Layer):
    """Turns non-negative ints into dense vectors, the rows of a trained table.

    Arguments:
        input_dim: number of rows; indices are below it.
        output_dim: size of a row.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the (input_dim,
            output_dim) table.
        mask_zero: whether index 0 is padding, which later layers that know masks leave out.
        weights: the table's first value, an array of its shape.
        lora_rank, lora_alpha, quantization_config: only None; they are not supported.

    Input: ints of any shape; output: (*shape, output_dim).

    Raises: ValueError if a dim is no positive int. Example: `Embedding(1000, 64)(token_ids)`.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        for name, dim in (("input_dim", input_dim), ("output_dim", output_dim)):
            if not isinstance(dim, int) or isinstance(dim, bool) or dim <= 0:
                raise ValueError(f"`{name}` must be a positive integer. Received: {name}={dim!r}")
        refuse(
            "Embedding",
            lora_rank=lora_rank,
            lora_alpha=lora_alpha,
            quantization_config=quantization_config,
        )
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self.output_dim = output_dim
        set_options(
            self,
            "embeddings",
            embeddings_initializer,
            embeddings_regularizer,
            embeddings_constraint,
        )
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.autocast = False  # indices keep their values; the table is cast after the look-up
        if weights is not None:
            self.build()
            self.set_weights(
                list(weights)
                if isinstance(weights, list) and np.ndim(weights[0]) == 2
                else [weights]
            )

    def build(self, input_shape: Any = None) -> None:
        if not self.built:
            self.embeddings = add_weight(self, "embeddings", (self.input_dim, self.output_dim))

    def call(self, inputs: Any) -> Any:
        if ops.dtype(inputs) not in _INTEGERS:
            inputs = ops.cast(inputs, "int32")
        out = ops.embedding_lookup(self.embeddings.value, inputs)
        return ops.cast(out, self.compute_dtype) if self._mixed else out

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def tensor_split(self) -> InnerSplit | None:
        """By rows: each device looks up the indices it holds; else by columns, which are gathered afterwards."""
        if not self.built:
            return None
        return InnerSplit((((self.embeddings, 0),), ((self.embeddings, 1),)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape, self.output_dim)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            **options_config(self, "embeddings"),
            **activity_config(self),
            "mask_zero": self.mask_zero,
            "quantization_config": None,
        }
