"""A layer as a pure function of its variables' values."""

from __future__ import annotations

from typing import Any

from kdist.core.given import GivenValues


class Stateless:
    """`stateless_call`. A part of `Layer`."""

    name: str
    built: bool
    losses: list
    trainable_variables: list
    non_trainable_variables: list

    def stateless_call(
        self,
        trainable_variables: list,
        non_trainable_variables: list,
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple:
        """`call` as a pure function of the variables' values.

        Arguments:
            trainable_variables, non_trainable_variables: values in the order of the properties of these names.
            return_losses: return the losses that the call adds, too.

        Returns: (outputs, new values of the non-trainable variables), and with `return_losses` the list of losses.

        Raises: ValueError before the layer is built, or if the number of values is not that of the variables.

        Example:
            outputs, state = layer.stateless_call(trainable, non_trainable, x, training=True)
        """
        if not self.built:
            raise ValueError(
                f"Layer {self.name!r} must be built before stateless_call. Call build(input_shape), or the layer "
                "itself, once."
            )
        for what, values, variables in (
            ("trainable_variables", trainable_variables, self.trainable_variables),
            ("non_trainable_variables", non_trainable_variables, self.non_trainable_variables),
        ):
            if len(values) != len(variables):
                raise ValueError(
                    f"{what} has {len(values)} values, and layer {self.name!r} has {len(variables)}: "
                    f"{[v.path for v in variables]}."
                )
        given = GivenValues(
            (self.trainable_variables, trainable_variables),
            (self.non_trainable_variables, non_trainable_variables),
        )
        with given.scope(collect_losses=return_losses) as scope:
            outputs = self(*args, **kwargs)  # type: ignore[operator]
            losses = self.losses if return_losses else None
        _, updated = given.after(scope)
        return (outputs, updated, losses) if return_losses else (outputs, updated)
