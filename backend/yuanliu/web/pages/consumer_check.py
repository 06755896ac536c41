"""What a phone needs to check the page of a lot: the records, where the chain is, and the words to say it in."""

import base64
from collections.abc import Sequence
from typing import Any, Final

from fastapi import Request

from yuanliu.index import queries as q
from yuanliu.web.messages import Language
from yuanliu.web.middleware import CONTENT_SECURITY_POLICY
from yuanliu.web.pages.texts import TEXTS
from yuanliu.web.services import Services
from yuanliu.web.shapes import hexed

MOST_BYTES: Final = 14_000
"""Most bytes of records that stand in the page itself; of a longer history the phone fetches the journal."""

_WORDS: Final = {
    language: {
        key.removeprefix("consumer.js_"): words[language]
        for key, words in TEXTS.items()
        if key.startswith("consumer.js_")
    }
    for language in ("zh", "en")
}
_KINDS: Final = {
    language: {
        key.removeprefix("consumer.kind_"): words[language]
        for key, words in TEXTS.items()
        if key.startswith("consumer.kind_")
    }
    for language in ("zh", "en")
}


def document(
    wired: Services, batch: q.Batch, rows: Sequence[q.Record], language: Language
) -> dict[str, Any]:
    """Give it all as JSON. `records` are [number, head before, bytes], Base64; none: they are too long, or too many."""
    short = len(rows) == batch.records and sum(len(row.data) for row in rows) <= MOST_BYTES
    id_ = hexed(batch.id)
    return {
        "batch": id_,
        "gtin": batch.gtin,
        "lot": batch.lot,
        "cooperative": batch.cooperative,
        "chain": wired.deployment.chain_id,
        "contract": wired.deployment.batches.address.lower(),
        "endpoints": wired.config.public_rpc_urls,
        "site": wired.config.public_url,
        "head": hexed(batch.head),
        "journal": f"/api/v1/batches/{id_}/journal",
        "language": language,
        "words": _WORDS[language],
        "kinds": _KINDS[language],
        "records": [[row.number, _base64(row.previous), _base64(row.data)] for row in rows]
        if short
        else None,
    }


def policy(request: Request) -> str:
    """Give the page's Content-Security-Policy: it may ask a chain of the reader's choice, also in his own network.

    From a page that came by https browsers ask nothing by http, whatever stands here.
    """
    if request.url.scheme == "https":
        return CONTENT_SECURITY_POLICY
    return CONTENT_SECURITY_POLICY.replace(
        "connect-src 'self' https:", "connect-src 'self' https: http:"
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
