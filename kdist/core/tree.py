"""Nested structures of lists, tuples, named tuples and dicts, by optree.

None is a leaf; dicts keep sorted-key order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import optree

# One namespace of our own, so that what a user registers elsewhere does not change how models are traversed.
_NAMESPACE = "kdist"


def register(cls: type, to_plain: Callable, from_plain: Callable = lambda plain: plain) -> None:
    """Traverse objects of `cls` (a subclass of a container, say) as the list or dict `to_plain(object)`."""

    def flat(x: Any) -> tuple:
        plain = to_plain(x)
        if isinstance(plain, dict):
            keys = sorted(plain)
            return [plain[k] for k in keys], keys, keys
        return list(plain), None, range(len(plain))

    def unflat(keys: Any, children: Iterable) -> Any:
        return from_plain(
            dict(zip(keys, children, strict=True)) if keys is not None else list(children)
        )

    optree.register_pytree_node(cls, flat, unflat, namespace=_NAMESPACE)


def is_nested(structure: Any) -> bool:
    return not optree.tree_is_leaf(structure, none_is_leaf=True, namespace=_NAMESPACE)


def flatten(structure: Any) -> list:
    return optree.tree_leaves(structure, none_is_leaf=True, namespace=_NAMESPACE)


def flatten_with_path(structure: Any) -> list[tuple[tuple, Any]]:
    paths, leaves, _ = optree.tree_flatten_with_path(
        structure, none_is_leaf=True, namespace=_NAMESPACE
    )
    return list(zip(paths, leaves, strict=True))


def map_structure(fn: Callable, *structures: Any) -> Any:
    """Apply `fn` to the leaves of structures that share one form; the result has that form.

    Raises: ValueError if the structures differ in form.
    """
    if not structures:
        raise ValueError("map_structure needs at least one structure, and received none.")
    return optree.tree_map(fn, *structures, none_is_leaf=True, namespace=_NAMESPACE)


def map_structure_up_to(shallow: Any, fn: Callable, *structures: Any) -> Any:
    """Apply `fn` where `shallow` has leaves, to the whole subtrees that the other structures hold there."""
    return optree.tree_map(
        lambda _, *subtrees: fn(*subtrees),
        shallow,
        *structures,
        none_is_leaf=True,
        namespace=_NAMESPACE,
    )


def pack_sequence_as(structure: Any, flat: Iterable) -> Any:
    spec = optree.tree_structure(structure, none_is_leaf=True, namespace=_NAMESPACE)
    leaves = list(flat)
    if spec.num_leaves != len(leaves):
        raise ValueError(
            f"The structure has {spec.num_leaves} leaves, and flat_sequence has {len(leaves)}."
        )
    return optree.tree_unflatten(spec, leaves)


def assert_same_structure(a: Any, b: Any) -> None:
    left = optree.tree_structure(a, none_is_leaf=True, namespace=_NAMESPACE)
    right = optree.tree_structure(b, none_is_leaf=True, namespace=_NAMESPACE)
    if left != right:
        raise ValueError(f"The two structures differ in form: {left} against {right}.")


def lists_to_tuples(structure: Any) -> Any:
    if isinstance(structure, list | tuple) and not hasattr(structure, "_fields"):
        return tuple(lists_to_tuples(s) for s in structure)
    if isinstance(structure, dict):
        return {k: lists_to_tuples(v) for k, v in structure.items()}
    return structure
