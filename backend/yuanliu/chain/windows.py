"""Reads a chain's logs window by window, the next one while the last is being stored.

Windows adapt: they double while answers are small and fast, and halve when one is large, slow or refused.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from yuanliu.chain.node import ChainUnreachable, RpcError
from yuanliu.chain.rawlogs import AnswerInvalid, Header, Log, RawNode
from yuanliu.chain.words import word
from yuanliu.errors import YuanliuError

FIRST_WINDOW: Final = 8
MAX_WINDOW: Final = 100_000
"""Blocks of a window."""

FEW_LOGS: Final = 1_000
MANY_LOGS: Final = 4_000
"""Logs of an answer. Measured: 5,000 and the next 5,000 take 80 MB; fewer than 1,000 cost more in commits."""

_SLOW_SECONDS: Final = 2.0
_CALM: Final = 8
"""Windows after a refusal that are not made larger, so that a node's limit is not run into every other time."""

BlockRow = tuple[int, bytes, int]
"""Number, hash and time of a block."""


@dataclass(frozen=True, slots=True)
class Window:
    """The logs of blocks from `first` to `last`, which had one hash before and after they were read.

    `parent` is the hash before `first`; `blocks` are those that hold logs.
    """

    first: int
    last: Header
    parent: bytes
    logs: list[Log]
    blocks: list[BlockRow]


class Windows:
    """The windows of one node. `ask` gives the logs of blocks; it alone runs in another thread."""

    def __init__(self, node: RawNode, ask: Callable[[int, int], list[Log]]) -> None:
        self._node = node
        self._ask = ask
        self._size = FIRST_WINDOW
        self._calm = 0
        self._ahead: tuple[int, Future[Window | None]] | None = None
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="yuanliu-windows")

    def forget(self) -> None:
        """Forget what was read ahead."""
        self._ahead = None

    def take(self, first: int, goal: int) -> Window | None:
        """Give the window that begins with block `first`; none if it has to be tried again.

        Raises `ChainUnreachable`, `AnswerInvalid`.
        """
        ahead, self._ahead = self._ahead, None
        last = min(goal, first + self._size - 1)
        started = time.monotonic()
        try:
            is_ready = ahead is not None and ahead[0] == first
            window = ahead[1].result() if ahead and is_ready else self._read(first, last)
        except (RpcError, ChainUnreachable) as error:
            if self._size == 1 or not self._is_too_much(error, first):
                raise _retryable(self._node.url, error) from error
            self._size, self._calm = max(self._size // 2, 1), _CALM
            return None
        if window is None:
            return None
        self._adapt(window, time.monotonic() - started)
        following = window.last.number + 1
        if following <= goal:
            end = min(goal, following + self._size - 1)
            self._ahead = following, self._reader.submit(self._read, following, end)
        return window

    def _read(self, first: int, last: int) -> Window | None:
        """Read a window; none if the chain changed meanwhile."""
        before = self._header(last)
        opening = before if first == last else self._header(first)
        logs = self._ask(first, last)
        if self._header(last).hash != before.hash:
            return None
        return Window(first, before, opening.parent, logs, self._blocks(logs, first, before))

    def _blocks(self, logs: list[Log], first: int, last: Header) -> list[BlockRow]:
        """Give the blocks that hold logs. Raises `AnswerInvalid`."""
        hashes: dict[str, str] = {}
        times: dict[str, str] = {}
        try:
            for log in logs:
                number, hash_ = log["blockNumber"], log["blockHash"]
                if hashes.setdefault(number, hash_) != hash_ or log.get("removed"):
                    raise AnswerInvalid("two hashes of one block", block=number)
                stamp = log.get("blockTimestamp")
                if stamp and times.setdefault(number, stamp) != stamp:
                    raise AnswerInvalid("two times of one block", block=number)
            blocks = {int(number, 16): word(hash_) for number, hash_ in hashes.items()}
            known = {int(number, 16): int(stamp, 16) for number, stamp in times.items()}
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise AnswerInvalid("a log without a block") from error
        if any(not first <= number <= last.number for number in blocks):
            raise AnswerInvalid("a block that was not asked for", first=first, last=last.number)
        if blocks.get(last.number, last.hash) != last.hash:
            raise AnswerInvalid("another hash of a block than its header's", block=last.number)
        for header in self._node.headers([number for number in blocks if number not in known]):
            if header.hash != blocks[header.number]:
                raise AnswerInvalid(
                    "another hash of a block than its header's", block=header.number
                )
            known[header.number] = header.time
        return [(number, hash_, known[number]) for number, hash_ in sorted(blocks.items())]

    def _adapt(self, window: Window, seconds: float) -> None:
        blocks, logs = window.last.number - window.first + 1, len(window.logs)
        if logs > MANY_LOGS or seconds > _SLOW_SECONDS:
            self._size = max(blocks // 2, 1)
        elif self._calm:
            self._calm -= 1
        elif logs < FEW_LOGS and blocks >= self._size:
            self._size = min(self._size * 2, MAX_WINDOW)

    def _is_too_much(self, error: YuanliuError, first: int) -> bool:
        """Tell whether a smaller window may help: the node answers, but not to this."""
        if isinstance(error, RpcError):
            return True
        try:
            return self._node.latest().number >= first
        except (RpcError, ChainUnreachable):
            return False

    def _header(self, number: int) -> Header:
        header = self._node.header(number)
        if header is None:
            raise ChainUnreachable(self._node.url, f"it has no block {number}")
        return header


def _retryable(url: str, error: YuanliuError) -> YuanliuError:
    return error if error.retryable else ChainUnreachable(url, error.message)
