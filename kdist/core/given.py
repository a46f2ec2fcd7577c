"""Values that stand in for variables while a function of values runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kdist.core.scopes import StatelessScope


class GivenValues:
    """Groups of variables with values to use in their place.

    Arguments:
        groups: pairs (variables, values) of equal length.

    Example:
        given = GivenValues((layer.trainable_variables, trainable), (layer.non_trainable_variables, others))
        with given.scope() as scope:
            outputs = layer(x)
        _, others = given.after(scope)
    """

    def __init__(self, *groups: tuple[Sequence, Sequence]):
        self._groups = [
            [(v, value, v.computed(value)) for v, value in zip(variables, values, strict=True)]
            for variables, values in groups
        ]

    def scope(self, **options: Any) -> StatelessScope:
        """A scope in which the variables read as these values, brought to where computations use them."""
        everything = [x for group in self._groups for x in group]
        scope = StatelessScope([(v, used) for v, _, used in everything], **options)
        scope.given = {id(v): (value, used) for v, value, used in everything if value is not used}
        return scope

    def after(self, scope: StatelessScope) -> tuple[list, ...]:
        """Each group's values at the end of `scope`: what was given where nothing was assigned."""
        return tuple(
            [
                value if (now := scope.get_current_value(v)) is None or now is used else now
                for v, value, used in group
            ]
            for group in self._groups
        )
