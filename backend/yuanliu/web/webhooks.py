"""Reports of payment providers: who signed, when, and what it makes the till pay."""

import hashlib
import hmac
import json
import time
from typing import Any, Final

from fastapi import Request, Response
from pydantic import Field, ValidationError
from starlette.concurrency import run_in_threadpool

from yuanliu import actions
from yuanliu.errors import YuanliuError
from yuanliu.index.reading import reading
from yuanliu.web.acting import anonymous
from yuanliu.web.routes.batches import known
from yuanliu.web.services import Services
from yuanliu.web.shapes import Hash, Input, IntentionView, MoneyIn, unhexed

WINDOW_SECONDS: Final = 300
"""How far a report's timestamp may be off."""

MIN_SECRET: Final = 32
"""Fewest characters of a provider's secret."""


class ReportLine(Input):
    """What was bought of one batch, and what was paid for it."""

    batch: Hash
    units: int = Field(ge=1, lt=1 << 63)
    amount: MoneyIn


class Report(Input):
    """That an order was paid."""

    order: str = Field(
        min_length=1, max_length=120, description="The provider's own id of the order."
    )
    currency: str = Field(pattern="^CNY$")
    lines: list[ReportLine] = Field(min_length=1, max_length=64)


def check(
    secrets: dict[str, Any], provider: str, timestamp: str, signature: str, body: bytes, now: float
) -> None:
    """Refuse what the provider did not sign, or did not sign just now.

    Raises `YuanliuError`: `webhook.unknown_provider`, `webhook.too_old`, `webhook.signature_wrong`.
    """
    secret = secrets.get(provider)
    if secret is None:
        raise YuanliuError(
            "webhook.unknown_provider",
            f"no secret was agreed on with {provider}",
            hint="set YUANLIU_WEBHOOK_SECRETS",
            fields={"provider": provider},
        )
    if not (timestamp.isdecimal() and abs(int(timestamp) - now) <= WINDOW_SECONDS):
        raise YuanliuError(
            "webhook.too_old",
            f"the timestamp {timestamp[:20]!r} is more than {WINDOW_SECONDS} s off",
            hint="sign each report when it is sent, and set the clock",
            fields={"timestamp": timestamp[:20]},
        )
    expected = sign(secret.get_secret_value(), timestamp, body)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise YuanliuError(
            "webhook.signature_wrong",
            "the signature is not the provider's",
            hint="v1= and the hex HMAC-SHA256 of timestamp, a dot and the body's exact bytes",
        )


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Give the signature of a report."""
    return "v1=" + hmac.digest(secret.encode(), timestamp.encode() + b"." + body, "sha256").hex()


def order_number(provider: str, order: str) -> int:
    """Give the number under which an order is paid on the chain: once, whoever repeats it, whatever we forget."""
    return int.from_bytes(hashlib.sha256(f"{provider}\0{order}".encode()).digest())


async def received(
    wired: Services,
    request: Request,
    response: Response,
    provider: str,
    timestamp: str,
    signature: str,
    body: bytes,
) -> IntentionView:
    """Check a report, and pay what it says from the till. Raises as `check`, `YuanliuError` (`webhook.no_till`)."""
    check(wired.config.webhook_secrets, provider, timestamp, signature, body, time.time())
    try:
        report = Report.model_validate_json(body)
    except (ValidationError, json.JSONDecodeError) as error:
        raise YuanliuError(
            "webhook.malformed",
            f"the report cannot be read: {error}"[:500],
            hint="see POST /webhooks/payments in /api/v1/docs",
        ) from error
    return await run_in_threadpool(_pay, wired, request, response, provider, report)


def _pay(
    wired: Services, request: Request, response: Response, provider: str, report: Report
) -> IntentionView:
    if wired.till is None:
        raise YuanliuError(
            "service.no_till",
            "nobody pays on the chain what payment providers report",
            hint="set YUANLIU_TILL_KEY",
            retryable=True,
        )
    payer = str(wired.till.address).lower()
    order = actions.Order(
        number=order_number(provider, report.order),
        buyer=payer,
        lines=[
            actions.Line(unhexed(line.batch), line.units, line.amount.amount)
            for line in report.lines
        ],
    )
    with reading(wired.copy) as db:
        first = known(db, report.lines[0].batch)
    acts = anonymous(
        request, response, wired, f"{provider}/{report.order}", report.model_dump_json()
    )
    if (before := acts.known()) is not None:
        return acts.answer(before)
    call = actions.pay_by_signature(
        wired.deployment,
        wired.node,
        wired.till,
        first.token,
        order,
        valid_before=int(time.time()) + 7 * 86_400,
    )
    result = {"order": str(order.number), "provider": provider, "provider_order": report.order}
    return acts.carry_out(call, "pay", result, key=wired.till)
