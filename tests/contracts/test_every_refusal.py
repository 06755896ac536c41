"""Every refusal that our interfaces declare is asserted by a test, and every door was tried by the wrong person.

Both are read from the tests' own syntax trees: `refused("Name", …)` is the one way to assert a refusal.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from tests.world import Role, Who, World, person

from yuanliu.chain.artifacts import load_artifact
from yuanliu.chain.bindings import Contract, ContractRefusal
from yuanliu.chain.node import RpcError

TESTS: Final = Path(__file__).parent
CONTRACTS: Final = TESTS.parents[1] / "contracts"
DEPLOYED: Final = ("Actors", "Catalogue", "Deliveries", "Batches", "Payments")

OPEN: Final = {
    "Actors.completeRecovery": "anyone may: the waiting time and the proposal are the guard",
    "Actors.execute": "anyone relays; the signature is the guard (test_relay)",
    "Actors.executeBatch": "anyone relays; the signature is the guard (test_relay)",
    "Actors.together": "acts for the caller only; each call within has its own guard (test_relay)",
    "Batches.refresh": "anyone may: it only remembers what is true",
    "Payments.claim": "anyone may: the money goes to payout addresses only",
    "Payments.pay": "anyone may: with his own money",
    "Payments.payWithAuthorization": "anyone may send it; the payer's signature is the guard (test_payments)",
    "Payments.payWithPermit": "anyone may: with his own money",
    "Payments.settle": "anyone may: the money goes to payout addresses only",
    "Payments.withdraw": "anyone may: the money goes to its owner only",
    "Payments.withdrawTo": "takes the caller's own credit; another's is none of his (test_payments)",
    "Actors.enrol": "tried for every role by everybody in test_actors",
}
"""State-changing functions without a wrong actor, and why; and the one with a whole table of them."""


@cache
def declared() -> dict[str, str]:
    """Give every custom error that our interfaces declare, with its file."""
    return {
        name: path.name
        for path in sorted((CONTRACTS / "interfaces").glob("*.sol"))
        for name in re.findall(r"^\s*error (\w+)\(", path.read_text("utf-8"), re.MULTILINE)
    }


@cache
def asserted() -> set[str]:
    """Give every name that a test hands to `refused`, also by a parametrised or conditional argument."""
    names: set[str] = set()
    for path in TESTS.glob("test_*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        indirect = False
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "refused":
                found = _texts(node.args[0])
                names |= found
                indirect = indirect or not found
        if indirect:  # `refused(error)`: the names stand in this file's tables
            names |= _texts(tree)
    return names


def _texts(tree: ast.AST) -> set[str]:
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


@pytest.mark.parametrize("name", sorted(declared()))
def test_every_declared_refusal_is_asserted_by_a_test(name: str) -> None:
    assert name in asserted(), f"{name} ({declared()[name]}) is thrown by no test"


def test_no_test_asserts_a_refusal_of_ours_that_is_not_declared() -> None:
    prefixes = tuple(f"{name}_" for name in DEPLOYED)
    unknown = {n for n in asserted() if n.startswith(prefixes) and re.fullmatch(r"\w+", n)}
    assert unknown <= declared().keys()


# ------------------------------------------------------------------ every door


def doors() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each external function that may change state."""
    for contract in DEPLOYED:
        for entry in load_artifact(contract).abi:
            if entry["type"] == "function" and entry["stateMutability"] in {
                "nonpayable",
                "payable",
            }:
                yield f"{contract}.{entry['name']}", entry


def plausible(field: dict[str, Any], world: World, batch: int) -> Any:  # noqa: ANN401 -- as the ABI says
    """Give an argument that passes every check of form, so that only the caller can be wrong."""
    kind, name = field["type"], field["name"]
    if kind.endswith("[]"):
        return [plausible({**field, "type": kind[:-2]}, world, batch)]
    if kind == "tuple":
        return tuple(plausible(part, world, batch) for part in field["components"])
    if sized := re.fullmatch(r"bytes(\d+)", kind):
        return b"X" * int(sized[1])
    somebody = world.farmer if name in {"actor", "farmer"} else world.coop
    plain = {"address": somebody.address, "bytes": b"{}", "string": "a reason", "bool": True}
    return plain.get(kind, batch if name == "batch" else 1)


@pytest.mark.node
@pytest.mark.parametrize("door", sorted({name for name, _ in doors()} - OPEN.keys()))
def test_a_stranger_is_refused_at_every_door(world: World, door: str) -> None:
    """Whatever he hands in: no role, no key, nothing of his own."""
    batch = world.harvest().id
    entry = dict(doors())[door]
    contract: Contract = getattr(world, door.split(".", maxsplit=1)[0].lower())
    arguments = [plausible(field, world, batch) for field in entry["inputs"]]
    with pytest.raises(ContractRefusal) as caught:
        world.act(world.outsider, contract, entry["name"], *arguments)
    assert caught.value.name not in {"Unknown", "Panic", "Error"}


@pytest.mark.node
def test_the_open_doors_are_those_that_exist(founded: World) -> None:
    assert OPEN.keys() <= {name for name, _ in doors()}
    assert founded.node.chain_id() > 0


# ------------------------------------------------------------------ the platform's powers


@pytest.mark.node
def test_the_platform_reaches_no_money_no_record_and_no_terms(world: World) -> None:
    """The platform's key tries every function of every contract with plausible arguments.

    What it can do is what its role is for: enrol, list products and tokens, suspend whom it enrolled, look after
    its own keys, and what anybody may. It changes no balance, head or terms of anybody.
    """
    batch = world.harvest((world.farmer, 3_000), (world.farmers[1], 3_000))
    world.pay(batch, 10)
    admin = person("another platform")
    world.enrol(world.platform, admin, Role.PLATFORM)
    watched: list[Who] = [*world.farmers, world.coop_payee, world.platform_payee, world.payments]

    def look() -> tuple[object, ...]:
        held = [world.held(batch, who) for who in (world.coop, world.buyer)]
        return world.state(batch), [world.money(who) for who in watched], held

    before = look()
    allowed = set()
    for door, entry in doors():
        contract: Contract = getattr(world, door.split(".")[0].lower())
        arguments = [plausible(field, world, batch.id) for field in entry["inputs"]]
        with world.devnet.anchor():
            try:
                world.act(admin, contract, entry["name"], *arguments)
            except (ContractRefusal, RpcError):
                continue
            allowed.add(door)
            assert look() == before, door
    assert allowed <= {
        "Actors.executeBatch",
        "Actors.redirectPayout",
        "Actors.rotateKey",
        "Actors.together",
        "Batches.refresh",
        "Catalogue.listProduct",
        "Catalogue.listToken",
    }
