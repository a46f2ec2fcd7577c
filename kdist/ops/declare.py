"""`@op` declares a public op once: its signature and documentation, and for a composite its body.

Each backend holds a row for it in `backend.OPS`; a declaration without a body needs one from
every backend. A call with a symbolic argument records a node of the graph and infers the output by
`infer.probe`, or by an explicit rule where probing cannot know.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from kdist.backend import bound as backend
from kdist.core import dtypes, names, tree
from kdist.core.graph import Node, any_symbolic
from kdist.core.spec import Spec
from kdist.ops import calls, infer
from kdist.ops.operation import to_spec, to_symbolic

# For tests and tables: of each name the declaration itself, and the rule of those that have one.
DECLARED: dict[str, Callable] = {}
RULES: dict[str, Callable] = {}


def _blank() -> None:
    """What a declaration without a body compiles to."""


def _is_blank(fn: Callable) -> bool:
    return fn.__code__.co_code == _blank.__code__.co_code  # type: ignore[attr-defined]


def _missing(name: str) -> Callable:
    def missing(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f"kdist.ops.{name} is not available on the backend {backend.name!r}. "
            "Compose it of other ops, or use another backend."
        )

    return missing


def _checked(check: Callable, fn: Callable) -> Callable:
    def checked(*args: Any, **kwargs: Any) -> Any:
        check(*args, **kwargs)
        return fn(*args, **kwargs)

    return checked


def _whole(x: Any) -> Any:
    return Spec(x.shape, "int32") if isinstance(x, Spec) and dtypes.is_float(x.dtype) else x


def op(
    fn: Callable | None = None,
    *,
    rule: Callable | None = None,
    check: Callable | None = None,
    explain: Callable | None = None,
    integers: tuple[str, ...] = (),
) -> Callable:
    """Declare `fn` as a public op.

    Arguments:
        check: a function of the same arguments that raises for bad ones, whether they are tensors
            or, in a symbolic call, `Spec`s: so the error is one on all backends.
        explain: a function of the op's name and the same arguments that raises for bad ones. An
            eager call asks it only after the framework has refused them, so that it costs nothing.
        rule: for ops whose output spec cannot be probed, a function of the same arguments, with
            `Spec` in place of tensors, that gives the output's specs; or None to have these
            arguments probed after all. Its documentation says why a probe cannot know.
        integers: positional parameters that only integers can be given for, such as indices. A
            symbolic tensor is of floats unless it says otherwise, and frameworks refuse these: in
            symbolic calls they count as int32.
    """
    if fn is None:
        return functools.partial(op, rule=rule, check=check, explain=explain, integers=integers)
    name = fn.__name__
    impl = backend.OPS.get(name) or (_missing(name) if _is_blank(fn) else fn)
    eager = impl if check is None else _checked(check, impl)
    DECLARED[name] = fn
    wholes = {fn.__code__.co_varnames.index(p): p for p in integers}
    if rule is not None:
        RULES[name] = rule

    def tell(args: tuple, kwargs: dict) -> None:
        if explain is None:
            return
        if kwargs:  # the ops that share an `explain` have names of their own for what it takes
            bound = inspect.signature(fn).bind(*args, **kwargs)
            args, kwargs = bound.args, bound.kwargs
        explain(name, *args, **kwargs)

    def spec(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = tree.map_structure(to_spec, (args, kwargs))
        if wholes:
            args = tuple(_whole(x) if i in wholes else x for i, x in enumerate(args))
            kwargs = {k: _whole(x) if k in integers else x for k, x in kwargs.items()}
        if check is not None:
            check(*args, **kwargs)
        tell(args, kwargs)
        out = rule(*args, **kwargs) if rule is not None else None
        if out is None:
            out = infer.probe(impl, args, kwargs)
        return tree.map_structure(to_symbolic, out)

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args) or (kwargs and any_symbolic(kwargs.values())):
            outputs = spec(*args, **kwargs)
            Node(calls.OpCall(call, names.auto_name(name)), args, kwargs, outputs)
            return outputs
        try:
            return eager(*args, **kwargs)
        except Exception:
            tell(args, kwargs)
            raise

    call.spec = spec  # type: ignore[attr-defined]
    calls.register(call, fn)
    return call
