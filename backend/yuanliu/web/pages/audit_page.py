"""The auditor's page as one file: what the browser needs to judge a chain by itself, put together without a build tool.

Sources are plain scripts (`static/js/auditor`, and of `static/js/consumer` what both use), a template, and the words.
The same sources and the same deployment give the same bytes.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache, lru_cache
from typing import Any, Final

from markupsafe import Markup

from yuanliu.audit.replay import CONTRACTS
from yuanliu.audit.rules import Rule
from yuanliu.chain.artifacts import load_artifact, load_manifest
from yuanliu.chain.bindings import Contract
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.published import GETTERS
from yuanliu.web.pages import frame
from yuanliu.web.pages.texts import TEXTS

FILE_NAME: Final = "yuanliu-audit.html"
"""What the file is called where it is taken away."""

STYLES: Final = ("base", "audit", "auditor")
SCRIPTS: Final = (
    *("consumer/bytes", "consumer/sha256", "consumer/records"),
    *("auditor/keccak", "auditor/curve", "auditor/words", "auditor/said"),
    *("auditor/scene", "auditor/findings"),
    *("auditor/people", "auditor/trade", "auditor/custody", "auditor/making", "auditor/goods"),
    *("auditor/sales", "auditor/signed", "auditor/node", "auditor/authors", "auditor/state"),
    *("auditor/view", "auditor/audit", "auditor/tables", "auditor/page"),
)
"""In the order in which they are read."""

_AREA: Final = "auditor."
_NO_ADDRESS: Final = "0x" + "00" * 20
_CODED: Final = (*GETTERS, "P256Verifier", "WebAuthnVerifier")
_QUESTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "Actors": (
        *("actorOf", "payoutOf", "recoveryOf", "keyOf", "nonces", "isSigned", "enrol"),
        *("appointClerk", "rotateKey", "proposeRecovery", "execute", "executeBatch", "together"),
        *("dismissClerk", "redirectPayout", "cancelRecovery", "suspend", "reinstate"),
    ),
    "Catalogue": (
        *("isListed", "productOf", "termsAuthorityOf"),
        *("listToken", "listProduct", "publishTerms", "setTermsAuthority"),
    ),
    "Deliveries": ("deliveryOf", "book", "voidDelivery"),
    "Batches": (
        *("batchOf", "recalledBy", "poolOf", "offerOf", "balanceOfBatch"),
        *("collect", "register", "transform", "record", "inspect", "anchor", "correct"),
        *("setPrice", "offer", "accept", "refuse", "withdraw", "release", "recall", "liftRecall"),
    ),
    "Payments": (
        *("poolOf", "dueOf", "creditOf"),
        *("pay", "payWithPermit", "payWithAuthorization", "claimTo", "withdrawTo"),
    ),
}
"""The functions that the page calls, or reads in calldata."""

_EVENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "Actors": (
        *("ActorEnrolled", "ActorSuspended", "ActorReinstated", "ClerkAppointed", "ClerkDismissed"),
        *("KeyRotated", "RecoveryProposed", "RecoveryCancelled", "PayoutRedirected"),
        "ExecutedForwardRequest",
    ),
    "Catalogue": ("TokenListed", "ProductListed", "TermsPublished", "TermsAuthorityChanged"),
    "Deliveries": ("DeliveryBooked", "DeliveryVoided", "DeliveryEntered"),
    "Batches": ("Recorded", "TransferSingle"),
    "Payments": ("Claimed", "Settled", "Credited", "Withdrawn"),
}


@cache
def published() -> Mapping[str, Any]:
    """Give what is public of the contracts: topics, selectors, code with what constructors fix left out."""
    contracts = {name: Contract(name, _NO_ADDRESS) for name in CONTRACTS}
    selectors = {
        f"{name}.{function}": contracts[name].selector(function).hex()
        for name, functions in _QUESTIONS.items()
        for function in functions
    }
    for name, getters in GETTERS.items():
        selectors |= {f"{name}.{each}": contracts[name].selector(each).hex() for each in getters}
    return {
        "source_hash": load_manifest()["sourceHash"],
        "topics": {
            name: {event: "0x" + contracts[name].topic(event).hex() for event in events}
            for name, events in _EVENTS.items()
        },
        "selectors": selectors,
        "getters": GETTERS,
        "codes": {name: _code(name) for name in _CODED},
    }


def _code(name: str) -> dict[str, Any]:
    artifact = load_artifact(name)
    code = bytearray.fromhex(artifact.deployed_bytecode[2:])
    fixed = [
        [(place["start"], place["length"]) for place in places]
        for _, places in sorted(artifact.immutable_references.items())
    ]
    for start, length in (place for places in fixed for place in places):
        code[start : start + length] = bytes(length)
    return {"length": len(code), "sha256": hashlib.sha256(code).hexdigest(), "fixed": fixed}


def page(deployment: Deployment | None = None) -> str:
    """Make the file. With a deployment its addresses are written in; without, the reader hands in the record.

    A rule of the Python audit that no script names is listed in the page as not checked there.
    """
    return _page(None if deployment is None else json.dumps(asdict(deployment)))


@lru_cache(maxsize=4)
def _page(record: str | None) -> str:
    style = "\n".join(_source(f"css/{name}.css") for name in STYLES)
    script = "\n".join(_source(f"js/{name}.js") for name in SCRIPTS)
    words = {
        language: {
            key.removeprefix(_AREA): text[language]
            for key, text in TEXTS.items()
            if key.startswith(_AREA)
        }
        for language in ("zh", "en")
    }
    data = {
        "rules": {rule.value: {"zh": rule.words.zh, "en": rule.words.en} for rule in Rule},
        "missing": [rule.value for rule in Rule if f"'{rule.value}'" not in script],
        "words": words,
        "published": published(),
        "deployment": None if record is None else json.loads(record),
    }
    return frame.ENVIRONMENT.get_template("audit/standalone.html").render(
        policy=f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "connect-src http: https:; base-uri 'none'; form-action 'none'",
        style=Markup(f"<style>{style}</style>"),  # noqa: S704 -- our own file
        script=Markup(f"<script>{script}</script>"),  # noqa: S704 -- our own files
        data=Markup(_json(data)),  # noqa: S704 -- no < is left in it
        words=words,
    )


def _source(path: str) -> str:
    return (frame.STATIC / path).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(data: object) -> str:
    written = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return written.replace("<", "\\u003c")
