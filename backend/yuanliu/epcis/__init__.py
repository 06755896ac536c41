"""EPCIS 2.0: events of our acts and their bytes here; models, hash, vocabulary and queries in the modules beside.

The models need pydantic, so they are imported by name (`yuanliu.epcis.models`); all else is the standard library.
"""

from yuanliu.epcis.acts import (
    Lot,
    Measurement,
    Temperature,
    declared_wrong,
    harvested,
    identified,
    inspected,
    moved,
    produced,
    transformed,
)
from yuanliu.epcis.description import NOTHING, Description, description_of
from yuanliu.epcis.errors import EpcisError
from yuanliu.epcis.payloads import EVENT_TYPES, MAX_DEPTH, Event, parse_payload, payload

__all__ = [
    "EVENT_TYPES",
    "MAX_DEPTH",
    "NOTHING",
    "Description",
    "EpcisError",
    "Event",
    "Lot",
    "Measurement",
    "Temperature",
    "declared_wrong",
    "description_of",
    "harvested",
    "identified",
    "inspected",
    "moved",
    "parse_payload",
    "payload",
    "produced",
    "transformed",
]
