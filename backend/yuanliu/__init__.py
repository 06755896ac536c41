"""Yuanliu (源流): proof of origin and honest pay for farm goods, on one public record."""

from importlib.metadata import version

__version__ = version("yuanliu")
