"""What the fields of an event hold, and how what is wrong with them is refused."""

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Annotated, Final, Literal, NoReturn, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PlainValidator,
    StrictStr,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from yuanliu.epcis import times, vocabulary
from yuanliu.epcis.canonical import is_gs1, names_thing
from yuanliu.epcis.contexts import OURS, Namespaces
from yuanliu.epcis.errors import EpcisError
from yuanliu.epcis.payloads import MAX_DEPTH, UNFIT
from yuanliu.epcis.vocabulary import Vocabulary

_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\"<>\\^`{|}]+")
_OFFSET: Final = re.compile(r"[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)")
_UOM: Final = re.compile(r"[A-Z0-9]{2,3}")
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_LARGEST: Final = 2**53  # beyond, a reader that counts in doubles loses digits


def refuse(code: str, message: str, hint: str, at: str = "") -> NoReturn:
    """Refuse with a stable code; `at` is where below the validated part."""
    raise PydanticCustomError(
        "epcis",
        "{message}",
        {"code": f"epcis.{code}", "message": message, "hint": hint, "at": at},
    )


def _relay(error: EpcisError, at: str = "") -> NoReturn:
    refuse(error.code.removeprefix("epcis."), error.message, error.hint, at)


# ---------------------------------------------------------------------- values


def _uri(text: str) -> str:
    if not _URI.fullmatch(text):
        refuse(
            "uri_invalid",
            f"not a URI: {text[:120]!r}",
            "write scheme and path, for example https://id.gs1.org/414/… or urn:…",
        )
    return text


def _time(text: str) -> str:
    if times.read(text) is None:
        refuse(
            "time_invalid",
            f"not a point in time: {text[:80]!r}",
            "write ISO 8601 with offset, for example 2026-04-12T08:30:00+08:00",
        )
    return text


def _offset(text: str) -> str:
    if not _OFFSET.fullmatch(text):
        refuse("offset_invalid", f"not an offset: {text[:80]!r}", "write ±hh:mm, for China +08:00")
    return text


def _number(value: object) -> int | float:
    if (type(value) is int or type(value) is float) and -_LARGEST <= value <= _LARGEST:
        return value
    shown = "too large" if type(value) is int else repr(value)[:80]
    return refuse(
        "number_invalid",
        f"not a number: {shown}",
        "write a JSON number of at most 15 digits, not a text, no NaN and no infinity",
    )


def _uom(text: str) -> str:
    if not _UOM.fullmatch(text):
        refuse(
            "uom_invalid",
            f"not a unit code: {text[:80]!r}",
            "write the code of UN/ECE Recommendation 20, for example KGM, CEL or H87",
        )
    return text


def _hex(text: str) -> str:
    if not _HEX.fullmatch(text):
        refuse("hex_invalid", f"not hex digits: {text[:80]!r}", "write two hex digits per byte")
    return text


def _word(words: Vocabulary) -> Callable[[str, ValidationInfo], str]:
    def check(text: str, info: ValidationInfo) -> str:
        try:
            uri = words.uri(text)
        except EpcisError as error:
            _relay(error)
        if uri == text and not text.startswith(words.web[0]):
            _check_declared(text, info)
            return _uri(text)
        return text

    return check


def _thing(text: str) -> str:
    """Check the identifier of a single thing."""
    if is_gs1(_uri(text)):
        is_thing = names_thing(text)
        if is_thing is None:
            _malformed(text)
        if not is_thing or text.startswith(("urn:epc:class", "urn:epc:idpat")):
            refuse(
                "class_for_thing",
                f"names a class of things, not one thing: {text[:120]!r}",
                "put it with its quantity into the quantity list, or add the serial number (/21/…)",
            )
    return text


def _class(text: str) -> str:
    """Check the identifier of a class of things: a product or a lot."""
    if is_gs1(_uri(text)):
        is_thing = names_thing(text)
        if is_thing is None:
            _malformed(text)
        if is_thing and not text.startswith("urn:epc:idpat"):
            refuse(
                "thing_for_class",
                f"names one thing, not a class of things: {text[:120]!r}",
                "put it into the list of EPCs, or leave the serial number out",
            )
    return text


def _malformed(text: str) -> NoReturn:
    refuse(
        "identifier_malformed",
        f"not a GS1 identifier, though written as one: {text[:120]!r}",
        "check the digits, the check digit and the percent-encoding, "
        "for example https://id.gs1.org/01/06901234567892/10/2026-04-12A",
    )


def _place(text: str) -> str:
    if is_gs1(_uri(text)) and names_thing(text) is None:
        _malformed(text)
    return text


_Item = TypeVar("_Item", bound=Hashable)


def unique(items: list[_Item]) -> list[_Item]:
    """Refuse a list that repeats an entry."""
    if len(items) > 1:
        seen = set()
        for position, item in enumerate(items):
            if item in seen:
                refuse(
                    "list_repeats",
                    "an entry stands twice in the list",
                    "write each entry once",
                    f"/{position}",
                )
            seen.add(item)
    return items


def _certificates(value: object) -> str | list[str]:
    """Check one URI, or a list of them."""
    if isinstance(value, str):
        return _uri(value)
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        refuse("value_type", "neither a URI nor a list of URIs", "write the certificate's URI")
    return unique([_uri(text) for text in value])


Uri = Annotated[StrictStr, AfterValidator(_uri)]
Certificates = Annotated[
    str | list[str],
    PlainValidator(_certificates),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "uri"},
                {"type": "array", "items": {"type": "string", "format": "uri"}, "minItems": 1},
            ]
        }
    ),
]
Thing = Annotated[StrictStr, AfterValidator(_thing)]
Class = Annotated[StrictStr, AfterValidator(_class)]
Place = Annotated[StrictStr, AfterValidator(_place)]
Time = Annotated[StrictStr, AfterValidator(_time)]
Offset = Annotated[StrictStr, AfterValidator(_offset)]
Uom = Annotated[StrictStr, AfterValidator(_uom)]
Hex = Annotated[StrictStr, AfterValidator(_hex)]
Number = Annotated[int | float, PlainValidator(_number), WithJsonSchema({"type": "number"})]
Action = Literal["ADD", "OBSERVE", "DELETE"]
BizStep = Annotated[StrictStr, AfterValidator(_word(vocabulary.BUSINESS_STEPS))]
Disposition = Annotated[StrictStr, AfterValidator(_word(vocabulary.DISPOSITIONS))]
TransactionType = Annotated[StrictStr, AfterValidator(_word(vocabulary.BUSINESS_TRANSACTIONS))]
PartyType = Annotated[StrictStr, AfterValidator(_word(vocabulary.SOURCES_AND_DESTINATIONS))]
ErrorReason = Annotated[StrictStr, AfterValidator(_word(vocabulary.ERROR_REASONS))]
MeasurementType = Annotated[StrictStr, AfterValidator(_word(vocabulary.MEASUREMENTS))]
AlertType = Annotated[StrictStr, AfterValidator(_word(vocabulary.ALERTS))]
Component = Annotated[StrictStr, AfterValidator(_word(vocabulary.COMPONENTS))]


# ---------------------------------------------------------------------- extensions


def escape(name: str) -> str:
    """Write a name as part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _namespaces(info: ValidationInfo) -> Namespaces:
    given = info.context
    return given if isinstance(given, Namespaces) else OURS


def _check_declared(text: str, info: ValidationInfo) -> None:
    """Refuse a compact word whose prefix nobody declared; whole URIs pass."""
    prefix, _, rest = text.partition(":")
    if rest.startswith("//") or prefix in {"urn", "ni", "tag", "did", "geo", "data"}:
        return
    if prefix not in _namespaces(info).prefixes:
        _undeclared(text)


def _undeclared(name: str, at: str = "") -> NoReturn:
    refuse(
        "namespace_undeclared",
        f"nothing declares the namespace of {name[:80]!r}",
        'declare its prefix in @context, for example {"shop": "https://shop.example/epcis/"}, '
        "or write the name as a whole IRI",
        at,
    )


def _check_extensions(holder: BaseModel, info: ValidationInfo) -> None:
    namespaces = _namespaces(info)
    for name, value in (holder.__pydantic_extra__ or {}).items():
        at = "/" + escape(name)
        _check_text(name, at)
        if ":" not in name:
            refuse(
                "field_unknown",
                f"the standard knows no field {name[:80]!r} here",
                f"known are {', '.join(_names(type(holder)))}; a field of your own has a prefix",
                at,
            )
        if namespaces.expand(name) is None:
            _undeclared(name, at)
        _check_value(value, namespaces, at, MAX_DEPTH)


def _check_text(text: str, at: str) -> None:
    if UNFIT.search(text):
        refuse(
            "text_invalid",
            f"a text contains NUL or half a character: {text[:80]!r}",
            "write whole Unicode characters",
            at,
        )


def _check_value(value: object, namespaces: Namespaces, at: str, depth: int) -> None:
    """Check what an extension holds: JSON, not too deep, its prefixes declared."""
    if isinstance(value, str):
        _check_text(value, at)
    elif value is None or isinstance(value, bool):
        return
    elif depth < 0:
        refuse("too_deep", f"nested deeper than {MAX_DEPTH}", "flatten the event", at[:200])
    elif isinstance(value, list):
        for position, item in enumerate(value):
            _check_value(item, namespaces, f"{at}/{position}", depth - 1)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            below = _check_name(name, namespaces, at)
            _check_value(item, namespaces, below, depth - 1)
    else:
        try:
            _number(value)
        except PydanticCustomError as error:
            context = error.context or {}
            refuse("number_invalid", context["message"], context["hint"], at)


def _check_name(name: object, namespaces: Namespaces, at: str) -> str:
    """Check a name inside an extension, which may be bare; give the pointer to it."""
    if not isinstance(name, str):
        refuse("value_type", f"a name that is no text: {name!r}"[:120], "use texts", at)
    _check_text(name, at)
    below = f"{at}/{escape(name)}"
    if ":" in name and namespaces.expand(name) is None:
        _undeclared(name, below)
    return below


def _names(model: type[BaseModel]) -> Iterable[str]:
    return (field.alias or name for name, field in model.model_fields.items())


class Closed(BaseModel):
    """A part that takes no extensions."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Open(BaseModel):
    """A part that takes extensions in declared namespaces."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @model_validator(mode="after")
    def _extensions(self, info: ValidationInfo) -> "Open":
        if self.__pydantic_extra__:
            _check_extensions(self, info)
        return self
