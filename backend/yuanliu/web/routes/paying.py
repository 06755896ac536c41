"""Paying and taking: orders, payments signed by the buyer, reports of payment providers, claims, settlement."""

import hashlib
import time
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Request, Response
from pydantic import Field

from yuanliu import actions, members
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.web import taking, webhooks
from yuanliu.web.acting import Acts, anonymous
from yuanliu.web.problems import documented
from yuanliu.web.routes.batches import BatchId, known
from yuanliu.web.services import Copy, Wired
from yuanliu.web.shapes import (
    Address,
    Hash,
    Input,
    IntentionView,
    Money,
    MoneyIn,
    Output,
    hexed,
    unhexed,
)

router = APIRouter(tags=["money"], responses=documented(400, 422, 503))
REFUSALS = documented(401, 403, 404, 409)

VALID_SECONDS: Final = 86_400
"""How long a payment that is signed here can be executed."""


class LineIn(Input):
    """What is bought of one batch."""

    batch: Hash
    units: int = Field(ge=1, lt=1 << 63)


class OrderIn(Input):
    """An order. `number` is usable once by each payer; none: one is made from what is ordered and the moment."""

    number: int | None = Field(None, ge=0, lt=1 << 256)
    buyer: Address | None = Field(None, description="Who receives the units; none: who pays.")
    lines: list[LineIn] = Field(min_length=1, max_length=64)


class QuoteIn(OrderIn):
    """An order, and who is going to pay it."""

    payer: Address


class QuoteLine(Output):
    """What a line costs: price × units."""

    batch: str
    units: int
    amount: Money


class Quote(Output):
    """What an order costs, and what its payer has to sign (EIP-712, ERC-3009) so that anyone may send it."""

    number: str
    buyer: str
    token: str
    total: Money
    lines: list[QuoteLine]
    valid_before: int
    typed_data: dict[str, Any]


class SignedLineIn(LineIn):
    """What is bought of one batch, and what is paid for it."""

    amount: MoneyIn


class SignedOrderIn(Input):
    """An order as it was quoted, with the payer's signature of its typed data."""

    payer: Address
    number: str = Field(pattern=r"^[0-9]{1,78}$")
    buyer: Address
    lines: list[SignedLineIn] = Field(min_length=1, max_length=64)
    valid_before: int = Field(ge=0, lt=1 << 48)
    signature: str = Field(pattern=r"^0x[0-9a-f]{130}$")


class ClaimIn(Input):
    """Whose money is to be taken; it goes to his payout address."""

    farmer: Address


class SettlementIn(Input):
    """Which chunk of a pool's members is to be paid, 256 at a time."""

    chunk: int = Field(0, ge=0, lt=1 << 16)


class DueStep(Output):
    """One step of a claim: a member of a pool, with the proof that the contract checks."""

    batch: str
    index: int
    member: str
    weight: int
    proof: list[str]


class DueView(Output):
    """What is due to somebody, and the steps of the claims that take it (one claim: up to 64 steps)."""

    farmer: str
    token: str
    due: Money
    claims: list[list[DueStep]]


# ---------------------------------------------------------------------- paying


def _order(db: Copy, asked: OrderIn, payer: str) -> tuple[actions.Order, str]:
    """Give the order at today's prices, and its token. Raises `YuanliuError` (`request.tokens_differ`)."""
    rows = [known(db, line.batch) for line in asked.lines]
    tokens = sorted({row.token for row in rows})
    if len(tokens) > 1:
        raise YuanliuError(
            "request.tokens_differ",
            "the batches are paid in different tokens",
            hint="order them apart",
            fields={"tokens": tokens},
        )
    lines = [
        actions.Line(row.id, line.units, row.price * line.units)
        for row, line in zip(rows, asked.lines, strict=True)
    ]
    number = asked.number
    if number is None:
        named = f"{payer} {time.time_ns()} {lines}"
        number = int.from_bytes(hashlib.sha256(named.encode()).digest())
    return actions.Order(number=number, buyer=asked.buyer or payer, lines=lines), tokens[0]


@router.post("/orders/quote", responses=documented(404, 409))
def quote(body: QuoteIn, db: Copy, wired: Wired) -> Quote:
    """Say what an order costs, and give what its payer has to sign."""
    order, token = _order(db, body, body.payer)
    valid_before = int(time.time()) + VALID_SECONDS
    typed = actions.authorization(
        wired.deployment, wired.node, body.payer, token, order, valid_before=valid_before
    )
    return Quote(
        number=str(order.number),
        buyer=order.buyer,
        token=token,
        total=Money.of(order.total),
        lines=[
            QuoteLine(batch=hexed(line.batch), units=line.units, amount=Money.of(line.amount))
            for line in order.lines
        ],
        valid_before=valid_before,
        typed_data=typed,
    )


@router.post("/payments", status_code=201, responses=REFUSALS)
def pay(body: OrderIn, acts: Acts, db: Copy) -> IntentionView:
    """Pay an order with one's own money; cooperative, platform and farmers are paid in the same transaction."""
    key = acts.signed_in.open_key()
    order, token = _order(db, body, str(key.address).lower())
    call = actions.pay_by_signature(
        acts.wired.deployment,
        acts.wired.node,
        key,
        token,
        order,
        valid_before=int(time.time()) + VALID_SECONDS,
    )
    return acts.carry_out(call, "pay", _paid(order))


@router.post("/payments/signed", status_code=201, responses=documented(403, 404, 409, 429))
def pay_signed(
    body: SignedOrderIn, request: Request, response: Response, wired: Wired
) -> IntentionView:
    """Have an order paid that its payer signed as quoted; he needs no account and no gas."""
    order = actions.Order(
        number=int(body.number),
        buyer=body.buyer,
        lines=[
            actions.Line(unhexed(each.batch), each.units, each.amount.amount) for each in body.lines
        ],
    )
    call = actions.pay_with_authorization(
        wired.deployment, order, body.payer, unhexed(body.signature), valid_before=body.valid_before
    )
    acts = anonymous(
        request, response, wired, f"order {body.payer} {body.number}", body.model_dump_json()
    )
    return acts.carry_out(call, "pay", _paid(order), key=wired.house)


def _paid(order: actions.Order) -> dict[str, Any]:
    return {"order": str(order.number), "amount": Money.of(order.total).model_dump()}


# ---------------------------------------------------------------------- payment providers


@router.post(
    "/webhooks/payments/{provider}", status_code=201, responses=documented(401, 404, 409, 413)
)
async def report_payment(
    provider: Annotated[str, Path(pattern=r"^[a-z0-9_-]{1,40}$")],
    request: Request,
    response: Response,
    wired: Wired,
    timestamp: Annotated[str, Header(alias="Yuanliu-Timestamp", max_length=20)] = "",
    signature: Annotated[str, Header(alias="Yuanliu-Signature", max_length=200)] = "",
) -> IntentionView:
    """Take a payment provider's report that an order was paid, and pay it on the chain from the till.

    `Yuanliu-Signature` is `v1=` and the hex HMAC-SHA256 of timestamp, a dot and the body, with the secret that was
    agreed on; the timestamp (Unix seconds) may be five minutes off. A report may be sent again: nothing is paid twice.
    """
    body = await request.body()
    return await webhooks.received(wired, request, response, provider, timestamp, signature, body)


# ---------------------------------------------------------------------- taking


@router.get("/farmers/{farmer}/dues")
def show_dues(farmer: Annotated[Address, Path()], db: Copy, wired: Wired) -> list[DueView]:
    """Tell what is due to a farmer in all pools, through any number of products made of his goods."""
    return [
        DueView(
            farmer=farmer,
            token=due.token,
            due=Money.of(due.amount),
            claims=[
                [
                    DueStep(
                        batch=hexed(step.batch),
                        index=step.index,
                        member=step.member if isinstance(step.member, str) else hexed(step.member),
                        weight=step.weight,
                        proof=[hexed(node) for node in step.proof],
                    )
                    for step in claim
                ]
                for claim in due.claims
            ],
        )
        for due in q.dues(db, wired.deployment.batches.address, farmer)
    ]


@router.post("/claims", status_code=201, responses=documented(404, 409, 429))
def claim(
    body: ClaimIn, request: Request, response: Response, db: Copy, wired: Wired
) -> list[IntentionView]:
    """Have what is due to a farmer paid to his payout address. Anyone may ask for it; the service pays the gas."""
    calls = list(taking.claims(db, wired, body.farmer))
    if not calls:
        raise YuanliuError(
            "claim.nothing_due",
            f"nothing is due to {body.farmer}",
            hint="money of a batch that is one farmer's reaches him with the payment itself",
            fields={"farmer": body.farmer},
        )
    answers = []
    for each in calls:
        acts = anonymous(request, response, wired, each.name, "claim")
        answers.append(acts.carry_out(each.call, "claim", {"farmer": body.farmer}, key=wired.house))
    return answers


@router.post("/batches/{batch}/settlements", status_code=201, responses=documented(404, 409, 429))
def settle(
    batch: BatchId, body: SettlementIn, request: Request, response: Response, db: Copy, wired: Wired
) -> IntentionView:
    """Have a whole chunk of a pool's members paid, each to his payout address. Anyone may ask for it."""
    row = known(db, batch)
    chunks = q.members_of(db, row.id)
    if body.chunk >= len(chunks):
        raise YuanliuError(
            "pool.chunk_unknown",
            f"the pool of lot {row.lot} has {len(chunks)} chunks",
            hint=f"chunks of {members.CHUNK} members are numbered from 0",
            fields={"chunk": body.chunk, "chunks": len(chunks)},
        )
    call = actions.settle(wired.deployment, row.id, body.chunk, chunks[body.chunk])
    moment = f"settle {batch} {body.chunk} {_reached(db)}"
    acts = anonymous(request, response, wired, moment, "settle")
    return acts.carry_out(call, "settle", {"batch": batch, "chunk": body.chunk}, key=wired.house)


def _reached(db: Copy) -> int:
    """Give the block that the copy reaches: until then, asking again is the same request."""
    status = q.status(db)
    return status.block if status else 0


@router.post("/withdrawals", status_code=201, responses=documented(404, 409, 429))
def withdraw(
    body: ClaimIn, request: Request, response: Response, wired: Wired, db: Copy
) -> list[IntentionView]:
    """Have paid out what is kept for somebody who could not be paid. Anyone may ask for it."""
    answers = []
    for each in taking.withdrawals(db, wired, body.farmer):
        acts = anonymous(request, response, wired, each.name, "withdraw")
        answers.append(
            acts.carry_out(each.call, "withdraw", {"owner": body.farmer}, key=wired.house)
        )
    if not answers:
        raise YuanliuError(
            "claim.nothing_due",
            f"nothing is kept for {body.farmer}",
            hint="what is due in pools is taken by POST /claims",
            fields={"owner": body.farmer},
        )
    return answers
