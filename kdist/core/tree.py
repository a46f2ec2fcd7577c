"""Nested structures of lists, tuples, named tuples and dicts, by optree.

None is a leaf; dicts keep sorted-key order.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import optree

# One namespace of our own, so that what a user registers elsewhere does not change how models are traversed.
_NAMESPACE = "kdist"


class MAP_TO_NONE:
    """What a function given to `traverse` returns to put None in the place of what it received.

    Example:
        >>> tree.traverse(lambda x: tree.MAP_TO_NONE if x == 2 else None, [1, (2, 3)])
        [1, (None, 3)]
    """


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
    """Whether `structure` is a container: list, tuple, dict and their kin, empty ones included.

    Example:
        >>> tree.is_nested([]), tree.is_nested("ab"), tree.is_nested(None)
        (True, False, False)
    """
    return not optree.tree_is_leaf(structure, none_is_leaf=True, namespace=_NAMESPACE)


def flatten(structure: Any) -> list:
    """The leaves of `structure` in order; None is one, and dicts go by their sorted keys.

    Example:
        >>> tree.flatten({"b": 1, "a": [2, None]})
        [2, None, 1]
    """
    return optree.tree_leaves(structure, none_is_leaf=True, namespace=_NAMESPACE)


def flatten_with_path(structure: Any) -> list[tuple[tuple, Any]]:
    """Pairs (path, leaf) of `structure`, a path being the keys and indices from the top.

    Example:
        >>> tree.flatten_with_path({"a": [5, 6], "b": 7})
        [(('a', 0), 5), (('a', 1), 6), (('b',), 7)]
    """
    paths, leaves, _ = optree.tree_flatten_with_path(
        structure, none_is_leaf=True, namespace=_NAMESPACE
    )
    return list(zip(paths, leaves, strict=True))


def _is_leaf(x: Any, none_is_leaf: bool = True) -> bool:
    return optree.tree_is_leaf(x, none_is_leaf=none_is_leaf, namespace=_NAMESPACE)


def map_structure(func: Callable, *structures: Any, none_is_leaf: bool = True) -> Any:
    """Apply `func` to the leaves of `structures`, which share one form; the result has that form.

    Arguments:
        none_is_leaf: whether `func` sees None; else it stays None.

    Raises: ValueError if there is no structure, or they differ in form.

    Example:
        >>> tree.map_structure(lambda x, y: x * y, {"a": 2, "b": (3, 4)}, {"a": 10, "b": (1, 0)})
        {'a': 20, 'b': (3, 0)}
    """
    if not structures:
        raise ValueError("map_structure must be given at least one structure, and received none.")
    apply = func
    if len(structures) > 1:  # optree alone would take what lies deeper in the others for leaves

        def apply(*leaves: Any) -> Any:
            for leaf in leaves:
                if not _is_leaf(leaf, none_is_leaf):
                    raise _difference(structures[0], structures[1], _where_a_leaf(leaf))
            return func(*leaves)

    return optree.tree_map(apply, *structures, none_is_leaf=none_is_leaf, namespace=_NAMESPACE)


def map_structure_up_to(shallow_structure: Any, func: Callable, *structures: Any) -> Any:
    """Apply `func` where `shallow_structure` has leaves.

    It receives the whole subtrees that `structures` hold there.

    Raises: ValueError if there is no structure, or one is shallower.

    Example:
        >>> tree.map_structure_up_to({"a": 0, "b": 0}, len, {"a": [1, 2], "b": (3,)})
        {'a': 2, 'b': 1}
    """
    if not structures:
        raise ValueError(
            "map_structure_up_to must be given at least one structure, and received none."
        )
    return optree.tree_map(
        lambda _, *subtrees: func(*subtrees),
        shallow_structure,
        *structures,
        none_is_leaf=True,
        namespace=_NAMESPACE,
    )


def map_shape_structure(func: Callable, structure: Any) -> Any:
    """Apply `func` to each shape, a tuple or list of int and None, in `structure`.

    Example:
        >>> tree.map_shape_structure(len, {"a": (None, 3), "b": [2]})
        {'a': 2, 'b': 1}
    """
    is_shape = lambda x: (
        isinstance(x, list | tuple) and all(d is None or isinstance(d, int) for d in x)
    )
    return optree.tree_map(
        func, structure, is_leaf=is_shape, none_is_leaf=True, namespace=_NAMESPACE
    )


def traverse(func: Callable, structure: Any, top_down: bool = True) -> Any:
    """Call `func` on `structure` and all below it, depth first, and put its results in place.

    Arguments:
        func: where it returns None, all stays as it is; `MAP_TO_NONE` puts None there.
        top_down: a container comes before what is in it, and what `func` gave instead of it is not
            entered; else it comes after its changed contents.

    Raises: TypeError if `func` cannot be called.

    Example:
        >>> as_tuple = lambda x: tuple(x) if isinstance(x, list) else None
        >>> tree.traverse(as_tuple, [1, [2]], top_down=False)
        (1, (2,))
        >>> tree.traverse(as_tuple, [1, [2]])
        (1, [2])
    """
    if not callable(func):
        raise TypeError(f"traverse: func={func!r} must be a function of one value.")

    def contents() -> Any:
        if not is_nested(structure):
            return structure
        children, metadata, _, rebuild = optree.tree_flatten_one_level(
            structure, none_is_leaf=True, namespace=_NAMESPACE
        )
        return rebuild(metadata, [traverse(func, child, top_down) for child in children])

    if top_down:
        out = func(structure)
        if out is None:
            return contents()
    else:
        changed = contents()
        out = func(changed)
        if out is None:
            return changed
    return None if out is MAP_TO_NONE else out


def pack_sequence_as(structure: Any, flat_sequence: Iterable) -> Any:
    """`structure` with the values of `flat_sequence` as its leaves, in the order of `flatten`.

    Raises: ValueError if their numbers differ.

    Example:
        >>> tree.pack_sequence_as({"a": 0, "b": [0, 0]}, [1, 2, 3])
        {'a': 1, 'b': [2, 3]}
    """
    spec = _form(structure)
    leaves = list(flat_sequence)
    if spec.num_leaves != len(leaves):
        few = "few" if len(leaves) < spec.num_leaves else "many"
        raise ValueError(
            f"Too {few} leaves: the structure has {spec.num_leaves} leaves, and flat_sequence has {len(leaves)}."
        )
    return optree.tree_unflatten(spec, leaves)


def packer(structure: Any) -> Callable[[Iterable], Any]:
    """What `pack_sequence_as` does for this structure, which is looked at once. Numbers of leaves are to agree."""
    return _form(structure).unflatten


def _form(structure: Any) -> optree.PyTreeSpec:
    return optree.tree_structure(structure, none_is_leaf=True, namespace=_NAMESPACE)


def _where_a_leaf(other: Any) -> str:
    return f"Where one has a leaf, the other has {_form(other)}."


def _difference(a: Any, b: Any, first: str) -> ValueError:
    """The error that shows both forms whole, and then in `first` where they part."""
    return ValueError(f"The two structures differ in form: {_form(a)} against {_form(b)}. {first}")


def assert_same_structure(a: Any, b: Any, check_types: bool | None = None) -> None:
    """Check that the structures `a` and `b` have one form.

    That is the same containers, and the same keys in dicts of any kind.

    Arguments:
        check_types: deprecated and without effect; `assert_same_paths` compares without types.

    Raises: ValueError if they differ. It shows both forms, and what was expected and found where
        they first do, in optree's words.

    Example:
        >>> tree.assert_same_structure({"a": 1, "b": [2]}, {"b": [3], "a": 4})
        >>> tree.assert_same_structure([1, 2], [1, (2,)])
        Traceback (most recent call last):
            ...
        ValueError: The two structures differ in form: PyTreeSpec([*, *], ...
    """
    if check_types is not None:
        warnings.warn(
            f"check_types={check_types} has no effect and is deprecated: leave it out. To compare without regard "
            "to the types of containers, use assert_same_paths.",
            DeprecationWarning,
            stacklevel=2,
        )
    try:
        below = _form(a).flatten_up_to(b)
    except ValueError as error:
        raise _difference(a, b, str(error)) from None
    for leaf in below:
        if not _is_leaf(leaf):
            raise _difference(a, b, _where_a_leaf(leaf))


def assert_same_paths(a: Any, b: Any) -> None:
    """Check that the leaves of `a` and `b` lie under the same indices and keys.

    The containers may be of any type.

    Raises: ValueError that lists the paths which only one of them has.

    Example:
        >>> tree.assert_same_paths([1, (2, 3)], (4, [5, 6]))
        >>> tree.assert_same_paths({"a": 1}, {"b": 1})
        Traceback (most recent call last):
            ...
        ValueError: The two structures do not have the same paths. Only in a: ...
    """
    left, right = ({path for path, _ in flatten_with_path(x)} for x in (a, b))
    if left != right:
        raise ValueError(
            "The two structures do not have the same paths. "
            f"Only in a: {sorted(left - right, key=str)}; only in b: {sorted(right - left, key=str)}."
        )


def lists_to_tuples(structure: Any) -> Any:
    """`structure` with every list in it as a tuple.

    Example:
        >>> tree.lists_to_tuples([1, {"a": [2, 3]}])
        (1, {'a': (2, 3)})
    """
    return traverse(lambda x: tuple(x) if isinstance(x, list) else None, structure, top_down=False)
