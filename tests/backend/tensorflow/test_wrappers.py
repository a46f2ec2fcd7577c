"""Containers that TensorFlow wraps are containers still."""

from __future__ import annotations

import tensorflow as tf

from kdist import backend, tree


def test_attributes_of_a_module():
    assert backend.bound.name == "tensorflow"  # what is bound registers its containers
    module = tf.Module()
    module.parts = {"b": [1, 2], "a": (3,)}
    wrapped = module.parts
    assert type(wrapped) is not dict and type(wrapped["b"]) is not list
    assert tree.flatten(wrapped) == [3, 1, 2]
    doubled = tree.map_structure(lambda x: 2 * x, wrapped)
    assert doubled == {"b": [2, 4], "a": (6,)} and type(doubled) is type(wrapped)
