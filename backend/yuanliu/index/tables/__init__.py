"""The COPY tables: what the chain says, as facts, each keyed by the place of its log.

Rows are only ever added; what holds now (price, hold, holders, open offers …) is asked of the facts. So a chain that
went back is undone by deleting the rows beyond one block, nothing can drift from what it was made of, and a rebuild
gives the same bytes.

`place` is block × 2²⁴ + index of the log in its block: one integer, in the chain's order. A block would need 6 billion
gas to hold more logs. `sub` numbers the rows that one log gives. Times are the block's, seconds UTC.
"""

from yuanliu.index.tables.base import (
    CURSOR,
    LAST_LOG,
    LOG_BITS,
    Block,
    Copy,
    Cursor,
    Uint64,
    metadata,
    unwrap,
    wrap,
)
from yuanliu.index.tables.events import CLIP, Event, EventThing
from yuanliu.index.tables.goods import (
    Answer,
    Batch,
    Delivery,
    DeliveryEntered,
    DeliveryVoided,
    Lineage,
    Member,
    Move,
    Offer,
    Price,
    Record,
    Safety,
)
from yuanliu.index.tables.money import Claim, Credit, Sale, Settlement, Withdrawal
from yuanliu.index.tables.people import (
    FARMER,
    REGULATOR,
    Actor,
    ActorChange,
    Product,
    Terms,
    TermsAuthority,
    Token,
)

__all__ = [
    "CLIP",
    "CURSOR",
    "FARMER",
    "LAST_LOG",
    "LOG_BITS",
    "REGULATOR",
    "Actor",
    "ActorChange",
    "Answer",
    "Batch",
    "Block",
    "Claim",
    "Copy",
    "Credit",
    "Cursor",
    "Delivery",
    "DeliveryEntered",
    "DeliveryVoided",
    "Event",
    "EventThing",
    "Lineage",
    "Member",
    "Move",
    "Offer",
    "Price",
    "Product",
    "Record",
    "Safety",
    "Sale",
    "Settlement",
    "Terms",
    "TermsAuthority",
    "Token",
    "Uint64",
    "Withdrawal",
    "metadata",
    "unwrap",
    "wrap",
]
