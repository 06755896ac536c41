"""Who may do what: every route that changes something, tried by nobody and by every kind of account."""

import re
from typing import Any, Final

import pytest
from tests.web.house import EGGS, House, caller
from tests.web.test_season import batch, delivery, lot, now

from yuanliu.desk.people import AccountKind

pytestmark = [pytest.mark.node, pytest.mark.slow]

PUBLIC: Final = {
    "POST /api/v1/session",
    "POST /api/v1/orders/quote",
    "POST /api/v1/payments/signed",
    "POST /api/v1/webhooks/payments/{provider}",
    "POST /api/v1/claims",
    "POST /api/v1/batches/{batch}/settlements",
    "POST /api/v1/withdrawals",
    "POST /api/v1/actors/{actor}/recovery/completion",
    "POST /api/v1/requests",
    "POST /api/v1/requests/to-sign",
}
"""Routes that need no sign-in: what they do, a signature within them or the contracts guard."""

OWN: Final = {
    "DELETE /api/v1/session",
    "PUT /api/v1/session/password",
    "POST /api/v1/tokens",
    "DELETE /api/v1/tokens/{token}",
    "POST /api/v1/intentions/{intention}/signature",
}
"""Routes that everybody may use on what is his own."""

COOP: Final = {"cooperative", "clerk"}
FIELD: Final = {"cooperative", "clerk", "inspector", "carrier", "retailer"}
ACTORS: Final = FIELD | {"farmer-eggs", "platform", "regulator"}
MANAGERS: Final = {"platform", "regulator", "cooperative", "clerk", "operator"}

MAY: Final[dict[str, set[str]]] = {
    "POST /api/v1/accounts": MANAGERS,
    "POST /api/v1/accounts/{account}/closing": MANAGERS,
    "POST /api/v1/accounts/{account}/opening": MANAGERS,
    "POST /api/v1/accounts/{account}/reset": MANAGERS,
    "POST /api/v1/accounts/{account}/recovery": {"cooperative"},
    "POST /api/v1/accounts/{account}/dismissal": {"cooperative"},
    "POST /api/v1/actors/{actor}/recovery/cancellation": ACTORS,
    "POST /api/v1/session/key": ACTORS - {"clerk"},
    "POST /api/v1/actors/{actor}/suspension": {"platform", "regulator", "cooperative", "clerk"},
    "POST /api/v1/actors/{actor}/reinstatement": {"platform", "regulator", "cooperative", "clerk"},
    "POST /api/v1/farmers/{farmer}/pin": COOP,
    "POST /api/v1/sheets/{sheet}": MANAGERS,
    "POST /api/v1/sheets/readings": FIELD | {"farmer-eggs", "regulator"},
    "POST /api/v1/payout-address": ACTORS - {"regulator"},
    "POST /api/v1/products": {"platform", "cooperative"},
    "POST /api/v1/products/{gtin}/terms": {"platform", "cooperative"},
    "POST /api/v1/tokens-of-payment": {"platform", "cooperative"},
    "POST /api/v1/deliveries": COOP,
    "POST /api/v1/deliveries/{receipt}/void": COOP,
    "POST /api/v1/collections": COOP,
    "POST /api/v1/batches": COOP,
    "POST /api/v1/transformations": COOP,
    "PUT /api/v1/batches/{batch}/price": COOP,
    "POST /api/v1/batches/{batch}/offers": FIELD,
    "POST /api/v1/batches/{batch}/offers/{number}/acceptance": FIELD,
    "POST /api/v1/batches/{batch}/offers/{number}/refusal": FIELD,
    "POST /api/v1/batches/{batch}/offers/{number}/withdrawal": FIELD,
    "POST /api/v1/batches/{batch}/recall": COOP | {"regulator"},
    "POST /api/v1/batches/{batch}/recall/lifting": COOP | {"regulator"},
    "POST /api/v1/batches/{batch}/release": COOP | {"regulator"},
    "POST /api/v1/batches/{batch}/events": FIELD | {"farmer-eggs", "regulator"},
    "POST /api/v1/batches/{batch}/inspections": {"inspector"},
    "POST /api/v1/batches/{batch}/readings": FIELD | {"farmer-eggs", "regulator"},
    "POST /api/v1/batches/{batch}/corrections": FIELD | {"farmer-eggs", "regulator"},
    "POST /api/v1/payments": {"platform", "retailer", "buyer"},
    "POST /api/v1/attachments": FIELD | {"farmer-eggs", "regulator"},
    "POST /epcis/capture": FIELD | {"farmer-eggs", "regulator"},
}
"""Who gets past the service. What the contracts then say to him is their own matter."""

KINDS: Final = (
    "platform",
    "regulator",
    "cooperative",
    "clerk",
    "farmer-eggs",
    "inspector",
    "carrier",
    "retailer",
    "auditor",
)
UNSAFE: Final = {"post", "put", "patch", "delete"}


def routes(home: House) -> list[str]:
    paths = home.get("openapi.json").json()["paths"]
    return [
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method in methods
        if method in UNSAFE
    ]


@pytest.fixture(scope="module")
def bodies(home: House) -> dict[str, Any]:
    """Give a body for each route that is well-formed, so that only the right to it is in question."""
    temperature = {"minimum": 3, "maximum": 5, "mean": 4, "start": now(2), "end": now(1)}
    line = {"batch": home.get("batches").json()["items"][0]["id"], "units": 1}
    output = {
        "gtin": EGGS,
        "lot": lot(),
        "units": 1,
        "milligrams_per_unit": 50_000,
        "price": {"fen": 300},
    }
    booking = {
        "receipt": 1,
        "farmer": home.address("farmer-eggs"),
        "gtin": EGGS,
        "grams": 1,
        "price_per_kg": {"fen": 1},
    }
    reason = {"reason": "trying"}
    return {
        "accounts": {"login": "nobody-here", "kind": "operator"},
        "suspension": reason,
        "reinstatement": reason,
        "key": {"password": "not the password"},
        "payout-address": {"payout": home.address("farmer-eggs")},
        "products": {"gtin": EGGS, "cooperative": home.address("cooperative"), "unit": "H87"},
        "terms": {
            "farmer_bps": 10_000,
            "cooperative_bps": 0,
            "platform_bps": 0,
            "floor_per_unit": {"fen": 1},
            "cooperative_payee": home.address("cooperative"),
            "platform_payee": home.address("platform"),
        },
        "tokens-of-payment": {"token": home.address("buyer")},
        "deliveries": {"deliveries": [booking]},
        "void": reason,
        "collections": {"gtin": EGGS, "lot": lot(), "receipts": [1]},
        "batches": {
            "gtin": EGGS,
            "lot": lot(),
            "units": 1,
            "milligrams_per_unit": 1,
            "price": {"fen": 300},
            "receipts": [1],
            "harvest": {"time": now(), "place": "x", "harvested_on": "2026-04-12"},
        },
        "transformations": {
            "inputs": [line],
            "outputs": [output],
            "time": now(),
            "place": "packing-hall",
        },
        "price": {"price": {"fen": 1}},
        "offers": {"to": home.address("carrier"), "units": 1},
        "refusal": reason,
        "recall": reason,
        "lifting": reason,
        "release": reason,
        "events": {"kind": "production", "time": now(), "place": "x", "step": "feeding"},
        "inspections": {
            "time": now(),
            "place": "laboratory",
            "laboratory": "LAB-0001",
            "report_sha256": "ab" * 32,
            "conformant": True,
            "measurements": [
                {
                    "substance": "https://x.example/s",
                    "value": 1,
                    "limit": 2,
                    "limit_source": "GB",
                    "method": "GB",
                }
            ],
        },
        "readings": {"place": "road", "readings": ["1"], "temperature": temperature},
        "corrections": {"wrong": 0, "corrective": 1, "reason": "incorrect_data"},
        "payments": {"lines": [line]},
        "capture": {
            "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-04-12T08:00:00Z",
            "epcisBody": {"eventList": []},
        },
    }


def filled(home: House, path: str) -> str:
    values = {
        "account": home.client("clerk").get("/api/v1/session").json()["account"]["id"],
        "actor": home.address("farmer-tea"),
        "gtin": EGGS,
        "receipt": "1",
        "batch": home.get("batches").json()["items"][-1]["id"],
        "number": "1",
        "index": "0",
        "token": "a" * 16,
        "intention": "0" * 32,
        "provider": "bank",
        "sha256": "ab" * 32,
        "cooperative": home.address("cooperative"),
        "farmer": home.address("farmer-tea"),
        "owner": home.address("buyer"),
        "code": "H-0001",
        "capture_id": "x",
        "event_id": "urn:x:y",
        "reference": "0x" + "ab" * 32 + "-1",
        "rest": EGGS,
        "serial": "A",
        "sheet": "farmers",
        "table": "farmers",
    }
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], path)


def test_every_route_that_changes_something_is_in_the_tables(home: House) -> None:
    assert set(routes(home)) == PUBLIC | OWN | set(MAY)


def test_nobody_gets_past_without_signing_in(home: House) -> None:
    forged = caller(home.url)
    for route in sorted(OWN | set(MAY)):
        method, _, path = route.partition(" ")
        path = filled(home, path)
        answer = home.client().request(method, path, json={})
        assert (route, answer.status_code) == (route, 401)
        assert answer.json()["code"] == "access.unauthenticated"
        for headers in (
            {"Authorization": "Bearer yl_nonsense"},
            {"Authorization": "Bearer " + "yl_" + "a" * 16 + "_" + "b" * 59},
            {"Cookie": "yuanliu_session=" + "A" * 43, "X-CSRF-Token": "x"},
        ):
            refused = forged.request(method, path, json={}, headers=headers)
            assert refused.status_code in {401, 403}
    forged.close()


@pytest.mark.parametrize("route", sorted(MAY))
def test_only_the_right_kinds_get_past(home: House, bodies: dict[str, Any], route: str) -> None:
    method, _, path = route.partition(" ")
    key = next(
        part
        for part in reversed(path.split("/"))
        if part in bodies
        or part
        in {
            *("attachments", "acceptance", "withdrawal", "closing", "opening", "reset"),
            *("pin", "sheets", "recovery", "dismissal", "cancellation"),
        }
    )
    for who in KINDS:
        if key in {"attachments", "sheets"} or "/sheets/" in path:
            file = ("a.txt", b"a word", "text/plain")
            answer = home.client(who).post(filled(home, path), files={"file": file})
        elif who in MAY[route] and key in {
            "closing",
            "opening",
            "reset",
            "recovery",
            "dismissal",
            "recall",
            "suspension",
            "payout-address",
        }:
            continue  # those who may would change the house; that they can is in the season's test
        else:
            answer = home.client(who).request(method, filled(home, path), json=bodies.get(key))
        code = answer.json().get("code", "")
        past = not (answer.status_code == 403 and code == "access.forbidden")
        if key == "accounts":
            past = who in MAY[route]  # a kind that this one may not make is forbidden as well
            assert answer.status_code == 403, answer.text
        assert past == (who in MAY[route]), (who, answer.status_code, answer.text)


PRIVATE: Final = {
    "/api/v1/session",
    "/api/v1/tokens",
    "/api/v1/accounts",
    "/api/v1/accounts/{account}",
    "/api/v1/sign-ins",
    "/api/v1/intentions",
    "/api/v1/intentions/{intention}",
    "/api/v1/attachments",
    "/epcis/capture",
    "/epcis/capture/{capture_id}",
    "/api/v1/exports/{table}",
    "/api/v1/batches/{batch}/labels.pdf",
    "/api/v1/farmers/{farmer}/card.pdf",
    "/api/v1/cooperatives/{cooperative}/cards.pdf",
}
"""What is read of the desk. All else is of the chain, and for everybody."""


def test_the_desk_is_private_and_the_chain_is_public(home: House) -> None:
    paths = home.get("openapi.json").json()["paths"]
    for path in [path for path, methods in paths.items() if "get" in methods]:
        status = home.client().get(filled(home, path)).status_code
        assert (status == 401) == (path in PRIVATE), (path, status)


def test_accounts_and_sign_ins_are_for_those_who_manage_them(home: House) -> None:
    for who in KINDS:
        answer = home.client(who).get("/api/v1/accounts")
        assert (answer.status_code == 200) == (who in MANAGERS), who
        assert home.client(who).get("/api/v1/sign-ins").status_code == 403
    mine = {each["login"] for each in home.client("clerk").get("/api/v1/accounts").json()["items"]}
    assert {"clerk", "farmer-tea"} <= mine
    assert not mine & {"platform", "carrier", "inspector"}
    other = home.client("platform").get("/api/v1/accounts").json()["items"]
    assert {"cooperative", "carrier"} <= {each["login"] for each in other}
    farmer = next(
        each
        for each in home.client("clerk").get("/api/v1/accounts").json()["items"]
        if each["kind"] == "farmer"
    )
    stranger = home.client("platform").get(f"/api/v1/accounts/{farmer['id']}")
    assert stranger.status_code in {403, 404}


def test_a_cookie_alone_changes_nothing(home: House) -> None:
    client = home.client("clerk")
    token = client.headers.pop("X-CSRF-Token")
    try:
        answer = client.post("/api/v1/deliveries", json={})
        assert (answer.status_code, answer.json()["code"]) == (403, "access.csrf")
        other = client.post("/api/v1/deliveries", json={}, headers={"X-CSRF-Token": "x" * 43})
        assert other.json()["code"] == "access.csrf"
    finally:
        client.headers["X-CSRF-Token"] = token


def test_a_token_may_no_more_than_its_scopes(home: House) -> None:
    made = home.post("clerk", "tokens", {"label": "scale", "scopes": ["deliveries:write"]}).json()
    receipt = delivery(home, home.address("farmer-eggs"))
    with caller(home.url) as machine:
        machine.headers["Authorization"] = f"Bearer {made['token']}"
        void = machine.post(f"/api/v1/deliveries/{receipt}/void", json={"reason": "weighed twice"})
        assert void.status_code == 201, void.text
        price = {"price": {"fen": 300}}
        where = f"/api/v1/batches/{home.get('batches').json()['items'][0]['id']}/price"
        assert machine.put(where, json=price).json()["code"] == "access.forbidden"
        beyond = home.post("clerk", "tokens", {"label": "x", "scopes": ["operate"]})
        assert beyond.json()["code"] == "access.scope_beyond"
        assert (
            machine.post("/api/v1/tokens", json={"label": "x", "scopes": ["read"]}).json()["code"]
            == "access.person_needed"
        )
        assert home.client("clerk").delete(f"/api/v1/tokens/{made['id']}").status_code == 204
        assert machine.get("/api/v1/tokens").status_code == 401


def test_a_suspended_actor_can_do_nothing_and_still_read(home: House) -> None:
    """On the very next request or, at the latest, when the chain's answer is asked for anew."""
    found = batch(home, [home.address("farmer-eggs")])
    where = f"batches/{found['id']}"
    carrier = home.address("carrier")
    home.done("platform", f"actors/{carrier}/suspension", {"reason": "licence expired"})
    try:
        body = {"kind": "logistics", "time": now(), "place": "road", "step": "shipping"}
        answer = home.post("carrier", f"{where}/events", body)
        assert answer.status_code == 403
        assert answer.json()["code"] in {"access.suspended", "contract.Actors_Suspended"}
        assert home.client("carrier").get("/api/v1/intentions").status_code == 200
    finally:
        home.done("platform", f"actors/{carrier}/reinstatement", {"reason": "licence renewed"})


def test_the_kinds_of_the_matrix_are_all_there_are(home: House) -> None:
    kinds = {home.sign_ins[who].kind for who in KINDS} | {AccountKind.OPERATOR}
    assert kinds == set(AccountKind)
