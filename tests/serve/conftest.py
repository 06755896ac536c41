"""A ground that `yuanliu serve` has prepared."""

from tests.serve.fixtures import ground, nursery, place

__all__ = ["ground", "nursery", "place"]
