"""The words of CBV 2.0, as data: bare words, web URIs, and the URNs of CBV 1.x.

Sources: GS1 Core Business Vocabulary 2.0 and the JSON-LD context of EPCIS 2.0. A word of another vocabulary is a URI
of its own and passes as it is; a name inside the standard's own namespaces that the standard does not know is refused.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from yuanliu.epcis.errors import EpcisError

CBV: Final = "https://ref.gs1.org/cbv/"
"""Namespace of the CBV."""

GS1_VOC: Final = "https://ref.gs1.org/voc/"
"""Namespace of the GS1 web vocabulary, for measurement and alert types."""

_GS1_VOC_BEFORE: Final = "https://gs1.org/voc/"  # its name in the drafts, still met in events
_NEAR: Final = 0.6


@dataclass(frozen=True)
class Vocabulary:
    """One list of words. `web` and `urns` are what stands before a word in its URI; the first `web` is canonical."""

    name: str
    web: tuple[str, ...]
    words: tuple[str, ...]
    urns: tuple[str, ...] = ()

    @cached_property
    def uris(self) -> Mapping[str, str]:
        """Every way to write a word, with its web URI."""
        known: dict[str, str] = {}
        for word in self.words:
            uri = self.web[0] + word
            for prefix in ("", *self.web, *self.urns):
                known[prefix + word] = uri
            for curie, namespace in (("cbv:", CBV), ("gs1:", GS1_VOC)):
                if uri.startswith(namespace):
                    known[curie + uri.removeprefix(namespace)] = uri
        return known

    def uri(self, text: str) -> str:
        """Give the web URI of a word in any of its forms; a URI of another vocabulary as it is.

        Raises `EpcisError` (`epcis.word_unknown`) for a bare word, or a name in the standard's namespaces, that the
        standard does not know.
        """
        if found := self.uris.get(text):
            return found
        if ":" in text and not text.startswith(_RESERVED):
            return text
        raise self._unknown(text)

    def word(self, text: str) -> str:
        """Give the bare word of whatever `uri` reads; a URI of another vocabulary as it is. Raises `EpcisError`."""
        uri = self.uri(text)
        return uri.removeprefix(self.web[0]) if uri in self.uris else uri

    def _unknown(self, text: str) -> EpcisError:
        bare = text.rsplit(":", 1)[-1].rsplit("/", 1)[-1].rsplit("-", 1)[-1]
        near = difflib.get_close_matches(bare[:80], self.words, n=1, cutoff=_NEAR)
        proposal = f"did you mean {near[0]}? " if near else ""
        few = ", ".join(self.words[:4])
        return EpcisError(
            "epcis.word_unknown",
            f"the standard knows no {self.name} {text[:80]!r}",
            hint=f"{proposal}There are {len(self.words)}, such as {few}; a word of your own is a full URI",
            fields={"vocabulary": self.name, "word": text, "suggestion": near[0] if near else None},
        )


def _cbv(name: str, web: str, words: str, *, urn: str = "") -> Vocabulary:
    urns = (f"urn:epcglobal:cbv:{urn}:",) if urn else ()
    return Vocabulary(name, (CBV + web,), tuple(words.split()), urns)


def _voc(name: str, words: str) -> Vocabulary:
    return Vocabulary(name, (GS1_VOC, _GS1_VOC_BEFORE), tuple(words.split()))


BUSINESS_STEPS: Final = _cbv(
    "business step",
    "BizStep-",
    "accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting"
    " decommissioning departing destroying disassembling dispensing encoding entering_exiting holding inspecting"
    " installing killing loading other packing picking receiving removing repackaging repairing replacing reserving"
    " retail_selling sampling sensor_reporting shipping staging_outbound stock_taking stocking storing transporting"
    " unloading unpacking void_shipping",
    urn="bizstep",
)

DISPOSITIONS: Final = _cbv(
    "disposition",
    "Disp-",
    "active available completeness_inferred completeness_verified conformant container_closed container_open damaged"
    " destroyed dispensed disposed encoded expired in_progress in_transit inactive mismatch_class mismatch_instance"
    " mismatch_quantity needs_replacement no_pedigree_match non_conformant non_sellable_other partially_dispensed"
    " recalled reserved retail_sold returned sellable_accessible sellable_not_accessible stolen unavailable unknown",
    urn="disp",
)

BUSINESS_TRANSACTIONS: Final = _cbv(
    "business transaction type",
    "BTT-",
    "bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt",
    urn="btt",
)

SOURCES_AND_DESTINATIONS: Final = _cbv(
    "source or destination type", "SDT-", "location owning_party possessing_party", urn="sdt"
)

ERROR_REASONS: Final = _cbv("error reason", "ER-", "did_not_occur incorrect_data", urn="er")

COMPONENTS: Final = _cbv(
    "component",
    "Comp-",
    "altitude axial_distance azimuth easting elevation_angle height latitude longitude northing polar_angle"
    " spherical_radius x y z",
)

MEASUREMENTS: Final = _voc(
    "measurement type",
    "AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance"
    " AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity Area Capacitance"
    " Conductance Conductivity Count Density Dimensionless DoseEquivalent DoseEquivalentRate DynamicViscosity"
    " ElectricCharge ElectricCurrent ElectricCurrentDensity ElectricFieldStrength Energy Exposure Force Frequency"
    " Illuminance Inductance Irradiance KinematicViscosity Length LinearMomentum Luminance LuminousFlux"
    " LuminousIntensity MagneticFlux MagneticFluxDensity MagneticVectorPotential Mass MassConcentration MassFlowRate"
    " MassPerAreaTime MemoryCapacity MolalityOfSolute MolarEnergy MolarMass MolarVolume Power Pressure RadiantFlux"
    " RadiantIntensity Radioactivity RelativeHumidity Resistance Resistivity SolidAngle SpecificVolume Speed"
    " SurfaceDensity SurfaceTension Temperature Time Torque Voltage Volume VolumeFlowRate VolumeFraction"
    " VolumetricFlux Wavenumber",
)

ALERTS: Final = _voc("alert type", "ALARM_CONDITION ERROR_CONDITION")

ALL: Final = (
    BUSINESS_STEPS,
    DISPOSITIONS,
    BUSINESS_TRANSACTIONS,
    SOURCES_AND_DESTINATIONS,
    ERROR_REASONS,
    COMPONENTS,
    MEASUREMENTS,
    ALERTS,
)
"""All vocabularies."""

_RESERVED: Final = (
    CBV,
    GS1_VOC,
    _GS1_VOC_BEFORE,
    "cbv:",
    "gs1:",
    *(urn for vocabulary in ALL for urn in vocabulary.urns),
)

ACTIONS: Final = ("ADD", "OBSERVE", "DELETE")
"""What an event does to what it names; part of EPCIS, not of the CBV."""
