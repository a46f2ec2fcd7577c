"""What an eager call asks before a row that would take what the op is not to.

What was found to be right is remembered, so that it is asked once for arguments that look alike.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from kdist.ops.explain_dtypes import NUMBERS, OF_TEXT, REAL, REAL_OF, WHOLE, no_text, unfit

_PLAIN = frozenset((type(None), bool, int, float, str))
_MOST = 4096  # of what is remembered for an op


def before(
    fn: Callable, lenient: frozenset[str], check: Callable | None, ask: Callable
) -> Callable | None:
    """What to call with the arguments of an eager call before its row, or None.

    Arguments:
        fn: the op's declaration.
        lenient: what rows of this backend take: the backend's `LENIENT`.
        check: the op's own, which is called in any case.
        ask: raises for all that can be wrong with the arguments.
    """
    op = fn.__name__

    def look(*args: Any, **kwargs: Any) -> None:
        given = signature(fn).bind(*args, **kwargs).arguments
        no_text(op, given)
        unfit(op, given)

    if op in lenient:
        return _once(op, _all_of, ask)
    tabled = any(op in table for table in (REAL, REAL_OF, WHOLE, NUMBERS))
    if op in OF_TEXT or not ("text" in lenient or ("dtypes" in lenient and tabled)):
        return check
    return _after(check, _once(op, _dtypes_of, look))


def _after(first: Callable | None, then: Callable) -> Callable:
    if first is None:
        return then

    def both(*args: Any, **kwargs: Any) -> None:
        first(*args, **kwargs)
        then(*args, **kwargs)

    return both


def _once(op: str, facts: Callable, look: Callable) -> Callable:
    """`look`, whose errors say all there is to say, for arguments of which `facts` are new or not known."""
    fine: set = set()

    def ahead(*args: Any, **kwargs: Any) -> None:
        found = facts((*args, *kwargs.values()))  # always in the order of the parameters
        if found in fine:
            return
        try:
            look(*args, **kwargs)
        except Exception as error:
            error.settled = op  # type: ignore[attr-defined]
            raise
        if len(fine) == _MOST:
            fine.clear()
        if found is not None:
            fine.add(found)

    return ahead


def _dtypes_of(values: tuple) -> tuple:
    return tuple([getattr(x, "dtype", None) for x in values])


def _all_of(values: tuple) -> tuple | None:
    """Shapes and dtypes of tensors, and plain values; None if there is anything else."""
    found = []
    for x in values:
        shape = getattr(x, "shape", None)
        if shape is not None and hasattr(x, "dtype"):
            found.append((shape, x.dtype))
        elif type(x) in _PLAIN:
            found.append((type(x), x))
        elif type(x) is tuple and (inner := _all_of(x)) is not None:
            found.append(inner)
        else:
            return None
    return tuple(found)
