"""Follows the chain: windows of blocks become rows, and a chain that went back is undone to the common ancestor.

A window counts only if its last block had one hash before and after its logs were read, and its first block follows on
the cursor's. Rows, block hashes and cursor are one commit, so a kill at any moment loses or doubles nothing.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Final

from yuanliu.chain.deployment import Deployment
from yuanliu.chain.node import ChainUnreachable, RpcError
from yuanliu.chain.rawlogs import AnswerInvalid, Header, RawNode
from yuanliu.chain.windows import Window, Windows
from yuanliu.chain.words import word
from yuanliu.errors import YuanliuError
from yuanliu.hexes import address_bytes
from yuanliu.index.decode import Decoder
from yuanliu.index.drawing import Drawer
from yuanliu.index.store import Cursor, CursorMoved, Store

FINALITY: Final = 64
"""Blocks after which nothing that was taken over may be taken back, unless the settings say otherwise."""

POLL_SECONDS: Final = 0.5
"""Time between two looks at the node."""

_LONGEST_PAUSE: Final = 15.0


class ReorgTooDeep(YuanliuError):
    """The chain took back what had been final."""

    def __init__(self, block: int, cursor: int, finality: int) -> None:
        super().__init__(
            "index.reorg_too_deep",
            f"the chain went back beyond block {block}, {cursor - block} blocks below where the copy stands;"
            f" {finality} are allowed",
            hint="find out why: is it the same chain, is the node in order? Then run `yuanliu rebuild`",
            fields={"block": block, "cursor": cursor, "finality": finality},
            exit_code=2,
        )


class OtherDeployment(YuanliuError):
    """The copy is of other contracts than these."""

    def __init__(self, cursor: Cursor, deployment: Deployment) -> None:
        super().__init__(
            "index.other_deployment",
            f"the copy is of the contract 0x{cursor.contract.hex()} on chain {cursor.chain_id}",
            hint="was the chain reset? Run `yuanliu rebuild`, or point the settings at the right database",
            fields={
                "contract": deployment.batches.address.lower(),
                "chain_id": deployment.chain_id,
            },
            exit_code=2,
        )


class ChainReplaced(YuanliuError):
    """Another chain answers, or one on which the contracts were never deployed."""

    def __init__(self, url: str, what: str, expected: bytes, found: bytes) -> None:
        super().__init__(
            "index.chain_replaced",
            f"{url} is another chain now: {what} is 0x{found.hex()}, not 0x{expected.hex()}; the copy stays as it is",
            hint="point YUANLIU_RPC_URL at the right chain; was the devnet reset, then start the service again",
            fields={"what": what, "expected": f"0x{expected.hex()}", "found": f"0x{found.hex()}"},
            exit_code=2,
        )


class State(StrEnum):
    """What the follower does."""

    STARTING = "starting"
    CATCHING_UP = "catching_up"
    AT_TIP = "at_tip"
    WAITING = "waiting"
    """Something failed that may pass; it is tried again."""
    STOPPED = "stopped"
    FAILED = "failed"
    """Something failed that does not pass by itself."""


@dataclass(frozen=True, slots=True)
class FollowerStatus:
    """Where the follower stands: `block` of `head`, and what hinders it. `logs`: how many it took over so far."""

    state: State = State.STARTING
    block: int = -1
    head: int = -1
    events_behind: bool = True
    logs: int = 0
    rewinds: int = 0
    error: YuanliuError | None = None


Progress = Callable[[FollowerStatus], None]


class Follower:
    """The only writer of a copy. `run` it in a thread of its own; `status` and `wake` are for the others."""

    def __init__(
        self,
        store: Store,
        deployment: Deployment,
        node: RawNode,
        *,
        finality: int = FINALITY,
        poll: float = POLL_SECONDS,
    ) -> None:
        self._store = store
        self._deployment = deployment
        self._node = node
        self._finality = finality
        self._poll = poll
        self._decoder = Decoder(deployment, store)
        self._drawer = Drawer(store)
        self._windows = Windows(
            node, partial(node.logs, self._decoder.addresses, self._decoder.topics)
        )
        self._woken = threading.Event()
        self._cursor: Cursor | None = None
        self.status = FollowerStatus()

    def wake(self) -> None:
        """Look at the node now: somebody knows that a transaction was mined."""
        self._woken.set()

    def run(self, stop: threading.Event, progress: Progress = lambda _: None) -> None:
        """Follow the chain until `stop` is set (and `wake` called, to be heard at once).

        What passes by itself is waited for, longer each time; at what does not it ends, and `status` says why.
        """
        pause = self._poll
        while not stop.is_set():
            self._woken.clear()
            try:
                self.catch_up(progress, stop=stop)
                pause = self._poll
            except YuanliuError as error:
                if not error.retryable:
                    self._tell(progress, state=State.FAILED, error=error)
                    return
                self._tell(progress, state=State.WAITING, error=error)
                pause = min(pause * 2, _LONGEST_PAUSE)
            self._woken.wait(pause)
        self._tell(progress, state=State.STOPPED)

    def catch_up(
        self,
        progress: Progress = lambda _: None,
        *,
        to_block: int | None = None,
        stop: threading.Event | None = None,
    ) -> FollowerStatus:
        """Take over everything up to the chain's head, or to `to_block`, and draw its events.

        Raises `ChainUnreachable`, `AnswerInvalid`, `StoreBusy`, `CursorMoved` (all may pass), `ReorgTooDeep`,
        `ChainReplaced`, `OtherDeployment`.
        """
        try:
            while not (stop and stop.is_set()):
                if self._facts(progress, to_block):
                    continue
                if self._events(progress):
                    break
        except RpcError as error:  # a node that cannot answer now may be able to later
            self._forget()
            raise ChainUnreachable(self._node.url, error.message) from error
        except YuanliuError:
            self._forget()
            raise
        return self.status

    def take_over(self, progress: Progress = lambda _: None) -> FollowerStatus:
        """Take over all facts up to the chain's head, and draw no events. Raises as `catch_up`."""
        while self._facts(progress, None):
            pass
        return self.status

    # ------------------------------------------------------------------ one step

    def _facts(self, progress: Progress, to_block: int | None) -> bool:
        """Take over one window. Gives whether there is more to do."""
        cursor = self._cursor = self._cursor or self._begun()
        latest = self._node.latest()
        if latest.number < cursor.block - self._finality:
            self._require_same_chain(cursor)
            reason = f"it is at block {latest.number} only, where the copy is at {cursor.block}"
            raise ChainUnreachable(self._node.url, reason)
        if latest.number < cursor.block or self._differs(latest, cursor):
            self._rewind(cursor)
            return True
        goal = latest.number if to_block is None else min(latest.number, to_block)
        if goal <= cursor.block:
            self._tell(progress, block=cursor.block, head=latest.number)
            return False
        self._tell(progress, state=State.CATCHING_UP, block=cursor.block, head=latest.number)
        window = self._windows.take(cursor.block + 1, goal)
        if window is None:
            return True
        if window.parent != cursor.hash:
            self._rewind(cursor)
            return True
        self._cursor = self._taken(cursor, window)
        logs = self.status.logs + len(window.logs)
        self._tell(progress, block=window.last.number, logs=logs, error=None)
        return True

    @staticmethod
    def _differs(header: Header, cursor: Cursor) -> bool:
        return header.number == cursor.block and header.hash != cursor.hash

    def _taken(self, cursor: Cursor, window: Window) -> Cursor:
        """Store a window. Raises `AnswerInvalid`, `StoreBusy`, `CursorMoved`."""
        times = {number: time for number, _, time in window.blocks}
        try:
            rows = self._decoder.decode(window.logs, window.first, window.last.number, times)
        except AnswerInvalid as error:
            if self._store.cursor() != cursor:  # then it is not the node that is wrong
                raise CursorMoved from error
            raise
        return self._store.add(cursor, rows, window.blocks, window.last)

    def _events(self, progress: Progress) -> bool:
        """Draw some events. Gives whether all are drawn."""
        cursor = self._cursor
        if cursor is None:
            return False
        self._cursor = cursor = self._drawer.draw(cursor)
        done = cursor.events >= cursor.end
        state = State.AT_TIP if done else State.CATCHING_UP
        self._tell(progress, state=state, events_behind=not done, error=None)
        return done

    # ------------------------------------------------------------------ going back

    def _rewind(self, cursor: Cursor) -> None:
        """Undo what is no longer the chain's. Raises `ReorgTooDeep`, `ChainReplaced`."""
        self._forget()
        self._require_same_chain(cursor)
        found: Header | None = None
        first: tuple[bytes, bytes] | None = None
        for number, hash_, time_ in self._store.blocks_down(cursor.block):
            header = self._node.header(number)
            first = hash_, header.hash if header else b""
            if header is not None and header.hash == hash_:
                found = Header(number, hash_, b"", time_)
                break
            if number <= cursor.block - self._finality:
                raise ReorgTooDeep(number, cursor.block, self._finality)
        if found is None and first is not None:
            raise ChainReplaced(self._node.url, "the block of the deployment", *first)
        if found is None:
            found = self._header(cursor.first_block - 1)
        self._cursor = self._store.rewind(cursor, found)
        self.status = replace(self.status, block=found.number, rewinds=self.status.rewinds + 1)

    def _require_same_chain(self, cursor: Cursor) -> None:
        """See that a chain that went back is still the same one. Raises `ChainReplaced`."""
        genesis = self._header(0).hash
        if genesis != cursor.genesis:
            raise ChainReplaced(self._node.url, "its first block", cursor.genesis, genesis)

    def _forget(self) -> None:
        """Forget what was read: the database says what is there."""
        self._cursor = None
        self._windows.forget()
        self._decoder.forget()
        self._drawer.forget()

    def _begun(self) -> Cursor:
        """Give the cursor; at the very first, begin before the block of the deployment."""
        deployment = self._deployment
        contract = address_bytes(deployment.batches.address.lower())
        cursor = self._store.cursor()
        if cursor is None:
            before = self._header(max(deployment.block - 1, 0))
            start = Cursor(
                chain_id=deployment.chain_id,
                genesis=word(deployment.genesis),
                contract=contract,
                first_block=before.number + 1,
                block=before.number,
                hash=before.hash,
                time=before.time,
                events=0,
            )
            return self._store.begin(replace(start, events=start.end))
        if not cursor.is_of(deployment):
            raise OtherDeployment(cursor, deployment)
        return cursor

    def _header(self, number: int) -> Header:
        header = self._node.header(number)
        if header is None:
            raise ChainUnreachable(self._node.url, f"it has no block {number}")
        return header

    def _tell(self, progress: Progress, **changes: object) -> None:
        self.status = replace(self.status, **changes)  # type: ignore[arg-type]
        progress(self.status)
