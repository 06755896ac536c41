"""A service that is born to be killed: it submits events, relays them and follows the chain.

Run as a program it makes such services at once, by fork: `go FIRST COUNT` on its input makes one that submits the
events of these numbers, and answers with its process id.
"""

import json
import os
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.desk.support import event

from yuanliu.chain import keys
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.node import Node
from yuanliu.chain.rawlogs import RawNode
from yuanliu.database import Family, leader, open_database
from yuanliu.desk import relayer as relayer_module
from yuanliu.desk.outbox import Outbox
from yuanliu.desk.relayer import Relayer
from yuanliu.errors import YuanliuError
from yuanliu.index.follower import Follower
from yuanliu.index.store import Store
from yuanliu.settings import Settings


@dataclass(frozen=True)
class Order:
    """Where to work. Keys in hex; `requests` in a transaction, small so that the work takes its time."""

    data_dir: str
    port: int
    batch: int
    author: str
    relayer: str
    requests: int

    @property
    def settings(self) -> Settings:
        return Settings(data_dir=Path(self.data_dir), devnet_port=self.port)

    def write(self) -> str:
        return json.dumps(asdict(self))


def work(order: Order, numbers: range) -> None:
    """Serve until the end, whatever that is."""
    relayer_module.MOST_REQUESTS = order.requests  # type: ignore[misc]
    relayer_module.IN_FLIGHT = 3  # type: ignore[misc]
    relayer_module.RESEND_SECONDS = 0.5  # type: ignore[misc]
    config = order.settings
    deployment = Deployment.load(config.deployment_file)
    node = Node(config.rpc_url)
    outbox = Outbox(open_database(config, Family.DESK), deployment, node)
    relayer = Relayer(
        outbox, keys.from_private_key(order.relayer), finality_depth=config.finality_depth
    )
    store = Store(open_database(config, Family.COPY))
    raw = RawNode(config.rpc_url)
    follower = Follower(store, deployment, raw, finality=config.finality_depth, poll=0.05)
    author, stop = keys.from_private_key(order.author), threading.Event()
    with leader(config, "relayer"), leader(config, "follower"):
        threading.Thread(target=relayer.run, args=(stop,), daemon=True).start()
        threading.Thread(target=follower.run, args=(stop,), daemon=True).start()
        for number in numbers:
            while True:
                try:
                    outbox.submit(
                        account="clerk",
                        key=author,
                        call=event(deployment, order.batch, number),
                        idempotency_key=str(number),
                        act="record an event",
                        body_digest=str(number),
                        try_out=False,
                    )
                except YuanliuError as error:
                    if not error.retryable:
                        raise
                    stop.wait(0.1)
                else:
                    break
        stop.wait()


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    order = Order(**json.loads(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead
    say("ready")
    for line in sys.stdin:
        first, count = map(int, line.split()[1:])
        pid = os.fork()
        if pid == 0:
            try:
                work(order, range(first, first + count))
            finally:
                os._exit(1)
        say(str(pid))


if __name__ == "__main__":
    main()
