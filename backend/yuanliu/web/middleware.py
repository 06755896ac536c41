"""What every request passes through: its name, its limits, its headers, its figures."""

import os
import time
from functools import lru_cache
from typing import Final

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yuanliu.errors import YuanliuError
from yuanliu.web import problems

MAX_BODY: Final = 1_048_576
"""Longest body, in bytes, where a path has no limit of its own."""

_LIMITS: Final[tuple[tuple[str, int], ...]] = (
    ("/api/v1/attachments", 20_971_520 + 65_536),  # a file of 20 MiB in its multipart envelope
    ("/epcis/capture", 4_194_304),
)

MAX_TARGET: Final = 8_192
"""Longest path and query, in bytes."""

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self' https: http://127.0.0.1:* http://localhost:*; manifest-src 'self'; worker-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing from other hosts; only the chain may be asked elsewhere, at an endpoint of the reader's choice."""

_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"permissions-policy", b"camera=(self), geolocation=(), microphone=(), payment=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
)
_PUBLIC: Final = ("/api/v1/", "/epcis/", "/01/", "/.well-known/")
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_REQUESTS: Final = Counter(
    "yuanliu_http_requests_total", "Requests answered.", ("method", "route", "status")
)
_SECONDS: Final = Histogram(
    "yuanliu_http_request_seconds",
    "Time from a request's head to its answer's end.",
    ("method", "route"),
    buckets=(0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


@lru_cache(4_096)
def _figures(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Give what counts such requests: looking it up by its labels takes longer than counting."""
    return _REQUESTS.labels(method, route, status), _SECONDS.labels(method, route)


class Envelope:
    """Names each request, bounds it, adds the headers that protect a reader, counts it, and writes one log line."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._log = structlog.get_logger("yuanliu.http")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        scope.setdefault("state", {})["id"] = name = os.urandom(8).hex()
        status = 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _complete(message, scope, name)
            await send(message)

        limit = _limit(scope["path"])
        try:
            refusal = _refuse_head(scope, limit)
            if refusal:
                await problems.answer(Request(scope), refusal)(scope, receive, sent)
            else:
                await self.app(scope, _bounded(receive, limit), sent)
        finally:
            self._record(scope, status, time.perf_counter() - started, name)

    def _record(self, scope: Scope, status: int, seconds: float, name: str) -> None:
        route = _template(scope)
        method = scope["method"] if scope["method"] in _KNOWN_METHODS else "(other)"
        count, duration = _figures(method, route, status)
        count.inc()
        duration.observe(seconds)
        self._log.info(
            "request",
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            request=name,
        )


def _template(scope: Scope) -> str:
    """Give the path with its parameters by name: there are few of these, however many lots are asked for."""
    if "template" in scope:
        return str(scope["template"])
    if "route" not in scope:
        return "(none)"
    path: str = scope["path"]
    for name, value in scope.get("path_params", {}).items():
        path = path.replace(f"/{value}", f"/{{{name}}}", 1)
    return path


_KNOWN_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _limit(path: str) -> int:
    return next((limit for prefix, limit in _LIMITS if path.startswith(prefix)), MAX_BODY)


def _refuse_head(scope: Scope, limit: int) -> YuanliuError | None:
    """Refuse by the head alone what is too long, so that nobody has to send it."""
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_TARGET:
        return YuanliuError(
            "request.target_too_long",
            f"path and query are longer than {MAX_TARGET} bytes",
            hint="ask for less at once",
            fields={"maximum": MAX_TARGET},
        )
    length = dict(scope["headers"]).get(b"content-length", b"0")
    if not length.isdigit() or int(length) > limit:
        return YuanliuError(
            "request.too_large",
            _too_large(limit),
            hint="send less at once; photos and reports go to /api/v1/attachments",
            fields={"maximum": limit},
        )
    return None


def _too_large(limit: int) -> str:
    return f"the body is longer than {limit} bytes"


def _bounded(receive: Receive, limit: int) -> Receive:
    """Count a body that comes without its length."""
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(413, _too_large(limit))
        return message

    return bounded


def _complete(message: Message, scope: Scope, name: str) -> None:
    """Add the headers that are missing; by hand, because every answer passes here."""
    headers = message["headers"] = list(message.get("headers", ()))
    there = {key.lower() for key, _ in headers}
    headers.extend(pair for pair in _HEADERS if pair[0] not in there)
    safe = scope["method"] in _SAFE
    if b"cache-control" not in there:
        headers.append((b"cache-control", b"no-cache" if safe else b"no-store"))
    headers.append((b"x-request-id", name.encode()))
    if b"vary" not in there:
        headers.append((b"vary", b"Accept, Accept-Language"))
    if safe and scope["path"].startswith(_PUBLIC) and b"access-control-allow-origin" not in there:
        # What is public may be read from any page; without credentials, as the star implies.
        headers.append((b"access-control-allow-origin", b"*"))
    if scope["scheme"] == "https" and b"strict-transport-security" not in there:
        headers.append((b"strict-transport-security", b"max-age=31536000"))
    if b"vary" in there:
        several = MutableHeaders(scope=message)  # it makes a list of its own
        several.add_vary_header("Accept")
        several.add_vary_header("Accept-Language")
