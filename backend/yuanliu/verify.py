"""Is a batch's history whole and unaltered? Answered from the chain alone: *matches* or *differs (where)*.

A chain that does not answer raises `ChainUnreachable`: the third answer, and never a silent green.
"""

import re
import time
from dataclasses import dataclass
from typing import Final

from yuanliu import digital_link, identifiers, journal
from yuanliu.chain import history
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.history import ChainHistory
from yuanliu.chain.node import Node
from yuanliu.errors import YuanliuError

_ID_DIGITS: Final = 64
_AGAIN_SECONDS: Final = 0.1
_ID: Final = re.compile(rf"(0[xX])?[0-9a-fA-F]{{{_ID_DIGITS}}}")


@dataclass(frozen=True)
class Verification:
    """A batch's history as the chain gave it, and the verdict on it."""

    batch: bytes
    history: ChainHistory
    verdict: journal.Verdict


def verify(node: Node, deployment: Deployment, batch: bytes) -> Verification:
    """Read every record of a batch and compare them with the head that the contract keeps.

    What differs is read once more: a node under load may show a block's state a moment before its logs.

    Raises `ChainUnreachable`, and `JournalError` (`journal.batch_unknown`).
    """
    found = _read(node, deployment, batch)
    if not found.verdict.matches:
        time.sleep(_AGAIN_SECONDS)
        found = _read(node, deployment, batch)
    return found


def _read(node: Node, deployment: Deployment, batch: bytes) -> Verification:
    found = history.read(node, deployment, batch)
    verdict = journal.check(
        [journal.Entry(record.previous, record.data) for record in found.records],
        head_on_chain=found.head,
        chain_id=deployment.chain_id,
        contract=deployment.batches.address,
        batch=batch,
    )
    return Verification(batch=batch, history=found, verdict=verdict)


def find_batch(node: Node, deployment: Deployment, text: str) -> bytes:
    """Give a batch's id from what people have of it: the id in hex, or the Digital Link from its label.

    Raises `YuanliuError` (`verify.batch_invalid`), `IdentifierError`, or `JournalError` for a product that the
    chain does not know.
    """
    text = text.strip()
    if _ID.fullmatch(text):
        return bytes.fromhex(text[-_ID_DIGITS:])
    link = None
    if "/01/" in text:
        uri = text if "://" in text else identifiers.CANONICAL_HOST + text
        link = digital_link.parse_digital_link(uri)
    if link is None or link.gtin is None or link.lot is None:
        raise YuanliuError(
            "verify.batch_invalid",
            f"not a batch: {text[:80]!r}",
            hint="give the id (64 hex digits) or the link on the label (/01/GTIN/10/LOT)",
            fields={"batch": text},
        )
    number = identifiers.gtin_number(link.gtin)
    product = deployment.catalogue.read(node, "productOf", number)
    return journal.batch_id(product["cooperative"], number, link.lot)
