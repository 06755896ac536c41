"""Sensor readings: their list is kept as an attachment, the root of its tree is on the chain, each can be proven."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Self

from fastapi import APIRouter, Path
from pydantic import Field, model_validator

from yuanliu import actions, epcis, members
from yuanliu.epcis.readings import Reading, course, file_of, listed, texts_in
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.records import Readings, RecordError, decode
from yuanliu.sheets.loggers import COLDEST, HOTTEST, MAX_READINGS
from yuanliu.web.acting import Acts
from yuanliu.web.events_in import Moment, Place, TemperatureIn, checked, place_uri
from yuanliu.web.pages.consumer_story import event_of
from yuanliu.web.problems import documented
from yuanliu.web.routes.batches import BatchId, known_lot, known_record
from yuanliu.web.services import Copy, Services, Wired
from yuanliu.web.shapes import Input, IntentionView, Output, hexed, unhexed

router = APIRouter(tags=["events"], responses=documented(400, 422, 503))

Text = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\r\n]*$")]
Celsius = Annotated[
    Decimal,
    Field(strict=False, ge=COLDEST, le=HOTTEST, decimal_places=3, examples=["4.9"]),
]
Device = Annotated[
    str,
    Field(pattern=r"^[!-~]{1,40}$", description="The logger's number.", examples=["TH-07"]),
]


class ReadingIn(Input):
    """One reading of a temperature logger."""

    time: Moment
    celsius: Celsius


class ReadingsIn(Input):
    """Sensor readings of a stretch of the way: of a temperature logger, or as texts with a summary.

    The list is stored, one text a line (`TIME DEVICE CELSIUS` for a logger's), and the chain keeps its Merkle root.
    """

    place: Place
    device: Device | None = Field(
        None, description="Of the logger; with `readings` of temperatures."
    )
    readings: list[ReadingIn] | list[Text] = Field(
        min_length=1,
        max_length=MAX_READINGS,
        description="Times and temperatures; or texts, each exactly as a device wrote it.",
        examples=[[{"time": "2026-04-12T08:30:00+08:00", "celsius": "4.9"}]],
    )
    lower_limit: Celsius | None = Field(None, description="Lowest that is right for these goods.")
    upper_limit: Celsius | None = Field(None, description="Highest that is right for these goods.")
    temperature: TemperatureIn | None = Field(
        None, description="Summary of texts; that of temperatures is worked out."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        measured = self.measured
        if (self.temperature is None) != bool(measured) or (self.device is None) != (not measured):
            raise ValueError("give device with temperatures, or temperature (a summary) with texts")
        if len({each.time for each in measured}) < len(measured):
            raise ValueError("two readings have the same time")
        lower, upper = self.lower_limit, self.upper_limit
        if lower is not None and upper is not None and lower >= upper:
            raise ValueError("lower_limit has to be below upper_limit")
        return self

    @property
    def measured(self) -> list[Reading]:
        """The readings of a logger, in order of time; none for texts."""
        found = [
            Reading(each.time, each.celsius)
            for each in self.readings
            if isinstance(each, ReadingIn)
        ]
        return sorted(found, key=lambda each: each.time)

    @property
    def texts(self) -> list[str]:
        """One text each, as they are kept."""
        if self.device is not None:
            return [each.text(self.device) for each in self.measured]
        return [each for each in self.readings if isinstance(each, str)]

    def event(self, lot: epcis.Lot, texts: Sequence[str]) -> epcis.Event:
        """Make the event. Raises `EpcisError`, `YuanliuError` (`privacy.personal_data`)."""
        measured, t = self.measured, self.temperature
        event = epcis.moved(
            measured[-1].time if t is None else t.end,
            lot,
            step="transporting",
            place=place_uri(self.place),
            temperature=t.temperature if t else None,
        )
        if measured:
            event |= course(measured, lower=self.lower_limit, upper=self.upper_limit)
        return checked(event | listed(texts))


class ProofView(Output):
    """One reading, and the way from its leaf to the root that the chain keeps.

    The leaf is `keccak256(keccak256(text))`; each step hashes the two nodes in ascending order.
    """

    record: int
    index: int
    count: int
    text: str
    leaf: str
    proof: list[str]
    root: str


@router.post(
    "/batches/{batch}/readings", status_code=201, responses=documented(401, 403, 404, 409, 415)
)
def anchor(batch: BatchId, body: ReadingsIn, acts: Acts, db: Copy) -> IntentionView:
    """Anchor sensor readings by the root of their Merkle tree, and keep their list for whoever wants to check it."""
    acts.require("anchor_readings")
    lot = known_lot(db, batch)
    texts = body.texts
    leaves = [members.reading_leaf(each.encode()) for each in texts]
    root = members.root(leaves)
    event = body.event(lot, texts)
    acts.wired.attachments.put(
        [file_of(texts)],
        declared="text/plain",
        name=f"readings-{batch[2:10]}.txt",
        account=acts.account,
    )
    call = actions.anchor_readings(acts.wired.deployment, unhexed(batch), root, len(leaves), event)
    result = {
        "batch": batch,
        "root": hexed(root),
        "count": len(leaves),
        "readings_sha256": event["yuanliu:readingsSha256"],
    }
    return acts.carry_out(call, "anchor_readings", result)


@router.get("/batches/{batch}/journal/{number}/readings/{index}", responses=documented(404, 500))
def prove(
    batch: BatchId,
    number: Annotated[int, Path(ge=0, lt=1 << 31, description="Of the record.")],
    index: Annotated[int, Path(ge=0, lt=1 << 31, description="Of the reading, from 0.")],
    db: Copy,
    wired: Wired,
) -> ProofView:
    """Prove one reading: give its text and its Merkle proof."""
    record = known_record(db, batch, number)
    body = _body(record)
    texts = _list(wired, record)
    leaves = [members.reading_leaf(each.encode()) for each in texts]
    if members.root(leaves) != body.root:
        raise YuanliuError(
            "readings.differ",
            f"the list that record {number} names has another root than the record",
            hint="do not rely on these readings; ask who signed the record for the list",
            fields={"number": number, "root": hexed(body.root)},
        )
    if index >= len(texts):
        raise YuanliuError(
            "readings.unknown",
            f"record {number} has {len(texts)} readings",
            hint="readings are numbered from 0",
            fields={"number": number, "index": index, "count": len(texts)},
        )
    return ProofView(
        record=number,
        index=index,
        count=len(texts),
        text=texts[index],
        leaf=hexed(leaves[index]),
        proof=[hexed(each) for each in members.proof(leaves, index)],
        root=hexed(body.root),
    )


def _body(record: q.Record) -> Readings:
    try:
        body = decode(record.data).body
    except RecordError:
        body = None
    if not isinstance(body, Readings):
        raise YuanliuError(
            "readings.unknown",
            f"record {record.number} holds no readings",
            hint="take the number of a record of the kind readings",
            fields={"number": record.number},
        )
    return body


def _list(wired: Services, record: q.Record) -> list[str]:
    """Give the texts that a record names. Raises `YuanliuError` (`attachments.not_found` and what the store raises)."""
    named = event_of(record.data).get("yuanliu:readingsSha256")
    _, file = wired.attachments.get(named if isinstance(named, str) else "")
    with file:
        return texts_in(file.read())
