"""The shapes of EPCIS 2.0, with the rules that a schema cannot state.

Values keep the form in which they came (a time stays text, a bare word stays bare): models are for checking and
reading, the event itself is the JSON. Source: GS1 EPCIS 2.0, sections 7 (data model) and 10 (JSON binding).

Rules beyond the schema: a quantity without unit counts whole things, a unit needs a quantity; an `epcList` names
single things, an `epcClass` names classes, both well-formed with right check digits; entries of a list are unique;
recorded and declared times are not before the event; each prefix is declared; each word is known; what a type and its
action need.

The standard allows event types of one's own; here they are refused, as nothing would know what to do with them.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NoReturn

from pydantic import AfterValidator, Field, StrictBool, StrictStr, model_validator

from yuanliu.epcis import times, vocabulary
from yuanliu.epcis.fields import (
    Action,
    AlertType,
    BizStep,
    Certificates,
    Class,
    Closed,
    Component,
    Disposition,
    ErrorReason,
    Hex,
    MeasurementType,
    Number,
    Offset,
    Open,
    PartyType,
    Place,
    Thing,
    Time,
    TransactionType,
    Uom,
    Uri,
    refuse,
    unique,
)

CLOCK_SKEW: Final = 5 * 60 * 1_000_000
"""By how much a later time may be before the event: clocks differ. Microseconds."""

_PERCENT: Final = 100


# ---------------------------------------------------------------------- parts


class QuantityElement(Closed):
    """How much of a class of things; without a quantity, an unknown amount."""

    epcClass: Class
    quantity: Number | None = None
    uom: Uom | None = None

    @model_validator(mode="after")
    def _amount(self) -> "QuantityElement":
        if self.quantity is None:
            if self.uom is not None:
                refuse("quantity_missing", "a unit without a quantity", "give the quantity, too")
        elif self.quantity < 0:
            refuse(
                "quantity_negative", "a quantity below zero", "write it without sign", "/quantity"
            )
        elif self.uom is None and self.quantity != int(self.quantity):
            refuse(
                "uom_missing",
                f"without a unit a quantity counts whole things, not {self.quantity}",
                "give the unit, for example KGM",
                "/quantity",
            )
        return self


class Location(Open):
    """A read point or business location."""

    id: Place


class BizTransaction(Closed):
    """A document or transaction that the event belongs to."""

    type: TransactionType | None = None
    bizTransaction: Uri


class Source(Closed):
    """From whom or where."""

    type: PartyType
    source: Place


class Destination(Closed):
    """To whom or where."""

    type: PartyType
    destination: Place


class PersistentDisposition(Closed):
    """What holds until it is unset, and what no longer does."""

    set: Annotated[list[Disposition], Field(min_length=1), AfterValidator(unique)] | None = None
    unset: Annotated[list[Disposition], Field(min_length=1), AfterValidator(unique)] | None = None

    @model_validator(mode="after")
    def _sides(self) -> "PersistentDisposition":
        if self.set is None and self.unset is None:
            refuse("field_missing", "neither set nor unset", "name what is set or unset")
        words = vocabulary.DISPOSITIONS
        both = {words.uri(w) for w in self.set or ()} & {words.uri(w) for w in self.unset or ()}
        if both:
            named = words.word(min(both))
            refuse("disposition_contradicts", f"both set and unset: {named}", "choose one")
        return self


class ErrorDeclaration(Open):
    """That an earlier event was wrong."""

    declarationTime: Time
    reason: ErrorReason | None = None
    correctiveEventIDs: Annotated[list[Uri], AfterValidator(unique)] | None = None


class SensorMetadata(Open):
    """What holds for all reports of a sensor element."""

    time: Time | None = None
    startTime: Time | None = None
    endTime: Time | None = None
    deviceID: Uri | None = None
    deviceMetadata: Uri | None = None
    rawData: Uri | None = None
    dataProcessingMethod: Uri | None = None
    bizRules: Uri | None = None

    @model_validator(mode="after")
    def _period(self) -> "SensorMetadata":
        if (
            self.startTime
            and self.endTime
            and times.microseconds(self.endTime) < times.microseconds(self.startTime)
        ):
            refuse("period_reversed", "the end is before the start", "swap them", "/endTime")
        return self


class SensorReport(Open):
    """What a sensor or laboratory found."""

    type: MeasurementType | None = None
    exception: AlertType | None = None
    deviceID: Uri | None = None
    deviceMetadata: Uri | None = None
    rawData: Uri | None = None
    dataProcessingMethod: Uri | None = None
    bizRules: Uri | None = None
    time: Time | None = None
    microorganism: Uri | None = None
    chemicalSubstance: Uri | None = None
    coordinateReferenceSystem: Uri | None = None
    value: Number | None = None
    component: Component | None = None
    stringValue: StrictStr | None = None
    booleanValue: StrictBool | None = None
    hexBinaryValue: Hex | None = None
    uriValue: Uri | None = None
    minValue: Number | None = None
    maxValue: Number | None = None
    meanValue: Number | None = None
    sDev: Number | None = None
    percRank: Number | None = None
    percValue: Number | None = None
    uom: Uom | None = None

    @model_validator(mode="after")
    def _figures(self) -> "SensorReport":
        if self.type is None and self.exception is None:
            refuse(
                "field_missing",
                "a report without type",
                "say what was measured, for example Temperature, or which exception there is",
                "/type",
            )
        ordered = [v for v in (self.minValue, self.meanValue, self.maxValue) if v is not None]
        if ordered != sorted(ordered):
            refuse("values_out_of_order", "minimum, mean and maximum are not in order", "swap them")
        if self.sDev is not None and self.sDev < 0:
            refuse("value_negative", "a deviation below zero", "write it without sign", "/sDev")
        if self.percRank is not None and not 0 <= self.percRank <= _PERCENT:
            refuse("percentile_invalid", "a percentile is 0 to 100", "write 95", "/percRank")
        if (self.percRank is None) != (self.percValue is None):
            refuse("field_missing", "percRank and percValue belong together", "give both")
        measured = ordered or self.value is not None or self.percValue is not None
        if measured and self.uom is None and not self._is_bare():
            refuse(
                "uom_missing",
                f"a figure of type {self.type} without unit",
                "give the unit of UN/ECE Recommendation 20, for example CEL",
                "/uom",
            )
        return self

    def _is_bare(self) -> bool:
        """Whether figures may stand without unit: ratios, counts, and measurements of another vocabulary."""
        kind = vocabulary.MEASUREMENTS.uris.get(self.type or "")
        return kind is None or kind.endswith(("/Dimensionless", "/Count"))


class SensorElement(Open):
    """Reports, and what holds for all of them."""

    sensorMetadata: SensorMetadata | None = None
    sensorReport: Annotated[list[SensorReport], Field(min_length=1)]


class Ilmd(Open):
    """Master data of the instances or lots that the event creates."""


Things = Annotated[list[Thing], AfterValidator(unique)]
Quantities = Annotated[list[QuantityElement], AfterValidator(unique)]


# ---------------------------------------------------------------------- events


class EpcisEvent(Open):
    """What all five types have in common."""

    context: Any = Field(default=None, alias="@context")
    eventTime: Time
    eventTimeZoneOffset: Offset
    recordTime: Time | None = None
    eventID: Uri | None = None
    errorDeclaration: ErrorDeclaration | None = None
    certificationInfo: Certificates | None = None
    bizStep: BizStep | None = None
    disposition: Disposition | None = None
    persistentDisposition: PersistentDisposition | None = None
    readPoint: Location | None = None
    bizLocation: Location | None = None
    bizTransactionList: Annotated[list[BizTransaction], AfterValidator(unique)] | None = None
    sourceList: Annotated[list[Source], AfterValidator(unique)] | None = None
    destinationList: Annotated[list[Destination], AfterValidator(unique)] | None = None
    sensorElementList: list[SensorElement] | None = None

    @model_validator(mode="after")
    def _order_of_times(self) -> "EpcisEvent":
        if self.recordTime is None and self.errorDeclaration is None:
            return self
        happened = times.microseconds(self.eventTime)
        if self.recordTime and times.microseconds(self.recordTime) < happened - CLOCK_SKEW:
            refuse(
                "time_before_event",
                "recorded before it happened",
                "compare eventTime and recordTime, and their offsets",
                "/recordTime",
            )
        if declared := self.errorDeclaration:
            if times.microseconds(declared.declarationTime) < happened - CLOCK_SKEW:
                refuse(
                    "time_before_event",
                    "declared wrong before it happened",
                    "compare eventTime and declarationTime, and their offsets",
                    "/errorDeclaration/declarationTime",
                )
            if self.eventID and self.eventID in (declared.correctiveEventIDs or ()):
                refuse(
                    "correction_of_itself",
                    "the event is named as its own correction",
                    "name the event that holds what is right",
                    "/errorDeclaration/correctiveEventIDs",
                )
        return self


class ObjectEvent(EpcisEvent):
    """Something was done to things, or observed of them."""

    type: Literal["ObjectEvent"]
    action: Action
    epcList: Things | None = None
    quantityList: Quantities | None = None
    ilmd: Ilmd | None = None

    @model_validator(mode="after")
    def _what(self) -> "ObjectEvent":
        if not (self.epcList or self.quantityList or (self.sensorElementList and self.readPoint)):
            _what_missing(
                "epcList", "give epcList or quantityList, or sensor readings with their readPoint"
            )
        if self.ilmd is not None and self.action != "ADD":
            refuse(
                "ilmd_misplaced",
                f"master data with action {self.action}",
                "ilmd goes with the event that creates the things: action ADD",
                "/ilmd",
            )
        return self


class _Parental(EpcisEvent):
    """Things were put into or onto a parent, or taken out."""

    action: Action
    parentID: Thing | None = None
    childEPCs: Things | None = None
    childQuantityList: Quantities | None = None

    @model_validator(mode="after")
    def _children(self) -> "_Parental":
        if self.action != "DELETE" and not (self.childEPCs or self.childQuantityList):
            _what_missing(
                "childEPCs", "give childEPCs or childQuantityList; only DELETE can do without"
            )
        if self.parentID is not None and self.parentID in (self.childEPCs or ()):
            refuse("parent_in_children", "the parent is its own child", "remove it", "/childEPCs")
        return self


class AggregationEvent(_Parental):
    """Things were packed together or apart."""

    type: Literal["AggregationEvent"]

    @model_validator(mode="after")
    def _parent(self) -> "AggregationEvent":
        if self.parentID is None and self.action != "OBSERVE":
            _what_missing("parentID", "name what the things were packed into (SSCC: /00/…)")
        return self


class AssociationEvent(_Parental):
    """Things were fixed to an asset or place, or taken off."""

    type: Literal["AssociationEvent"]
    parentID: Place


class TransactionEvent(EpcisEvent):
    """Things were tied to a transaction."""

    type: Literal["TransactionEvent"]
    action: Action
    parentID: Thing | None = None
    epcList: Things | None = None
    quantityList: Quantities | None = None
    bizTransactionList: Annotated[list[BizTransaction], Field(min_length=1), AfterValidator(unique)]

    @model_validator(mode="after")
    def _what(self) -> "TransactionEvent":
        if self.action != "DELETE" and not (self.epcList or self.quantityList or self.parentID):
            _what_missing("epcList", "give epcList or quantityList; only DELETE can do without")
        return self


class TransformationEvent(EpcisEvent):
    """Things were used up, and others made of them."""

    type: Literal["TransformationEvent"]
    inputEPCList: Things | None = None
    inputQuantityList: Quantities | None = None
    outputEPCList: Things | None = None
    outputQuantityList: Quantities | None = None
    transformationID: Uri | None = None
    ilmd: Ilmd | None = None

    @model_validator(mode="after")
    def _what(self) -> "TransformationEvent":
        used = bool(self.inputEPCList or self.inputQuantityList)
        made = bool(self.outputEPCList or self.outputQuantityList)
        if not (used and made):
            side = "inputQuantityList" if made else "outputQuantityList"
            if not (used or made):
                _what_missing("inputQuantityList", "give what was used and what was made")
            if self.transformationID is None:
                _what_missing(
                    side, "give both sides, or the transformationID that joins several events"
                )
        return self


def _what_missing(field: str, hint: str) -> NoReturn:
    refuse("field_missing", f"the event lacks {field}", hint, f"/{field}")


AnyEvent = (
    ObjectEvent | AggregationEvent | TransactionEvent | TransformationEvent | AssociationEvent
)
"""One of the five types."""

BY_TYPE: Final[Mapping[str, type[AnyEvent]]] = {
    "ObjectEvent": ObjectEvent,
    "AggregationEvent": AggregationEvent,
    "TransactionEvent": TransactionEvent,
    "TransformationEvent": TransformationEvent,
    "AssociationEvent": AssociationEvent,
}
"""The model of each type."""


# ---------------------------------------------------------------------- documents


class EventList(Open):
    """Events."""

    eventList: list[Annotated[AnyEvent, Field(discriminator="type")]]


class QueryResults(Open):
    """What a query found."""

    queryName: StrictStr | None = None
    subscriptionID: StrictStr | None = None
    resultsBody: EventList


class QueryBody(Open):
    """The body of a query document."""

    queryResults: QueryResults


class _Document(Open):
    context: Any = Field(alias="@context")
    id: Uri | None = None
    sender: StrictStr | None = None
    receiver: StrictStr | None = None
    instanceIdentifier: StrictStr | None = None
    epcisHeader: dict[str, Any] | None = None


class _Capture(_Document):
    type: Literal["EPCISDocument"]
    schemaVersion: Literal["2.0", "2.0.0", "2.0.1"]
    creationDate: Time


class _Answer(_Document):
    type: Literal["EPCISQueryDocument"]
    schemaVersion: Literal["2.0", "2.0.0", "2.0.1"] | None = None
    creationDate: Time | None = None


class EPCISDocument(_Capture):
    """Events that are handed in."""

    epcisBody: EventList


class EPCISQueryDocument(_Answer):
    """Events that a query found."""

    epcisBody: QueryBody


class _RawList(Open):
    eventList: list[Any]


class _RawResults(Open):
    queryName: StrictStr | None = None
    subscriptionID: StrictStr | None = None
    resultsBody: _RawList


class _RawBody(Open):
    queryResults: _RawResults


class CaptureEnvelope(_Capture):
    """A document whose events are not looked at."""

    epcisBody: _RawList


class AnswerEnvelope(_Answer):
    """A query document whose events are not looked at."""

    epcisBody: _RawBody
