"""The pages that a code on a pack leads to: a lot, one piece of it, a product; and the first page.

What a page says comes from the copy. The page of a lot brings the lot's records with it, so that the reader's phone
checks both the records and the page against the chain (`static/js/consumer`); until then it says that it is unchecked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from fastapi import Request, Response

from yuanliu import identifiers
from yuanliu.actions import Role
from yuanliu.desk.attachments import Attachment, Store
from yuanliu.epcis.description import Description
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.records import Kind
from yuanliu.web.messages import Language
from yuanliu.web.pages import consumer_check, consumer_money, consumer_story, frame
from yuanliu.web.pages.consumer_story import Day, Story
from yuanliu.web.pages.texts import TEXTS
from yuanliu.web.scans import Scan
from yuanliu.web.services import Copy, Services
from yuanliu.web.shapes import hexed

MAX_PICTURE: Final = 40_000
"""Largest picture that a page shows at once, in bytes; a larger one is a link: pages stay under 100 kB."""

_MOST_RECORDS: Final = 120
_ROLES: Final = (
    (Role.FARMER, "farmer"),
    (Role.COOPERATIVE, "cooperative"),
    (Role.INSPECTOR, "inspector"),
    (Role.CARRIER, "carrier"),
    (Role.RETAILER, "retailer"),
    (Role.REGULATOR, "regulator"),
    (Role.PLATFORM, "platform"),
)


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody on the record: an address, the code that stands for it, and as what he acts, or ""."""

    address: str
    code: str
    role: str


@dataclass(frozen=True, slots=True)
class Node:
    """A batch in the tree of a lot: how it is called, what went from it into its child, and its own parents.

    `again`: its parents stand elsewhere in the tree.
    """

    row: q.Ancestor
    description: Description
    harvested: Day | None
    again: bool
    parents: tuple["Node", ...]


def now() -> str:
    """Give the present moment in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def lot(
    request: Request,
    wired: Services,
    db: Copy,
    batch: q.Batch,
    *,
    serial: str | None,
    scan: Scan | None,
    headers: Mapping[str, str],
) -> tuple[Response, bool]:
    """Make the page of a lot, or of one piece of it; and tell whether all the files that it names are there."""
    language = frame.language(request)
    rows = q.records(db, batch.id) if batch.records <= _MOST_RECORDS else ()
    told = [row for row in rows if row.kind != Kind.SOLD] or q.steps(db, batch.id)
    tree = q.ancestry(db, batch.id) if batch.derived else ()
    makings = q.makings(db, [batch.id, *(each.batch for each in tree)])
    corrections = q.corrections(db, batch.id) if _corrected(told) else ()
    story = consumer_story.tell(makings.get(batch.id), told, corrections)
    known = q.signers(db, _addresses(batch, story, tree))
    files = _Files(wired)
    answer = frame.page(
        request,
        "consumer/lot.html",
        headers={**headers, "Content-Security-Policy": consumer_check.policy(request)},
        batch=batch,
        story=story,
        description=story.description,
        serial=serial,
        scan=scan,
        shared=consumer_money.shared(db, batch),
        tree=_tree(batch.id, tree, makings),
        more_parents=len(tree) >= q.MAX_ANCESTORS,
        fewer_steps=len(told) >= q.MAX_STEPS,
        picture=files.find(story.description.picture),
        max_picture=MAX_PICTURE,
        files={sha256: files.find(sha256) for sha256 in story.files},
        party=lambda address: _party(known, address),
        named=lambda family, word: named(language, family, word),
        path=identifiers.digital_link_path(batch.gtin, batch.lot),
        batch_id=hexed(batch.id),
        check=consumer_check.document(wired, batch, rows, language),
        endpoints=wired.config.public_rpc_urls,
    )
    return answer, files.complete


def product(request: Request, found: q.Product, lots: Sequence[q.Batch], db: Copy) -> Response:
    """Make the page of a product, which lists its lots."""
    cards = _cards(db, lots)
    return frame.page(request, "consumer/product.html", product=found, lots=cards)


def home(request: Request, lots: Sequence[q.Batch], db: Copy) -> Response:
    """Make the first page: what this is, the latest lots, and how to check one."""
    return frame.page(request, "consumer/home.html", lots=_cards(db, lots))


def named(language: Language, family: str, word: str) -> str:
    """Give what a word of a record is called, such as a pesticide; the word itself if it has no name here."""
    words = TEXTS.get(f"consumer.{family}_{word.lower().replace('-', '_')}")
    return words[language] if words else word


def _cards(db: Copy, lots: Sequence[q.Batch]) -> list[tuple[q.Batch, Description, Day | None]]:
    makings = q.makings(db, [each.id for each in lots]) if lots else {}
    return [(each, *consumer_story.named(makings.get(each.id))) for each in lots]


def _corrected(rows: Sequence[q.Record]) -> bool:
    return any(row.kind == Kind.CORRECTED for row in rows)


# ---------------------------------------------------------------------- who


def _addresses(batch: q.Batch, story: Story, tree: Sequence[q.Ancestor]) -> set[str]:
    found = {batch.cooperative, *(each.by for each in batch.recalls)}
    found |= {step.actor for step in story.steps} | {s.to for s in story.steps if s.to}
    return found | {each.cooperative for each in tree}


def _party(known: Mapping[str, q.Signer], address: str) -> Party:
    signer = known.get(address)
    if signer is None:
        return Party(address, "", "")
    role = next((name for bit, name in _ROLES if bit & signer.roles), "")
    return Party(address, signer.code, role)


# ---------------------------------------------------------------------- parents


def _tree(
    id_: bytes, rows: Sequence[q.Ancestor], makings: Mapping[bytes, bytes]
) -> tuple[Node, ...]:
    children: dict[bytes, list[q.Ancestor]] = {}
    for row in rows:
        children.setdefault(row.child, []).append(row)
    shown: set[bytes] = set()

    def below(child: bytes) -> tuple[Node, ...]:
        nodes = []
        for row in children.get(child, ()):
            again = row.batch in shown and row.batch in children
            shown.add(row.batch)
            description, harvested = consumer_story.named(makings.get(row.batch))
            parents = () if again else below(row.batch)
            nodes.append(Node(row, description, harvested, again, parents))
        return tuple(nodes)

    return below(id_)


# ---------------------------------------------------------------------- files


class _Files:
    """The attachments that a page names. `complete`: none was missing."""

    def __init__(self, wired: Services) -> None:
        self._store = wired.attachments
        self.complete = True

    def find(self, sha256: str) -> Attachment | None:
        """Give what is known of a file; none if it is not here."""
        if not sha256:
            return None
        try:
            return _stored(self._store, sha256)
        except YuanliuError:
            self.complete = False
            return None


@lru_cache(maxsize=10_000)
def _stored(store: Store, sha256: str) -> Attachment:
    """Remember what is known of a file: it never changes. Raises `YuanliuError`, which is not remembered."""
    return store.require(sha256)
