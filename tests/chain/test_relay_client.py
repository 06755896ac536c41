"""The relay as its callers see it: what happened to each request, and why one was refused."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.world import World, code, person, refused

from yuanliu.chain.bindings import Call, ContractRefusal
from yuanliu.chain.node import Receipt
from yuanliu.chain.relay import Relay, RequestFailed, SignedRequest
from yuanliu.errors import YuanliuError

pytestmark = pytest.mark.node


def listing(world: World, *, listed: bool = True) -> Call:
    return world.catalogue.call("listToken", world.yuan.address, listed)


def is_listed(world: World) -> bool:
    return bool(world.ask(world.catalogue, "isListed", world.yuan.address))


def enrolment(world: World, name: str) -> Call:
    newcomer, given = person(name).address, code(name)
    with world.consent(newcomer, world.platform.address, roles=16, given=given) as agreed:
        return world.actors.call("enrol", newcomer, 16, given, agreed)


# ------------------------------------------------------------------ one request


def test_the_contracts_own_refusal_reaches_the_author_with_its_fields_and_nothing_is_sent(
    world: World,
) -> None:
    relay = world.relay
    before = relay.sender.nonce
    with refused("Actors_RoleMissing", actor=world.outsider, roles=0, needed=1):
        relay.submit(world.outsider.account, listing(world))
    assert relay.sender.nonce == before == world.relay.sender.nonce
    assert relay.nonce(world.outsider.address) == 0


def test_a_refusal_is_named_for_people_and_for_programs(world: World) -> None:
    with pytest.raises(ContractRefusal) as caught:
        world.relay.submit(world.outsider.account, listing(world))
    error = caught.value
    assert error.code == "contract.Actors_RoleMissing"
    assert f"actor {world.outsider.address}, roles 0, needed 1" in error.message
    assert not error.retryable


def test_the_record_names_the_signer_and_never_the_relayer(world: World) -> None:
    receipt = world.relay.submit(world.platform.account, listing(world, listed=False))
    event = world.catalogue.events(receipt.logs, "TokenListed")[0]
    assert event.fields["by"] == world.platform.address
    assert not is_listed(world)


def test_a_refusal_that_appears_after_signing_is_named_as_well(world: World) -> None:
    relay = world.relay
    unasked = relay.sign(world.outsider.account, listing(world), gas=100_000)
    with refused("Actors_RoleMissing", actor=world.outsider, needed=1):
        relay.execute(unasked)
    assert relay.nonce(world.outsider.address) == 0
    relay.submit(world.platform.account, listing(world))  # the relayer goes on


def test_an_expired_request_is_refused_and_says_when_it_expired(world: World) -> None:
    relay = world.relay
    late = relay.sign(world.platform.account, listing(world, listed=False), deadline=world.now - 1)
    with refused("ERC2771ForwarderExpiredRequest", deadline=late.deadline):
        relay.execute(late)
    assert is_listed(world)


def test_a_request_lives_an_hour_and_no_longer(world: World) -> None:
    begin = int(time.time())
    request = world.relay.sign(world.platform.account, listing(world, listed=False))
    assert begin + 3_600 <= request.deadline <= time.time() + 3_600
    world.wait(request.deadline - world.now + 1)
    with refused("ERC2771ForwarderExpiredRequest", deadline=request.deadline):
        world.relay.execute(request)


def test_a_request_is_good_once(world: World) -> None:
    relay = world.relay
    request = relay.sign(world.platform.account, listing(world, listed=False))
    relay.execute(request)
    world.act(world.platform, world.catalogue, "listToken", world.yuan.address, True)
    with pytest.raises(YuanliuError) as caught:
        relay.execute(request)
    assert caught.value.code == "relay.nonce_used"
    used = request.nonce
    assert caught.value.fields == {"signer": request.signer, "nonce": used, "next": used + 1}
    assert is_listed(world)


def test_a_request_ahead_of_its_turn_is_refused(world: World) -> None:
    relay = world.relay
    following = relay.nonce(world.platform.address)
    early = relay.sign(world.platform.account, listing(world), nonce=following + 1)
    with pytest.raises(YuanliuError, match=f"the next one is {following}"):
        relay.execute(early)


@pytest.mark.parametrize(
    "forge",
    [
        lambda request, world: replace(request, signer=world.regulator.account.address),
        lambda request, world: replace(request, call=enrolment(world, "forged")),
        lambda request, _: replace(request, deadline=request.deadline + 1),
        lambda request, _: replace(request, gas=request.gas + 1),
        lambda request, _: replace(request, signature=bytes(65)),
        lambda request, _: replace(request, signature=b""),
        lambda request, _: replace(request, signature=request.signature[:64]),
        lambda request, _: replace(request, signature=request.signature[::-1]),
    ],
    ids=["signer", "call", "deadline", "gas", "zeros", "none", "short", "reversed"],
)
def test_a_forged_request_is_refused(
    world: World, forge: Callable[[SignedRequest, World], SignedRequest]
) -> None:
    relay = world.relay
    request = relay.sign(world.platform.account, listing(world, listed=False))
    forged = forge(request, world)
    with refused("ERC2771ForwarderInvalidSigner"):
        relay.execute(forged)
    assert relay.execute_batch([forged])[1] == [False]
    assert is_listed(world)


def test_a_request_for_another_chain_or_another_deployment_is_not_this_ones(world: World) -> None:
    elsewhere = replace(world.deployment, chain_id=1)
    request = Relay(elsewhere, world.relay.sender).sign(world.platform.account, listing(world))
    with refused("ERC2771ForwarderInvalidSigner"):
        world.relay.execute(request)


def test_too_little_gas_for_a_request_harms_nobody_else(world: World) -> None:
    relay = world.relay
    starved = relay.sign(world.platform.account, listing(world, listed=False), gas=1_000)
    with pytest.raises(ContractRefusal, match="FailedCall"):
        relay.execute(starved)
    assert is_listed(world)


def test_direct_names_the_refusal_too(world: World) -> None:
    account = person("an outsider with gas").account
    world.node.request("anvil_setBalance", account.address, hex(10**18))
    with refused("Actors_RoleMissing", needed=1):
        world.relay.direct(account, listing(world))


# ------------------------------------------------------------------ many requests


def signed(world: World, *names: str) -> list[SignedRequest]:
    """Let the platform sign an enrolment for each name, one after the other."""
    relay = world.relay
    first = relay.nonce(world.platform.address)
    return [
        relay.sign(world.platform.account, enrolment(world, name), nonce=first + i, gas=150_000)
        for i, name in enumerate(names)
    ]


def enrolled(world: World, *names: str) -> list[bool]:
    return [
        bool(world.ask(world.actors, "actorOf", person(name).address)["roles"]) for name in names
    ]


def test_each_request_of_a_batch_is_reported_by_itself(world: World) -> None:
    relay = world.relay
    good = signed(world, "c1", "c2", "c3")
    outsiders = relay.sign(world.outsider.account, listing(world), gas=100_000)
    expired = relay.sign(world.regulator.account, listing(world), gas=100_000, deadline=1)
    stolen = replace(
        relay.sign(world.outsider.account, listing(world), gas=100_000),
        signer=str(world.coop.account.address),
    )
    receipt, succeeded = relay.execute_batch(
        [good[0], outsiders, good[1], expired, stolen, good[2]]
    )
    assert succeeded == [True, False, True, False, False, True]
    assert isinstance(receipt, Receipt)
    assert enrolled(world, "c1", "c2", "c3") == [True] * 3


def test_a_used_nonce_counts_as_failed_even_if_the_request_succeeded_before(world: World) -> None:
    first, second = signed(world, "c1", "c2")
    world.relay.execute(first)
    assert world.relay.execute_batch([first, second])[1] == [False, True]


def test_one_that_is_missing_stops_those_signed_after_it(world: World) -> None:
    first, _, third = signed(world, "c1", "c2", "c3")
    assert world.relay.execute_batch([first, third])[1] == [True, False]
    assert enrolled(world, "c1", "c3") == [True, False]


def test_two_requests_with_one_nonce_are_refused_before_anything_is_sent(world: World) -> None:
    (first,), (other,) = signed(world, "c1"), signed(world, "c2")
    relay = world.relay
    before = relay.sender.nonce
    with pytest.raises(YuanliuError) as caught:
        relay.execute_batch([first, other])
    assert caught.value.code == "relay.nonce_repeated"
    assert caught.value.fields == {"signer": world.platform.address, "nonce": first.nonce}
    assert world.relay.sender.nonce == before


def test_one_that_fails_inside_uses_its_nonce_and_stops_nobody(world: World) -> None:
    relay = world.relay
    first = relay.nonce(world.platform.address)
    calls = [enrolment(world, "c1"), enrolment(world, "c1"), enrolment(world, "c2")]
    requests = [
        relay.sign(world.platform.account, what, nonce=first + i, gas=150_000)
        for i, what in enumerate(calls)
    ]
    assert relay.execute_batch(requests)[1] == [True, False, True]
    assert relay.nonce(world.platform.address) == first + 3


def test_a_batch_that_must_succeed_names_the_first_that_did_not(world: World) -> None:
    first, second = signed(world, "c1", "c2")
    world.relay.submit_batch([first, second])
    with pytest.raises(RequestFailed) as caught:
        world.relay.submit_batch([*signed(world, "c3"), second])
    assert caught.value.code == "relay.request_failed"
    assert caught.value.fields["request"] == "Actors.enrol"
    assert enrolled(world, "c3") == [True]


def test_a_hundred_requests_of_two_signers_go_in_one_transaction(world: World) -> None:
    relay = world.relay
    batch = world.harvest()
    calls = [
        (who, world.batches.call("record", batch.id, kind, b'{"a":"' + b"x" * 500 + b'"}'))
        for who, kind in ((world.coop, 5), (world.carrier, 7))
    ]
    requests = [
        relay.sign(who.account, call, nonce=relay.nonce(who.address) + i, gas=60_000)
        for i in range(50)
        for who, call in calls
    ]
    before = len(world.records(batch))
    receipt = relay.submit_batch(requests)
    assert len(world.records(batch)) == before + 100
    assert receipt.gas < 100 * 45_000
