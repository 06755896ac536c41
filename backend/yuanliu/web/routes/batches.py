"""Batches and their history, for everybody to read."""

from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Path, Query, Request, Response

from yuanliu.database import Connection
from yuanliu.epcis import Lot
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.index.queries.journals import journal
from yuanliu.index.reading import reading
from yuanliu.records import Kind
from yuanliu.web import caching
from yuanliu.web.problems import documented
from yuanliu.web.services import Copy, Services, Wired
from yuanliu.web.shapes import (
    Address,
    Gtin,
    Hash,
    Money,
    Output,
    Page,
    hexed,
    read_numbers,
    unhexed,
    write_cursor,
)
from yuanliu.web.views import (
    BatchView,
    EventView,
    HoldingView,
    JournalView,
    LineageView,
    MemberView,
    OfferView,
    PayoutView,
    PoolView,
    RecallView,
    RecordView,
    StatusView,
    record_json,
)

router = APIRouter(tags=["batches"], responses=documented(400, 422, 503))

_UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "Unchanged"}}
BatchId = Annotated[Hash, Path(description="The batch's id.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Most items of a page.")]
After = Annotated[str | None, Query(max_length=200, description="`next` of the page before.")]
Since = Annotated[int | None, Query(ge=0, lt=1 << 40, description="Unix time, seconds.")]


def known(db: Copy, batch: str) -> q.Batch:
    """Give a batch. Raises `YuanliuError` (`batch.unknown`)."""
    found = q.batch(db, unhexed(batch))
    if found is None:
        raise _unknown(batch)
    return found


def known_lot(db: Copy, batch: str) -> Lot:
    """Give all units of a batch, for an event about it. Raises `YuanliuError` (`batch.unknown`)."""
    found = q.whole_lot(db, unhexed(batch))
    if found is None:
        raise _unknown(batch)
    return found


def _unknown(batch: str) -> YuanliuError:
    return YuanliuError(
        "batch.unknown",
        f"there is no batch {batch}",
        hint="compare the id; a batch that was registered just now appears within seconds",
        fields={"batch": batch},
    )


def known_record(db: Copy, batch: str, number: int) -> q.Record:
    """Give a record of a batch's journal. Raises `YuanliuError` (`record.unknown`)."""
    found = q.record(db, unhexed(batch), number)
    if found is None:
        raise YuanliuError(
            "record.unknown",
            f"batch {batch} has no record {number}",
            hint="records are numbered from 0",
            fields={"batch": batch, "number": number},
        )
    return found


def answered(view: Output, response: Response, status: int = 200) -> Response:
    """Answer with a view, and the status and headers that were set.

    It is what the route promises already: FastAPI would check it again, in a thread of its own.
    """
    return Response(
        view.model_dump_json(),
        response.status_code or status,
        headers=dict(response.headers),
        media_type="application/json",
    )


def after_place(after: str | None) -> int | None:
    """Read the cursor of a list that is ordered by place. Raises `YuanliuError` (`request.cursor_invalid`)."""
    return None if after is None else read_numbers(after, 1)[0]


def cursor(rows: tuple[Any, ...], limit: int) -> str | None:
    """Write the cursor of the page after `rows`; a page that is not full is the last."""
    return write_cursor(rows[-1].place) if len(rows) == limit else None


@router.get("/batches")
def list_batches(
    db: Copy,
    *,
    cooperative: Address | None = None,
    gtin: Gtin | None = None,
    state: q.State | None = None,
    since: Since = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[BatchView]:
    """List batches, newest first."""
    rows = q.batches(
        db,
        cooperative=cooperative,
        gtin=gtin,
        state=state,
        since=since,
        after=after_place(after),
        limit=limit,
    )
    return Page(items=[BatchView.of(row) for row in rows], next=cursor(rows, limit))


@router.get("/batches/{batch}", response_model=BatchView, responses=documented(404) | _UNCHANGED)
def show_batch(batch: BatchId, wired: Wired, request: Request) -> Response:
    """Give a batch as it is now."""
    with reading(wired.copy) as db:
        return batch_answer(request, db, wired, batch)


def batch_answer(request: Request, db: Connection, _wired: Services, batch: str) -> Response:
    """Answer with a batch as it is now. Raises `YuanliuError` (`batch.unknown`)."""
    found = known(db, batch)
    caching.keep(request)
    return caching.tagged_by_body(request, _json(BatchView.of(found).model_dump()))


def _json(document: object) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")


@router.get("/batches/{batch}/status", responses=documented(404))
def show_status(batch: BatchId, db: Copy) -> StatusView:
    """Tell whether a batch may be sold, and if not, why."""
    found = known(db, batch)
    return StatusView(
        batch=batch,
        on_sale=not (found.held or found.recalled) and found.for_sale > 0,
        held=found.held,
        recalled=found.recalled,
        recalls=[RecallView.of(each) for each in found.recalls],
    )


@router.get(
    "/batches/{batch}/journal",
    response_model=JournalView,
    responses=documented(404) | _UNCHANGED,
)
def show_journal(batch: BatchId, wired: Wired, request: Request) -> Response:
    """Give all records of a batch, to be checked against the head that the chain gives."""
    with reading(wired.copy) as db:
        return journal_answer(request, db, wired, batch)


def journal_answer(request: Request, db: Connection, wired: Services, batch: str) -> Response:
    """Answer with a `JournalView`. Raises `YuanliuError` (`batch.unknown`)."""
    rows = journal(db, unhexed(batch))
    head = rows[-1].head if rows else known(db, batch).head
    response = Response()
    if caching.tagged(request, response, head.hex()):
        return caching.unchanged(response)
    caching.keep(request)
    document = {
        "batch": batch,
        "chain_id": wired.deployment.chain_id,
        "contract": wired.deployment.batches.address.lower(),
        "head": hexed(head),
        "records": [record_json(row) for row in rows],
    }
    response = _json(document)
    caching.tagged(request, response, head.hex())
    return response


@router.get("/batches/{batch}/journal/{number}", responses=documented(404))
def show_record(
    batch: BatchId,
    number: Annotated[int, Path(ge=0, lt=1 << 31)],
    db: Copy,
) -> RecordView:
    """Give one record of a batch's journal."""
    return RecordView.of(known_record(db, batch, number))


@router.get("/batches/{batch}/events", responses=documented(404))
def list_events(batch: BatchId, db: Copy) -> list[EventView]:
    """Give a batch's history as EPCIS events, oldest first."""
    return [
        EventView(hash=each.hash, event=dict(each.document))
        for each in q.events_of(db, known(db, batch).id)
    ]


@router.get("/batches/{batch}/inspections", responses=documented(404))
def list_inspections(batch: BatchId, db: Copy) -> list[RecordView]:
    """Give the records of a batch's inspections, oldest first."""
    found = q.records(db, known(db, batch).id)
    return [RecordView.of(row) for row in found if row.kind == Kind.INSPECTION]


@router.get("/batches/{batch}/lineage", response_model=LineageView, responses=documented(404))
def show_lineage(batch: BatchId, wired: Wired) -> Response:
    """Give everything that a batch was made from, and everything that was made from it."""
    with reading(wired.copy) as db:
        found = q.lineage(db, known(db, batch).id)
    document = {  # by hand, because four thousand checked objects take longer than their query
        "batch": batch,
        "ancestors": [_relative(row) for row in found.ancestors],
        "descendants": [_relative(row) for row in found.descendants],
        "arrows": [
            {"child": hexed(row.child), "parent": hexed(row.parent), "milligrams": row.milligrams}
            for row in found.links
        ],
    }
    return _json(document)


def _relative(row: q.Relative) -> dict[str, object]:
    """Write a `RelativeView`."""
    return {
        "batch": hexed(row.batch),
        "gtin": row.gtin,
        "lot": row.lot,
        "cooperative": row.cooperative,
        "depth": row.depth,
        "milligrams": row.milligrams,
    }


@router.get("/batches/{batch}/holders", responses=documented(404))
def list_holders(batch: BatchId, db: Copy) -> list[HoldingView]:
    """Tell who holds units of a batch now."""
    return [_holding(row) for row in q.holders(db, known(db, batch).id)]


@router.get("/holdings/{owner}")
def list_holdings(owner: Address, db: Copy) -> list[HoldingView]:
    """Tell which units somebody holds now."""
    return [_holding(row) for row in q.holdings(db, owner)]


def _holding(row: q.Holding) -> HoldingView:
    return HoldingView(batch=hexed(row.batch), owner=row.owner, units=row.units)


@router.get("/batches/{batch}/offers", responses=documented(404))
def list_offers(batch: BatchId, db: Copy, *, open_only: bool = False) -> list[OfferView]:
    """Give the hand-overs that were offered of a batch, newest first."""
    return [
        OfferView.of(row) for row in q.offers(db, batch=known(db, batch).id, open_only=open_only)
    ]


@router.get("/offers")
def list_all_offers(
    db: Copy,
    *,
    receiver: Address | None = None,
    sender: Address | None = None,
    open_only: bool = True,
    after: After = None,
    limit: Limit = 50,
) -> Page[OfferView]:
    """Give the hand-overs that were offered to or by somebody, newest first."""
    rows = q.offers(
        db,
        receiver=receiver,
        sender=sender,
        open_only=open_only,
        after=after_place(after),
        limit=limit,
    )
    return Page(items=[OfferView.of(row) for row in rows], next=cursor(rows, limit))


@router.get("/batches/{batch}/pool", responses=documented(404))
def show_pool(batch: BatchId, db: Copy) -> PoolView:
    """Give a batch's pool: every member, what is due to him and what he got."""
    found = known(db, batch)
    pool = q.pool(db, found.id)
    return PoolView(
        batch=batch,
        total_weight=found.total_weight,
        received=Money.of(pool.received if pool else 0),
        paid=Money.of(pool.paid if pool else 0),
        members=[
            MemberView(
                index=row.index,
                member=row.member if isinstance(row.member, str) else hexed(row.member),
                receipt=row.receipt,
                weight=row.weight,
                due=Money.of(row.due),
                paid=Money.of(row.paid),
            )
            for row in q.member_shares(db, found.id)
        ],
    )


@router.get("/batches/{batch}/payouts", responses=documented(404))
def list_payouts_of(
    batch: BatchId, db: Copy, after: After = None, limit: Limit = 50
) -> Page[PayoutView]:
    """Give the payouts of a batch's money, newest first."""
    rows = q.payouts(db, batch=known(db, batch).id, after=after_pair(after), limit=limit)
    return Page(items=[PayoutView.of(row) for row in rows], next=pair_cursor(rows, limit))


def after_pair(after: str | None) -> tuple[int, int] | None:
    """Read the cursor of a list that is ordered by place and sub."""
    if after is None:
        return None
    place, sub = read_numbers(after, 2)
    return place, sub


def pair_cursor(rows: tuple[q.Payout, ...], limit: int) -> str | None:
    """Write the cursor of the page after `rows`."""
    return write_cursor(rows[-1].place, rows[-1].sub) if len(rows) == limit else None
