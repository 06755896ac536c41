"""A whole house for tests: chain, copy, desk, follower, relayer, and clients that are signed in.

The chain is a devnet of its own with the labelled public accounts; products, terms and people are those of the demo.
"""

import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import uvicorn
from eth_abi.abi import encode
from eth_utils.conversions import to_hex
from eth_utils.crypto import keccak
from fastapi import FastAPI
from httpx import Client, Response
from pydantic import SecretStr

from yuanliu.chain import keys, launch
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.devnet import Devnet, free_port
from yuanliu.chain.node import Node, Sender
from yuanliu.demo.story import CASES, Result, Story
from yuanliu.desk.first_start import DemoSignIn, import_devnet_accounts
from yuanliu.index import queries as q
from yuanliu.serve import service
from yuanliu.settings import Settings, settings
from yuanliu.web import acting, printing
from yuanliu.web.app import create_app
from yuanliu.web.routes import farmer

EGGS, ORANGES, TEA = (case.gtin for case in CASES)
SECRET: Final = "a secret of the payment provider of tests"
SOON: Final = 120.0
"""How long anything may take, in seconds. No test tells how fast it was, and no request gives up before."""

PATIENCE: Final = 2 * SOON
"""How long a client waits for an answer, in seconds."""


_NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Knows nobody: a client's own would read all authorities, 30 ms each time, and all that is asked here is near."""


def caller(url: str, headers: Mapping[str, str] | None = None) -> Client:
    """Give a client of a site."""
    return Client(base_url=url, trust_env=False, timeout=PATIENCE, headers=headers, verify=_NO_TLS)


@dataclass
class House:
    """Everything that runs."""

    config: Settings
    prepared: service.Prepared
    node: Node
    accounts: dict[str, keys.Key]
    sign_ins: dict[str, DemoSignIn]
    _clients: dict[str, Client] = field(default_factory=dict)
    url: str = ""
    results: list[Result] = field(default_factory=list)

    @property
    def deployment(self) -> Deployment:
        return self.prepared.services.deployment

    def address(self, who: str) -> str:
        return str(self.accounts[who].address).lower()

    def client(self, who: str = "") -> Client:
        """Give a client, signed in as `who`, or as nobody."""
        if who not in self._clients:
            client = caller(self.url)
            if who:
                sign_in = {"login": who, "password": self.sign_ins[who].password}
                answer = client.post("/api/v1/session", json=sign_in)
                assert answer.status_code == 201, answer.text
                client.headers["X-CSRF-Token"] = answer.json()["csrf"]
            self._clients[who] = client
        return self._clients[who]

    def get(self, path: str, **headers: str) -> Response:
        """Get a path of the API, or of the site if it begins with a slash."""
        path = path if path.startswith("/") else f"/api/v1/{path}"
        return self.client().get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def post(self, who: str, path: str, body: object = None, **headers: str) -> Response:
        """Post to the API as somebody."""
        client = self.client(who)
        return client.post(f"/api/v1/{path}", json=body, headers=headers or None)

    def done(self, who: str, path: str, body: object = None) -> Any:  # noqa: ANN401 -- JSON
        """Post, see that it was mined, and wait until it shows."""
        answer = self.post(who, path, body)
        assert answer.status_code == 201, answer.text
        made: Any = answer.json()
        first = made[0] if isinstance(made, list) else made
        self.shows(first.get("block") or (first.get("enrolment") or {}).get("block") or 0)
        return made

    def mint(self, owner: str, fen: int) -> None:
        """Give somebody demo money."""
        call = self.deployment.demo_yuan.call("mint", owner, fen)
        Sender(self.node, self.accounts["issuer"]).send(call.to, call.data)

    def let_the_days_pass(self, party: str) -> None:
        """Let a proposed key come in force now: signed requests live shorter than these days."""
        actors = self.deployment.actors.address
        ready = self.deployment.actors.read(self.node, "recoveryOf", party)["readyAt"]
        for slot in range(64):
            place = to_hex(keccak(encode(["address", "uint256"], [party, slot])))
            value = int(self.node.request("eth_getStorageAt", actors, place, "latest"), 16)
            if value >> 160 == ready:
                past = value & (1 << 160) - 1 | (ready - 8 * 86_400) << 160
                word = "0x" + past.to_bytes(32).hex()
                self.node.request("anvil_setStorageAt", actors, place, word)
                return
        raise AssertionError("the recovery is not where it was expected")

    def shows(self, block: int) -> None:
        """Wait until the copy reaches a block."""
        end = time.monotonic() + SOON
        while time.monotonic() < end:
            with self.prepared.services.copy.connect().execution_options(reading=True) as db:
                status = q.status(db)
            if status and status.block >= block and not status.events_behind:
                return
            time.sleep(0.02)
        raise AssertionError(
            f"the copy does not reach block {block}: {self.prepared.follower.status}"
        )


def _serve(app: FastAPI, port: int) -> tuple[uvicorn.Server, threading.Thread]:
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, name="http")
    thread.start()
    end = time.monotonic() + SOON
    while not server.started:
        assert time.monotonic() < end
        time.sleep(0.01)
    return server, thread


@contextmanager
def house(folder: Path, *, public_url: str | None = "http://yuanliu.test") -> Iterator[House]:
    """Open a house, and close it. Without a public address it is known by where it listens.

    Its answers wait for their block as long as the tests do: what a machine that stands still has not done within the
    product's ten seconds is no other answer to a test.
    """
    with Devnet() as devnet, pytest.MonkeyPatch.context() as patch:
        patch.setattr(acting, "WAIT_SECONDS", SOON)
        patch.setattr(farmer, "WAIT_SECONDS", SOON)
        patch.setattr(printing, "_PATIENCE", SOON)
        port = free_port()
        config = Settings(
            data_dir=folder,
            devnet_port=devnet.port,
            rpc_url=devnet.rpc_url,
            port=port,
            public_url=public_url or f"http://127.0.0.1:{port}",
            webhook_secrets={"bank": SecretStr(SECRET)},
            follower_poll=0.1,
        )
        deployment = launch.deployment(config).deployment
        copy, desk = service.prepare_tables(config)
        accounts = keys.devnet_accounts(settings().devnet_dir)
        sign_ins = import_devnet_accounts(desk, accounts, chain_id=deployment.chain_id)
        prepared = service.prepare(config, deployment, copy, desk)
        stop = threading.Event()
        threads = service.work(config, prepared, stop)
        node = Node(config.rpc_url)
        made = House(config, prepared, node, accounts, {each.login: each for each in sign_ins})
        server, serving = _serve(create_app(prepared.services), config.port)
        made.url = f"http://127.0.0.1:{config.port}"
        try:
            wired = prepared.services
            story = Story(
                node,
                deployment,
                wired.outbox,
                accounts,
                lambda _: None,
                attachments=wired.attachments,
            )
            made.results = list(story.run())
            made.shows(node.block_number())
            yield made
        finally:
            server.should_exit = True
            serving.join(SOON)
            service.end(stop, threads, prepared)
            for client in made._clients.values():
                client.close()
            copy.dispose()
            desk.dispose()
