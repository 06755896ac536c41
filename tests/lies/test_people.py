"""Lies about who somebody is, and who said what."""

from dataclasses import replace

import pytest
from eth_utils.conversions import to_bytes
from tests.lies.lie import lie
from tests.lies.witnesses import contracts_refuse, impossible, stands
from tests.world import Batch, Role, World, person

from yuanliu import records
from yuanliu.chain import relay
from yuanliu.chain.bindings import Call
from yuanliu.chain.relay import SignedRequest

pytestmark = pytest.mark.node

PRODUCTION = 5


def event_on(world: World, batch: Batch, payload: bytes = b'{"step":"feeding"}') -> Call:
    return world.batches.call("record", batch.id, PRODUCTION, payload)


def signed(world: World, call: Call) -> SignedRequest:
    """Let the farmer sign a call."""
    return world.relay.sign(world.farmer.account, call)


def execute(world: World, request: SignedRequest) -> None:
    """Relay a request by somebody whom it is no concern of."""
    world.send(world.outsider, world.actors.call("execute", request.for_forwarder()))


@lie(
    "Write in another's name",
    "冒用他人名义上链",
    cheats="actor",
    liars=("platform", "relayer", "outsider"),
    happens=(
        "A request is signed by another key, altered after it was signed, or a name is appended to a bare call."
    ),
    noticed_by=("the contracts",),
    how=(
        "every act is signed by its author over every byte of it; the record names the signer, never the relayer."
    ),
)
def test_an_event_that_the_farmer_did_not_sign(world: World) -> None:
    batch = world.harvest()
    good = signed(world, event_on(world, batch))
    forged = relay.sign_request(
        world.deployment,
        world.outsider.account,
        good.call,
        gas=good.gas,
        nonce=good.nonce,
        deadline=good.deadline,
    )
    for wrong in (
        replace(good, signature=forged.signature),
        replace(good, call=event_on(world, batch, b'{"step":"praying"}')),
        replace(good, signer=world.coop.address),
        replace(good, deadline=good.deadline + 1),
    ):
        with contracts_refuse("ERC2771ForwarderInvalidSigner"):
            execute(world, wrong)
    appended = Call(good.call.to, good.call.data + to_bytes(hexstr=world.farmer.address), "record")
    with contracts_refuse("Batches_KindNotAllowed", actor=world.outsider):
        world.send(world.outsider, appended)
    execute(world, good)


@lie(
    "Replay a signature",
    "重放签名",
    cheats="actor",
    liars=("relayer", "platform", "outsider"),
    happens=(
        "A signed act is sent a second time, later, or to another deployment of the same contracts."
    ),
    noticed_by=("the contracts",),
    how=(
        "a signature holds a number that is good once, a deadline, the chain's id and the contract's address."
    ),
)
def test_the_same_act_again_and_elsewhere(world: World) -> None:
    batch = world.harvest()
    call = event_on(world, batch)
    good = signed(world, call)
    execute(world, good)
    with contracts_refuse("ERC2771ForwarderInvalidSigner"):
        execute(world, good)
    elsewhere = relay.sign_request(
        replace(world.deployment, chain_id=1),
        world.farmer.account,
        call,
        gas=good.gas,
        nonce=good.nonce + 1,
        deadline=good.deadline,
    )
    with contracts_refuse("ERC2771ForwarderInvalidSigner"):
        execute(world, elsewhere)
    late = signed(world, call)
    world.wait(2 * 3_600)
    with contracts_refuse("ERC2771ForwarderExpiredRequest"):
        execute(world, late)


@lie(
    "Censor in the relayer",
    "中继者压下不利的记录",
    cheats="actor",
    liars=("relayer", "platform"),
    happens="The platform's relayer never sends an inspector's failed result.",
    noticed_by=("the contracts", "the person concerned"),
    how=(
        "a signed request is anybody's to send: the author misses it on the record and has it relayed by another,"
        " or sends it himself. Until he does, it is not there."
    ),
)
def test_what_one_relayer_keeps_back_another_sends(world: World) -> None:
    batch = world.harvest()
    call = world.batches.call("inspect", batch.id, False, b'{"residue":"0.71"}')
    kept_back = world.relay.sign(world.inspector.account, call)
    world.pay(batch)
    stands(on_the_record=len(world.records(batch)) == 2, seen_by="the person concerned")
    execute(world, kept_back)
    record = records.decode(world.records(batch)[-1])
    assert (record.actor, record.signer) == (world.inspector.address, world.inspector.address)
    with contracts_refuse("Batches_Held", batch=batch):
        world.pay(batch)


@lie(
    "Make oneself a laboratory",
    "自封为检测机构",
    cheats="consumer",
    liars=("cooperative", "platform", "outsider", "farmer"),
    happens=(
        "The cooperative, or the platform, enrols a key of its own as inspector, or inspects without being one."
    ),
    noticed_by=("the contracts",),
    how="regulators enrol inspectors and other regulators; nobody enrols himself.",
)
def test_an_inspector_of_the_cooperatives_own(world: World) -> None:
    friend, batch = person("a would-be laboratory"), world.harvest()
    for by in (world.coop, world.platform, world.farmer, world.outsider):
        with contracts_refuse("Actors_RolesNotEnrollable"):
            world.enrol(by, friend, Role.INSPECTOR)
    with contracts_refuse("Actors_RoleMissing", needed=Role.INSPECTOR):
        world.inspect(batch, conformant=True, by=world.coop)


@lie(
    "Bind a stranger's key",
    "把陌生人的地址登记为自己人",
    cheats="actor",
    liars=("cooperative", "platform"),
    happens=(
        "A cooperative enrols a rich stranger's address as its farmer, to *recover* his key a week later."
    ),
    noticed_by=("the contracts",),
    how="a key is bound only with its own signature of consent to exactly this role and code.",
)
def test_an_address_that_did_not_agree(world: World) -> None:
    given = b"F-STOLEN".ljust(16, b"\0")
    call = world.actors.call("enrol", world.buyer.address, int(Role.FARMER), given, b"")
    with contracts_refuse("Actors_ConsentInvalid", key=world.buyer):
        world.send(world.coop, call)


@lie(
    "Go on signing after dismissal",
    "被解职或停用后继续签署",
    cheats="actor",
    liars=("clerk", "cooperative", "laboratory"),
    happens="A dismissed clerk books deliveries; a suspended laboratory inspects.",
    noticed_by=("the contracts",),
    how=(
        "roles are asked at the time of each act; a retired key is good for nothing, what it signed before stays"
        " its own."
    ),
)
def test_a_dismissed_clerk_and_a_suspended_laboratory(world: World) -> None:
    batch = world.harvest()
    world.act(world.coop, world.actors, "dismissClerk", world.clerk.address)
    with contracts_refuse("Actors_KeyRetired", key=world.clerk):
        world.book((world.farmer, 1_000), by=world.clerk)
    world.act(
        world.regulator, world.actors, "suspend", world.inspector.address, "reports were sold"
    )
    with contracts_refuse("Actors_Suspended", actor=world.inspector):
        world.inspect(batch, conformant=True)


@lie(
    "Act as the cooperative with a clerk's key",
    "文员越权动用合作社的权力",
    cheats="actor",
    liars=("clerk",),
    happens=(
        "A clerk appoints friends as clerks, moves the cooperative's payout, or rotates its key."
    ),
    noticed_by=("the contracts",),
    how="keys, clerks, terms and payouts need the owner's key.",
)
def test_a_clerk_who_wants_more(world: World) -> None:
    friend = person("a clerk's friend")
    for function in ("appointClerk", "redirectPayout", "rotateKey"):
        with contracts_refuse("Actors_OwnerKeyNeeded", key=world.clerk):
            world.act(world.clerk, world.actors, function, friend.address)


@lie(
    "Use the platform's power over money, records or terms",
    "平台滥用权力",
    cheats="actor",
    liars=("platform",),
    happens="The platform writes events, releases, recalls, books, prices, and publishes terms.",
    noticed_by=("the contracts",),
    how=(
        "it can enrol and suspend those it enrolled, and list tokens and products; everything else is refused."
    ),
)
def test_the_platform_at_every_door(world: World) -> None:
    batch = world.harvest()
    world.inspect(batch, conformant=False)
    doors = (
        ("release", (batch.id, "x")),
        ("recall", (batch.id, "x")),
        ("setPrice", (batch.id, 999)),
        ("inspect", (batch.id, True, b"{}")),
        ("record", (batch.id, PRODUCTION, b"{}")),
    )
    for function, arguments in doors:
        error = "Batches_KindNotAllowed" if function == "record" else "Actors_RoleMissing"
        with contracts_refuse(error):
            world.act(world.platform, world.batches, function, *arguments)
    with contracts_refuse("Actors_RoleMissing"):
        world.book((world.farmer, 1_000), by=world.platform)


@lie(
    "Lose a key and with it the past",
    "换钥匙以抹去自己的历史",
    cheats="consumer",
    liars=("cooperative", "laboratory", "farmer"),
    happens="An actor with a bad record rotates his key to appear as somebody new.",
    noticed_by=("the contracts",),
    how="a new key stands for the same actor, under the same code; a suspension goes with it.",
)
def test_a_new_key_is_no_new_name(world: World) -> None:
    fresh = person("a fresh key")
    world.act(world.regulator, world.actors, "suspend", world.farmer.address, "fake eggs")
    world.act(world.farmer, world.actors, "rotateKey", fresh.address)
    with contracts_refuse("Actors_Suspended", actor=world.farmer):
        world.ask(world.actors, "resolve", fresh.address)
    impossible(as_it_should_be=world.actor_of(fresh) == world.farmer.address)
