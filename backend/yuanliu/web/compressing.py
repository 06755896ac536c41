"""Sends pages and public documents compressed: a third of the bytes on a slow line.

Left as they are: answers in pieces (files, exports, PDF), answers to anything but a GET, and paths whose answers hold
secrets beside what a stranger may choose (CSRF tokens, passwords): the length of what was compressed gives them away
(CVE-2013-3587).
"""

import asyncio
import gzip
import threading
from collections import OrderedDict
from functools import lru_cache
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEAST: Final = 1_000
"""Shorter answers fit into a packet or two as they are."""

LEVEL: Final = 6
"""Measured with a pack's page of 24.2 kB: 9.2 kB at 6 in 0.5 ms, 10.0 kB at 1 in 0.3 ms; 9 saves 5 bytes more."""

KEPT_BYTES: Final = 4_000_000
"""Most bytes of answers whose compressed form is kept, for whoever gets the very same."""

_ELSEWHERE: Final = 200_000  # bytes that take a thread, so that nobody else waits for their 5 ms
_PATHS: Final = (
    "/01/",
    "/audit",
    "/coop",
    "/api/v1/batches/",
    "/api/v1/docs",
    "/api/v1/openapi.json",
)
_TYPES: Final = frozenset(
    {
        b"text/html",
        b"application/json",
        b"application/ld+json",
        b"application/linkset+json",
        b"text/javascript",
        b"application/manifest+json",
    }
)
Pair = tuple[bytes, bytes]


class Compressing:
    """Compresses whole answers with gzip, for clients that take it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "GET" or not _is_open(scope["path"]):
            await self.app(scope, receive, send)
            return
        takes = any(
            key == b"accept-encoding" and _takes_gzip(value) for key, value in scope["headers"]
        )
        start: Message | None = None

        async def sent(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if start is not None:
                head, start = start, None
                body = message.get("body", b"")
                whole = _is_compressible(head["headers"]) and not message.get("more_body")
                short = takes and whole and len(body) >= LEAST
                if short:
                    body = await self._compressed(body)
                    message = {**message, "body": body}
                head["headers"] = _told(head["headers"], takes, whole, len(body) if short else None)
                await send(head)
            await send(message)

        await self.app(scope, receive, sent)

    async def _compressed(self, body: bytes) -> bytes:
        # Python keeps a string's hash with it: looking up an answer that is kept whole costs nothing.
        with self._lock:
            found = self._kept.get(body)
            if found is not None:
                self._kept.move_to_end(body)
                return found
        if len(body) > _ELSEWHERE:
            return await asyncio.to_thread(gzip.compress, body, LEVEL, mtime=0)
        made = gzip.compress(body, LEVEL, mtime=0)
        with self._lock:
            if body not in self._kept:
                self._kept[body] = made
                self._bytes += len(body) + len(made)
            while self._bytes > KEPT_BYTES:
                old, shorter = self._kept.popitem(last=False)
                self._bytes -= len(old) + len(shorter)
        return made


def _is_open(path: str) -> bool:
    return path == "/" or path.startswith(_PATHS)


@lru_cache(256)
def _takes_gzip(accepted: bytes) -> bool:
    for each in accepted.decode("latin-1").lower().split(","):
        name, _, parameter = each.partition(";")
        if name.strip() in {"gzip", "*"}:
            quality = parameter.strip().removeprefix("q=")
            return quality.strip("0.") != "" or not quality
    return False


def _is_compressible(headers: list[Pair]) -> bool:
    kind = next((value for key, value in headers if key == b"content-type"), b"")
    return kind.partition(b";")[0] in _TYPES and all(
        key != b"content-encoding" for key, _ in headers
    )


def _told(headers: list[Pair], takes: bool, whole: bool, length: int | None) -> list[Pair]:  # noqa: FBT001 -- by place, for speed
    """Say what was done, by hand because every page passes here.

    For who takes gzip, the tag names the answer, not its bytes, which are others without (RFC 9110, section 8.8.1).
    """
    told = []
    for key, value in headers:
        if key == b"etag" and takes and not value.startswith(b"W/"):
            told.append((key, b"W/" + value))
        elif key == b"vary" and whole:
            told.append((key, value + b", Accept-Encoding"))
            whole = False
        elif key != b"content-length" or length is None:
            told.append((key, value))
    if whole:
        told.append((b"vary", b"Accept-Encoding"))
    if length is not None:
        told += [(b"content-encoding", b"gzip"), (b"content-length", str(length).encode())]
    return told
