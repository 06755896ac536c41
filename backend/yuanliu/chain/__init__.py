"""The only room that talks to a chain: compiler, node, deployment, bindings, relayer."""

import sys
from typing import Final

# Comes with eth_account and sets the recursion limit to 100,000, at which deeply nested JSON ends the process with a
# segmentation fault where a RecursionError should be caught.
import py_ecc  # noqa: F401

_RECURSION_LIMIT: Final = 1_000
"""Python's own."""

sys.setrecursionlimit(_RECURSION_LIMIT)
