"""Each test has a copy of a ground that `yuanliu serve` has prepared."""

from tests.serve.fixtures import place

__all__ = ["place"]
