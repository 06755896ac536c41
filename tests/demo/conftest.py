"""Programs that start without importing."""

from tests.serve.fixtures import nursery

__all__ = ["nursery"]
