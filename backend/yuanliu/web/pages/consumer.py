"""Pages for people, made on the server: what the index says, and plainly that it was not checked here."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from fastapi import Request, Response

from yuanliu import identifiers, money
from yuanliu.index import queries as q
from yuanliu.index.payloads import payload_of
from yuanliu.records import Kind, RecordError, Sold, decode
from yuanliu.web.pages import frame
from yuanliu.web.services import Services
from yuanliu.web.shapes import hexed

_KINDS: Final = {
    "zh": {
        "collected": "交售汇集",
        "registered": "采收入批",
        "derived": "加工成批",
        "consumed": "投入加工",
        "production": "生产",
        "inspection": "检测",
        "logistics": "物流",
        "readings": "温度记录",
        "corrected": "更正",
        "priced": "定价",
        "sold": "售出",
        "offered": "交付",
        "accepted": "接收",
        "refused": "拒收",
        "withdrawn": "撤回交付",
        "released": "解除暂停",
        "recalled": "召回",
        "recall_lifted": "解除召回",
    },
    "en": {},
}


_TOLD: Final = frozenset({Kind.SOLD, Kind.INSPECTION})
"""Kinds of which a step says more than when and where."""


def now() -> str:
    """Give the present moment in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def lot(
    request: Request,
    wired: Services,
    batch: q.Batch,
    records: Sequence[q.Record],
    *,
    serial: str | None,
    headers: Mapping[str, str],
) -> Response:
    """Make the page of a lot."""
    language = frame.language(request)
    return frame.page(
        request,
        "consumer/lot.html",
        batch=batch,
        batch_id=hexed(batch.id),
        path=identifiers.digital_link_path(batch.gtin, batch.lot),
        serial=serial,
        head=hexed(batch.head),
        steps=[_step(record, language) for record in records],
        price=money.format_yuan(batch.price),
        floor=money.format_yuan(batch.floor),
        rpc_url=wired.config.rpc_url,
        headers=headers,
    )


def product(request: Request, found: q.Product, lots: Sequence[q.Batch]) -> Response:
    """Make the page of a product, which lists its lots."""
    return frame.page(request, "consumer/product.html", product=found, lots=lots)


def _step(record: q.Record, language: str) -> dict[str, object]:
    """Give one step of a lot's journey. What cannot be read is shown as such."""
    name = record.kind.name.lower()
    step: dict[str, object] = {
        "number": record.number,
        "kind": name,
        "title": _KINDS[language].get(name, name.replace("_", " ")),
        "time": datetime.fromtimestamp(record.time, UTC).strftime("%Y-%m-%d %H:%M"),
        "actor": record.actor,
        "place": "",
        "note": "",
        "bad": False,
    }
    try:
        payload = payload_of(record.data)
        step["place"] = _place(orjson.loads(payload)) if payload else ""
        body = decode(record.data).body if record.kind in _TOLD else None
    except (RecordError, ValueError):
        return step
    if isinstance(body, Sold):
        yuan = [
            money.format_yuan(part)
            for part in (body.amount, body.farmers, body.cooperative, body.platform)
        ]
        step["note"] = yuan
    step["bad"] = name == "recalled" or getattr(body, "conformant", True) is False
    return step


def _place(event: Any) -> str:  # noqa: ANN401 -- whatever was recorded
    """Give the last part of where an event was read; its rules were checked when it was taken, by the follower."""
    point = event.get("readPoint") if isinstance(event, dict) else None
    return str(point.get("id", "")).rsplit("/", 1)[-1] if isinstance(point, dict) else ""


def home(request: Request, lots: Sequence[q.Batch]) -> Response:
    """Make the first page: the latest lots, and the way to the API."""
    return frame.page(request, "consumer/home.html", lots=lots)
