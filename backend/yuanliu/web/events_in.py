"""What people say of an event, in plain fields, and the EPCIS event that is made of it."""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AwareDatetime, Field, JsonValue

from yuanliu import epcis, identifiers, privacy
from yuanliu.epcis import uris
from yuanliu.epcis.description import MAX_CHARACTERS
from yuanliu.epcis.validation import validate_event
from yuanliu.web.shapes import Input

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
_SKEW_SECONDS: Final = 300


def _plausible(when: datetime) -> datetime:
    if not when >= _EARLIEST or (when - datetime.now(UTC)).total_seconds() > _SKEW_SECONDS:
        raise ValueError("a time from 1990 until now is needed, with its offset, e.g. +08:00")
    return when


Moment = Annotated[
    AwareDatetime,
    Field(strict=False, examples=["2026-04-12T08:30:00+08:00"]),
    AfterValidator(_plausible),
]
"""When something happened, with the offset of the place."""

Figure = Annotated[Decimal, Field(strict=False, max_digits=15, decimal_places=9, examples=["0.11"])]
"""A measured value; as text, to be exact."""

Place = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="A code of the place, or a URI; never a person's name.",
        examples=["orchard-12"],
    ),
]
Details = Annotated[
    dict[str, JsonValue],
    Field(max_length=50, description="More, by one ASCII word each.", examples=[{"feed": "maize"}]),
]


def place_uri(place: str) -> str:
    """Give the URI of a place that was named by it or by a code."""
    return place if _SCHEME.match(place) else uris.place(place)


def party_uri(party: str) -> str:
    """Give the URI of a party that was named by it or by a code."""
    return party if _SCHEME.match(party) else uris.party(party)


Shown = Annotated[str, Field(max_length=MAX_CHARACTERS)]
"""A name as it stands on the pack."""


class DescriptionIn(Input):
    """How the goods are called on their pack. It goes on the record with the batch: no person's name."""

    name_zh: Shown = Field(default="", examples=["土鸡蛋"])
    name_en: Shown = Field(default="", examples=["Free-range eggs"])
    cooperative_zh: Shown = Field(default="", examples=["云岭村蛋鸡专业合作社"])
    cooperative_en: Shown = Field(default="", examples=["Yunling Village Egg Cooperative"])
    place_zh: Shown = Field(default="", examples=["云南省大理州云岭村"])
    place_en: Shown = Field(default="", examples=["Yunling Village, Dali, Yunnan"])
    picture: str = Field(
        default="",
        pattern=r"^([0-9a-f]{64})?$",
        description="SHA-256 of the picture's file, once it is uploaded to /attachments.",
    )
    picture_type: Literal["image/jpeg", "image/png", "image/webp"] = "image/jpeg"

    def description(self) -> epcis.Description:
        """Make the description. Raises `EpcisError`."""
        return epcis.Description(**self.model_dump())


class HarvestIn(Input):
    """What is said of a harvest when its batch is registered."""

    time: Moment
    place: Place
    harvested_on: date = Field(strict=False, examples=["2026-04-12"])
    description: DescriptionIn = Field(default_factory=DescriptionIn)
    details: Details = Field(default_factory=dict)

    def event(self, lot: epcis.Lot) -> epcis.Event:
        """Make the event. Raises `EpcisError`, `YuanliuError` (`privacy.personal_data`)."""
        return checked(
            epcis.harvested(
                self.time,
                lot,
                place=place_uri(self.place),
                harvested_on=self.harvested_on,
                details=self.details,
                description=self.description.description(),
            )
        )


Photos = Annotated[
    list[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]],
    Field(
        max_length=6,
        description="SHA-256 of pictures, as `POST /attachments` answered.",
        examples=[["ab" * 32]],
    ),
]


def with_photos(event: epcis.Event, photos: list[str]) -> epcis.Event:
    """Give an event that names its pictures by their content, as `ni:` URIs (RFC 6920)."""
    digests = (base64.urlsafe_b64encode(bytes.fromhex(each)) for each in photos)
    uris = [f"ni:///sha-256;{digest.rstrip(b'=').decode()}" for digest in digests]
    return {**event, "yuanliu:photos": uris} if uris else event


class ProductionIn(Input):
    """A step of production."""

    kind: Literal["production"] = "production"
    time: Moment
    place: Place
    step: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9]{0,39}$", examples=["feeding"])
    details: Details = Field(default_factory=dict)
    photos: Photos = Field(default_factory=list)

    def event(self, lot: epcis.Lot) -> epcis.Event:
        """Make the event. Raises `EpcisError`, `YuanliuError` (`privacy.personal_data`)."""
        event = epcis.produced(
            self.time,
            lot,
            place=place_uri(self.place),
            step=self.step,
            details=self.details,
        )
        return checked(with_photos(event, self.photos))


class TemperatureIn(Input):
    """Temperatures on the way, in degrees Celsius."""

    minimum: Figure
    maximum: Figure
    mean: Figure
    start: Moment
    end: Moment

    @property
    def temperature(self) -> epcis.Temperature:
        """The figures as EPCIS takes them. Raises `EpcisError`."""
        return epcis.Temperature(self.minimum, self.maximum, self.mean, self.start, self.end)


class LogisticsIn(Input):
    """A step on the way."""

    kind: Literal["logistics"] = "logistics"
    time: Moment
    place: Place
    step: Literal["shipping", "transporting", "receiving"]
    source: Place | None = Field(None, description="Who had the goods, by his code.")
    destination: Place | None = Field(None, description="Who gets them, by his code.")
    temperature: TemperatureIn | None = None
    photos: Photos = Field(default_factory=list)

    def event(self, lot: epcis.Lot) -> epcis.Event:
        """Make the event. Raises `EpcisError`, `YuanliuError` (`privacy.personal_data`)."""
        t = self.temperature
        event = epcis.moved(
            self.time,
            lot,
            step=self.step,
            place=place_uri(self.place),
            source=party_uri(self.source) if self.source else None,
            destination=party_uri(self.destination) if self.destination else None,
            temperature=t.temperature if t else None,
        )
        return checked(with_photos(event, self.photos))


class MeasurementIn(Input):
    """What a laboratory measured of one substance; without `value`: not detected, down to `detection_limit`."""

    substance: str = Field(
        min_length=1, max_length=200, examples=["https://id.yuanliu.example/substance/imidacloprid"]
    )
    value: Figure | None = None
    limit: Figure = Field(examples=["0.5"])
    limit_source: str = Field(min_length=1, max_length=100, examples=["GB 2763-2026"])
    method: str = Field(min_length=1, max_length=100, examples=["GB 23200.121"])
    detection_limit: Figure | None = None
    uom: str = Field("NA", min_length=2, max_length=3, description="NA is mg/kg.")


class InspectionIn(Input):
    """An inspection. One that does not conform holds the batch."""

    time: Moment
    place: Place
    laboratory: str = Field(min_length=1, max_length=60, examples=["LAB-0001"])
    report_sha256: str = Field(
        pattern=r"^[0-9a-f]{64}$",
        description="Of the report's file, as `POST /attachments` answered.",
    )
    conformant: bool
    measurements: list[MeasurementIn] = Field(min_length=1, max_length=60)

    def event(self, lot: epcis.Lot) -> epcis.Event:
        """Make the event. Raises `EpcisError`, `YuanliuError` (`privacy.personal_data`)."""
        return checked(
            epcis.inspected(
                self.time,
                lot,
                place=place_uri(self.place),
                laboratory=self.laboratory,
                report_sha256=self.report_sha256,
                conformant=self.conformant,
                measurements=[
                    epcis.Measurement(
                        substance=m.substance,
                        value=m.value,
                        limit=m.limit,
                        limit_source=m.limit_source,
                        method=m.method,
                        detection_limit=m.detection_limit,
                        uom=identifiers.parse_unit(m.uom) if m.uom != "NA" else "NA",
                    )
                    for m in self.measurements
                ],
            )
        )


def checked(event: Mapping[str, Any]) -> epcis.Event:
    """Refuse an event that breaks a rule of EPCIS, or holds what looks like personal data.

    Raises `EpcisError`, `YuanliuError` (`privacy.personal_data`).
    """
    validate_event(dict(event))
    privacy.check(event)
    return dict(event)
