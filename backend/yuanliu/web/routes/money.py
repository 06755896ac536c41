"""Payments and payouts, for everybody to read (公示)."""

import re
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query

from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.web.problems import documented
from yuanliu.web.routes.batches import (
    After,
    Limit,
    Since,
    after_pair,
    after_place,
    cursor,
    pair_cursor,
)
from yuanliu.web.services import Copy
from yuanliu.web.shapes import Address, Hash, Page, unhexed
from yuanliu.web.views import PaymentView, PayoutView

router = APIRouter(tags=["money"], responses=documented(400, 422, 503))

_REFERENCE: Final = re.compile(r"(0x[0-9a-f]{64})-([0-9]{1,9})")
Reference = Annotated[
    str,
    Path(
        pattern=r"^0x[0-9a-f]{64}-[0-9]{1,9}$",
        description="Where the payment stands on the chain: transaction and log.",
        examples=["0x" + "ab" * 32 + "-3"],
    ),
]


@router.get("/payments")
def list_payments(
    db: Copy,
    *,
    cooperative: Address | None = None,
    batch: Hash | None = None,
    payer: Address | None = None,
    since: Since = None,
    until: Annotated[
        int | None, Query(ge=0, lt=1 << 40, description="Unix time, seconds; before it.")
    ] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[PaymentView]:
    """List payments, newest first, each with how it was shared."""
    rows = q.payments(
        db,
        cooperative=cooperative,
        batch=None if batch is None else unhexed(batch),
        payer=payer,
        since=since,
        until=until,
        after=after_place(after),
        limit=limit,
    )
    return Page(items=[PaymentView.of(row) for row in rows], next=cursor(rows, limit))


@router.get("/payments/{reference}", responses=documented(404))
def show_payment(reference: Reference, db: Copy) -> PaymentView:
    """Give the payment that stands at a place on the chain."""
    match = _REFERENCE.fullmatch(reference)
    rows = q.payments_of_transaction(db, match[1]) if match else ()
    found = next((row for row in rows if match and row.log_index == int(match[2])), None)
    if found is None:
        raise YuanliuError(
            "payment.unknown",
            f"there is no payment at {reference}",
            hint="a reference is the transaction, a hyphen and the number of the log in its block",
            fields={"reference": reference},
        )
    return PaymentView.of(found)


@router.get("/payouts")
def list_payouts(
    db: Copy,
    *,
    owner: Address | None = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[PayoutView]:
    """List payouts, newest first: all money that reached somebody."""
    rows = q.payouts(
        db,
        owner=owner,
        after=after_pair(after),
        limit=limit,
    )
    return Page(items=[PayoutView.of(row) for row in rows], next=pair_cursor(rows, limit))
