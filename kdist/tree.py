"""Nested structures, under Keras's names."""

from kdist.core.tree import (
    assert_same_structure,
    flatten,
    flatten_with_path,
    is_nested,
    lists_to_tuples,
    map_structure,
    map_structure_up_to,
    pack_sequence_as,
)

__all__ = [
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
]
