"""The relay: people sign, by any kind of key, and anyone relays. `contracts/Forwarder.sol`."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account.messages import encode_typed_data
from eth_typing import Hash32
from eth_utils.conversions import to_bytes
from eth_utils.crypto import keccak
from tests import p256
from tests.world import (
    GAS,
    GTIN_TEA,
    KILOGRAM,
    PAYLOAD,
    Batch,
    Person,
    Role,
    Who,
    World,
    address_of,
    person,
    refused,
)

from yuanliu.chain.bindings import Call, ContractRefusal
from yuanliu.chain.node import Receipt, RpcError, TransactionFailed
from yuanliu.chain.relay import SignedRequest, together
from yuanliu.journal import genesis

pytestmark = pytest.mark.node

PRODUCTION = 5
TYPES = {
    "ForwardRequest": [
        {"name": "from", "type": "address"},
        {"name": "to", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "gas", "type": "uint256"},
        {"name": "nonce", "type": "uint256"},
        {"name": "deadline", "type": "uint48"},
        {"name": "data", "type": "bytes"},
    ]
}
SECP256K1_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
STRANGER = person("a stranger's key")
Signer = Callable[[bytes], bytes]


def by_account(who: Person) -> Signer:
    return lambda digest: bytes(who.account.unsafe_sign_hash(Hash32(digest)).signature)


def by_p256(world_verifier: str, key: p256.Key, *, high_s: bool = False) -> Signer:
    signer = to_bytes(hexstr=world_verifier) + key.public
    return lambda digest: encode(["bytes", "bytes"], [signer, key.sign(digest, high_s=high_s)])


def by_passkey(
    verifier: str, key: p256.Key, *, flags: int = 0x05, challenge: bytes | None = None
) -> Signer:
    """Sign as a phone's authenticator does: over its own data and the hash of the client's JSON."""

    def sign(digest: bytes) -> bytes:
        shown = base64.urlsafe_b64encode(challenge or digest).rstrip(b"=").decode()
        client = json.dumps(
            {"type": "webauthn.get", "challenge": shown, "origin": "https://example.org"},
            separators=(",", ":"),
        )
        data = hashlib.sha256(b"example.org").digest() + bytes([flags]) + (7).to_bytes(4)
        signed = hashlib.sha256(data + hashlib.sha256(client.encode()).digest()).digest()
        signature = key.sign(signed)
        inner = encode(
            ["bytes32", "bytes32", "uint256", "uint256", "bytes", "string"],
            [
                signature[:32],
                signature[32:],
                client.index('"challenge"'),
                client.index('"type"'),
                data,
                client,
            ],
        )
        return encode(["bytes", "bytes"], [to_bytes(hexstr=verifier) + key.public, inner])

    return sign


def key_address(world: World, verifier: str, key: p256.Key) -> str:
    signer = to_bytes(hexstr=verifier) + key.public
    return str(world.ask(world.actors, "keyAddress", signer))


def request(
    world: World,
    who: Who,
    call: Call,
    sign: Signer,
    *,
    nonce: int | None = None,
    deadline: int | None = None,
    gas: int = 400_000,
    **domain: object,
) -> SignedRequest:
    """Sign a request by any kind of key; `domain` replaces fields of the EIP-712 domain."""
    nonce = world.relay.nonce(address_of(who)) if nonce is None else nonce
    deadline = world.now + 3_600 if deadline is None else deadline
    message = {
        "from": address_of(who),
        "to": call.to,
        "value": 0,
        "gas": gas,
        "nonce": nonce,
        "deadline": deadline,
        "data": call.data,
    }
    full_domain: dict[str, Any] = {
        "name": "Yuanliu",
        "version": "1",
        "chainId": world.deployment.chain_id,
        "verifyingContract": world.actors.address,
        **domain,
    }
    signable = encode_typed_data(full_domain, TYPES, message)
    digest = keccak(b"\x19" + signable.version + signable.header + signable.body)
    return SignedRequest(address_of(who), call, gas, nonce, deadline, sign(digest))


def event_on(world: World, batch: Batch, payload: bytes = PAYLOAD) -> Call:
    return world.batches.call("record", batch.id, PRODUCTION, payload)


def execute(world: World, signed: SignedRequest, *, gas: int = GAS) -> Receipt:
    """Relay one request, by somebody whom it is no concern of."""
    return world.send(world.outsider, world.actors.call("execute", signed.for_forwarder()), gas=gas)


def author(record: bytes) -> tuple[str, str]:
    """Give actor and signer of a record."""
    return "0x" + record[10:30].hex(), "0x" + record[30:50].hex()


# ------------------------------------------------------------------ kinds of keys


def test_an_account_signs_anyone_relays_and_the_record_names_the_signer(world: World) -> None:
    batch = world.harvest()
    execute(world, request(world, world.clerk, event_on(world, batch), by_account(world.clerk)))
    assert author(world.records(batch)[-1]) == (world.coop.address, world.clerk.address)


def test_the_relays_own_words_for_it_do_the_same(world: World) -> None:
    batch = world.harvest()
    world.relayed(world.farmer, world.batches, "record", batch.id, PRODUCTION, PAYLOAD)
    assert author(world.records(batch)[-1]) == (world.farmer.address, world.farmer.address)
    with refused("Batches_KindNotAllowed", actor=world.buyer):
        world.relayed(world.buyer, world.batches, "record", batch.id, PRODUCTION, PAYLOAD)


def test_a_contract_wallet_signs_by_erc_1271(world: World) -> None:
    owner = person("owner of a wallet")
    wallet = world.create("ContractWallet", owner.address)
    world.enrol(world.coop, wallet, Role.FARMER)
    batch = world.harvest()
    execute(world, request(world, wallet, event_on(world, batch), by_account(owner)))
    assert author(world.records(batch)[-1])[0] == wallet.address
    with refused("ERC2771ForwarderInvalidSigner", **{"from": wallet}):
        execute(world, request(world, wallet, event_on(world, batch), by_account(STRANGER)))


def test_a_p256_key_without_an_account_signs_by_erc_7913(world: World) -> None:
    verifier, key = world.create("P256Verifier").address, p256.key("a security key")
    farmer = key_address(world, verifier, key)
    world.enrol(world.coop, farmer, Role.FARMER)
    batch = world.harvest()
    call = event_on(world, batch)
    execute(world, request(world, farmer, call, by_p256(verifier, key)))
    assert author(world.records(batch)[-1])[1] == farmer
    for wrong in (
        by_p256(verifier, p256.key("another")),
        by_p256(verifier, key, high_s=True),
        by_p256(world.create("P256Verifier").address, key),
        lambda digest: key.sign(digest),  # noqa: PLW0108 -- without the signer, as bare r and s
    ):
        with refused("ERC2771ForwarderInvalidSigner"):
            execute(world, request(world, farmer, call, wrong))


def test_a_passkey_signs_by_webauthn(world: World) -> None:
    verifier, key = world.create("WebAuthnVerifier").address, p256.key("a phone")
    farmer = key_address(world, verifier, key)
    world.enrol(world.coop, farmer, Role.FARMER)
    batch = world.harvest()
    call = event_on(world, batch)
    execute(world, request(world, farmer, call, by_passkey(verifier, key)))
    assert author(world.records(batch)[-1])[1] == farmer
    for wrong in (
        by_passkey(verifier, p256.key("another")),
        by_passkey(verifier, key, flags=0x01),  # user present, but not verified
        by_passkey(verifier, key, challenge=b"\x01" * 32),
    ):
        with refused("ERC2771ForwarderInvalidSigner"):
            execute(world, request(world, farmer, call, wrong))


def test_an_account_that_delegated_its_code_still_signs_with_its_key(world: World) -> None:
    farmer = world.farmer
    delegate = world.create("Delegate")
    authorization = farmer.account.sign_authorization(
        {"chainId": world.deployment.chain_id, "address": delegate.address, "nonce": 0}
    )
    relayer = world.relay.sender
    signed = relayer.account.sign_transaction(
        {
            "type": 4,
            "chainId": world.deployment.chain_id,
            "nonce": relayer.nonce,
            "maxFeePerGas": 0,
            "maxPriorityFeePerGas": 0,
            "gas": 100_000,
            "to": STRANGER.account.address,
            "value": 0,
            "data": b"",
            "authorizationList": [authorization],  # type: ignore[list-item]  # typed too narrowly
        }
    )
    world.node.send(bytes(signed.raw_transaction))
    assert world.node.code(farmer.address) == b"\xef\x01\x00" + to_bytes(hexstr=delegate.address)
    batch = world.harvest()
    execute(world, request(world, farmer, event_on(world, batch), by_account(farmer)))
    assert author(world.records(batch)[-1])[1] == farmer.address


# ------------------------------------------------------------------ what is refused


def test_a_signature_by_another_key_or_over_anything_else_is_refused(world: World) -> None:
    batch = world.harvest()
    call = event_on(world, batch)
    good = request(world, world.coop, call, by_account(world.coop))
    other_chain = request(world, world.coop, call, by_account(world.coop), chainId=1)
    other_contract = request(
        world,
        world.coop,
        call,
        by_account(world.coop),
        verifyingContract=world.batches.address,
    )
    forged = [
        request(world, world.coop, call, by_account(STRANGER)),
        other_chain,
        other_contract,
        replace(good, call=event_on(world, batch, b'{"forged":1}')),
        replace(good, gas=good.gas + 1),
        replace(good, deadline=good.deadline + 1),
        replace(good, signer=world.clerk.address),
        request(world, world.coop, call, by_account(world.coop), nonce=good.nonce + 1),
        replace(good, signature=b""),
        replace(good, signature=good.signature[:64]),
        replace(good, signature=good.signature + b"\0"),
        replace(good, signature=b"\xff" * 65),
    ]
    for wrong in forged:
        with refused("ERC2771ForwarderInvalidSigner"):
            execute(world, wrong)
    execute(world, good)


def test_a_signature_with_s_in_the_upper_half_is_refused(world: World) -> None:
    batch = world.harvest()
    good = request(world, world.coop, event_on(world, batch), by_account(world.coop))
    s = SECP256K1_N - int.from_bytes(good.signature[32:64])
    v = 27 + 28 - good.signature[64]
    twin = replace(good, signature=good.signature[:32] + s.to_bytes(32) + bytes([v]))
    with refused("ERC2771ForwarderInvalidSigner"):
        execute(world, twin)


def test_an_expired_request_and_a_replayed_one_are_refused(world: World) -> None:
    batch = world.harvest()
    call = event_on(world, batch)
    late = request(world, world.coop, call, by_account(world.coop), deadline=world.now - 1)
    with refused("ERC2771ForwarderExpiredRequest", deadline=late.deadline):
        execute(world, late)
    good = request(world, world.coop, call, by_account(world.coop))
    execute(world, good)
    with refused("ERC2771ForwarderInvalidSigner"):
        execute(world, good)
    assert len(world.records(batch)) == 2


def word(number: int) -> bytes:
    return number.to_bytes(32)


@pytest.mark.parametrize(
    "signature",
    [
        b"\0" * 127,
        b"\0" * 128,
        word(2**256 - 1) + word(64) + word(0) * 4,
        word(64) + word(2**256 - 1) + word(0) * 4,
        word(64) + word(64) + word(2**256 - 1) + word(0),
        word(64) + word(64) + word(33) + word(0),
        word(64) + word(64) + word(20) + b"\1" * 20 + b"\0" * 12,
        word(96) + word(96) + word(0) + word(0),
        b"\xff" * 4_096,
    ],
    ids=[
        "too short",
        "zeros",
        "first offset huge",
        "second offset huge",
        "length huge",
        "length one too many",
        "signer without a key",
        "empty parts",
        "ones",
    ],
)
def test_a_malformed_key_signature_is_refused_and_stops_no_other_request(
    world: World, signature: bytes
) -> None:
    batch = world.harvest()
    call = event_on(world, batch)
    bad = request(world, world.coop, call, lambda _: signature)
    with refused("ERC2771ForwarderInvalidSigner"):
        execute(world, bad)
    good = request(world, world.clerk, call, by_account(world.clerk))
    _, succeeded = world.relay.execute_batch([bad, good])
    assert succeeded == [False, True]


def test_a_contract_that_does_not_trust_the_relay_is_never_called_by_it(world: World) -> None:
    call = world.yuan.call("mint", world.outsider.address, 1)
    with refused("ERC2771UntrustfulTarget", target=world.yuan, forwarder=world.actors):
        execute(world, request(world, world.issuer, call, by_account(world.issuer)))


def test_only_the_relay_may_name_another_as_sender(world: World) -> None:
    batch = world.harvest()
    call = event_on(world, batch)
    disguised = replace(call, data=call.data + to_bytes(hexstr=world.coop.address))
    with refused("Batches_KindNotAllowed", actor=world.outsider):
        world.send(world.outsider, disguised)


def test_a_refused_call_reverts_alone_and_keeps_its_nonce(world: World) -> None:
    batch = world.harvest()
    bad = request(world, world.buyer, event_on(world, batch), by_account(world.buyer))
    with refused("FailedCall"):
        execute(world, bad)
    assert world.relay.nonce(world.buyer.address) == 0


def test_too_little_gas_for_the_request_is_the_relayers_loss_not_the_signers(
    world: World,
) -> None:
    batch = world.harvest()
    call = event_on(world, batch)
    signed = request(world, world.coop, call, by_account(world.coop), gas=200_000)
    failed = 0
    for gas in range(60_000, 300_000, 10_000):
        try:
            execute(world, signed, gas=gas)
        except (TransactionFailed, RpcError, ContractRefusal):
            failed += 1
            assert world.relay.nonce(world.coop.address) == signed.nonce
        else:
            assert len(world.records(batch)) == 2
            break
    assert 0 < failed < 24


# ------------------------------------------------------------------ many at once


def test_in_a_batch_no_failing_request_stops_another(world: World) -> None:
    batch = world.harvest()

    def one(who: Person, sign: Signer | None = None, **more: Any) -> SignedRequest:  # noqa: ANN401 -- passed on
        return request(world, who, event_on(world, batch), sign or by_account(who), **more)

    requests = [
        one(world.coop),
        one(world.clerk, by_account(STRANGER)),
        one(world.buyer),  # refused by the contract
        one(world.farmers[1], deadline=world.now - 1),
        one(world.farmers[2], gas=10_000),  # runs out of gas
        one(world.farmers[3], by_account(world.farmers[3]), chainId=1),
        one(world.coop),  # the first again: its nonce is used by then
        one(world.farmer),
    ]
    before = len(world.records(batch))
    _, succeeded = world.relay.execute_batch(requests[:6] + requests[7:])
    assert succeeded == [True, False, False, False, False, False, True]
    _, succeeded = world.relay.execute_batch([requests[6], one(world.farmers[4])])
    assert succeeded == [False, True]
    assert [author(r)[1] for r in world.records(batch)[before:]] == [
        who.address for who in (world.coop, world.farmer, world.farmers[4])
    ]
    assert world.relay.nonce(world.buyer.address) == 1  # used up, though refused
    assert world.relay.nonce(world.clerk.address) == 0  # never executed


def test_several_requests_of_one_signer_go_in_order(world: World) -> None:
    batch = world.harvest()
    requests = [
        request(
            world,
            world.coop,
            event_on(world, batch, b'{"n":%d}' % n),
            by_account(world.coop),
            nonce=n,
        )
        for n in range(5)
    ]
    _, succeeded = world.relay.execute_batch(requests)
    assert succeeded == [True] * 5
    assert [r[50:] for r in world.records(batch)[1:]] == [b'{"n":%d}' % n for n in range(5)]


def test_a_wallet_that_burns_all_gas_stops_no_other_request(world: World) -> None:
    wallet = world.create("GreedyWallet")
    batch = world.harvest()
    call = event_on(world, batch)
    bad = request(world, wallet, call, lambda _: b"\0" * 65)
    good = request(world, world.clerk, call, by_account(world.clerk))
    _, succeeded = world.relay.execute_batch([bad, good])
    assert succeeded == [False, True]


def test_the_genesis_of_a_journal_is_bound_to_chain_and_contract(world: World) -> None:
    batch = world.harvest().id.to_bytes(32)
    here = genesis(world.deployment.chain_id, world.batches.address.lower(), batch)
    assert here != genesis(1, world.batches.address.lower(), batch)
    assert here != genesis(world.deployment.chain_id, world.payments.address.lower(), batch)


# ------------------------------------------------------------------ several acts, all or none


def test_several_acts_are_done_together_in_the_name_of_the_one_who_signed(world: World) -> None:
    first, second = world.harvest(), world.harvest(gtin=GTIN_TEA, unit=KILOGRAM, price=20_000)
    calls = [event_on(world, first), event_on(world, second), event_on(world, first)]
    world.relay.submit(world.coop.account, together(world.deployment, calls))
    assert [len(world.records(batch)) for batch in (first, second)] == [3, 2]
    for record in (world.records(first)[-1], world.records(second)[-1]):
        assert author(record) == (world.coop.address, world.coop.address)
    assert world.relay.nonce(world.coop.address) == 1


def test_if_one_of_several_acts_is_refused_none_is_done_and_the_refusal_is_that_ones_own(
    world: World,
) -> None:
    batch = world.harvest()
    relay = world.relay
    calls = [event_on(world, batch), world.batches.call("setPrice", batch.id, 1)]
    with refused("Batches_PriceBelowFloor", call=1):
        relay.submit(world.coop.account, together(world.deployment, calls))
    unasked = relay.sign(world.coop.account, together(world.deployment, calls), gas=400_000)
    assert relay.execute_batch([unasked])[1] == [False]
    assert len(world.records(batch)) == 1
    assert relay.nonce(world.coop.address) == 1, (
        "its failure uses up its nonce: nobody can try again"
    )


def test_what_is_done_together_can_be_called_without_the_relay(world: World) -> None:
    batch = world.harvest()
    world.send(world.coop, together(world.deployment, [event_on(world, batch)] * 2))
    assert author(world.records(batch)[-1]) == (world.coop.address, world.coop.address)
    with refused("Batches_KindNotAllowed", actor=world.outsider, call=0):
        world.send(world.outsider, together(world.deployment, [event_on(world, batch)]))


def test_nobody_is_named_by_appending_his_address_to_a_call(world: World) -> None:
    batch = world.harvest()
    call = event_on(world, batch)
    forged = replace(call, data=call.data + to_bytes(hexstr=world.coop.address))
    with refused("Batches_KindNotAllowed", actor=world.outsider, call=0):
        world.send(world.outsider, together(world.deployment, [forged]))
    nested = together(world.deployment, [forged])
    nested = replace(nested, data=nested.data + to_bytes(hexstr=world.coop.address))
    with refused("Batches_KindNotAllowed", actor=world.outsider, call=0):
        world.send(world.outsider, together(world.deployment, [nested]))


def test_the_relay_calls_nothing_together_that_does_not_trust_it(world: World) -> None:
    """Otherwise anyone could spend what is allowed to the relay's address."""
    mint = world.yuan.call("transfer", world.outsider.address, 1)
    with refused("ERC2771UntrustfulTarget", target=world.yuan):
        world.send(world.outsider, together(world.deployment, [mint]))
