"""What a client may keep, and how it asks whether that is still so: RFC 9110, section 13; RFC 9111; RFC 8246."""

from typing import Final

from fastapi import Request, Response

IMMUTABLE: Final = "public, max-age=31536000, immutable"
"""For what can never change: an attachment, a record, an event by its hash."""

REVALIDATE: Final = "no-cache"
"""For what changes: keep it, but ask each time."""


def tagged(request: Request, response: Response, tag: str, policy: str = REVALIDATE) -> bool:
    """Give the answer its `ETag`; true if the client has it already, and the route need not compute it."""
    response.headers["ETag"] = etag = f'"{tag}"'
    response.headers["Cache-Control"] = policy
    given = request.headers.get("if-none-match", "")
    return any(part.strip().removeprefix("W/") in {etag, "*"} for part in given.split(","))


def unchanged(response: Response) -> Response:
    """Answer 304 with the headers that `tagged` set."""
    headers = {name: response.headers[name] for name in ("ETag", "Cache-Control")}
    return Response(status_code=304, headers=headers)
