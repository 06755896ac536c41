"""Events and documents from outside: checked against shapes and rules, refused with every place named."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from yuanliu.epcis import contexts, models
from yuanliu.epcis.contexts import OURS, Namespaces
from yuanliu.epcis.errors import EpcisError
from yuanliu.epcis.fields import escape
from yuanliu.epcis.payloads import EVENT_TYPES, parse_json

MAX_ERRORS: Final = 20
"""Most faults that one refusal lists."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A document whose envelope is valid, with its events as they came, not yet checked.

    `at` is the JSON pointer of the list of events.
    """

    namespaces: Namespaces
    events: list[Any]
    at: str

    def validate(self) -> list[models.AnyEvent]:
        """Check every event; the first that is wrong refuses all. Raises `EpcisError` as `validate_event` does."""
        return [
            validate_event(event, self.namespaces, at=f"{self.at}/{position}")
            for position, event in enumerate(self.events)
        ]


def validate_event(
    event: object, namespaces: Namespaces = OURS, *, at: str = ""
) -> models.AnyEvent:
    """Check one event against shape and rules.

    `namespaces` are what its document declares; without, the event is one of our records. `at` is the JSON pointer
    of the event in its document.

    Raises `EpcisError`; its fields have `pointer`, a JSON pointer to the place, and `errors`, up to 20 faults, each
    with `code`, `pointer`, `message` and `hint`. Codes: `type_invalid`, `field_missing`, `field_unknown`,
    `value_type`, `value_invalid`, `list_empty`, `list_repeats`, `uri_invalid`, `time_invalid`, `offset_invalid`,
    `number_invalid`, `uom_invalid`, `uom_missing`, `hex_invalid`, `word_unknown`, `identifier_malformed`,
    `class_for_thing`, `thing_for_class`, `quantity_missing`, `quantity_negative`, `value_negative`,
    `values_out_of_order`, `percentile_invalid`, `disposition_contradicts`, `period_reversed`, `time_before_event`,
    `correction_of_itself`, `ilmd_misplaced`, `parent_in_children`, `namespace_undeclared`, `text_invalid`, `too_deep`,
    and those of `contexts.read_context`.
    """
    if not isinstance(event, dict):
        raise _error("type_invalid", "an event is a JSON object", "see EPCIS 2.0, section 10", at)
    kind = event.get("type")
    model = models.BY_TYPE.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise _error(
            "type_invalid",
            f"not an EPCIS event type: {kind!r}"[:120],
            f"type is one of {', '.join(sorted(EVENT_TYPES))}",
            at + "/type",
        )
    if event.get("@context") is not None:
        namespaces = _read_context(event["@context"], namespaces, at)
    try:
        return model.model_validate(event, context=namespaces)
    except ValidationError as error:
        raise _translate(error, at) from error


def open_document(document: object) -> Opened:
    """Check the envelope of an EPCISDocument or EPCISQueryDocument; its events are left for `validate_event`.

    Raises `EpcisError` as `validate_event` and `contexts.read_context` do.
    """
    kind = document.get("type") if isinstance(document, dict) else None
    if not isinstance(document, dict) or kind not in ("EPCISDocument", "EPCISQueryDocument"):
        raise _error(
            "type_invalid",
            f"not an EPCIS document: {kind!r}"[:120],
            "type is EPCISDocument, or EPCISQueryDocument for the answer to a query",
            "/type",
        )
    context = document.get("@context")
    if not contexts.names_standard(context):
        raise _error(
            "context_invalid",
            "the document does not name the context of EPCIS 2.0",
            f"write {contexts.CONTEXT} into @context",
            "/@context",
        )
    namespaces = _read_context(context, contexts.STANDARD, "")
    try:
        if kind == "EPCISDocument":
            body = models.CaptureEnvelope.model_validate(document, context=namespaces).epcisBody
            return Opened(namespaces, body.eventList, "/epcisBody/eventList")
        found = models.AnswerEnvelope.model_validate(
            document, context=namespaces
        ).epcisBody.queryResults
    except ValidationError as error:
        raise _translate(error, "") from error
    at = "/epcisBody/queryResults/resultsBody/eventList"
    return Opened(namespaces, found.resultsBody.eventList, at)


def parse_document(data: bytes, *, maximum: int) -> Opened:
    """Read a document of at most `maximum` bytes. Raises `EpcisError` as `parse_json` and `open_document` do."""
    return open_document(parse_json(data, maximum=maximum))


def _read_context(context: object, within: Namespaces, at: str) -> Namespaces:
    try:
        return contexts.read_context(context, within)
    except EpcisError as error:
        reason = error.code.removeprefix("epcis.")
        raise _error(reason, error.message, error.hint, at + "/@context") from error


def _translate(error: ValidationError, at: str) -> EpcisError:
    """Make one refusal of what pydantic found."""
    found = error.errors(include_url=False, include_input=False)
    faults = [_fault(details, at) for details in found[:MAX_ERRORS]]
    first = faults[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return EpcisError(
        first["code"],
        f"{first['pointer'] or '/'}: {first['message']}{more}",
        hint=first["hint"],
        fields={"pointer": first["pointer"], "errors": faults},
    )


_FAULTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "missing": ("field_missing", "it is missing", "the standard requires it here"),
    "extra_forbidden": (
        "field_unknown",
        "the standard knows no such field here",
        "remove it; extensions have their place in the event, its places, its sensor parts and ilmd",
    ),
    "too_short": ("list_empty", "the list is empty", "leave it out, or give at least one entry"),
    "union_tag_invalid": ("type_invalid", "no EPCIS event type", "see EPCIS 2.0, section 7.4"),
    "union_tag_not_found": ("field_missing", "the event has no type", "give its type"),
}


def _fault(details: ErrorDetails, at: str) -> dict[str, str]:
    pointer = at + "".join(f"/{escape(str(part))}" for part in details["loc"])
    context = details.get("ctx", {})
    if details["type"] == "epcis":
        return {
            "code": str(context["code"]),
            "pointer": pointer + str(context["at"]),
            "message": str(context["message"]),
            "hint": str(context["hint"]),
        }
    if details["type"] == "literal_error":
        code, message, hint = "value_invalid", "no such value", f"it is {context['expected']}"
    else:
        code, message, hint = _FAULTS.get(
            details["type"],
            ("value_type", details["msg"].lower(), "see the type that EPCIS 2.0 gives it"),
        )
    return {"code": f"epcis.{code}", "pointer": pointer, "message": message, "hint": hint}


def _error(code: str, message: str, hint: str, at: str) -> EpcisError:
    fault = {"code": f"epcis.{code}", "pointer": at, "message": message, "hint": hint}
    fields: dict[str, object] = {"pointer": at, "errors": [fault]}
    return EpcisError(f"epcis.{code}", f"{at or '/'}: {message}", hint=hint, fields=fields)
