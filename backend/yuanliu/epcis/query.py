"""Event queries: the parameters of EPCIS 2.0, read into conditions on the terms of events.

A query is a list of conditions, and all must hold. An index stores terms as rows and turns conditions into
SQL; `matches` is the reference that it must agree with.

Source: GS1 EPCIS 2.0, section 8.2.7.1 (SimpleEventQuery). Our reading where it is silent: each condition on sensor
reports stands for itself, not all for one report; `EQ_` on an extension compares a text with the text, and a number
with the number, never digits in a text with a number; times compare to the microsecond.
"""

import base64
import binascii
import difflib
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import isfinite
from typing import Any, Final

from yuanliu.epcis import terms, times
from yuanliu.epcis.canonical import canonical, pattern_prefix
from yuanliu.epcis.contexts import OURS, Namespaces
from yuanliu.epcis.errors import EpcisError
from yuanliu.epcis.payloads import EVENT_TYPES
from yuanliu.epcis.terms import Term, Terms
from yuanliu.epcis.vocabulary import ACTIONS

PER_PAGE: Final = 30
"""Events on a page, if the query does not say."""

MAX_PER_PAGE: Final = 1_000
"""Most events on a page."""

MAX_CONDITIONS: Final = 50
"""Most conditions of a query."""

MAX_VALUES: Final = 200
"""Most alternatives of one condition."""


class Op(StrEnum):
    """How a term compares with a condition's values."""

    EQUAL = "EQ"
    GREATER = "GT"
    GREATER_OR_EQUAL = "GE"
    LESS = "LT"
    LESS_OR_EQUAL = "LE"
    EXISTS = "EXISTS"


@dataclass(frozen=True, slots=True)
class Condition:
    """That a field has a term which equals one of `values`, begins with one of `prefixes`, or compares with the value.

    Comparisons other than EQUAL have one value, a number, and hold for numbers only.
    """

    field: str
    op: Op
    values: tuple[Term, ...] = ()
    prefixes: tuple[str, ...] = ()

    def holds(self, event: Terms) -> bool:
        """Tell whether it holds for an event with these terms."""
        found = event.get(self.field)
        if not found or self.op is Op.EXISTS:
            return bool(found)
        if self.op is Op.EQUAL:
            return any(
                term in self.values or (isinstance(term, str) and term.startswith(self.prefixes))
                for term in found
            )
        compare = _COMPARE[self.op]
        bound = self.values[0]
        if isinstance(bound, str):
            return False
        return any(not isinstance(term, str) and compare(term, bound) for term in found)


_COMPARE: Final[Mapping[Op, Callable[[int | float, int | float], bool]]] = {
    Op.GREATER: lambda term, bound: term > bound,
    Op.GREATER_OR_EQUAL: lambda term, bound: term >= bound,
    Op.LESS: lambda term, bound: term < bound,
    Op.LESS_OR_EQUAL: lambda term, bound: term <= bound,
}


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the last event's value in the field of order, and its key."""

    value: Term
    key: str


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for. `order_by` is a field of terms; `limit` cuts the answer, `maximum` refuses a longer one."""

    conditions: tuple[Condition, ...] = ()
    order_by: str = "eventTime"
    descending: bool = True
    per_page: int = PER_PAGE
    limit: int | None = None
    maximum: int | None = None
    after: Position | None = None

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that tell this query from others, whatever its page."""
        asked = replace(self, after=None, per_page=PER_PAGE)
        return hashlib.sha256(repr(asked).encode()).hexdigest()[:16]

    def page_token(self, last: Position) -> str:
        """Write the token of the page after `last`. To clients it means nothing; it fits this query only."""
        document = json.dumps([self.fingerprint, last.value, last.key], separators=(",", ":"))
        return base64.urlsafe_b64encode(document.encode()).decode().rstrip("=")


def matches(query: Query, event: Mapping[str, Any], namespaces: Namespaces = OURS) -> bool:
    """Tell whether a validated event is among the answers."""
    found = terms.terms(event, namespaces)
    return all(condition.holds(found) for condition in query.conditions)


# ---------------------------------------------------------------------- parameters

_COMPARISON: Final = re.compile(r"(EQ|GT|GE|LT|LE|EXISTS)_(.+)", re.DOTALL)
_FIGURE: Final = re.compile(rf"({'|'.join(('quantity', *terms.FIGURES))})(?:_([A-Z0-9]{{2,3}}))?")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
_FAMILY: Final = re.compile(r"((?:INNER_)?(?:ILMD_)?)(.+)", re.DOTALL)
_UNSUPPORTED: Final = re.compile(
    r"(WD_|HASATTR_|EQ_?ATTR_|EQ_INNER_ERROR|[A-Z]{2,6}_(INNER_)?(ERROR_DECLARATION|SENSOR[A-Z]*)_)"
)
_LIST_PARAMETERS: Final = frozenset(
    {"eventType", "EQ_action"}
    | {f"EQ_{name}" for name in (*terms.WORDS, *terms.IDENTIFIERS, *terms.SENSOR_TEXTS)}
    | {f"MATCH_{name}" for name in terms.MATCHED}
    | {f"{op}_{name}" for op in ("GE", "LT") for name in terms.TIMES}
    | {f"{op}_percRank" for op in ("EQ", "GT", "GE", "LT", "LE")}
    | {"EXISTS_errorDeclaration", "EXISTS_sensorElementList"}
)
_CONTROLS: Final[tuple[str, ...]] = (
    "orderBy",
    "orderDirection",
    "perPage",
    "nextPageToken",
    "eventCountLimit",
    "maxEventCount",
)
_ALIASES: Final = {
    "GE_errorDeclaration_Time": "GE_errorDeclarationTime",
    "LT_errorDeclaration_Time": "LT_errorDeclarationTime",
}


def parse_query(parameters: Iterable[tuple[str, str]], namespaces: Namespaces = OURS) -> Query:
    """Read the parameters of `GET /events`, decoded; alternatives are separated by `|`.

    `namespaces` are what prefixes in names of extensions mean. Raises `EpcisError`: `query_unknown` (the hint may
    propose a name), `query_unsupported`, `query_repeated`, `query_invalid`, `query_contradicts`, `token_invalid`,
    `token_foreign`, and `word_unknown`, `namespace_undeclared`.
    """
    given: dict[str, str] = {}
    for name, text in parameters:
        right = _ALIASES.get(name, name)
        if right in given:
            raise _error(
                "query_repeated",
                name,
                "it stands twice",
                "give each parameter once; separate alternatives by |",
            )
        given[right] = text
    controls: dict[str, str] = {name: given.pop(name) for name in _CONTROLS if name in given}
    if len(given) > MAX_CONDITIONS:
        raise _error(
            "query_invalid", "…", f"{len(given)} conditions", f"at most {MAX_CONDITIONS} are taken"
        )
    conditions = tuple(
        sorted(
            (_condition(name, text, namespaces) for name, text in given.items()),
            key=lambda condition: (condition.field, condition.op),
        )
    )
    _check_ranges(conditions)
    return _control(Query(conditions), controls, namespaces)


def _condition(name: str, text: str, namespaces: Namespaces) -> Condition:
    if name == "eventType":
        return Condition(name, Op.EQUAL, _listed(name, text, EVENT_TYPES))
    if name.startswith("MATCH_") and (field := name[6:]) in terms.MATCHED:
        return _match(name, field, text)
    if _UNSUPPORTED.match(name):
        raise _unsupported(name)
    found = _COMPARISON.fullmatch(name)
    if not found:
        raise _unknown(name)
    op, field = Op(found[1]), found[2]
    if op is Op.EXISTS:
        return Condition(_existing(name, field, namespaces), op)
    is_typed = field.startswith(tuple(f"{typed}_" for typed in terms.TYPED))
    if ":" in field and not is_typed:
        return _extension_condition(name, op, field, text, namespaces)
    return _standard(name, op, field, text, namespaces)


def _standard(name: str, op: Op, field: str, text: str, namespaces: Namespaces) -> Condition:
    if field in terms.TIMES and op in (Op.GREATER_OR_EQUAL, Op.LESS):
        return Condition(field, op, (_time(name, text),))
    if field == "percRank" or _FIGURE.fullmatch(field):
        return Condition(field, op, _numbers(name, op, text))
    if op is Op.EQUAL:
        return _equal(name, field, text, namespaces)
    raise _unknown(name)


def _equal(name: str, field: str, text: str, namespaces: Namespaces) -> Condition:
    if field == "action":
        return Condition(field, Op.EQUAL, _listed(name, text, ACTIONS))
    if field == "booleanValue":
        return Condition(field, Op.EQUAL, _listed(name, text, ("true", "false")))
    values = _split(name, text)
    if field in terms.WORDS:
        words = terms.WORDS[field]
        return Condition(field, Op.EQUAL, tuple(terms.word(words, v, namespaces) for v in values))
    if field in terms.IDENTIFIERS:
        return Condition(field, Op.EQUAL, tuple(map(canonical, values)))
    if field in terms.SENSOR_TEXTS:
        return Condition(field, Op.EQUAL, tuple(terms.plain_text(field, v) for v in values))
    typed, _, kind = field.partition("_")
    if typed in terms.TYPED and kind:
        kind = terms.word(terms.TYPED[typed][1], kind, namespaces)
        return Condition(f"{typed}_{kind}", Op.EQUAL, tuple(map(canonical, values)))
    raise _unknown(name)


def _match(name: str, field: str, text: str) -> Condition:
    """Read identifiers and id patterns; for a class, a pattern of instances names the class itself."""
    exact: list[Term] = []
    prefixes = []
    for value in _split(name, text):
        of_lots = value.startswith(("urn:epc:class:", "urn:epc:idpat:lgtin:"))
        if "*" in value and value.startswith("urn:epc:"):
            prefix = pattern_prefix(value)
            if prefix is None:
                raise _error(
                    "query_unsupported",
                    name,
                    f"the pattern {value[:80]!r} is not supported",
                    "only the serial or lot number may be *, as in urn:epc:idpat:sgtin:6901234.567890.*",
                )
            if field in terms.CLASSES and not of_lots:
                exact.append(canonical(value))
            else:
                prefixes.append(prefix)
        else:
            exact.append(canonical(value))
    return Condition(field, Op.EQUAL, tuple(exact), tuple(prefixes))


def _existing(name: str, field: str, namespaces: Namespaces) -> str:
    if field in {"errorDeclaration", "sensorElementList"}:
        return field
    if ":" in field:
        return _extension_field(name, field, namespaces) + "@exists"
    raise _unknown(name)


def _extension_field(name: str, field: str, namespaces: Namespaces) -> str:
    found = _FAMILY.fullmatch(field)
    expanded = namespaces.expand(found[2]) if found else None
    if not found or expanded is None:
        raise _error(
            "namespace_undeclared",
            name,
            "nothing declares the namespace of the extension",
            "use a declared prefix, for example EQ_yuanliu:step, or the name as a whole IRI",
        )
    return f"{found[1]}{terms.braced(expanded)}"


def _extension_condition(
    name: str, op: Op, field: str, text: str, namespaces: Namespaces
) -> Condition:
    term = _extension_field(name, field, namespaces)
    if op is Op.EQUAL:
        values: list[Term] = []
        for value in _split(name, text):
            values.append(value)
            if _NUMBER.fullmatch(value) and isfinite(float(value)):
                values.append(_exact(value))
        return Condition(term, op, tuple(values))
    if times.read(text):
        return Condition(f"{term}@time", op, (times.microseconds(text),))
    return Condition(term, op, _numbers(name, op, text))


def _check_ranges(conditions: tuple[Condition, ...]) -> None:
    """Refuse two bounds of which nothing lies between: whoever asks so has mixed them up."""
    lower: dict[str, int | float] = {}
    for condition in conditions:
        bound = condition.values[0] if condition.values else None
        if isinstance(bound, str) or bound is None:
            continue
        if condition.op in (Op.GREATER, Op.GREATER_OR_EQUAL):
            lower[condition.field] = max(bound, lower.get(condition.field, bound))
    for condition in conditions:
        bound = condition.values[0] if condition.values else None
        if isinstance(bound, str) or bound is None or condition.field not in lower:
            continue
        low = lower[condition.field]
        is_empty = (condition.op is Op.LESS and bound <= low) or (
            condition.op is Op.LESS_OR_EQUAL and bound < low
        )
        if is_empty:
            raise _error(
                "query_contradicts",
                condition.field,
                "the upper bound is not above the lower",
                "swap them",
            )


def _control(query: Query, controls: Mapping[str, str], namespaces: Namespaces) -> Query:
    if "eventCountLimit" in controls and "maxEventCount" in controls:
        raise _error(
            "query_contradicts",
            "eventCountLimit",
            "maxEventCount stands beside it",
            "choose: eventCountLimit cuts the answer, maxEventCount refuses a longer one",
        )
    if "orderDirection" in controls and "orderBy" not in controls:
        raise _error(
            "query_contradicts",
            "orderDirection",
            "a direction without orderBy",
            "add orderBy, for example orderBy=eventTime",
        )
    order = controls.get("orderBy", "eventTime")
    if order not in {"eventTime", "recordTime"}:
        if ":" not in order:
            raise _error(
                "query_invalid",
                "orderBy",
                f"nothing is ordered by {order[:80]!r}",
                "order by eventTime, recordTime, or an extension of the event",
            )
        order = _extension_field("orderBy", order, namespaces)
    direction = controls.get("orderDirection", "DESC")
    if direction not in {"ASC", "DESC"}:
        raise _error(
            "query_invalid", "orderDirection", f"no direction: {direction[:80]!r}", "ASC or DESC"
        )
    query = replace(
        query,
        order_by=order,
        descending=direction == "DESC",
        per_page=_count("perPage", controls, MAX_PER_PAGE) or PER_PAGE,
        limit=_count("eventCountLimit", controls),
        maximum=_count("maxEventCount", controls),
    )
    if token := controls.get("nextPageToken"):
        query = replace(query, after=_position(query, token))
    return query


def _count(name: str, controls: Mapping[str, str], maximum: int = 10**9) -> int | None:
    text = controls.get(name)
    if text is None:
        return None
    if re.fullmatch(r"[1-9][0-9]{0,9}", text) and int(text) <= maximum:
        return int(text)
    raise _error(
        "query_invalid", name, f"not a number from 1 to {maximum}: {text[:80]!r}", "write digits"
    )


def _position(query: Query, token: str) -> Position:
    try:
        padded = token + "=" * (-len(token) % 4)
        fingerprint, value, key = json.loads(
            base64.b64decode(padded, altchars=b"-_", validate=True)
        )
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise _token_invalid() from error
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _token_invalid()
    if not isinstance(key, str) or not isinstance(fingerprint, str):
        raise _token_invalid()
    if fingerprint != query.fingerprint:
        raise _error(
            "token_foreign",
            "nextPageToken",
            "it belongs to another query",
            "repeat the parameters of the first page, and add only the token",
        )
    return Position(value, key)


# ---------------------------------------------------------------------- values


def _split(name: str, text: str) -> list[str]:
    values = list(dict.fromkeys(text.split("|")))
    if not all(values) or len(values) > MAX_VALUES:
        raise _error(
            "query_invalid",
            name,
            "no value, or one of the alternatives is empty or one too many",
            f"give 1 to {MAX_VALUES} values, separated by |",
        )
    return values


def _listed(name: str, text: str, allowed: Iterable[str]) -> tuple[Term, ...]:
    values = _split(name, text)
    for value in values:
        if value not in allowed:
            raise _error(
                "query_invalid",
                name,
                f"no such value: {value[:80]!r}",
                f"one of {', '.join(sorted(allowed))}",
            )
    return tuple(values)


def _time(name: str, text: str) -> int:
    if times.read(text) is None:
        lost_plus = times.read(text.replace(" ", "+")) is not None
        raise _error(
            "query_invalid",
            name,
            f"not a point in time: {text[:80]!r}",
            "the + of an offset is written %2B in an address"
            if lost_plus
            else "write ISO 8601 with offset, for example 2026-04-12T08:30:00Z",
        )
    return times.microseconds(text)


def _numbers(name: str, op: Op, text: str) -> tuple[Term, ...]:
    values = _split(name, text) if op is Op.EQUAL else [text]
    for value in values:
        if not _NUMBER.fullmatch(value) or not isfinite(float(value)):
            raise _error(
                "query_invalid", name, f"not a number: {value[:80]!r}", "write it as in JSON: 2.5"
            )
    return tuple(map(_exact, values))


def _exact(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


# ---------------------------------------------------------------------- errors


def _error(code: str, name: str, why: str, hint: str) -> EpcisError:
    return EpcisError(
        f"epcis.{code}", f"{name[:80]}: {why}", hint=hint, fields={"parameter": name[:500]}
    )


def _unknown(name: str) -> EpcisError:
    near = difflib.get_close_matches(name[:80], [*_LIST_PARAMETERS, *_CONTROLS], n=1)
    proposal = f"did you mean {near[0]}?" if near else "see EPCIS 2.0, section 8.2.7.1"
    return _error("query_unknown", name, "there is no such parameter", proposal)


def _unsupported(name: str) -> EpcisError:
    return _error(
        "query_unsupported",
        name,
        "the standard knows this parameter, this service does not",
        "ask by the fields of the event, its ilmd and its extensions",
    )


def _token_invalid() -> EpcisError:
    return _error(
        "token_invalid",
        "nextPageToken",
        "it was not made here",
        "take the token of the answer before as it is, or begin at the first page",
    )
