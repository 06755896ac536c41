"""URIs of what the chain knows: parties, places, deliveries, orders, payments, offers, transformations, records.

They are names, not addresses of pages. `.example` is reserved (RFC 2606): nobody can put anything there. Whatever is
numbered on a chain carries the chain's id, so that two chains never share a name. Addresses, ids and hashes are
lowercase hex.
"""

from typing import Final
from urllib.parse import quote

IDENTITIES: Final = "https://id.yuanliu.example/"
"""What all of them begin with."""


def party(code: str, *, under: str = "") -> str:
    """Name an actor by its code; a farmer's is unique `under` the code of the cooperative only."""
    return f"{IDENTITIES}party/" + "/".join(quote(part, safe="") for part in (under, code) if part)


def unenrolled(address: str) -> str:
    """Name somebody who was never enrolled, and so has no code. No code is as long as an address."""
    return f"{IDENTITIES}party/{address.lower()}"


def place(code: str) -> str:
    """Name the place of the party with this code, or any place by a code of its own; never by a person's name."""
    return f"{IDENTITIES}place/{quote(code, safe='')}"


def delivery(chain_id: int, cooperative: str, receipt: int) -> str:
    """Name a delivery by the address of the cooperative and the number of its receipt."""
    return f"{IDENTITIES}delivery/{chain_id}/{cooperative.lower()}/{receipt}"


def order(chain_id: int, payer: str, number: int) -> str:
    """Name an order by the payer's address and his reference."""
    return f"{IDENTITIES}order/{chain_id}/{payer.lower()}/{number}"


def payment(chain_id: int, transaction: str, log_index: int) -> str:
    """Name a payment by the log of its Sold record."""
    return f"{IDENTITIES}payment/{chain_id}/{transaction.lower()}/{log_index}"


def offer(chain_id: int, batch: bytes, number: int) -> str:
    """Name an offer by its number within the batch."""
    return f"{IDENTITIES}offer/{chain_id}/0x{batch.hex()}/{number}"


def transformation(chain_id: int, number: int) -> str:
    """Name a transformation by the number that the contract gave it."""
    return f"{IDENTITIES}transformation/{chain_id}/{number}"


def record(chain_id: int, transaction: str, log_index: int) -> str:
    """Name a log of the contracts."""
    return f"{IDENTITIES}record/{chain_id}/{transaction.lower()}/{log_index}"
