"""Stays beside the lasting devnet as long as it lives: mines on demand, and keeps a good copy of its state.

Mining: the node's own automine stalls under load (see `devnet.BLOCK_SECONDS`), so this process hears of each
pending transaction and asks for a block. If it were killed, blocks would still come every few seconds.

Copying: the node rewrites its state file in place, so a kill in the middle of a dump leaves a broken one. Each
dump that the living node has left alone for a whole look-out period is complete and is copied aside; the copy is
put in place by a rename, so it is whole as well.
"""

import fcntl
import json
import shutil
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from yuanliu.chain.processes import identity

PERIOD: Final = 1.0
"""Seconds between two looks at the state file and at the node's life."""

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

    def close(self) -> None:
        """Drop the connection."""
        self._connection = None
        with suppress(OSError, WebSocketException):
            self._open.close()


class Copier:
    """Copies each finished dump of `state`."""

    def __init__(self, state: Path, copy: Path) -> None:
        self._state = state
        self._copy = copy
        self._partial = copy.with_suffix(".tmp")
        self._seen = self._copied = (0, 0)

    def look(self) -> None:
        """Copy the state file if it is complete, unchanged since the last look, and not yet copied."""
        with suppress(FileNotFoundError):  # no dump yet, or the folder is being reset
            now = _mark(self._state)
            if now == self._seen != self._copied and _ends_whole(self._state):
                shutil.copyfile(self._state, self._partial)
                if _mark(self._state) == now:
                    self._partial.replace(self._copy)
                    self._copied = now
            self._seen = now


def _mark(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


def _ends_whole(state: Path) -> bool:
    """Tell whether the file ends as a JSON object does."""
    with state.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 2))
        return file.read().rstrip().endswith(b"}")


def main() -> None:
    """Run for the node named on the command line; end at once if a keeper is there already."""
    state, copy, lock, pid, born, port = sys.argv[1:]
    with Path(lock).open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        miner = Miner(f"ws://127.0.0.1:{port}")
        copier = Copier(Path(state), Path(copy))
        while identity(int(pid)) == born:
            miner.run(PERIOD)
            if identity(int(pid)) == born:  # what a dead node left may be half a dump
                copier.look()
        miner.close()


if __name__ == "__main__":
    main()
