"""Is a batch's history whole and unaltered? Answered from the chain alone: *matches* or *differs (where)*.

A chain that does not answer raises `ChainUnreachable`: the third answer, and never a silent green.
"""

from dataclasses import dataclass
from typing import Final

from yuanliu import identifiers, journal
from yuanliu.chain import history
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.history import ChainHistory
from yuanliu.chain.node import Node
from yuanliu.errors import YuanliuError

_ID_DIGITS: Final = 64
_NO_SUCH_BATCH: Final = 3


@dataclass(frozen=True)
class Verification:
    """A batch's history as the chain gave it, and the verdict on it."""

    batch: bytes
    history: ChainHistory
    verdict: journal.Verdict


def verify(node: Node, deployment: Deployment, batch: bytes) -> Verification:
    """Read every record of a batch and compare them with the head that the contract keeps.

    Raises `ChainUnreachable`, and `JournalError` (`journal.batch_unknown`).
    """
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
    digits = text.strip().removeprefix("0x")
    if len(digits) == _ID_DIGITS and all(digit in "0123456789abcdefABCDEF" for digit in digits):
        return bytes.fromhex(digits)
    _, found, path = text.strip().partition("/01/")
    if not found:
        raise YuanliuError(
            "verify.batch_invalid",
            f"not a batch: {text[:80]!r}",
            hint="give the id (64 hex digits) or the link on the label (/01/GTIN/10/LOT)",
            fields={"batch": text},
            exit_code=_NO_SUCH_BATCH,
        )
    gtin, lot = identifiers.parse_digital_link_path("/01/" + path)
    number = identifiers.gtin_number(gtin)
    product = deployment.catalogue.read(node, "productOf", number)
    return journal.batch_id(product["cooperative"], number, lot)
