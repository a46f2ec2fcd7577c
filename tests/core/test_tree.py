from __future__ import annotations

from collections import namedtuple

import pytest

from kdist.core import tree

Pair = namedtuple("Pair", "left right")


def test_none_is_a_leaf_and_dicts_are_sorted():
    structure = {"b": [1, None], "a": (2, Pair(3, {"c": 4}))}
    assert tree.flatten(structure) == [2, 3, 4, 1, None]
    paths = {value: path for path, value in tree.flatten_with_path(structure)}
    assert paths[1] == ("b", 0)


def test_mapping_keeps_the_form():
    structure = {"b": [1, 2], "a": Pair(3, (4,))}
    assert tree.map_structure(lambda x, y: x + y, structure, structure) == {
        "b": [2, 4],
        "a": Pair(6, (8,)),
    }
    with pytest.raises(ValueError, match="at least one structure"):
        tree.map_structure(abs)
    with pytest.raises(ValueError, match=r"[Ee]xpected"):
        tree.map_structure(max, [1, 2], [1, 2, 3])


def test_mapping_up_to_a_shallow_form():
    assert tree.map_structure_up_to([0, 0], lambda x: x, [{"a": 1}, (2, 3)]) == [{"a": 1}, (2, 3)]


def test_packing_is_the_inverse_of_flattening():
    structure = [{"x": 1}, (2, None)]
    assert tree.pack_sequence_as(structure, tree.flatten(structure)) == structure
    with pytest.raises(ValueError, match="has 3 leaves, and flat_sequence has 2"):
        tree.pack_sequence_as(structure, [1, 2])


def test_comparing_forms():
    tree.assert_same_structure([1, {"a": 2}], [3, {"a": 4}])
    with pytest.raises(ValueError, match=r"differ in form.*Expected an instance of list, got \(1"):
        tree.assert_same_structure([1, 2], (1, 2))
    with pytest.raises(ValueError, match=r"differ in form.*key mismatch.*extra key\(s\): \['b'\]"):
        tree.assert_same_structure([3, {"a": 1}], [3, {"a": 1, "b": 2}])
    with pytest.raises(
        ValueError, match=r"differ in form.*has a leaf, the other has PyTreeSpec\(\[\*\]"
    ):
        tree.assert_same_structure({"a": 1}, {"a": [5]})


def test_nesting_and_tuples():
    assert (
        tree.is_nested({})
        and tree.is_nested([])
        and not tree.is_nested(None)
        and not tree.is_nested("ab")
    )
    assert tree.lists_to_tuples([1, {"a": [2, (3,)]}]) == (1, {"a": (2, (3,))})


def test_containers_of_ones_own():
    class Tracked(list):
        pass

    tree.register(Tracked, list, Tracked)
    given = Tracked([1, [2]])
    assert tree.flatten(given) == [1, 2]
    mapped = tree.map_structure(lambda x: 2 * x, given)
    assert type(mapped) is Tracked and mapped == [2, [4]]


def test_mapping_wants_one_form():
    with pytest.raises(ValueError, match="differ in form"):
        tree.map_structure(lambda x, y: x, [1, 2], [1, [2]])
    assert tree.map_structure(str, [1, None], none_is_leaf=False) == ["1", None]


def test_shapes_are_leaves():
    assert tree.map_shape_structure(len, {"a": (None, 3), "b": [(2,), [1]]}) == {
        "a": 2,
        "b": [1, 1],
    }


def test_walking_down_and_up():
    seen = []
    assert tree.traverse(seen.append, [(1,), {"a": 2}]) == [(1,), {"a": 2}]
    assert seen == [[(1,), {"a": 2}], (1,), 1, {"a": 2}, 2]
    seen.clear()
    tree.traverse(seen.append, [(1,), 2], top_down=False)
    assert seen == [1, (1,), 2, [(1,), 2]]
    one_to_none = lambda x: tree.MAP_TO_NONE if x == 1 else None
    assert tree.traverse(one_to_none, [1, (1, 2)]) == [None, (None, 2)]
    with pytest.raises(TypeError, match="must be a function"):
        tree.traverse(None, [1])


def test_comparing_paths():
    tree.assert_same_paths([0, {"a": 1}], (2, {"a": 3}))
    with pytest.raises(ValueError, match=r"Only in a: \[\(1,\)\]"):
        tree.assert_same_paths([0, 1], [0])
