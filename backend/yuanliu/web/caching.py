"""What a client may keep, and how it asks whether that is still so: RFC 9110, section 13; RFC 9111; RFC 8246."""

import hashlib
from typing import Final

from fastapi import Request, Response

IMMUTABLE: Final = "public, max-age=31536000, immutable"
"""For what can never change: an attachment, a record, an event by its hash."""

REVALIDATE: Final = "no-cache"
"""For what changes: keep it, but ask each time."""

_KEEP: Final = "keep"
_WITH_304: Final = ("ETag", "Cache-Control", "Vary", "Content-Location")
_TAG_DIGITS: Final = 32


def tagged(request: Request, response: Response, tag: str, policy: str = REVALIDATE) -> bool:
    """Give the answer its `ETag`; true if the client has it already, and the route need not compute it."""
    response.headers["ETag"] = etag = f'"{tag}"'
    response.headers["Cache-Control"] = policy
    return named(request.headers.get("if-none-match", ""), etag)


def named(if_none_match: str, etag: str) -> bool:
    """Tell whether a client names an `ETag` (or any) among those that it has."""
    return any(part.strip().removeprefix("W/") in {etag, "*"} for part in if_none_match.split(","))


def unchanged(response: Response) -> Response:
    """Answer 304 with the headers that `tagged` set."""
    headers = {name: response.headers[name] for name in _WITH_304 if name in response.headers}
    return Response(status_code=304, headers=headers)


def tagged_by_body(request: Request, response: Response) -> Response:
    """Give an answer an `ETag` of its own bytes; answer 304 instead if the client has them already."""
    digest = hashlib.sha256(response.body).hexdigest()[:_TAG_DIGITS]
    return unchanged(response) if tagged(request, response, digest) else response


def keep(request: Request) -> None:
    """Let the service itself keep the answer to this request, and give it to all who ask the same (`look_ups`).

    Only for answers that depend on nothing but the copy, the settings, the address asked for, `Accept`, and the
    reader's language: not on who asks, not on the time of day, not on the desk.
    """
    request.scope.setdefault("state", {})[_KEEP] = True


def is_kept(request: Request) -> bool:
    """Tell whether the route let the answer be kept."""
    return bool(request.scope.get("state", {}).get(_KEEP))
