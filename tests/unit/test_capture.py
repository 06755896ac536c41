"""Which act an EPCIS event from outside becomes."""

from typing import Any, Final

import pytest
from tests.unit.test_actions import BATCH, GTIN, D, event

from yuanliu import actions
from yuanliu.actions import Role
from yuanliu.epcis import EpcisError, contexts
from yuanliu.records import Kind

_CBV: Final = "https://ref.gs1.org/cbv/"


def capture(roles: Role, **fields: object) -> tuple[str, Any]:
    call = actions.capture(D, BATCH, {**event(), **fields}, roles=roles)
    return call.name, call.data


@pytest.mark.parametrize(
    "step", ["shipping", _CBV + "BizStep-shipping", "urn:epcglobal:cbv:bizstep:storing"]
)
def test_a_step_of_the_way_is_logistics(step: str) -> None:
    name, data = capture(Role.COOPERATIVE, bizStep=step)
    assert name == "Batches.record"
    assert int.from_bytes(data[36:68]) == Kind.LOGISTICS


@pytest.mark.parametrize(
    ("roles", "step", "kind"),
    [
        (Role.COOPERATIVE, "commissioning_x", None),
        (Role.COOPERATIVE, None, Kind.PRODUCTION),
        (Role.FARMER, "shipping", Kind.PRODUCTION),
        (Role.CARRIER, None, Kind.LOGISTICS),
        (Role.RETAILER, "stocking", Kind.LOGISTICS),
    ],
)
def test_who_hands_it_in_decides_what_the_contract_takes_from_him(
    roles: Role, step: str | None, kind: Kind | None
) -> None:
    fields = {} if step is None else {"bizStep": step}
    if kind is None:
        with pytest.raises(EpcisError, match="word_unknown"):
            capture(roles, **fields)
        return
    _, data = capture(roles, **fields)
    assert int.from_bytes(data[36:68]) == kind


@pytest.mark.parametrize(
    ("word", "conformant"), [("conformant", 1), (_CBV + "Disp-non_conformant", 0)]
)
def test_an_inspectors_verdict_is_an_inspection(word: str, conformant: int) -> None:
    name, data = capture(
        Role.INSPECTOR, bizStep="inspecting", persistentDisposition={"set": [word]}
    )
    assert name == "Batches.inspect"
    assert int.from_bytes(data[36:68]) == conformant


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "TransactionEvent", "bizStep": "retail_selling"},
        {"type": "TransformationEvent"},
        {"bizStep": "commissioning", "action": "ADD"},
    ],
)
def test_goods_and_money_are_not_made_by_an_event(fields: dict[str, object]) -> None:
    with pytest.raises(EpcisError) as caught:
        capture(Role.COOPERATIVE, **fields)
    assert caught.value.code == "epcis.capture_other_act"
    assert "POST /api/v1/" in caught.value.hint


def test_a_correction_needs_both_records() -> None:
    wrong = {**event(), "errorDeclaration": {"declarationTime": "2026-04-13T08:00:00Z"}}
    with pytest.raises(EpcisError, match="capture_corrective_missing"):
        actions.capture(D, BATCH, wrong, roles=Role.COOPERATIVE)
    heads = (b"\1" * 32, b"\2" * 32)
    call = actions.capture(D, BATCH, wrong, roles=Role.COOPERATIVE, corrected=heads)
    assert (call.name, call.data[36:100]) == ("Batches.correct", b"".join(heads))


def test_an_event_keeps_the_prefixes_of_its_document() -> None:
    document = contexts.read_context({"farm": "https://farm.example/"}, contexts.STANDARD)
    kept = actions.recordable({**event(), "farm:soil": "loam", "recordTime": "x"}, document)
    assert kept["@context"] == [contexts.CONTEXT, {"farm": "https://farm.example/"}]
    assert "recordTime" not in kept
    assert contexts.read_context(kept["@context"], contexts.OURS).expand("farm:soil")
    assert "@context" not in actions.recordable(event())


def test_lots_are_found_in_every_list_and_named_once() -> None:
    other = f"https://id.gs1.org/01/{GTIN}/10/B2/21/7"
    urn = "urn:epc:class:lgtin:6901234.056789.C3"
    assert actions.lots_of(event()) == [(GTIN, "A1")]
    found = actions.lots_of(
        {**event(), "epcList": [other, other], "childQuantityList": [{"epcClass": urn}]}
    )
    assert found == [(GTIN, "A1"), ("06901234567892", "C3"), (GTIN, "B2")]
    with pytest.raises(EpcisError, match="capture_no_lot"):
        actions.lots_of(
            {**event(), "quantityList": [], "epcList": [f"https://id.gs1.org/01/{GTIN}/21/7"]}
        )
