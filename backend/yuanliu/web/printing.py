"""What labels and cards say, gathered from the copy and from who orders them."""

import ipaddress
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from yuanliu import identifiers
from yuanliu.actions import Role
from yuanliu.chain.launch import DEVNET_CHAIN_ID
from yuanliu.database import Connection
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.index.queries import cards, lots
from yuanliu.paper.certificate import Basis, Certificate
from yuanliu.paper.farmer_card import Card
from yuanliu.paper.labels import Goods
from yuanliu.settings import Settings
from yuanliu.web.pages.consumer_story import named

MOST_LABELS: Final = 1_000
"""Most labels of one request: they take some five seconds."""

_AT_ONCE: Final = 2
_PATIENCE: Final = 20.0
_printers: Final = threading.BoundedSemaphore(_AT_ONCE)
_CHINA: Final = timezone(timedelta(hours=8))
_MILLIGRAMS_PER_KILOGRAM: Final = 1_000_000

Text = Annotated[str, Field(max_length=120)]


class LabelOrder(BaseModel):
    """Which labels of a batch, and what stands on them. Names that are not given are those on the record."""

    model_config = ConfigDict(extra="forbid")

    format: str = Field(
        "roll-40x60", max_length=40, description="See `GET /label-formats`.", examples=["a4-3x8"]
    )
    first: int = Field(1, ge=1, lt=1 << 40, alias="from", description="Number of the first piece.")
    count: int = Field(24, ge=1, le=MOST_LABELS, description="How many labels.")
    skip: int = Field(0, ge=0, lt=1_000, description="Labels of the first sheet that are used up.")
    serials: bool = Field(
        default=True,
        description="Each piece its own serial, the same whenever it is printed; else the lot's.",
    )
    product: Text | None = None
    cooperative: Text | None = None
    place: Text | None = None
    certificate: bool = Field(
        default=False,
        description="Print 承诺达标合格证: all its fields where the label is large enough, else its words.",
    )
    quantity: Text | None = Field(
        None, description="For the certificate; the batch's, if not given."
    )
    contact: Text = Field("", description="For the certificate: how the cooperative is reached.")
    issued: date | None = Field(
        None, description="For the certificate; today in China, if not given."
    )
    basis: list[Basis] = Field(
        [], max_length=3, description="For the certificate: what the promise rests on."
    )
    bought: bool = Field(
        default=False, description="For the certificate: the goods were bought, not grown."
    )


def goods(db: Connection, site: str, batch: q.Batch, order: LabelOrder) -> Goods:
    """Give what a batch's labels say. Raises `PaperError`, and `YuanliuError` (`labels.not_conformant`)."""
    description, day = named(lots.makings(db, [batch.id]).get(batch.id))
    product = description.name("zh") if order.product is None else order.product
    cooperative = description.cooperative("zh") if order.cooperative is None else order.cooperative
    place = description.place("zh") if order.place is None else order.place
    promise = None
    if order.certificate:
        _refuse_certificate(batch)
        promise = Certificate(
            product=product,
            quantity=_quantity(batch) if order.quantity is None else order.quantity,
            origin=place,
            promisor=cooperative,
            contact=order.contact,
            issued=order.issued or datetime.now(_CHINA).date(),
            bases=frozenset(order.basis),
            bought=order.bought,
        )
    return Goods(
        site=site,
        gtin=batch.gtin,
        lot=batch.lot,
        product=product,
        cooperative=cooperative,
        place=place,
        harvested=None if day is None else date.fromisoformat(day.iso),
        certificate=promise,
    )


def site(config: Settings) -> str:
    """Give what stands before the path in codes. Raises `YuanliuError` (`labels.site_local`).

    Off the devnet, what is printed has to lead somewhere: an address of this machine alone would be on every pack.
    """
    host = urlsplit(config.public_url).hostname or ""
    if config.chain_id != DEVNET_CHAIN_ID and _is_local(host):
        raise YuanliuError(
            "labels.site_local",
            f"codes would lead to {config.public_url}, which is this machine alone",
            hint="set YUANLIU_PUBLIC_URL to the address at which everybody reaches the service",
            fields={"public_url": config.public_url},
        )
    return config.public_url


def farmer_cards(db: Connection, site: str, farmers: Sequence[q.Actor]) -> list[Card]:
    """Give the cards of farmers; who is none has none. Raises `IdentifierError` for a code that no address holds."""
    names: dict[str, str] = {}
    made = []
    for farmer in farmers:
        if farmer.roles & Role.FARMER:
            if farmer.enroller not in names:
                names[farmer.enroller] = _name_of(db, farmer.enroller)
            path = cards.card_path(db, farmer)
            cooperative, code = identifiers.parse_farmer_path(path)
            made.append(Card(site, cooperative, code, names[farmer.enroller]))
    return made


@contextmanager
def printer() -> Iterator[None]:
    """Wait for a printer: more than two at once would leave no time for other readers.

    Raises `YuanliuError` (`service.printing`).
    """
    if not _printers.acquire(timeout=_PATIENCE):
        raise YuanliuError(
            "service.printing",
            "others are printing",
            hint="try again in a minute",
            retryable=True,
        )
    try:
        yield
    finally:
        _printers.release()


def _is_local(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host in {"", "localhost"} or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _name_of(db: Connection, cooperative: str) -> str:
    """Give the name that a cooperative gave itself with its latest batch, or ""."""
    last = q.batches(db, cooperative=cooperative, limit=1)
    if not last:
        return ""
    description, _ = named(lots.makings(db, [last[0].id]).get(last[0].id))
    return description.cooperative("zh")


def _quantity(batch: q.Batch) -> str:
    unit = identifiers.UNITS.get(batch.unit)
    said = f"{batch.units} {unit.chinese if unit else batch.unit}"
    if unit is not None and unit.milligrams is not None:
        return said
    kilograms = Decimal(batch.units * batch.milligrams_per_unit) / _MILLIGRAMS_PER_KILOGRAM
    return f"{said}（{kilograms.normalize():f} 公斤）"


def _refuse_certificate(batch: q.Batch) -> None:
    if batch.held or batch.recalled:
        raise YuanliuError(
            "labels.not_conformant",
            "a batch that failed an inspection or was recalled gets no certificate of conformity",
            hint="wait until a later inspection or a regulator releases it",
            fields={"held": batch.held, "recalled": batch.recalled},
        )
