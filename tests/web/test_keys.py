"""Keys over the API: replaced, lost and found again, taken back; and acts signed on devices of one's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from eth_abi.abi import encode
from eth_account.account import Account
from eth_utils.conversions import to_hex
from eth_utils.crypto import keccak
from httpx import Client
from tests import p256
from tests.web.house import House, caller
from tests.web.test_season import now

from yuanliu.chain.bindings import Call
from yuanliu.chain.node import Sender
from yuanliu.chain.signed import Reader
from yuanliu.desk.passwords import one_time

pytestmark = [pytest.mark.node, pytest.mark.slow]

OWNER: Final = 2
LATER: Final = "a later long password"


@contextmanager
def sign_in(home: House, login: str, password: str) -> Iterator[Client]:
    with caller(home.url) as client:
        answer = client.post("/api/v1/session", json={"login": login, "password": password})
        assert answer.status_code == 201, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        yield client


@contextmanager
def begin(home: House, login: str, given: str) -> Iterator[Client]:
    """Sign in for the first time after a reset."""
    with sign_in(home, login, given) as client:
        change = {"old": given, "new": LATER}
        assert client.put("/api/v1/session/password", json=change).status_code == 204
        yield client


def account(home: House, login: str) -> str:
    listed = home.client("cooperative").get("/api/v1/accounts").json()["items"]
    return str(next(each["id"] for each in listed if each["login"] == login))


def feeding() -> dict[str, Any]:
    return {"kind": "production", "time": now(), "place": "coop", "step": "feeding"}


def eggs(home: House) -> str:
    listed = home.get(f"batches?cooperative={home.address('cooperative')}").json()["items"]
    return f"/api/v1/batches/{listed[0]['id']}/events"


# ---------------------------------------------------------------------- replaced


def test_an_owner_replaces_his_key_and_goes_on_with_the_new_one(home: House) -> None:
    login, password = "inspector", home.sign_ins["inspector"].password
    laboratory = home.prepared.services.accounts.find(login)
    assert laboratory is not None
    proposed = home.post("regulator", f"accounts/{laboratory.id}/recovery").json()
    refused(home, proposed["one_time_password"], "accounts.recovery_waiting", login)
    with sign_in(home, login, password) as client:
        before = client.get("/api/v1/session").json()["account"]
        wrong = client.post("/api/v1/session/key", json={"password": "not the password"})
        assert wrong.json()["code"] == "accounts.password_wrong"
        slow = client.post(
            "/api/v1/session/key", json={"password": password}, headers={"Prefer": "respond-async"}
        )
        assert slow.status_code == 202, slow.text
        assert slow.json()["adopted"] is False
        made = client.post("/api/v1/session/key", json={"password": password})
        assert made.status_code == 201, made.text
        assert made.json()["adopted"] is True
        assert (made.json()["old_key"], made.json()["key"]) == (before["key"], slow.json()["key"])
        assert client.get("/api/v1/session").status_code == 401
    with sign_in(home, login, password) as client:
        after = client.get("/api/v1/session").json()["account"]
        assert (after["key"], after["party"]) == (made.json()["key"], before["party"])
        payout = client.post("/api/v1/payout-address", json={"payout": after["party"]})
        assert payout.status_code == 201, payout.text
    refused(home, proposed["one_time_password"], "access.sign_in_failed", login)
    history = home.get(f"actors/{before['party']}/history").json()
    assert made.json()["key"] in str(history)


def test_a_clerk_and_a_machine_replace_no_key(home: House) -> None:
    body = {"password": home.sign_ins["clerk"].password}
    clerk = home.post("clerk", "session/key", body)
    assert (clerk.status_code, clerk.json()["code"]) == (403, "access.forbidden")
    made = home.post("carrier", "tokens", {"label": "van", "scopes": ["read"]}).json()
    with caller(home.url) as machine:
        machine.headers["Authorization"] = f"Bearer {made['token']}"
        answer = machine.post("/api/v1/session/key", json=body)
        assert answer.json()["code"] == "access.person_needed"
        where = f"/api/v1/actors/{home.address('carrier')}/recovery/cancellation"
        assert machine.post(where).json()["code"] == "access.person_needed"


# ---------------------------------------------------------------------- lost


def test_a_lost_key_is_proposed_and_its_owner_who_lost_nothing_cancels_it(home: House) -> None:
    farmer, party = account(home, "farmer-eggs"), home.address("farmer-eggs")
    by_clerk = home.post("clerk", f"accounts/{farmer}/recovery")
    assert by_clerk.json()["code"] == "contract.Actors_OwnerKeyNeeded"
    assert home.get(f"actors/{party}/recovery").json()["key"] is None
    for act in ("reset", "closing"):
        at_once = home.post("cooperative", f"accounts/{farmer}/{act}")
        assert (at_once.status_code, at_once.json()["code"]) == (403, "access.forbidden")
    early = home.post("", f"actors/{party}/recovery/completion")
    assert (early.status_code, early.json()["code"]) == (
        409,
        "contract.Actors_RecoveryNotReady",
    )
    for_once = {"Idempotency-Key": "lost-1"}
    with sign_in(home, "farmer-eggs", home.sign_ins["farmer-eggs"].password) as owner:
        before = owner.get("/api/v1/session").json()["account"]
        made = home.post("cooperative", f"accounts/{farmer}/recovery", **for_once)
        assert made.status_code == 201, made.text
        again = home.post("cooperative", f"accounts/{farmer}/recovery", **for_once).json()
        assert (again["key"], again["one_time_password"]) == (made.json()["key"], "")
        assert again["intention"]["id"] == made.json()["intention"]["id"]
        told = made.json()["account"]
        assert (told["key"], told["must_change_password"]) == (made.json()["old_key"], False)
        shown = home.get(f"actors/{party}/recovery").json()
        assert shown["key"] == made.json()["key"] != before["key"] == made.json()["old_key"]
        assert shown["ready_at"] > now(-6 * 24)
        not_yet = home.post("", f"actors/{party}/recovery/completion").json()
        assert not_yet["code"] == "contract.Actors_RecoveryNotReady"
        waits = refused(home, made.json()["one_time_password"], "accounts.recovery_waiting")
        assert waits["fields"] == {"ready_at": shown["ready_at"]}
        assert owner.get("/api/v1/session").json()["account"] == before
        assert owner.post(eggs(home), json=feeding()).status_code == 201
        stranger = home.post("carrier", f"actors/{party}/recovery/cancellation")
        assert stranger.json()["code"] == "contract.Actors_NotSupervisor"
    with sign_in(home, "farmer-eggs", home.sign_ins["farmer-eggs"].password) as owner:
        stopped = owner.post(f"/api/v1/actors/{party}/recovery/cancellation")
        assert stopped.status_code == 201, stopped.text
        assert home.get(f"actors/{party}/recovery").json()["key"] is None
        refused(home, made.json()["one_time_password"], "access.sign_in_failed")
        assert owner.post(eggs(home), json=feeding()).status_code == 201


def test_a_key_proposed_again_comes_in_force_whoever_completes_it(home: House) -> None:
    farmer, party = account(home, "farmer-tea"), home.address("farmer-tea")
    actors, regulator = home.deployment.actors, home.accounts["regulator"]
    first = home.post("cooperative", f"accounts/{farmer}/recovery").json()["one_time_password"]
    call = actors.call("cancelRecovery", party)
    Sender(home.node, regulator).send(call.to, call.data)
    refused(home, first, "accounts.recovery_cancelled", "farmer-tea")

    chosen = one_time()
    body = {"one_time_password": chosen}
    made, again = (home.post("cooperative", f"accounts/{farmer}/recovery", body) for _ in range(2))
    assert (made.status_code, again.status_code) == (201, 201), again.text
    assert made.json() | {"intention": None} == again.json(), "it is the same proposal"
    refused(home, first, "access.sign_in_failed", "farmer-tea")
    old = home.sign_ins["farmer-tea"].password
    with sign_in(home, "farmer-tea", old) as owner:
        home.let_the_days_pass(party)
        ready = refused(home, chosen, "accounts.recovery_ready", "farmer-tea")
        assert ready["fields"]["actor"] == party
        call = actors.call("completeRecovery", party)
        Sender(home.node, regulator).send(call.to, call.data)
        with begin(home, "farmer-tea", chosen) as client:
            assert client.get("/api/v1/session").json()["account"]["key"] == made.json()["key"]
            payout = client.post("/api/v1/payout-address", json={"payout": party})
            assert payout.status_code == 201, payout.text
        assert owner.get("/api/v1/session").status_code == 401
    refused(home, old, "access.sign_in_failed", "farmer-tea")

    # the one who lost it lost it again; completed by the service, the account follows at once
    made = home.post("cooperative", f"accounts/{farmer}/recovery")
    with sign_in(home, "farmer-tea", LATER) as owner:
        home.let_the_days_pass(party)
        done = home.post("", f"actors/{party}/recovery/completion")
        assert done.status_code == 201, done.text
        assert owner.get("/api/v1/session").status_code == 401
    refused(home, LATER, "access.sign_in_failed", "farmer-tea")
    with sign_in(home, "farmer-tea", made.json()["one_time_password"]) as client:
        assert client.get("/api/v1/session").json()["account"]["must_change_password"] is True


def refused(home: House, password: str, code: str, login: str = "farmer-eggs") -> Any:  # noqa: ANN401
    """See that a password opens nothing, and why."""
    with caller(home.url) as client:
        answer = client.post("/api/v1/session", json={"login": login, "password": password})
    assert (answer.status_code, answer.json()["code"]) == (401, code), answer.text
    return answer.json()


def test_a_clerk_who_lost_his_password_gets_a_new_key_and_is_dismissed_in_the_end(
    home: House,
) -> None:
    made = home.post("cooperative", f"accounts/{account(home, 'clerk')}/recovery")
    assert made.status_code == 201, made.text
    old, new = made.json()["old_key"], made.json()["key"]
    read = home.deployment.actors.read
    levels = [int(read(home.node, "keyOf", key)[1]) for key in (old, new)]
    assert levels == [3, 1]
    with begin(home, "clerk", made.json()["one_time_password"]) as client:
        assert client.post(eggs(home), json=feeding()).status_code == 201
        gone = home.post("cooperative", f"accounts/{account(home, 'clerk')}/dismissal")
        assert gone.status_code == 201, gone.text
        assert client.get("/api/v1/session").status_code == 401
    assert int(read(home.node, "keyOf", new)[1]) == 3
    shut = home.client("cooperative").get(f"/api/v1/accounts/{account(home, 'clerk')}").json()
    assert shut["disabled"] is True
    twice = home.post("cooperative", f"accounts/{account(home, 'clerk')}/dismissal")
    assert (twice.status_code, twice.json()["code"]) == (409, "contract.Actors_NotClerk")
    other = home.post("cooperative", f"accounts/{account(home, 'farmer-tea')}/dismissal")
    assert other.json()["code"] == "contract.Actors_NotClerk"
    farmer = f"/api/v1/accounts/{account(home, 'farmer-tea')}"
    assert home.client("cooperative").get(farmer).json()["disabled"] is False


# ---------------------------------------------------------------------- devices of one's own


def to_sign(home: House, signer: str, call: Call) -> dict[str, Any]:
    body = {"signer": signer, "to": call.to.lower(), "data": to_hex(call.data)}
    answer = home.post("", "requests/to-sign", body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def handed_in(made: dict[str, Any], signature: bytes) -> dict[str, Any]:
    message = made["typed_data"]["message"]
    numbers = {name: int(message[name]) for name in ("gas", "nonce", "deadline")}
    return {
        "signer": message["from"],
        "to": message["to"],
        "data": message["data"],
        "signature": to_hex(signature),
        **numbers,
    }


def test_an_act_is_signed_by_a_wallet_and_then_by_a_passkey(home: House) -> None:
    """By typed data as a wallet signs it; then the wallet hands over to a P-256 key, which signs by ERC-7913."""
    d, who = home.deployment, home.address("carrier")
    wallet = Account.from_key(home.accounts["carrier"].key)
    made = to_sign(home, who, d.actors.call("redirectPayout", home.address("buyer")))
    signature = bytes(wallet.sign_typed_data(full_message=made["typed_data"]).signature)
    body = handed_in(made, signature)
    forged = home.post("", "requests", body | {"nonce": body["nonce"] + 1})
    assert (forged.status_code, forged.json()["code"]) == (422, "outbox.request_invalid")
    done = home.post("", "requests", body)
    assert (done.status_code, done.json()["state"]) == (201, "done"), done.text
    assert home.post("", "requests", body).json()["id"] == done.json()["id"]
    assert d.actors.read(home.node, "payoutOf", who).lower() == home.address("buyer")

    key = p256.key("a passkey")
    signer = bytes.fromhex(d.contract("P256Verifier").address[2:]) + key.public
    address = to_hex(keccak(signer)[12:])

    def by_key(digest: bytes) -> bytes:
        return encode(["bytes", "bytes"], [signer, key.sign(digest)])

    consent = Reader(d).consent_digest(bytes.fromhex(who[2:]), OWNER, 0, bytes(16))
    made = to_sign(home, who, d.actors.call("rotateKey", address, by_key(consent)))
    signature = bytes(wallet.sign_typed_data(full_message=made["typed_data"]).signature)
    assert home.post("", "requests", handed_in(made, signature)).status_code == 201
    made = to_sign(home, address, d.actors.call("redirectPayout", who))
    done = home.post("", "requests", handed_in(made, by_key(bytes.fromhex(made["digest"][2:]))))
    assert (done.status_code, done.json()["state"]) == (201, "done"), done.text
    assert d.actors.read(home.node, "payoutOf", who).lower() == who


def test_what_the_chain_would_refuse_and_strangers_get_nothing_to_sign(home: House) -> None:
    d, who = home.deployment, home.address("platform")
    call = d.actors.call("dismissClerk", who)
    for signer, to, data, status, code in (
        (who, call.to, call.data, 409, "contract.Actors_NotClerk"),
        (who, home.address("buyer"), call.data, 422, "outbox.request_invalid"),
        (home.address("buyer"), call.to, call.data, 403, "access.forbidden"),
    ):
        body = {"signer": signer, "to": to.lower(), "data": to_hex(data)}
        answer = home.post("", "requests/to-sign", body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        signed = body | {"gas": 1, "nonce": 0, "deadline": 1, "signature": "0x00"}
        refused = "outbox.request_invalid" if signer == who else "access.forbidden"
        assert home.post("", "requests", signed).json()["code"] == refused
