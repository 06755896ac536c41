"""State that was changed behind the contracts' backs is found, as what it is and as nothing else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from eth_utils.conversions import to_hex
from tests.audit.conftest import audited
from tests.audit.season import Season
from tests.world import GTIN_EGGS

from yuanliu.audit import Rule
from yuanliu.chain.bindings import Contract
from yuanliu.chain.published import terms_address

pytestmark = [pytest.mark.node, pytest.mark.slow]

Ask = Callable[[Season], tuple[Contract, str, tuple[object, ...]]]

SLOTS: Final[dict[str, tuple[Rule, int, Ask]]] = {
    "a batch's head": (Rule.JOURNAL_HEAD, 0, lambda x: (x.world.batches, "headOf", (x.quiet.id,))),
    "a batch's cooperative": (
        Rule.STATE_BATCH,
        1,
        lambda x: (x.world.batches, "batchOf", (x.quiet.id,)),
    ),
    "who recalled a batch": (
        Rule.STATE_BATCH,
        0,
        lambda x: (x.world.batches, "recalledBy", (x.quiet.id,)),
    ),
    "the root of a pool's members": (
        Rule.POOL_MEMBERS,
        1,
        lambda x: (x.world.batches, "poolOf", (x.unsold.id, 0)),
    ),
    "units that somebody holds": (
        Rule.STATE_UNITS,
        0,
        lambda x: (x.world.batches, "balanceOf", (x.world.buyer.address, x.pool.id)),
    ),
    "an offer": (Rule.STATE_OFFER, 0, lambda x: (x.world.batches, "offerOf", (x.handed.id, 2))),
    "a delivery": (
        Rule.STATE_DELIVERY,
        0,
        lambda x: (x.world.deliveries, "deliveryOf", (x.world.coop.address, x.receipt)),
    ),
    "a pool's receipts": (
        Rule.POOL_RECEIPTS,
        0,
        lambda x: (x.world.payments, "poolOf", (x.unsold.id,)),
    ),
    "what a member claimed": (
        Rule.STATE_DUE,
        0,
        lambda x: (x.world.payments, "dueOf", (x.world.step(x.pool, 0),)),
    ),
    "a credit": (
        Rule.STATE_CREDIT,
        0,
        lambda x: (
            x.world.payments,
            "creditOf",
            (x.world.yuan.address, x.world.farmers[1].address),
        ),
    ),
    "an actor's enroller": (
        Rule.STATE_ACTOR,
        0,
        lambda x: (x.world.actors, "actorOf", (x.world.carrier.address,)),
    ),
    "whom a key stands for": (
        Rule.STATE_KEY,
        0,
        lambda x: (x.world.actors, "keyOf", (x.world.clerk.address,)),
    ),
    "where a farmer's money goes": (
        Rule.STATE_ACTOR,
        0,
        lambda x: (x.world.actors, "payoutOf", (x.world.farmers[1].address,)),
    ),
    "a recovery": (
        Rule.STATE_ACTOR,
        0,
        lambda x: (x.world.actors, "recoveryOf", (x.world.farmer.address,)),
    ),
    "the number of a signer's next request": (
        Rule.RELAY,
        0,
        lambda x: (x.world.actors, "nonces", (x.world.coop.address,)),
    ),
    "whose product it is": (
        Rule.STATE_CATALOGUE,
        0,
        lambda x: (x.world.catalogue, "productOf", (GTIN_EGGS,)),
    ),
    "whether a token is listed": (
        Rule.STATE_CATALOGUE,
        0,
        lambda x: (x.world.catalogue, "isListed", (x.world.yuan.address,)),
    ),
    "the money that is there": (
        Rule.TOKEN_BALANCE,
        0,
        lambda x: (x.world.yuan, "balanceOf", (x.world.payments.address,)),
    ),
}
"""What is changed: the rule, the which-th of the slots that the question reads, and the question."""


@contextmanager
def changed_slot(name: str, season: Season) -> Iterator[None]:
    """Change what stands on chain under a name of `SLOTS`, for the time of a `with` block."""
    _, which, ask = SLOTS[name]
    contract, function, arguments = ask(season)
    node = season.world.node
    call = contract.call(function, *arguments)
    asked = {"to": call.to, "data": to_hex(call.data)}
    with season.world.devnet.anchor():
        before = node.request("eth_call", asked, "latest")
        touched = node.request("eth_createAccessList", asked, "latest")["accessList"]
        slots = next(
            sorted(one["storageKeys"])
            for one in touched
            if one["address"].lower() == contract.address.lower()
        )
        changed = []
        for slot in slots:
            old = node.request("eth_getStorageAt", contract.address, slot, "latest")
            node.request("anvil_setStorageAt", contract.address, slot, _other(old))
            try:
                after = node.request("eth_call", asked, "latest")
            except Exception:  # noqa: BLE001 -- then it is not this one
                after = before
            node.request("anvil_setStorageAt", contract.address, slot, _word(old))
            if after != before:
                changed.append((slot, old))
        slot, old = changed[min(which, len(changed) - 1)]
        node.request("anvil_setStorageAt", contract.address, slot, _other(old))
        yield


@pytest.mark.parametrize("name", SLOTS)
def test_a_changed_slot_is_found_as_what_it_is(name: str, season: Season) -> None:
    with changed_slot(name, season):
        report = audited(season.world)
    assert {finding.rule for finding in report.findings} == {SLOTS[name][0]}, [
        f.en for f in report.findings
    ]


def _other(word: str) -> str:
    return _word(hex(int(word, 16) ^ 0x201))


def _word(word: str) -> str:
    return "0x" + int(word, 16).to_bytes(32).hex()


def _code(contract: str) -> Callable[[Season], None]:
    def change(season: Season) -> None:
        address = season.world.deployment.contract(contract).address
        code = bytearray(season.world.node.code(address))
        code[-60] ^= 1
        season.world.node.request("anvil_setCode", address, to_hex(bytes(code)))

    return change


def _terms(season: Season) -> None:
    catalogue = bytes.fromhex(season.world.catalogue.address[2:])
    address = to_hex(terms_address(catalogue, 1))
    code = bytearray(season.world.node.code(address))
    code[-9] ^= 1
    season.world.node.request("anvil_setCode", address, to_hex(bytes(code)))


def _another_actors(season: Season) -> None:
    """Let the payments' contract ask another contract who is who: every byte but an address is as published."""
    w = season.world
    code = w.node.code(w.payments.address)
    true, false = bytes.fromhex(w.actors.address[2:]), bytes.fromhex(w.outsider.address[2:])
    w.node.request("anvil_setCode", w.payments.address, to_hex(code.replace(true, false)))


CODES: Final[dict[str, tuple[Rule, Callable[[Season], Any]]]] = {
    "a contract's code": (Rule.CODE, _code("Batches")),
    "a verifier's code": (Rule.CODE, _code("P256Verifier")),
    "an address that a constructor fixed": (Rule.CODE, _another_actors),
    "published terms": (Rule.TERMS_CODE, _terms),
    "native coin": (
        Rule.OWNS_NATIVE,
        lambda x: x.world.node.request("anvil_setBalance", x.world.payments.address, "0x1"),
    ),
}


@pytest.mark.parametrize("name", CODES)
def test_changed_code_is_found_as_what_it_is(name: str, season: Season) -> None:
    rule, change = CODES[name]
    with season.world.devnet.anchor():
        change(season)
        report = audited(season.world)
    assert {finding.rule for finding in report.findings} == {rule}, [f.en for f in report.findings]
