"""An honest history has no findings, whatever happened in it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from eth_abi.abi import encode
from eth_utils.conversions import to_hex
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from tests import p256
from tests.audit.conftest import audited
from tests.index.history import History
from tests.invariants.arena import Arena
from tests.invariants.machine import Trade
from tests.tampering import Json, Proxy
from tests.world import FLAGS, GTIN_EGGS, World, person

from yuanliu import actions
from yuanliu.audit import Report, Rule
from yuanliu.chain import keys, relay
from yuanliu.chain.bindings import Call
from yuanliu.chain.devnet import Devnet

if TYPE_CHECKING:
    from yuanliu.chain.relay import SignedRequest

pytestmark = [pytest.mark.node, pytest.mark.slow]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_random_history_has_no_findings(world: World, seed: int) -> None:
    History(world, Random(seed)).run(120)
    report = audited(world)
    assert report.findings == ()
    assert report.counts["records"] > 20


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    with Devnet(flags=FLAGS) as devnet, closing(Arena(devnet)) as arena:
        yield arena


def test_whatever_anybody_does_that_the_contracts_allow_has_no_findings(arena: Arena) -> None:
    """Hostile tokens and receivers, relayed and forged requests, claims by anyone: by the machine of the invariants.

    One thing the audit names: a listed token that takes a fee pays farmers less than is their due.
    """
    reports: list[Report] = []

    class Audited(Trade):
        seen: ClassVar[list[Report]] = reports

        def teardown(self) -> None:
            super().teardown()
            self.seen.append(audited(self.arena.world))

    Trade.arena, Trade.round = arena, 0
    profile = settings(
        max_examples=4,
        stateful_step_count=80,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Audited, settings=profile)
    fee = arena.contracts["FeeToken"].address.lower()
    for report in reports:
        assert all(
            finding.token == fee and finding.rule is Rule.PAYOUT_MISSING
            for finding in report.findings
        ), [finding.en for finding in report.findings]
    assert sum(report.counts["payments"] for report in reports) > 30


def test_payments_by_signature_are_heard(world: World) -> None:
    """A payment by authorisation and acts made together, relayed: each signature is found where it stands."""
    batch = world.harvest((world.farmer, 6_000), (world.farmers[1], 6_000))
    call = world.batches.call("record", batch.id, 5, b'{"type":"ObjectEvent"}')
    world.relayed(world.coop, world.actors, "together", [(call.to, call.data)] * 2)
    requests: list[SignedRequest] = []
    for _ in range(3):
        nonce = world.relay.nonce(world.coop.address) + len(requests)
        requests.append(world.relay.sign(world.coop.account, call, nonce=nonce, gas=300_000))
    world.relay.submit_batch(requests)
    report = audited(world)
    assert report.findings == ()


def test_odd_ways_to_say_something_are_understood(world: World) -> None:
    """Acts made together within others, a relayed call that is nonsense, an owner who completes his own recovery."""
    batch = world.harvest((world.farmer, 6_000))
    event = world.batches.call("record", batch.id, 5, b'{"type":"ObjectEvent"}')
    inner = world.actors.call("together", [(event.to, event.data)] * 2)
    both = [(inner.to, inner.data), (event.to, event.data)]
    world.relayed(world.coop, world.actors, "together", both)
    nonsense = Call(world.actors.address, inner.data[:40] + b"\xff" * 60, "together")
    nonce = world.relay.nonce(world.coop.address)
    calls = enumerate((nonsense, event))
    requests = [
        world.relay.sign(world.coop.account, call, nonce=nonce + i, gas=300_000)
        for i, call in calls
    ]
    with pytest.raises(relay.RequestFailed):
        world.relay.submit_batch(requests)
    assert len(world.records(batch)) == 5
    new = person("a key that was found again")
    world.act(world.coop, world.actors, "proposeRecovery", world.farmer.address, new.address)
    world.wait(8 * 24 * 3_600)
    world.act(world.farmer, world.actors, "rotateKey", new.address)
    world.pay(batch, 2)
    world.act(new, world.actors, "redirectPayout", world.outsider.address)
    assert audited(world).findings == ()


FORWARDING = "0x602036038060206000376000600082600060006000355af160205760006000fd5b00"
"""Code that calls whom its first word names, with the rest."""


def test_a_payment_through_a_strangers_contract_is_heard(world: World) -> None:
    """A provider's contract sends what a buyer signed: his words and his signature stand within its call."""
    batch = world.harvest((world.farmer, 6_000))
    router = person("a provider's contract").address
    world.node.request("anvil_setCode", router, FORWARDING)
    order = actions.Order(
        world.number(), world.buyer.address, [actions.Line(batch.id.to_bytes(32), 2, 600)]
    )
    pay = actions.pay_by_signature(
        world.deployment,
        world.node,
        world.buyer.account,
        world.yuan.address,
        order,
        valid_before=world.now + 3_600,
    )
    target = bytes.fromhex(pay.to[2:]).rjust(32, b"\0")
    world.send(world.outsider, Call(router, target + pay.data, "forward"))
    report = audited(world)
    assert (report.findings, report.counts["payments"]) == ((), 1)


def test_keys_without_an_account_and_wallets_are_heard(world: World) -> None:
    """A P-256 key signs by ERC-7913, a wallet by ERC-1271; a wallet that changed hands since is noted, no finding."""
    verifier, key = world.deployment.contract("P256Verifier").address, p256.key("a security key")
    signer = bytes.fromhex(verifier[2:]) + key.public
    owner = person("a wallet's owner")
    wallet = world.create("ContractWallet", owner.address)
    batch = world.harvest((world.farmer, 6_000))

    def by_key(digest: bytes) -> bytes:
        return encode(["bytes", "bytes"], [signer, key.sign(digest)])

    def by_wallet(digest: bytes) -> bytes:
        return keys.sign_digest(owner.account, digest)

    for address, sign in ((to_hex(keccak(signer)[12:]), by_key), (wallet.address, by_wallet)):
        order = (world.number(), address, [(batch.id, 2, 600)])
        world.act(world.buyer, world.payments, "pay", order)
        call = world.batches.call("offer", batch.id, world.outsider.address, 1)
        deadline, gas, nonce = world.now + 3_600, 600_000, world.relay.nonce(address)
        digest = relay.request_digest(
            world.deployment, address, call, gas=gas, nonce=nonce, deadline=deadline
        )
        signed = relay.SignedRequest(address, call, gas, nonce, deadline, sign(digest))
        world.relay.submit_batch([signed])
    report = audited(world)
    assert (report.findings, "wallets" in report.notes) == ((), False)
    slot, other = "0x" + "00" * 32, "0x" + "00" * 12 + world.outsider.address[2:]
    world.node.request("anvil_setStorageAt", wallet.address, slot, other)
    report = audited(world)
    assert (report.findings, report.notes["wallets"]) == ((), 1)


def test_a_block_of_many_payments_is_read_at_once(world: World) -> None:
    """Their transactions come with the block; what it keeps back is asked for by its hash, what it changes is found."""
    batch = world.harvest((world.farmer, 60_000))
    world.node.request("evm_setAutomine", False)
    try:
        for _ in range(20):
            order = world.order(world.line(batch, 1), number=world.number())
            what = world.payments.call("pay", order)
            sent = {"from": world.buyer.address, "to": what.to, "data": to_hex(what.data)}
            world.node.request(
                "eth_sendTransaction", sent | {"gas": hex(500_000), "gasPrice": "0x0"}
            )
        world.node.request("evm_mine")
    finally:
        world.node.request("evm_setAutomine", True)

    def read(change: Callable[[list[Json]], object]) -> tuple[Report, int]:
        def tamper(request: Json | list[Json], ask: Callable[[], Any]) -> Any:  # noqa: ANN401 -- JSON
            told = ask()
            if isinstance(request, list) and request[0]["params"][1:] == [True]:
                assert request[0]["method"] == "eth_getBlockByNumber"
                change(told[0]["result"]["transactions"])
            return told

        with Proxy(world.devnet.rpc_url, tamper) as proxy:
            return audited(world, proxy.url), proxy.asked.count("eth_getTransactionByHash")

    def lie(held: list[Json]) -> None:
        held[7]["input"] = held[8]["input"]

    report, all_others = read(lambda _: None)
    assert (report.findings, report.counts["payments"]) == ((), 20)
    report, asked = read(lambda held: held.pop(7))
    assert (report.findings, asked) == ((), all_others + 1)
    report, asked = read(lambda held: held.clear())
    assert (report.findings, asked) == ((), all_others + 20)
    report, _ = read(lie)
    assert [finding.rule for finding in report.findings] == [Rule.WORDS]


def test_what_is_given_by_mistake_is_told_and_is_no_finding(world: World) -> None:
    world.pay(world.harvest())
    world.act(world.buyer, world.yuan, "transfer", world.payments.address, 77)
    report = audited(world)
    assert report.findings == ()
    assert report.money[0].gifts == 77


def test_a_contract_wallet_acts_by_its_own_rules(world: World) -> None:
    """The members' ballot, a contract, publishes terms: no signature of its own can be in the transaction."""
    ballot = world.create("Ballot", world.catalogue.address, [world.outsider.address])
    world.act(world.coop, world.catalogue, "setTermsAuthority", world.coop.address, ballot.address)
    terms = world.terms(5_000, 3_000, 2_000, floor=120).tuple()
    world.act(world.outsider, ballot, "vote", GTIN_EGGS, terms)
    assert world.ask(world.catalogue, "productOf", GTIN_EGGS)["inForce"] == 5
    assert audited(world).findings == ()
