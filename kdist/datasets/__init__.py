"""Well-known data sets, downloaded once into the cache that Keras uses too."""

from __future__ import annotations

from kdist.datasets import fashion_mnist, mnist

__all__ = ["fashion_mnist", "mnist"]
