"""Stays beside the lasting devnet as long as it lives: mines on demand, and keeps a good copy of its state.

Mining: the node's own automine stalls under load (see `devnet.BLOCK_SECONDS`), so this process hears of each
pending transaction and asks for a block. If it were killed, blocks would still come every few seconds.

Copying: the node rewrites its state file in place, so a kill in the middle of a dump leaves a broken one; and what it
writes while blocks are made may be of two moments (see `devnet_state.is_of_one_moment`). Each dump that the living node
has left alone for a whole look-out period, and that is of one moment, is copied aside. Where none is for a while, under
load, this process asks for a dump of its own and mines nothing meanwhile. Copies are put in place by a rename.
"""

import fcntl
import json
import os
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from yuanliu.chain import devnet_state
from yuanliu.chain.node import Node
from yuanliu.chain.processes import identity
from yuanliu.errors import YuanliuError

PERIOD: Final = 1.0
"""Seconds between two looks at the state file and at the node's life."""

COPY_SECONDS: Final = 15.0
"""Longest time between two copies while the node writes dumps. One asked for costs 0.6 s without a block for 15 MB."""

_MINE: Final = json.dumps({"jsonrpc": "2.0", "id": 2, "method": "evm_mine", "params": []})
_SUBSCRIBE: Final = json.dumps(
    {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newPendingTransactions"]}
)


class Miner:
    """Has each pending transaction mined at once; those that come meanwhile share the next block."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: ClientConnection | None = None
        self._open = ExitStack()
        self._pending = self._mining = False

    def run(self, seconds: float) -> None:
        """Work for a while; connect first where there is no connection."""
        end = time.monotonic() + seconds
        try:
            if self._connection is None:
                self._connection = self._open.enter_context(
                    connect(self._url, proxy=None, open_timeout=seconds)
                )
                self._connection.send(_SUBSCRIBE)
                # What came before we listened is mined now.
                self._pending, self._mining = True, False
            while (left := end - time.monotonic()) > 0:
                if self._pending and not self._mining:
                    self._connection.send(_MINE)
                    self._pending, self._mining = False, True
                self._hear(self._connection.recv(timeout=left))
                if not self._pending:
                    # Any word back carries the acknowledgement without which the node's Nagle algorithm
                    # holds its next message for 40 ms (measured: 43 ms a transaction without, 7 ms with).
                    self._connection.pong()
        except TimeoutError:
            return
        except (OSError, WebSocketException):
            self.close()
            time.sleep(max(0.0, end - time.monotonic()))

    def _hear(self, message: str | bytes) -> None:
        said = json.loads(message)
        if said.get("method") == "eth_subscription":
            self._pending = True
        elif said.get("id") == 2:  # noqa: PLR2004 -- the id in `_MINE`
            self._mining = False

    def pause(self) -> None:
        """Wait until no block is being made; none is until `run` goes on."""
        with suppress(TimeoutError, OSError, WebSocketException):
            while self._connection is not None and self._mining:
                self._hear(self._connection.recv(timeout=PERIOD))

    def close(self) -> None:
        """Drop the connection."""
        self._connection = None
        with suppress(OSError, WebSocketException):
            self._open.close()


class Copier:
    """Copies each finished dump of `state` that is of one moment, and asks for one where there was none for long."""

    def __init__(self, state: Path, copy: Path, node: Node) -> None:
        self._state = state
        self._copy = copy
        self._node = node
        self._seen = self._judged = (0, 0)
        self._copied = time.monotonic()
        self._late = False

    def late(self) -> bool:
        """Whether the last dumps were of no use for so long that `ask` is due."""
        return self._late and time.monotonic() - self._copied > COPY_SECONDS

    def look(self) -> None:
        """Copy the state file if it is complete, unchanged since the last look, and not yet judged."""
        with suppress(FileNotFoundError):  # no dump yet, or the folder is being reset
            now = _mark(self._state)
            if now == self._seen != self._judged:
                self._judged = now
                text = self._state.read_text(encoding="utf-8", errors="replace")
                same = _mark(self._state) == now
                self._note(kept=same and devnet_state.keep(text, self._copy))
            self._seen = now

    def ask(self) -> None:
        """Have the node tell its state, and copy that."""
        with suppress(YuanliuError):  # it may just have ended
            self._note(kept=devnet_state.ask(self._node, self._copy))

    def _note(self, *, kept: bool) -> None:
        self._late = not kept
        if kept:
            self._copied = time.monotonic()


def _mark(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


def main() -> None:
    """Run for the node named on the command line; end at once if a keeper is there already."""
    state, copy, lock, pid, born, port = sys.argv[1:]
    with Path(lock).open("a", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        handle.truncate(0)
        json.dump([os.getpid(), identity(os.getpid())], handle)  # for `devnet down`
        handle.flush()
        miner = Miner(f"ws://127.0.0.1:{port}")
        copier = Copier(Path(state), Path(copy), Node(f"http://127.0.0.1:{port}"))
        while identity(int(pid)) == born:
            miner.run(PERIOD)
            if identity(int(pid)) == born:  # what a dead node left may be half a dump
                copier.look()
            if copier.late():
                miner.pause()
                copier.ask()
        miner.close()


if __name__ == "__main__":
    main()
