"""How tests wait: for a state, never for a time."""

import time
from collections.abc import Callable
from typing import Final

SOON: Final = 240.0
"""The longest wait for anything, in seconds: the machine may be busy, or stand still for a while."""


def until(true: Callable[[], object]) -> None:
    """Wait for something. Whatever is dear to look at is looked at a quarter of the time at most."""
    end = time.monotonic() + SOON
    while True:
        began = time.monotonic()
        if true():
            return
        now = time.monotonic()
        assert now < end, "it did not come true in time"
        time.sleep(max(0.01, 3 * min(now - began, 0.3)))
