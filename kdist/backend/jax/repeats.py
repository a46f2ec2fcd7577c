"""Computations with fewer of the parts that they repeat, such as the equal blocks of a deep model.

What XLA takes grows by the same amount with each part: two short computations tell it of a long one, which would take
minutes to compile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jax.extend import core as jex


@dataclass(frozen=True)
class Repeats:
    """Equations `begin` to `begin + count * period` of a jaxpr are the same `period` ones `count` times.

    Each time they take what the time before has made, and parameters of their own.
    """

    begin: int
    period: int
    count: int


def find_repeats(jaxpr: Any) -> Repeats | None:
    """The longest stretch of equations that repeat; None without one, or where others look into its middle."""
    numbers: dict[tuple, int] = {}
    ids = np.array([numbers.setdefault(_key(e), len(numbers)) for e in jaxpr.eqns])
    best: tuple[int, int, int] | None = None  # (equations, -period, begin)
    for period in range(1, len(ids) // 2 + 1):
        same = np.concatenate(([0], (ids[period:] == ids[:-period]).astype(np.int8), [0]))
        edges = np.flatnonzero(np.diff(same))
        lengths = edges[1::2] - edges[::2]
        if not lengths.size or lengths.max() < period:
            continue
        longest = int(lengths.argmax())
        found = (int(lengths[longest]) + period, -period, int(edges[2 * longest]))
        best = max(best, found) if best is not None else found
    if best is None:
        return None
    repeats = Repeats(best[2], -best[1], best[0] // -best[1])
    return repeats if _is_chain(jaxpr, repeats) else None


def shortened(jaxpr: Any, repeats: Repeats, count: int) -> Any:
    """`jaxpr` with `count` of the repetitions. Its invars are those that are still read."""
    cut = (repeats.count - count) * repeats.period
    first, end = (
        repeats.begin + count * repeats.period,
        repeats.begin + repeats.count * repeats.period,
    )
    made = _made(jaxpr)

    def moved(x: Any) -> Any:
        place = None if isinstance(x, jex.Literal) else made.get(x)
        if place is None or not first <= place[0] < end:
            return x
        return jaxpr.eqns[place[0] - cut].outvars[place[1]]

    later = [e.replace(invars=[moved(x) for x in e.invars]) for e in jaxpr.eqns[end:]]
    outvars = [moved(x) for x in jaxpr.outvars]
    equations, read = _needed([*jaxpr.eqns[:first], *later], outvars)
    return jaxpr.replace(
        eqns=equations,
        invars=[x for x in jaxpr.invars if x in read],
        outvars=outvars,
        debug_info=jaxpr.debug_info.with_unknown_names(),
    )


def _needed(equations: list, outvars: list) -> tuple[list, set]:
    """The equations whose results are read, and what they read."""
    read = {x for x in outvars if not isinstance(x, jex.Literal)}
    needed = []
    for e in reversed(equations):
        if e.effects or any(v in read for v in e.outvars):
            needed.append(e)
            read.update(x for x in e.invars if not isinstance(x, jex.Literal))
    return needed[::-1], read


def _made(jaxpr: Any) -> dict[Any, tuple[int, int]]:
    """Variable -> (which equation makes it, as which of its results)."""
    return {v: (i, k) for i, e in enumerate(jaxpr.eqns) for k, v in enumerate(e.outvars)}


def _key(equation: Any) -> tuple:
    params = tuple(
        (name, str(value))
        for name, value in sorted(equation.params.items())
        if not callable(value) and name != "name"
    )
    avals = lambda xs: tuple(str(x.aval) for x in xs)
    return equation.primitive.name, params, avals(equation.invars), avals(equation.outvars)


def _is_chain(jaxpr: Any, repeats: Repeats) -> bool:
    """Whether the repetitions are wired alike, and only the last one is read by what comes after."""
    made, period = _made(jaxpr), repeats.period
    end = repeats.begin + repeats.count * period
    place = lambda x: None if isinstance(x, jex.Literal) else made.get(x)
    for i in range(repeats.begin + period, end - period):
        pairs = zip(jaxpr.eqns[i].invars, jaxpr.eqns[i + period].invars, strict=True)
        if not all(_alike(a, b, place(a), place(b), repeats) for a, b in pairs):
            return False
    later = [x for e in jaxpr.eqns[end:] for x in e.invars] + list(jaxpr.outvars)
    places = [p[0] for x in later if (p := place(x)) is not None]
    return not any(repeats.begin <= p < end - period for p in places)


def _alike(a: Any, b: Any, made_a: Any, made_b: Any, repeats: Repeats) -> bool:
    if isinstance(a, jex.Literal) or isinstance(b, jex.Literal):
        return str(a) == str(b)
    if made_a is None or made_a[0] < repeats.begin:
        # Parameters, perhaps gathered beforehand, or what is made once for all.
        return made_b is None or made_b[0] < repeats.begin
    return made_b == (made_a[0] + repeats.period, made_a[1])
