"""Turns an EPCIS event that somebody hands in into the act that records it on a batch.

| event | act |
|---|---|
| with an error declaration | `correct` |
| bizStep inspecting, persistent disposition conformant or non_conformant | `inspect` |
| bizStep of the way (shipping, storing, …), or by a carrier or store | `record`, logistics |
| any other ObjectEvent, AggregationEvent, AssociationEvent | `record`, production |
| TransformationEvent, TransactionEvent, ObjectEvent commissioning | refused: these have acts of their own |
"""

from collections.abc import Mapping
from typing import Any, Final

from yuanliu import digital_link, epcis
from yuanliu.actions import goods
from yuanliu.actions.people import Role
from yuanliu.chain.bindings import Call
from yuanliu.chain.deployment import Deployment
from yuanliu.epcis import EpcisError, contexts
from yuanliu.epcis.canonical import canonical
from yuanliu.epcis.contexts import OURS, Namespaces
from yuanliu.epcis.vocabulary import BUSINESS_STEPS

_ON_THE_WAY: Final = frozenset(
    {
        "accepting",
        "arriving",
        "collecting",
        "cycle_counting",
        "departing",
        "holding",
        "loading",
        "packing",
        "picking",
        "receiving",
        "shipping",
        "staging_outbound",
        "stock_taking",
        "stocking",
        "storing",
        "transporting",
        "unloading",
        "unpacking",
        "void_shipping",
    }
)
_LISTS: Final = ("quantityList", "childQuantityList", "epcList", "childEPCs")
_OTHER_ACTS: Final = {
    "TransformationEvent": "POST /api/v1/transformations",
    "TransactionEvent": "POST /api/v1/payments",
}


def recordable(event: Mapping[str, Any], namespaces: Namespaces = OURS) -> epcis.Event:
    """Give the event as it is recorded: alone, so with the prefixes of its document, and without a record time."""
    own = {name: iri for name, iri in namespaces.own.items() if OURS.prefixes.get(name) != iri}
    kept = {name: value for name, value in event.items() if name not in {"recordTime", "@context"}}
    return {"@context": [contexts.CONTEXT, own], **kept} if own else kept


def lots_of(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give (GTIN, lot) of every lot that a validated event is about, each once, in order.

    Raises `EpcisError` (`epcis.capture_no_lot`) if it names none.
    """
    entries = [entry for name in _LISTS for entry in event.get(name) or ()]
    uris = [entry if isinstance(entry, str) else entry["epcClass"] for entry in entries]
    links = (digital_link.read(uri) or digital_link.read(canonical(uri)) for uri in uris)
    found = [(link.gtin, link.lot) for link in links if link and link.gtin and link.lot]
    if not found:
        raise EpcisError(
            "epcis.capture_no_lot",
            "the event names no lot",
            hint="name it in quantityList: epcClass https://id.gs1.org/01/{GTIN}/10/{lot}",
        )
    return list(dict.fromkeys(found))


def capture(
    d: Deployment,
    batch: bytes,
    event: Mapping[str, Any],
    *,
    roles: Role,
    corrected: tuple[bytes, bytes] | None = None,
) -> Call:
    """Give the call that records a `recordable` event on `batch`, as one of `roles`.

    `corrected`, for an event with an error declaration, are the heads after the wrong and the corrective record.
    Raises `EpcisError` (`epcis.capture_other_act`, `epcis.capture_corrective_missing`), and as the act itself.
    """
    if "errorDeclaration" in event:
        if corrected is None:
            raise EpcisError(
                "epcis.capture_corrective_missing",
                "the event is declared wrong, but not which recorded event is right",
                hint="name the wrong event in eventID and the right one in correctiveEventIDs",
            )
        wrong, corrective = corrected
        return goods.correct(d, batch, wrong=wrong, corrective=corrective, event=event)
    step = BUSINESS_STEPS.word(event.get("bizStep", "")) if event.get("bizStep") else ""
    if event["type"] in _OTHER_ACTS or (step == "commissioning" and event.get("action") == "ADD"):
        other = _OTHER_ACTS.get(event["type"], "POST /api/v1/batches")
        raise EpcisError(
            "epcis.capture_other_act",
            f"a {event['type']}{f' of {step}' if step else ''} makes goods or moves money",
            hint=f"use {other}; the event is made from the act",
            fields={"type": event["type"], "bizStep": step},
        )
    if (
        step in {"inspecting", "sampling"}
        and goods.verdict_of(event) is not None
        and roles & Role.INSPECTOR
    ):
        return goods.record_inspection(d, batch, event)
    on_the_way = not roles & (Role.COOPERATIVE | Role.FARMER) or step in _ON_THE_WAY
    if on_the_way and not roles & Role.FARMER:
        return goods.record_logistics(d, batch, event)
    return goods.record_production(d, batch, event)
