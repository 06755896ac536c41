"""Speed of EPCIS on one core: events validated and hashed a second.

Method: events of all our acts in equal parts, each with lot, place, time and figures of its own, so that nothing is
answered from what was computed for another event; written as JSON as they stand in records. One process, one thread, no
warm-up beyond the first round; each round handles every event once, and the best of three rounds counts. Time is that
of the process on its core, so that what else the machine does counts as little as can be.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from yuanliu import epcis
from yuanliu.epcis import hashing, terms, validation
from yuanliu.identifiers import check_digit

EVENTS: Final = 12_000
"""Events in a round."""

TARGETS: Final = {"validated": 7_000, "hashed": 10_000}
"""Events a second that are asked for."""

_ROUNDS: Final = 3
_START: Final = datetime(2026, 4, 12, 8, 30, tzinfo=UTC)
_SUBSTANCES: Final = ("imidacloprid", "bifenthrin", "acetamiprid")


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured speed."""

    name: str
    per_second: int
    target: int | None


def measure(events: int = EVENTS, said: Callable[[str], None] = lambda _: None) -> Iterator[Figure]:
    """Measure one step after the other. `said` hears of each."""
    made = list(_events(events))
    data = [epcis.payload(event) for event in made]
    steps: Sequence[tuple[str, Callable[[], object]]] = (
        ("read from bytes", lambda: [epcis.parse_payload(text) for text in data]),
        ("validated", lambda: [validation.validate_event(event) for event in made]),
        ("read and validated", lambda: [_whole(text) for text in data]),
        ("hashed", lambda: [hashing.event_hash(event) for event in made]),
        ("terms for the index", lambda: [terms.terms(event) for event in made]),
    )
    for name, step in steps:
        said(name)
        best = min(_seconds(step) for _ in range(_ROUNDS))
        yield Figure(name, int(len(made) / best), TARGETS.get(name))


def average_bytes(events: int = EVENTS) -> int:
    """Give the mean size of the events measured, in bytes."""
    sizes = [len(epcis.payload(event)) for event in _events(min(events, 600))]
    return sum(sizes) // len(sizes)


def _whole(data: bytes) -> object:
    return validation.validate_event(epcis.parse_payload(data))


def _seconds(step: Callable[[], object]) -> float:
    started = time.process_time()
    step()
    return time.process_time() - started


def _events(count: int) -> Iterator[epcis.Event]:
    """Make events of six acts in turn, all different."""
    for number in range(count):
        yield _ACTS[number % len(_ACTS)](number)


def _lot(number: int) -> epcis.Lot:
    body = f"690123{number % 1_000_000:06d}"
    return epcis.Lot(f"{body}{check_digit(body)}", f"2026-{number:06d}", number + 1, "KGM")


def _place(number: int) -> str:
    body = f"690999{number % 1_000_000:06d}"
    return f"https://id.gs1.org/414/{body}{check_digit(body)}/254/P{number}"


def _when(number: int) -> datetime:
    return _START + timedelta(seconds=number)


def _harvest(number: int) -> epcis.Event:
    details = {"variety": "凤凰单丛", "plot": f"P-{number}", "mu": 2}
    when = _when(number)
    return epcis.harvested(
        when, _lot(number), place=_place(number), harvested_on=when.date(), details=details
    )


def _growing(number: int) -> epcis.Event:
    details = {"note": f"pruned by hand, row {number}"}
    return epcis.produced(
        _when(number), _lot(number), place=_place(number), step="growing", details=details
    )


def _inspection(number: int) -> epcis.Event:
    measurements = [
        epcis.Measurement(
            substance=f"https://id.yuanliu.example/substance/{name}",
            value=Decimal(number) / 1_000_000,
            limit=Decimal("0.5"),
            limit_source="GB 2763-2026",
            method="GB 23200.113-2018",
        )
        for name in _SUBSTANCES
    ]
    return epcis.inspected(
        _when(number),
        _lot(number),
        place=_place(number),
        laboratory=f"LAB-{number}",
        report_sha256=f"{number:064x}",
        conformant=True,
        measurements=measurements,
    )


def _shipment(number: int) -> epcis.Event:
    return epcis.moved(
        _when(number),
        _lot(number),
        step="shipping",
        place=_place(number),
        source=f"https://id.yuanliu.example/party/{number}",
        destination=f"https://id.yuanliu.example/party/{number + 1}",
    )


def _arrival(number: int) -> epcis.Event:
    when = _when(number)
    temperature = epcis.Temperature(
        minimum=Decimal("2.1"),
        maximum=Decimal("7.9") + number,
        mean=Decimal("4.5"),
        start=when - timedelta(hours=6),
        end=when,
    )
    return epcis.moved(
        when, _lot(number), step="receiving", place=_place(number), temperature=temperature
    )


def _processing(number: int) -> epcis.Event:
    return epcis.transformed(
        _when(number),
        [_lot(number), _lot(number + 1)],
        [_lot(number + 2)],
        place=_place(number),
        transformation=f"urn:uuid:00000000-0000-4000-8000-{number:012d}",
        loss_milligrams=number,
    )


_ACTS: Final = (_harvest, _growing, _inspection, _shipment, _arrival, _processing)
