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
    with pytest.raises(ValueError, match="differ in form"):
        tree.assert_same_structure([1, 2], (1, 2))


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
