"""What a layer adds to the loss: penalties on its outputs, and on its variables."""

from __future__ import annotations

from typing import Any

from kdist.backend import bound as backend
from kdist.core import scopes, tree
from kdist.layers import tracking
from kdist.layers.calling import context, is_tensor_like


class Penalties:
    """`add_loss` and `losses`. A part of `Layer`."""

    activity_regularizer: Any

    def add_loss(self, loss: Any) -> None:
        """Add scalar loss(es) computed in `call`, e.g. a penalty on activations, to the model's."""
        for value in loss if isinstance(loss, list | tuple) else [loss]:
            scope = scopes.get_stateless_scope()
            if scope is not None and scope.collect_losses:
                scope.add_loss(value, self)
            else:
                if context.entry is None:
                    self._losses = []
                self._keep_loss(value, context.token)

    def _keep_loss(self, value: Any, token: Any) -> None:
        """Keep a loss that the outermost call known by `token` added, and none of those before."""
        if self._loss_token is not token:
            self._losses = []
        object.__setattr__(self, "_loss_token", token)
        self._losses.append(value)
        tracking.structure.losses_in_use = True

    def _add_activity_loss(self, outputs: Any) -> None:
        """The activity regularizer's penalty of each output, as a mean over the batch."""
        for output in tree.flatten(outputs):
            if is_tensor_like(output):
                loss = self.activity_regularizer(output)
                batch = backend.OPS["shape"](output)[0] if output.ndim > 0 else 1
                self.add_loss(backend.OPS["divide"](loss, backend.OPS["cast"](batch, "float32")))

    @property
    def losses(self) -> list:
        """Penalties of this layer and its sublayers.

        Those that the latest call added, and those of regularized variables.
        """
        scope = scopes.get_stateless_scope()
        if scope is not None and scope.collect_losses:
            losses = list(scope.losses)
        elif not tracking.structure.losses_in_use:
            losses = []
        else:
            wanted = self._root_token
            losses = [
                x
                for layer in self._flatten_layers()
                for x in layer._losses
                if wanted is None or layer._loss_token in (wanted, None)
            ]
        return losses + [v.regularizer(v.value) for v in self._regularized_variables]
