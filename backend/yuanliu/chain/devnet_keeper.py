"""Stays beside the lasting devnet as long as it lives: mines on demand, and saves its state.

Mining: the node's own automine stalls under load (see `devnet.BLOCK_SECONDS`), so this process hears of each
pending transaction and asks for a block. If it were killed, blocks would still come every few seconds.

Saving: left alone the node would write its state every few seconds, in place, and blocks meanwhile: a kill in the
middle left a broken file, and every other one was of two moments (see `devnet_state.is_of_one_moment`). So this process
asks for the state while it mines nothing, and puts it in place by a rename.
"""

import fcntl
import json
import os
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Final

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from yuanliu.chain import devnet_state
from yuanliu.chain.node import Node
from yuanliu.chain.processes import identity
from yuanliu.errors import YuanliuError

PERIOD: Final = 1.0
"""Seconds between two looks at the node's life."""

SAVE_SECONDS: Final = 5.0
"""Seconds between two savings while there are transactions: what a `kill -9` can lose."""

IDLE_SECONDS: Final = 60.0
"""Seconds between two savings while only empty blocks come."""

SHARE: Final = 20
"""So many times as long as a saving takes, there is none: 0.6 s for a state of 15 MB, 2.5 s for one of 60 MB."""

_ANSWER_SECONDS: Final = 120.0
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
        self.asked = 0
        """Blocks asked for so far."""

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
                    self.asked += 1
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


class Saver:
    """Saves the node's state when it is due."""

    def __init__(self, node: Node, state: Path) -> None:
        self._node = node
        self._state = state
        self._blocks = -1
        self._ended, self._took = -IDLE_SECONDS, 0.0

    def due(self, blocks: int) -> bool:
        """Tell whether to save, now that so many blocks were asked for."""
        least = SAVE_SECONDS if blocks != self._blocks else IDLE_SECONDS
        return time.monotonic() - self._ended >= max(least, SHARE * self._took)

    def save(self, blocks: int) -> None:
        """Save, while nobody mines."""
        began = time.monotonic()
        with suppress(YuanliuError):  # it may just have ended
            if devnet_state.save(self._node, self._state):
                self._blocks = blocks
        self._ended = time.monotonic()
        self._took = self._ended - began


def _taken(handle: IO[str], lock: Path, pid: int, born: str) -> bool:
    """Take the lock, as soon as the keeper of a node that has ended lets go of it; not from a keeper of this one."""
    while identity(pid) == born:
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            handle.truncate(0)
            json.dump({"keeper": [os.getpid(), identity(os.getpid())], "node": [pid, born]}, handle)
            handle.flush()
            return True
        with suppress(ValueError):
            if json.loads(lock.read_bytes())["node"] == [pid, born]:
                return False
        time.sleep(0.05)
    return False


def main() -> None:
    """Run for the node named on the command line; end at once if it has a keeper already."""
    state, lock, node, born, port = sys.argv[1:]
    pid = int(node)
    with Path(lock).open("a", encoding="utf-8") as handle:
        if not _taken(handle, Path(lock), pid, born):
            return
        miner = Miner(f"ws://127.0.0.1:{port}")
        saver = Saver(Node(f"http://127.0.0.1:{port}", timeout=_ANSWER_SECONDS), Path(state))
        while identity(pid) == born:
            miner.run(PERIOD)
            if identity(pid) == born and saver.due(miner.asked):
                miner.pause()
                saver.save(miner.asked)
        miner.close()


if __name__ == "__main__":
    main()
