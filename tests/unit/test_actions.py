"""What is refused before anybody signs, and what the calls are that get signed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pytest

from yuanliu import actions, epcis, money
from yuanliu.actions import Booking, Line, Order, Registration, Role, Terms
from yuanliu.chain.bindings import Call
from yuanliu.chain.deployment import CONTRACTS, Deployed, Deployment
from yuanliu.errors import YuanliuError
from yuanliu.records import MAX_PAYLOAD

D: Final = Deployment(
    format=1,
    chain_id=1,
    genesis="0x",
    block=0,
    deployer="0x",
    source_hash="",
    compiler={},
    contracts={
        name: Deployed("0x" + f"{i + 1:02x}" * 20, "0x", "") for i, name in enumerate(CONTRACTS)
    },
)
SOMEBODY: Final = "0x" + "99" * 20
BATCH: Final = bytes.fromhex("ab" * 32)
GTIN: Final = "06901234567892"
WHEN: Final = datetime(2026, 4, 12, 8, tzinfo=UTC)
PLACE: Final = "https://example.org/field-1"
LOT: Final = epcis.Lot(GTIN, "A1", 10, "KGM")
TERMS: Final = Terms(SOMEBODY, money.Ratios(3_334, 5_000, 1_666), SOMEBODY, 120, SOMEBODY)
REGISTRATION: Final = Registration(gtin=GTIN, lot="A1", units=10, mass_per_unit=1_000, price=300)


def event(**details: object) -> epcis.Event:
    return epcis.produced(WHEN, LOT, place=PLACE, step="growing", details=details)


def refused(code: str, act: Callable[[], object]) -> YuanliuError:
    with pytest.raises(YuanliuError) as caught:
        act()
    assert caught.value.code == code
    assert caught.value.hint
    return caught.value


# ------------------------------------------------------------------ codes


@pytest.mark.parametrize(
    "code",
    [
        "",
        " ",
        "张三",
        "农户-0042",
        "Ｈ-0042",
        "H 0042",
        "H-0042 ",
        "H\t42",
        "H\n42",
        "H-0042\n",
        "H\x0042",
        "H\x7f42",
        "Ñandú",
        "x" * 17,
        "٤٢",
    ],
)
def test_a_code_is_short_and_no_name(code: str) -> None:
    error = refused(
        "actions.code_invalid", lambda: actions.enrol(D, SOMEBODY, Role.FARMER, code, b"")
    )
    assert error.fields == {"code": code}
    assert "H-0042" in error.hint


@pytest.mark.parametrize("code", ["H-0042", "1", "x" * 16, "?", "!~", "a?b"])
def test_a_code_of_visible_ascii_is_taken(code: str) -> None:
    call = actions.enrol(D, SOMEBODY, Role.FARMER, code, b"")
    assert call.to == D.contracts["Actors"].address
    assert call.data[4 + 64 : 4 + 96] == code.encode().ljust(32, b"\0")


# ------------------------------------------------------------------ reasons

REASONED: Final[dict[str, Callable[[str], Call]]] = {
    "suspend": lambda reason: actions.suspend(D, SOMEBODY, reason),
    "reinstate": lambda reason: actions.reinstate(D, SOMEBODY, reason),
    "release": lambda reason: actions.release(D, BATCH, reason),
    "recall": lambda reason: actions.recall(D, BATCH, reason),
    "lift recall": lambda reason: actions.lift_recall(D, BATCH, reason),
}


@pytest.mark.parametrize("act", list(REASONED))
@pytest.mark.parametrize(
    "reason",
    ["", " ", "\n\t", "\u3000", "x" * 513, "农" * 171, "a\ud800"],
    ids=["none", "blank", "white", "full-width blank", "long", "long Chinese", "half a character"],
)
def test_a_reason_says_something_and_is_not_too_long(act: str, reason: str) -> None:
    error = refused("actions.reason_invalid", lambda: REASONED[act](reason))
    assert error.fields == {"length": len(reason.encode("utf-8", "surrogatepass"))}


@pytest.mark.parametrize("act", list(REASONED))
@pytest.mark.parametrize("reason", ["x", "农" * 170, "x" * 512])
def test_a_reason_goes_on_the_record_as_it_was_written(act: str, reason: str) -> None:
    assert reason.encode() in REASONED[act](reason).data


# ------------------------------------------------------------------ products and lots


@pytest.mark.parametrize("unit", ["", "kg", "公斤", "KG", "KGMS", "K M", "kgm"])
def test_a_unit_is_a_code_of_three_characters(unit: str) -> None:
    error = refused(
        "identifiers.unit_invalid", lambda: actions.list_product(D, GTIN, SOMEBODY, unit)
    )
    assert "公斤" in error.hint


GTINS: Final[dict[str, Callable[[str], Call]]] = {
    "list product": lambda gtin: actions.list_product(D, gtin, SOMEBODY, "KGM"),
    "publish terms": lambda gtin: actions.publish_terms(D, gtin, TERMS),
    "book": lambda gtin: actions.book(D, [Booking(1, SOMEBODY, gtin, 1_000, 10_000, 600)]),
    "collect": lambda gtin: actions.collect(D, gtin, "A1", [1]),
    "register": lambda gtin: actions.register(D, replace(REGISTRATION, gtin=gtin), [1], event()),
}


@pytest.mark.parametrize("act", list(GTINS))
@pytest.mark.parametrize(
    ("gtin", "code"),
    [
        ("06901234567893", "identifiers.gtin_check_digit"),
        ("123", "identifiers.gtin_length"),
        ("０６９０１２３４５６７８９２", "identifiers.gtin_not_digits"),
        ("", "identifiers.gtin_not_digits"),
        ("00000000000000", "identifiers.gtin_zero"),
    ],
)
def test_a_mistyped_gtin_is_never_signed(act: str, gtin: str, code: str) -> None:
    refused(code, lambda: GTINS[act](gtin))


@pytest.mark.parametrize("act", list(GTINS))
def test_a_gtin_of_thirteen_digits_is_the_same_product(act: str) -> None:
    assert GTINS[act](GTIN.removeprefix("0")) == GTINS[act](GTIN)


@pytest.mark.parametrize(
    ("lot", "code"),
    [
        ("", "identifiers.lot_length"),
        ("A" * 21, "identifiers.lot_length"),
        ("批次一", "identifiers.lot_characters"),
        ("A B", "identifiers.lot_characters"),
        ("A#1", "identifiers.lot_characters"),
        (".", "identifiers.lot_not_linkable"),
        ("..", "identifiers.lot_not_linkable"),
    ],
)
def test_a_lot_that_no_label_can_carry_is_never_signed(lot: str, code: str) -> None:
    refused(code, lambda: actions.collect(D, GTIN, lot, [1]))
    refused(code, lambda: actions.register(D, replace(REGISTRATION, lot=lot), [1], event()))


@pytest.mark.parametrize(
    "ratios", [(2_999, 5_001, 2_000), (3_000, 5_000, 1_999), (-1, 5_001, 5_000)]
)
def test_ratios_that_break_the_rules_cannot_even_be_written_down(
    ratios: tuple[int, int, int],
) -> None:
    with pytest.raises(money.MoneyError):
        Terms(SOMEBODY, money.Ratios(*ratios), SOMEBODY, 120, SOMEBODY)


# ------------------------------------------------------------------ events

RECORDED: Final[dict[str, Callable[[Any], Call]]] = {
    "register": lambda told: actions.register(D, REGISTRATION, [1], told),
    "production": lambda told: actions.record_production(D, BATCH, told),
    "logistics": lambda told: actions.record_logistics(D, BATCH, told),
    "inspection": lambda told: actions.record_inspection(
        D, BATCH, told | {"persistentDisposition": {"set": ["conformant"]}}
    ),
}


@pytest.mark.parametrize("act", list(RECORDED))
def test_a_payload_over_the_limit_is_never_signed(act: str) -> None:
    error = refused("epcis.payload_too_long", lambda: RECORDED[act](event(note="x" * MAX_PAYLOAD)))
    assert str(MAX_PAYLOAD) in error.message + error.hint + str(error.fields)


@pytest.mark.parametrize("act", list(RECORDED))
@pytest.mark.parametrize(
    "told",
    [
        {},
        {"type": "Story"},
        {"type": "ObjectEvent", "eventTime": "yesterday"},
        event() | {"yuanliu:note": "\ud800"},
        event() | {"yuanliu:note": float("nan")},
        event() | {"yuanliu:note": {1, 2}},
    ],
    ids=range(6),
)
def test_what_is_no_event_is_never_signed(act: str, told: dict[str, object]) -> None:
    with pytest.raises(YuanliuError) as caught:
        RECORDED[act](told)
    assert caught.value.code.startswith("epcis.")


@pytest.mark.parametrize("act", list(RECORDED))
def test_the_events_bytes_go_on_the_record(act: str) -> None:
    told = event(note="土鸡蛋") | {"persistentDisposition": {"set": ["conformant"]}}
    call = RECORDED[act](told)
    assert call.to == D.contracts["Batches"].address
    assert epcis.payload(told) in call.data


@pytest.mark.parametrize(
    "disposition",
    [
        None,
        {},
        [],
        "conformant",
        {"set": None},
        {"set": []},
        {"set": "conformant"},
        {"set": ["good"]},
        {"set": ["conformant", "non_conformant"]},
        {"unset": ["conformant"]},
    ],
    ids=range(10),
)
def test_an_inspection_without_a_verdict_is_never_signed(disposition: object) -> None:
    told = event() | {"persistentDisposition": disposition}
    refused("actions.no_verdict", lambda: actions.record_inspection(D, BATCH, told))


def test_an_inspection_that_is_silent_on_it_is_never_signed() -> None:
    refused("actions.no_verdict", lambda: actions.record_inspection(D, BATCH, event()))


@pytest.mark.parametrize(("value", "conformant"), [("0.5", True), ("0.51", False)])
def test_the_verdict_on_chain_is_the_reports(value: str, conformant: bool) -> None:  # noqa: FBT001 -- a table
    measured = epcis.Measurement(
        substance="https://example.org/imidacloprid",
        value=Decimal(value),
        limit=Decimal("0.5"),
        limit_source="GB 2763",
        method="GB 23200.121",
    )
    told = epcis.inspected(
        WHEN,
        LOT,
        place=PLACE,
        laboratory="LAB-0001",
        report_sha256="ab" * 32,
        conformant=conformant,
        measurements=[measured],
    )
    call = actions.record_inspection(D, BATCH, told)
    assert int.from_bytes(call.data[36:68]) == conformant


# ------------------------------------------------------------------ calls


def test_each_act_goes_to_the_contract_whose_it_is() -> None:
    order = Order(number=1, buyer=SOMEBODY, lines=[Line(BATCH, 2, 600)])
    expected = {
        "Actors": [actions.appoint_clerk(D, SOMEBODY, b""), actions.suspend(D, SOMEBODY, "x")],
        "Catalogue": [actions.list_token(D, SOMEBODY), GTINS["publish terms"](GTIN)],
        "Deliveries": [GTINS["book"](GTIN)],
        "Batches": [actions.set_price(D, BATCH, 300), GTINS["register"](GTIN)],
        "Payments": [actions.pay(D, order)],
    }
    for name, calls in expected.items():
        for call in calls:
            assert call.to == D.contracts[name].address
            assert call.name.startswith(f"{name}.")


def test_an_order_carries_the_batches_ids_units_and_amounts() -> None:
    lines = [Line(BATCH, 2, 600), Line(bytes(32), 1, 300)]
    order = Order(number=7, buyer=SOMEBODY, lines=lines)
    assert order.for_contract() == (
        7,
        SOMEBODY,
        [(int.from_bytes(BATCH), 2, 600), (0, 1, 300)],
    )


# ------------------------------------------------------------------ values that no contract can hold


@pytest.mark.parametrize(
    ("act", "named"),
    [
        (lambda: actions.set_price(D, BATCH, -1), "price (uint96): -1"),
        (lambda: actions.set_price(D, BATCH, 2**96), f"price (uint96): {2**96}"),
        (lambda: actions.offer(D, BATCH, "0x12", 1), "to (address): 0x12"),
        (
            lambda: actions.book(D, [Booking(1, SOMEBODY, GTIN, -5, 10_000, 100)]),
            "bookings[0].grams (uint40): -5",
        ),
        (
            lambda: actions.register(D, replace(REGISTRATION, units=2**64), [1], event()),
            f"units (uint64): {2**64}",
        ),
        (lambda: actions.withdraw_to(D, SOMEBODY, "Zhang San"), "to (address): Zhang San"),
    ],
)
def test_a_value_that_its_field_cannot_hold_is_named(act: Callable[[], object], named: str) -> None:
    error = refused("chain.value_invalid", act)
    assert error.fields["values"] == [named]


def test_a_batch_id_of_another_length_is_refused() -> None:
    with pytest.raises(YuanliuError) as caught:
        actions.set_price(D, BATCH[:31], 1)
    assert caught.value.code.startswith("hex")


def test_a_transformation_lists_its_inputs_in_the_order_that_the_contract_wants() -> None:
    high, low = bytes.fromhex("ff" * 32), bytes.fromhex("01" * 32)
    made = actions.Output(GTIN, "B1", 5, 1_000, 400, event())
    first = actions.transform(D, [actions.Input(high, 1), actions.Input(low, 2)], [made], loss=0)
    second = actions.transform(D, [actions.Input(low, 2), actions.Input(high, 1)], [made], loss=0)
    assert first == second


def test_a_claim_tells_farmers_from_parents() -> None:
    farmer = actions.Step(BATCH, 0, SOMEBODY, 7, ())
    parent = actions.Step(BATCH, 0, BATCH, 7, ())
    assert farmer.for_contract()[2] == int(SOMEBODY, 16)
    assert parent.for_contract()[2] == int.from_bytes(BATCH)
