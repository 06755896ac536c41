"""Events that machines hand in one by one and do not wait for: taken in together, refused as the route refuses."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from httpx import Client, Response
from tests.web.house import SOON, House, caller

from yuanliu.desk.intentions import Intention
from yuanliu.desk.outbox import Handed
from yuanliu.errors import YuanliuError

pytestmark = [pytest.mark.node, pytest.mark.slow]

TOGETHER = 60


@pytest.fixture(scope="module")
def machine(home: House) -> Iterator[Client]:
    """A machine of the cooperative's clerk, with a token."""
    made = home.post("clerk", "tokens", {"label": "sensor", "scopes": ["read", "events:write"]})
    headers = {"Authorization": f"Bearer {made.json()['token']}", "Prefer": "respond-async"}
    with caller(home.url, headers) as client:
        yield client
        end = time.monotonic() + SOON
        for state in ("waiting", "sent"):  # other files count what is on its way
            while client.get(f"/api/v1/intentions?state={state}&limit=1").json()["items"]:
                assert time.monotonic() < end
                time.sleep(0.05)


@pytest.fixture(scope="module")
def batch(home: House) -> str:
    found: str = home.get("batches").json()["items"][0]["id"]
    return found


def said(number: int = 0, **changes: object) -> dict[str, Any]:
    moment = f"2026-04-12T08:{number // 60:02}:{number % 60:02}+08:00"
    return {"kind": "production", "time": moment, "place": "field-1", "step": "pruning"} | changes


def hand_in(machine: Client, batch: str, body: object, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return machine.post(f"/api/v1/batches/{batch}/events", json=body, headers=named)


def settled(machine: Client, id_: str) -> dict[str, Any]:
    end = time.monotonic() + SOON
    while True:
        found: dict[str, Any] = machine.get(f"/api/v1/intentions/{id_}").json()
        if found["state"] not in {"waiting", "sent"}:
            return found
        assert time.monotonic() < end, found
        time.sleep(0.05)


def test_what_comes_at_once_is_stored_before_the_answer_and_done_once(
    home: House, machine: Client, batch: str
) -> None:
    before = home.get(f"batches/{batch}").json()["records"]
    taken: list[int] = []
    outbox = home.prepared.services.outbox
    submit = outbox.submit_handed
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(16) as pool:

        def counted(handed: Sequence[Handed]) -> list[Intention | YuanliuError]:
            taken.append(len(handed))
            return submit(handed)

        patch.setattr(outbox, "submit_handed", counted)
        answers = list(pool.map(lambda n: hand_in(machine, batch, said(n)), range(TOGETHER)))
    assert {each.status_code for each in answers} == {202}
    assert sum(taken) == TOGETHER, "none of them took another way"
    ids = {each.json()["id"] for each in answers}
    assert len(ids) == TOGETHER
    for answer in answers:
        assert answer.headers["location"] == f"/api/v1/intentions/{answer.json()['id']}"
        assert outbox.intention(answer.json()["id"]).act == "record_production"
    done = [settled(machine, id_) for id_ in ids]
    assert {each["state"] for each in done} == {"done"}
    home.shows(max(each["block"] for each in done))
    assert home.get(f"batches/{batch}").json()["records"] == before + TOGETHER


def test_the_same_key_at_the_same_time_is_the_same_intention(machine: Client, batch: str) -> None:
    with ThreadPoolExecutor(12) as pool:
        answers = list(
            pool.map(
                lambda _: hand_in(machine, batch, said(61), Idempotency_Key="only-once"), range(12)
            )
        )
    assert {each.status_code for each in answers} <= {201, 202}
    assert len({each.json()["id"] for each in answers}) == 1
    assert settled(machine, answers[0].json()["id"])["state"] == "done"
    again = hand_in(machine, batch, said(61), Idempotency_Key="only-once")
    assert (again.status_code, again.json()["state"]) == (201, "done")
    waits = hand_in(machine, batch, said(61), Idempotency_Key="only-once", Prefer="wait=5")
    assert waits.json()["id"] == again.json()["id"], "the route itself knows it, too"
    other = hand_in(machine, batch, said(62), Idempotency_Key="only-once")
    assert (other.status_code, other.json()["code"]) == (422, "outbox.key_reused")


REFUSED: dict[str, dict[str, Any]] = {
    "an unknown field": {"body": said(1, colour="red")},
    "no kind": {"body": {"time": "2026-04-12T08:00:00+08:00"}},
    "a time without offset": {"body": said(1, time="2026-04-12T08:00:00")},
    "a time to come": {"body": said(1, time="2096-04-12T08:00:00+08:00")},
    "a number for a text": {"body": said(1, place=7)},
    "a phone number": {"body": said(1, details={"note": "13812345678"})},
    "a photo that nobody sent": {"body": said(1, photos=["ab" * 32])},
    "a list": {"body": [said(1)]},
    "an unknown batch": {"batch": "0x" + "ab" * 32},
    "no batch's id": {"batch": "0x" + "AB" * 32},
    "a mistyped token": {"Authorization": "Bearer yl_nothing"},
    "another's token": {"Authorization": "Bearer yl_" + "a" * 16 + "_" + "a" * 59},
    "no token": {"Authorization": "Basic eDp5"},
    "a key with a blank": {"Idempotency_Key": "a b"},
    "a key that is too long": {"Idempotency_Key": "k" * 121},
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_the_routes_own(machine: Client, batch: str, name: str) -> None:
    given = dict(REFUSED[name])
    where, body = given.pop("batch", batch), given.pop("body", said(1))
    quick = hand_in(machine, where, body, **given)
    slow = hand_in(machine, where, body, **given, Prefer="wait=1")
    assert quick.status_code == slow.status_code >= 400, quick.text
    ours, theirs = quick.json(), slow.json()
    assert ours.pop("instance") != theirs.pop("instance")
    assert ours == theirs
    assert quick.headers["content-type"] == "application/problem+json"


def test_one_that_is_refused_does_not_hold_up_those_beside_it(machine: Client, batch: str) -> None:
    def either(number: int) -> int:
        body = said(100 + number) if number % 3 else said(1, details={"note": "13812345678"})
        return hand_in(machine, batch, body).status_code

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(either, range(30)))
    assert answers == [202 if number % 3 else 422 for number in range(30)]


def test_a_token_that_is_revoked_is_refused_at_once(home: House, batch: str) -> None:
    made = home.post("clerk", "tokens", {"label": "lost", "scopes": ["events:write"]}).json()
    headers = {"Authorization": f"Bearer {made['token']}", "Prefer": "respond-async"}
    with caller(home.url, headers) as lost:
        assert hand_in(lost, batch, said(200)).status_code == 202
        assert home.client("clerk").delete(f"/api/v1/tokens/{made['id']}").status_code == 204
        refused = hand_in(lost, batch, said(201))
        assert (refused.status_code, refused.json()["code"]) == (401, "access.token_revoked")
    read = home.post("clerk", "tokens", {"label": "reads", "scopes": ["read"]}).json()
    headers["Authorization"] = f"Bearer {read['token']}"
    with caller(home.url, headers) as reader:
        answer = hand_in(reader, batch, said(202))
    assert (answer.status_code, answer.json()["code"]) == (403, "access.forbidden")


def test_when_nothing_can_be_stored_all_who_came_hear_of_it_and_may_try_again(
    home: House, machine: Client, batch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handed: object) -> object:
        raise YuanliuError("database.unreachable", "the disk is full", retryable=True)

    monkeypatch.setattr(home.prepared.services.outbox, "submit_handed", full)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: hand_in(machine, batch, said(n)), range(8)))
    assert {(each.status_code, each.json()["code"]) for each in answers} == {
        (503, "database.unreachable")
    }
    monkeypatch.undo()
    assert hand_in(machine, batch, said(203)).status_code == 202


def test_one_thread_takes_in_whatever_comes(machine: Client, batch: str) -> None:
    assert hand_in(machine, batch, said(204)).status_code == 202
    assert sum(thread.name == "intake" for thread in threading.enumerate()) == 1
