"""How often a network may have the service do what costs it something: pay gas, count a scan."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from yuanliu.desk.attempts import network
from yuanliu.errors import YuanliuError

WINDOW_SECONDS: Final = 60.0
MOST: Final = 60
"""Most such requests of one network in a window."""

_KEPT: Final = 10_000


class Visits:
    """Counts requests by the network that they come from. It forgets when the process ends."""

    def __init__(self, now: Callable[[], float] = time.monotonic, *, most: int = MOST) -> None:
        self._now = now
        self._most = most
        self._lock = threading.Lock()
        self._seen: dict[str, deque[float]] = {}

    def count(self, address: str) -> None:
        """Count one. Raises `YuanliuError` (`access.too_many_requests`)."""
        now = self._now()
        with self._lock:
            if len(self._seen) > _KEPT:
                self._seen.clear()
            seen = self._seen.setdefault(network(address), deque())
            while seen and now - seen[0] > WINDOW_SECONDS:
                seen.popleft()
            if len(seen) >= self._most:
                wait = int(WINDOW_SECONDS - (now - seen[0])) + 1
                raise YuanliuError(
                    "access.too_many_requests",
                    f"more than {self._most} such requests in a minute",
                    hint="sign in, or wait",
                    fields={"retry_after": wait},
                    retryable=True,
                )
            seen.append(now)
