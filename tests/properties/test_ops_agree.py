"""Ops drawn at random: the three backends, NumPy and symbolic calls agree."""

from __future__ import annotations

import numpy as np
import pytest
import rows_elementwise  # noqa: F401 - adds its rows
import rows_linalg  # noqa: F401
import rows_nn  # noqa: F401
import rows_other  # noqa: F401
import rows_reductions  # noqa: F401
import rows_shaping  # noqa: F401
import rows_signal  # noqa: F401
from compare import GRADIENT, STEP, conditions, difference, epsilon, evaluated, held, in_64_bits
from drawing import ROWS, Draw
from hypothesis import given, seed
from hypothesis import strategies as st
from wire import BACKENDS, Request, upstream

from kdist.core import tree


def masks(row, leaves, draw):
    """Unknown dims, array by array: of the first only the leading one, a drawn choice, all."""
    shapes = [x.shape for x in leaves if isinstance(x, np.ndarray)]
    if row.unknown == "none" or not any(shapes):
        return ()
    at = next(i for i, s in enumerate(shapes) if s)
    leading = tuple(tuple(i == at and j == 0 for j in range(len(s))) for i, s in enumerate(shapes))
    if row.unknown == "leading":
        return (leading,)
    drawn = tuple(tuple(bool(draw.rng.integers(2)) for _ in s) for s in shapes)
    return (leading, drawn, tuple((True,) * len(s) for s in shapes))


def told(request, replies, complaint):
    """All that is needed to see a failure."""
    lines = [complaint, f"{request.op}(*{request.args!r}, **{request.kwargs!r})"]
    for backend, reply in replies.items():
        lines.append(f"--- {backend}")
        lines += [f"{key}: {value!r}" for key, value in reply.items() if not key.startswith("t_")]
    return "\n".join(lines)


def reference_of(row, request, workers):
    """A function of leaves in 64 bits to outputs."""
    structure = (request.args, request.kwargs)

    def from_numpy(leaves):
        args, kwargs = tree.pack_sequence_as(structure, leaves)
        return row.reference(*args, **kwargs)

    def from_torch(leaves):
        args, kwargs = tree.pack_sequence_as(structure, leaves)
        again = Request(request.op, args, kwargs, symbolic=False)
        found, error = workers.ask(again, ("torch",))["torch"]["eager"]
        assert error is None, f"{request.op} fails in float64 on torch: {error}"
        return row.take([value for value, _ in found])

    return from_numpy if row.reference is not None else from_torch


def check_specs(request, reply, backend, say):
    if not request.symbolic:
        return
    found, _ = reply["eager"]
    eager = [(np.shape(v), d) for v, d in found]
    spec, error = reply["spec"]
    assert error is None, say(f"{backend}: the symbolic call raises, the eager one does not")
    assert spec == eager, say(f"{backend}: the spec is {spec}, the eager result {eager}")
    for mask, (spec, error) in zip(request.masks, reply["unknown"], strict=True):
        assert error is None, say(f"{backend}: the symbolic call raises with unknown dims {mask}")
        fits = len(spec) == len(eager) and all(
            s[1] == e[1]
            and len(s[0]) == len(e[0])
            and all(a is None or a == b for a, b in zip(s[0], e[0], strict=True))
            for s, e in zip(spec, eager, strict=True)
        )
        assert fits, say(
            f"{backend}: with unknown dims {mask} the spec is {spec}, the result {eager}"
        )


def check_gradients(row, request, replies, leaves, fn, say):
    eps = epsilon("float32")[0] * GRADIENT * row.factor
    found = {}
    for backend, reply in replies.items():
        found[backend], error = reply["gradients"]
        assert error is None, say(f"{backend}: the gradient raises")
    for i, place in enumerate(request.gradient_at):
        first = found[BACKENDS[0]][i].astype("float64")
        for backend in BACKENDS:
            g = found[backend][i].astype("float64")
            assert g.shape == leaves[place].shape, say(
                f"{backend}: the gradient's shape is {g.shape}"
            )
            allowed = eps * (np.abs(first) + np.abs(first).max(initial=0.0) + row.floor)
            assert np.all(np.abs(g - first) <= allowed), say(
                f"{backend}: the gradient by the array number {i} is not that of {BACKENDS[0]}"
            )
    rng = np.random.default_rng(request.seed)
    directions = {p: rng.normal(size=leaves[p].shape) for p in request.gradient_at}

    def along(sign):
        moved = [
            x + sign * STEP * directions[p] if p in directions else x for p, x in enumerate(leaves)
        ]
        total = 0.0
        for i, out in enumerate(evaluated(fn, moved)):
            for j, part in enumerate((out.real, out.imag) if out.dtype.kind == "c" else (out,)):
                if out.dtype.kind in "fc":
                    total += (part * upstream(request.seed, 2 * i + j, out.shape)).sum()
        return total

    slope = (along(1) - along(-1)) / (2 * STEP)
    for backend in BACKENDS:
        terms = [
            found[backend][i].astype("float64") * directions[p]
            for i, p in enumerate(request.gradient_at)
        ]
        got = sum(t.sum() for t in terms)
        allowed = eps * (sum(np.abs(t).sum() for t in terms) + abs(slope) + row.floor) + 1e-8
        assert abs(got - slope) <= allowed, say(
            f"{backend}: the gradient along a direction is {got}, the central difference {slope}"
        )


def check(row, draw, workers):
    """Whether the backends took the call; they must agree on that, and on all that comes of it."""
    args, kwargs = row.call(draw)
    leaves = tree.flatten((args, kwargs))
    floats = [p for p, x in enumerate(leaves) if isinstance(x, np.ndarray) and x.dtype.kind in "fV"]
    single = bool(floats) and all(leaves[p].dtype == "float32" for p in floats)
    request = Request(
        row.op,
        args,
        kwargs,
        seed=draw.between(0, 1000),
        symbolic=any(isinstance(x, np.ndarray) for x in leaves),
        masks=masks(row, leaves, draw),
        gradient_at=tuple(floats) if row.grad and single else (),
    )
    replies = workers.ask(request)
    say = lambda complaint: told(request, replies, complaint)
    refused = {b for b, reply in replies.items() if reply["eager"][1] is not None}
    assert refused in (set(), set(BACKENDS)), say(f"only {sorted(refused)} refuse the call")
    if refused:
        for backend in BACKENDS if request.symbolic else ():
            assert replies[backend]["spec"][1] is not None, say(
                f"{backend}: the eager call raises, the symbolic one does not"
            )
        return False
    wide = [in_64_bits(x) for x in leaves]
    fn = reference_of(row, request, workers)
    wanted = evaluated(fn, wide)
    condition = conditions(fn, wide, wanted, request.seed)
    dtypes = [d for _, d in replies["tensorflow"]["eager"][0]]
    for backend, reply in replies.items():
        found = reply["eager"][0]
        assert [d for _, d in found] == [held(backend, d) for d in dtypes], say(
            f"{backend}: the dtypes are not those of tensorflow"
        )
        values = row.take([v for v, _ in found])
        assert len(values) == len(wanted), say(f"{backend}: {len(values)} outputs of {len(wanted)}")
        for i, (value, want, moves) in enumerate(zip(values, wanted, condition, strict=True)):
            value = np.asarray(value)
            wrong = difference(value, value.dtype.name, want, moves, row.factor, row.floor)
            assert not wrong, say(
                f"{backend}: output {i}: {wrong}; wanted {want!r}, condition {moves!r}"
            )
        check_specs(request, reply, backend, say)
    if request.gradient_at:
        check_gradients(row, request, replies, wide, fn, say)
    return True


@pytest.mark.parametrize("row", ROWS, ids=[r.id for r in ROWS])
def test_agree(row, workers, request):
    taken = []
    more = request.config.getoption("--hypothesis-seed")  # other examples, where it is given

    @seed(row.seed + int(more or 0))
    @given(st.data())
    def run(data):
        taken.append(check(row, Draw(data.draw), workers))

    run()
    assert any(taken), f"All backends refused every call of {row.op}: its row draws nothing valid."


def test_most_ops_have_a_row():
    assert len({r.op for r in ROWS}) >= 200
