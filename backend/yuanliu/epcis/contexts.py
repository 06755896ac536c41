"""JSON-LD contexts, pinned: the standard's is known by its name, ours by its prefix, and none is ever fetched.

A `Namespaces` is the prefixes of one document, and of nothing else: no declaration leaks into the next.
Source: EPCIS 2.0 section 10 (JSON-LD binding), JSON-LD 1.1.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from yuanliu.epcis.errors import EpcisError
from yuanliu.epcis.vocabulary import CBV, GS1_VOC

CONTEXT: Final = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
"""The standard's context, as we write it."""

KNOWN_CONTEXTS: Final = frozenset(
    {
        CONTEXT,
        "https://ref.gs1.org/standards/epcis/2.0.1/epcis-context.jsonld",
        "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
    }
)
"""Names of the standard's context that are understood."""

PREFIX: Final = "yuanliu"
"""Prefix of our extensions."""

NAMESPACE: Final = "https://ns.yuanliu.example/epcis/"
"""Namespace of our extensions. `.example` is reserved (RFC 2606): nobody can put anything there."""

MAX_PREFIXES: Final = 64
"""Most prefixes that a document may declare."""

_STANDARD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "epcis": "https://ref.gs1.org/epcis/",
        "cbv": CBV,
        "cbvmda": "urn:epcglobal:cbv:mda",
        "gs1": GS1_VOC,
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
        "owl": "http://www.w3.org/2002/07/owl#",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
        "dcterms": "http://purl.org/dc/terms/",
    }
)
_OTHER_SPELLINGS: Final = {
    "cbvmda": {"urn:epcglobal:cbv:mda:"},
    "gs1": {"https://gs1.org/voc/"},
}
_PREFIX: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_IRI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\"<>\\^`{|}]+")
_SPLIT: Final = re.compile(r"(.*[/#:])([^/#:]+)", re.DOTALL)


@dataclass(frozen=True)
class Namespaces:
    """Prefixes and their namespaces, the standard's included."""

    prefixes: Mapping[str, str]

    def expand(self, name: str) -> tuple[str, str] | None:
        """Split the name of an extension, `prefix:name` or a whole IRI, into namespace and local name.

        None if it is neither, or its prefix is not declared.
        """
        prefix, colon, local = name.partition(":")
        if not colon or not local:
            return None
        if local.startswith("//") or prefix == "urn":
            found = _SPLIT.fullmatch(name)
            return (found[1], found[2]) if found and _IRI.fullmatch(name) else None
        namespace = self.prefixes.get(prefix)
        return None if namespace is None else (namespace, local)

    def expand_value(self, text: str) -> str:
        """Write out a compact IRI as a whole one; other texts as they are."""
        prefix, colon, local = text.partition(":")
        if colon and local and not local.startswith("//") and prefix in self.prefixes:
            return self.prefixes[prefix] + local
        return text

    @property
    def own(self) -> dict[str, str]:
        """What is declared beside the standard's."""
        return {name: iri for name, iri in self.prefixes.items() if name not in _STANDARD}


STANDARD: Final = Namespaces(_STANDARD)
"""What the standard's context declares."""

OURS: Final = Namespaces(MappingProxyType({**_STANDARD, PREFIX: NAMESPACE}))
"""What holds for the events in our records, which carry no context of their own."""


def document_context() -> list[object]:
    """Give the `@context` of a document that holds our events."""
    return [CONTEXT, {PREFIX: NAMESPACE}]


def read_context(context: object, within: Namespaces = STANDARD) -> Namespaces:
    """Read a `@context`: names of the standard's context, and objects that declare prefixes.

    `within` is what holds around it (for an event, its document's). Raises `EpcisError`: `context_invalid`,
    `context_remote` for any other remote context, `context_redefines`.
    """
    prefixes = dict(within.prefixes)
    for part in context if isinstance(context, list) else [context]:
        if isinstance(part, str):
            _check_known(part)
        elif isinstance(part, dict):
            for name, definition in part.items():
                _declare(prefixes, name, definition)
        else:
            raise _invalid(f"neither a name nor an object: {part!r}"[:120])
    if len(prefixes) > MAX_PREFIXES:
        raise _invalid(f"{len(prefixes)} prefixes, where {MAX_PREFIXES} are the most")
    return Namespaces(MappingProxyType(prefixes))


def names_standard(context: object) -> bool:
    """Tell whether a `@context` names the standard's."""
    parts = context if isinstance(context, list) else [context]
    return any(isinstance(part, str) and part in KNOWN_CONTEXTS for part in parts)


def _check_known(name: str) -> None:
    if name not in KNOWN_CONTEXTS:
        raise EpcisError(
            "epcis.context_remote",
            f"a context that would have to be fetched: {name[:120]!r}",
            hint=f"nothing is fetched: use {CONTEXT}, and declare prefixes in an object, "
            f'for example {{"{PREFIX}": "{NAMESPACE}"}}',
            fields={"context": name[:500]},
        )


def _declare(prefixes: dict[str, str], name: object, definition: object) -> None:
    if isinstance(definition, dict) and set(definition) <= {"@id", "@prefix"}:
        definition = definition.get("@id")
    if not isinstance(name, str) or not _PREFIX.fullmatch(name):
        raise _invalid(f"not a prefix: {name!r}"[:120])
    if not isinstance(definition, str) or not _IRI.fullmatch(definition):
        raise _invalid(f"the prefix {name[:80]!r} has no namespace: {definition!r}"[:200])
    already = prefixes.get(name)
    if already is not None and already != definition:
        if definition in _OTHER_SPELLINGS.get(name, ()):
            return
        raise EpcisError(
            "epcis.context_redefines",
            f"the prefix {name!r} means {already} already",
            hint="choose another prefix for a namespace of your own",
            fields={"prefix": name, "namespace": already, "redefined": definition},
        )
    prefixes[name] = definition


def _invalid(why: str) -> EpcisError:
    return EpcisError(
        "epcis.context_invalid",
        f"@context: {why}",
        hint=f'write "{CONTEXT}", or a list of it and objects such as {{"{PREFIX}": "{NAMESPACE}"}}',
    )
