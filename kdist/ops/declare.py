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
from kdist.core import names, tree
from kdist.core.graph import KerasTensor, Node
from kdist.core.spec import Spec
from kdist.ops import calls, explain_dtypes, explain_kinds, infer, leniency
from kdist.ops.entry import entry
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


def _whole(x: Any) -> Any:
    unsaid = isinstance(x, KerasTensor) and not x._dtype_said
    return Spec(x.shape, "int32") if unsaid else x


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
            or, in a symbolic call, `Spec`s: so the error is one on all backends. Where the row has
            an attribute `refuses`, it raises for all of them itself, and an eager call asks
            `check` only afterwards, for its words.
        explain: a function of the op's name and the same arguments that raises for bad ones. An
            eager call asks it only after the framework has refused them, so that it costs nothing.
            What is wrong in any op, such as an axis that is no int, need not be looked for.
        rule: for ops whose output spec cannot be probed, a function of the same arguments, with
            `Spec` in place of tensors, that gives the output's specs; or None to have these
            arguments probed after all. Its documentation says why a probe cannot know.
        integers: positional parameters that only integers can be given for, such as indices. A
            symbolic tensor made without a dtype is of floats, which are refused: here it counts
            as int32.
    """
    if fn is None:
        return functools.partial(op, rule=rule, check=check, explain=explain, integers=integers)
    name = fn.__name__
    impl = backend.OPS.get(name) or (_missing(name) if _is_blank(fn) else fn)
    refuses = getattr(impl, "refuses", False)
    DECLARED[name] = fn
    wholes = {fn.__code__.co_varnames.index(p): p for p in integers}
    if rule is not None:
        RULES[name] = rule

    def tell(args: tuple, kwargs: dict) -> None:
        if explain is None:
            return
        # By position, as the ops that share an `explain` have names of their own for what it takes.
        bound = inspect.signature(fn).bind(*args, **kwargs)
        bound.apply_defaults()
        explain(name, *bound.args, **bound.kwargs)

    def refused(error: Exception, args: tuple, kwargs: dict) -> None:
        """Say what was wrong with arguments that were refused; if nothing is found, what they were."""
        signature = inspect.signature(fn)
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError:  # one is missing or unknown: Python has said which
            return
        explain_dtypes.no_text(name, given)
        inner = str(error).partition(": ")[0]
        if inner != name:  # so it is not what `check` says
            explain_kinds.wrong_kind(name, signature.parameters, given)
        tell(args, kwargs)
        if inner != name:
            explain_dtypes.unfit(name, given)
        if inner != name and inner in DECLARED and type(error) is ValueError:
            raise ValueError(f"{name}: {error}") from error
        if inner != name and not any(callable(value) for value in given.values()):
            explain_dtypes.unexplained(name, given)
            error.add_note(explain_kinds.received(name, given))

    def checked(args: tuple, kwargs: dict) -> None:
        if check is None:
            return
        try:
            check(*args, **kwargs)
        except Exception as error:
            refused(error, args, kwargs)
            raise

    def ask(*args: Any, **kwargs: Any) -> None:
        """Raise for whatever is wrong with the arguments."""
        signature = inspect.signature(fn)
        given = signature.bind(*args, **kwargs).arguments
        explain_dtypes.no_text(name, given)
        if check is not None:
            check(*args, **kwargs)
        explain_kinds.wrong_kind(name, signature.parameters, given)
        explain_dtypes.unfit(name, given)
        tell(args, kwargs)

    def infer_spec(args: tuple, kwargs: dict) -> Any:
        ask(*args, **kwargs)
        out = rule(*args, **kwargs) if rule is not None else None
        return infer.probe(impl, args, kwargs) if out is None else out

    def spec(*args: Any, **kwargs: Any) -> Any:
        if wholes:
            args = tuple(_whole(x) if i in wholes else x for i, x in enumerate(args))
            kwargs = {k: _whole(x) if k in integers else x for k, x in kwargs.items()}
        args, kwargs = tree.map_structure(to_spec, (args, kwargs))
        try:
            return tree.map_structure(to_symbolic, infer_spec(args, kwargs))
        except Exception as error:
            if not str(error).startswith(f"{name}: "):  # else all has been said
                refused(error, args, kwargs)
            raise

    def record(args: tuple, kwargs: dict) -> Any:
        outputs = spec(*args, **kwargs)
        Node(calls.OpCall(call, names.auto_name(name)), args, kwargs, outputs)
        return outputs

    ahead = leniency.before(fn, backend.LENIENT, None if refuses else check, ask)

    def eager_refused(error: Exception, args: tuple, kwargs: dict) -> None:
        if getattr(error, "settled", None) == name:  # all has been said
            return
        if refuses:
            checked(args, kwargs)
        refused(error, args, kwargs)

    call = entry(fn, impl, ahead, record, eager_refused)
    call.spec = spec  # type: ignore[attr-defined]
    calls.register(call, fn)
    return call
