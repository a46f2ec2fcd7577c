"""TensorFlow's stand-ins for lists and dicts count as lists and dicts.

A `tf.Module` (and whatever else tracks its attributes) turns containers that are assigned to it into
these wrappers.
"""

from __future__ import annotations

from tensorflow.python.trackable.data_structures import ListWrapper, _DictWrapper

from kdist.core import tree

tree.register(ListWrapper, list, lambda plain: ListWrapper(plain))
tree.register(_DictWrapper, dict, lambda plain: _DictWrapper(plain))
