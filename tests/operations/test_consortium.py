"""A consortium chain: another chain id, no gas price and no coin at all, Cancun rules, headers as proof of authority
writes them, few methods. From the key ceremony to an act of two people, by the commands that the document names.
"""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from tests.serve.programs import Nursery, Place, Program
from tests.tampering import Json, Proxy
from tests.waiting import SOON, until

from yuanliu.actions import Role
from yuanliu.chain import keys
from yuanliu.chain.devnet import find_anvil, free_port
from yuanliu.chain.node import Node
from yuanliu.errors import YuanliuError
from yuanliu.settings import settings

pytestmark = [pytest.mark.node, pytest.mark.slow]

CHAIN: Final = 4_242
EXTRA: Final = "0x" + "00" * 32 + "c0ffee" * 20 + "11" * 65
"""A vanity, three validators and a seal: 157 bytes where Ethereum allows 32."""

LACKING: Final = re.compile(
    "(anvil|debug|evm|trace)_.*|eth_(maxPriorityFeePerGas|feeHistory|gasPrice)"
)
SIGN_IN: Final = re.compile(r"shown this once: (\S+) / (\S+)")
OWN: Final = "four words that nobody joins"


def as_proof_of_authority(request: Any, ask: Callable[[], Json]) -> Json:  # noqa: ANN401 -- JSON
    """Answer as such a node does: long extra data, a difficulty, none of the newer fields, few methods."""
    if isinstance(request, dict) and LACKING.fullmatch(request["method"]):
        error = {"code": -32601, "message": "the method does not exist"}
        return {"jsonrpc": "2.0", "id": request["id"], "error": error}
    told: Any = ask()
    asked = request if isinstance(request, list) else [request]
    for question, answer in zip(asked, told if isinstance(told, list) else [told], strict=True):
        if LACKING.fullmatch(question["method"]):
            answer.pop("result", None)
            answer["error"] = {"code": -32601, "message": "the method does not exist"}
        elif isinstance(answer.get("result"), dict) and "extraData" in answer["result"]:
            header = answer["result"]
            for newer in ("baseFeePerGas", "withdrawals", "withdrawalsRoot", "blobGasUsed"):
                header.pop(newer, None)
            for newer in ("excessBlobGas", "parentBeaconBlockRoot", "requestsHash"):
                header.pop(newer, None)
            header |= {"extraData": EXTRA, "difficulty": "0x2", "totalDifficulty": "0x54"}
    return told  # type: ignore[no-any-return]  # JSON


@contextmanager
def consortium(place: Place) -> Iterator[tuple[Proxy, Node]]:
    port = free_port()
    command: list[str | Path] = [
        find_anvil(place.config),
        "--hardfork=cancun",
        "--accounts=1",
        "--balance=0",
    ]
    command += ["--base-fee=0", "--gas-price=0", "--block-time=1", "--gas-limit=30000000"]
    command += [f"--chain-id={CHAIN}", f"--port={port}", "--quiet"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        node = Node(f"http://127.0.0.1:{port}")
        until(lambda: answers(node))
        with Proxy(node.url, as_proof_of_authority) as proxy:
            yield proxy, node
    finally:
        process.kill()
        process.wait()


def answers(node: Node) -> bool:
    try:
        return node.chain_id() == CHAIN
    except YuanliuError:
        return False


def sign_in(place: Place, login: str, password: str, *, first: bool = True) -> httpx.Client:
    """Sign in; the first time with a new password of one's own."""
    client = httpx.Client(base_url=place.url, trust_env=False, timeout=SOON)
    body = {"login": login, "password": password}
    answer = client.post("/api/v1/session", json=body)
    assert answer.status_code == 201, answer.text
    client.headers["X-CSRF-Token"] = answer.json()["csrf"]
    if first:
        change = {"old": password, "new": OWN}
        assert client.put("/api/v1/session/password", json=change).status_code == 204
    return client


def shown(program: Program) -> str:
    assert program.wait() == 0, (program.said, program.errors)
    ((_, password),) = SIGN_IN.findall(program.said)
    return str(password)


def test_from_the_key_ceremony_to_an_act_without_any_coin(nursery: Nursery, tmp_path: Path) -> None:
    place = Place.at(tmp_path / "data")
    deployer, relayer = keys.new_key(), keys.new_key()
    with consortium(place) as (proxy, node):
        environment = {
            "YUANLIU_RPC_URL": proxy.url,
            "YUANLIU_CHAIN_ID": str(CHAIN),
            "YUANLIU_FREE_GAS": "true",
            "YUANLIU_FINALITY_DEPTH": "1",
            "YUANLIU_DEPLOYER_KEY": deployer.key.hex(),
            "YUANLIU_RELAYER_KEY": relayer.key.hex(),
        }

        def start(*arguments: str) -> Program:
            return nursery.start(place, *arguments, **environment)

        passwords = {}
        for kind in ("platform", "regulator"):
            made = start("operator", "founder", kind)
            passwords[kind] = shown(made)
            ((name, address),) = re.findall(r"(YUANLIU_\w+_ADDRESS)=(0x\w{40})", made.said)
            environment[name] = address
        again = start("operator", "founder", "platform")
        assert again.wait() == 1
        assert "[accounts.login_taken]" in again.errors
        deployed = start("deploy")
        assert deployed.wait() == 0, deployed.errors

        program = start("serve").ready()
        platform = sign_in(place, "platform", passwords["platform"])
        regulator = sign_in(place, "regulator", passwords["regulator"])
        for client, login, kind, code in (
            (platform, "phoenix", "cooperative", "C-0001"),
            (regulator, "lab-01", "inspector", "L-0001"),
        ):
            body = {"login": login, "kind": kind, "code": code}
            answer = client.post("/api/v1/accounts", json=body, headers={"Prefer": "wait=30"})
            assert answer.status_code in {201, 202}, answer.text
            actor = answer.json()["account"]["party"]
            until(lambda a=actor, k=kind: shown_roles(platform, a) == [k])  # type: ignore[misc]
            assert node_roles(place, node, actor)
        until(lambda: platform.get("/readyz").status_code == 200)

        for account in (deployer, relayer):
            assert int(str(node.request("eth_getBalance", account.address, "latest")), 16) == 0
        block = node.request("eth_getBlockByNumber", hex(place.deployment.block), True)
        assert {int(each["gasPrice"], 16) for each in block["transactions"]} == {0}
        said = (settings().project_dir / "docs" / "operations.md").read_text(encoding="utf-8")
        assert "eth_getLogs" in proxy.asked
        assert {method for method in proxy.asked if f"`{method}`" not in said} == set()

        _operator(place, nursery, environment, first=SIGN_IN.findall(program.said)[0][1])
        _protected(platform)
        assert program.end() == 0
        assert program.defects() == []
        compared = start("rebuild", "--check")
        assert compared.wait() == 0, compared.errors
        for client in (platform, regulator):
            client.close()


def shown_roles(client: httpx.Client, actor: str) -> list[str]:
    """Give what the copy says; empty while it has not heard of him."""
    found: list[str] = client.get(f"/api/v1/actors/{actor}").json().get("roles", [])
    return found


def node_roles(place: Place, node: Node, actor: str) -> bool:
    _, roles = place.deployment.actors.read(node, "resolve", actor)
    return int(roles) in {Role.COOPERATIVE, Role.INSPECTOR}


def _operator(place: Place, nursery: Nursery, environment: dict[str, str], *, first: str) -> None:
    """The operator's password was lost; on the server's own shell there is a new one, and the old is void."""
    before = sign_in(place, "operator", first)
    for _ in range(6):  # and somebody guesses at it until it is locked
        httpx.post(
            f"{place.url}/api/v1/session",
            json={"login": "operator", "password": "a wrong one"},
            trust_env=False,
            timeout=SOON,
        )
    password = shown(nursery.start(place, "operator", "password", **environment))
    assert before.get("/api/v1/session").status_code == 401
    before.close()
    with httpx.Client(base_url=place.url, trust_env=False, timeout=SOON) as client:
        old = client.post("/api/v1/session", json={"login": "operator", "password": OWN})
        assert old.status_code == 401
    sign_in(place, "operator", password).close()


def _protected(client: httpx.Client) -> None:
    """Every kind of answer carries the headers that protect its reader."""
    for path, status in (
        ("/", 200),
        ("/api/v1/chain", 200),
        ("/api/v1/accounts", 200),
        ("/static/icon.svg", 200),
        ("/nothing-there", 404),
        ("/01/00000000000000", 422),
        ("/healthz", 200),
    ):
        answer = client.get(path)
        assert answer.status_code in {status, 400, 404}, (path, answer.status_code)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "geolocation=()" in answer.headers["Permissions-Policy"]
        assert "Server" not in answer.headers
        assert "Strict-Transport-Security" not in answer.headers
        proxied = client.get(path, headers={"X-Forwarded-Proto": "https"})
        assert proxied.headers["Strict-Transport-Security"] == "max-age=31536000"
    private = client.get("/api/v1/accounts").headers
    assert "no-store" in private["Cache-Control"] or "no-cache" in private["Cache-Control"]
    assert all("HttpOnly" in c and "SameSite" in c for c in _cookies(client))


def _cookies(client: httpx.Client) -> list[str]:
    again = {"login": "platform", "password": OWN}
    url = f"{client.base_url}/api/v1/session"
    answer = httpx.post(url, json=again, trust_env=False, timeout=SOON)
    assert answer.status_code == 201
    return answer.headers.get_list("set-cookie")
