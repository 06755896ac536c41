"""Look-ups of what everybody asks, a pack's page before all: past the general machinery, and kept while they are right.

The way of an ordinary request (routing, dependencies, threads) takes longer than these answers do. Here the route's own
function is called at once, in a thread with a connection that stays open, and its answer is given again to whoever asks
the same while the copy is the very same (`index.reading.Stamps`):

* SQLite: until anybody commits anything to the copy. A block, a rewind, a row changed by hand: all of them count, and
  the next answer is made anew.
* PostgreSQL: until the cursor moves, as it does with every block and every rewind, and for a second at most: a row that
  was changed by hand shows after that.

The stamp is taken before the answer is made, so an answer may be newer than its stamp, never older.
"""

import asyncio
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from yuanliu.database import Connection
from yuanliu.errors import YuanliuError
from yuanliu.index.reading import Readers, Stamp, Stamps
from yuanliu.web import caching, problems
from yuanliu.web.pages import frame
from yuanliu.web.routes import batches, resolver
from yuanliu.web.services import Services

MOST_BYTES: Final = 8_000_000
"""Most bytes of answers that are kept: some 200 journals of thirty events."""

THREADS: Final = 4
"""Most answers that are made at once; each thread has a connection with a cache of its own."""

_OVERHEAD: Final = 1_500
_LONGEST: Final = 1_000
"""Most bytes of `Accept` and `Accept-Language` of a request that is answered here."""

_OK: Final = 200


@dataclass(frozen=True)
class LookUp:
    """A route that is asked much: its paths, its template (for the figures), and the function that answers.

    The function gets the request, the copy, the services, and what the path names.
    """

    path: re.Pattern[str]
    template: str
    answer: Callable[..., Response]
    negotiates: bool
    """Whether the answer depends on the query, on `Accept` and on the reader's language."""


LOOK_UPS: Final = (
    LookUp(
        re.compile(r"(?P<rest>/01/[0-9]{14}/10/[^/?#]{1,60})"),
        "/01/{rest}",
        resolver.resolved,
        negotiates=True,
    ),
    LookUp(
        re.compile(r"/api/v1/batches/(?P<batch>0x[0-9a-f]{64})/journal"),
        "/api/v1/batches/{batch}/journal",
        batches.journal_answer,
        negotiates=False,
    ),
    LookUp(
        re.compile(r"/api/v1/batches/(?P<batch>0x[0-9a-f]{64})"),
        "/api/v1/batches/{batch}",
        batches.batch_answer,
        negotiates=False,
    ),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent. `headers` are as ASGI has them."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    async def send(self, send: Send) -> None:
        """Send it."""
        start = {"type": "http.response.start", "status": self.status}
        await send({**start, "headers": list(self.headers)})
        await send({"type": "http.response.body", "body": self.body})

    @classmethod
    def of(cls, response: Response) -> "Answer":
        """Take over a response that is whole."""
        return cls(response.status_code, list(response.raw_headers), bytes(response.body))

    def for_client(self, if_none_match: str) -> "Answer":
        """Give what to send to a client that has those already."""
        headers = dict(self.headers)
        tag = headers.get(b"etag")
        if not if_none_match or tag is None or not caching.named(if_none_match, tag.decode()):
            return self
        return Answer(304, [pair for pair in self.headers if pair[0] in _WITH_304], b"")


_WITH_304: Final = frozenset({b"etag", b"cache-control", b"vary", b"content-location"})


class Shelf:
    """Answers that may be asked for again, at most so many bytes; who was not asked for longest goes first."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Stamp, Answer]] = OrderedDict()
        self.bytes = 0

    def get(self, key: Hashable, stamp: Stamp) -> Answer | None:
        """Give the answer that was made at that moment of the copy."""
        with self._lock:
            found = self._kept.get(key)
            if found is None or found[0] != stamp:
                return None
            self._kept.move_to_end(key)
        return found[1]

    def put(self, key: Hashable, stamp: Stamp, answer: Answer) -> None:
        """Keep an answer that was made at that moment or later."""
        with self._lock:
            before = self._kept.pop(key, None)
            if before is not None:
                self.bytes -= _size(before[1])
            self._kept[key] = stamp, answer
            self.bytes += _size(answer)
            while self.bytes > self._most:
                _, (_, oldest) = self._kept.popitem(last=False)
                self.bytes -= _size(oldest)


def _size(answer: Answer) -> int:
    return len(answer.body) + _OVERHEAD


class LookUps:
    """Answers look-ups; everything else goes on to the application, and whatever it says best."""

    def __init__(
        self, app: ASGIApp, services: Services, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.app = app
        self._services = services
        self._clock = clock
        self._stamps = Stamps(services.copy)
        self._readers = Readers(services.copy)
        self._threads = ThreadPoolExecutor(THREADS, "look-up")
        self.shelf = Shelf()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            try:
                await self.app(scope, receive, send)
            finally:
                self.close()
            return
        found = _asked(scope)
        if found is None:
            await self.app(scope, receive, send)
            return
        look_up, names = found
        request = Request(scope)
        key = _key(look_up, request)
        stamp = self._stamps.now()
        answer = self.shelf.get(key, stamp) if stamp else None
        if answer is None:
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(
                self._threads, self._made, look_up, names, request, key, stamp
            )
        if answer is None:
            await self.app(scope, receive, send)
            return
        scope["route"], scope["template"] = look_up, look_up.template
        await answer.for_client(request.headers.get("if-none-match", "")).send(send)

    def close(self) -> None:
        """Close the connections."""
        self._threads.shutdown()
        self._readers.close()
        self._stamps.close()

    def _made(
        self,
        look_up: LookUp,
        names: Mapping[str, str],
        request: Request,
        key: Hashable,
        stamp: Stamp | None,
    ) -> Answer | None:
        """Make an answer, or find it; none: something went wrong, which the application says better."""
        try:
            with self._readers.reading() as db:
                if stamp is None:
                    stamp = self._read(db)
                    if stamp and (kept := self.shelf.get(key, stamp)):
                        return kept
                answer = Answer.of(look_up.answer(request, db, self._services, **names))
        except YuanliuError as refused:
            return Answer.of(problems.answer(request, refused))
        except Exception:  # noqa: BLE001 -- the application meets it again, and logs it
            return None
        if stamp and answer.status == _OK and caching.is_kept(request):
            self.shelf.put(key, stamp, answer)
        return answer

    def _read(self, db: Connection) -> Stamp | None:
        """Read the moment from the copy; it lasts a second, because rows may be changed by hand."""
        found = self._stamps.of(db)
        return None if found is None else Stamp((found.value, int(self._clock())))


def _asked(scope: Scope) -> tuple[LookUp, Mapping[str, str]] | None:
    """Tell which look-up is asked for, if one is."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    path: str = scope["path"]
    if not path.startswith(_PREFIXES):
        return None
    if sum(len(value) for name, value in scope["headers"] if name in _IN_KEY) > _LONGEST:
        return None
    for look_up in LOOK_UPS:
        if match := look_up.path.fullmatch(path):
            return look_up, {} if look_up.negotiates else match.groupdict()
    return None


_IN_KEY: Final = frozenset({b"accept", b"accept-language"})
_PREFIXES: Final = ("/01/", "/api/v1/batches/0x")


def _key(look_up: LookUp, request: Request) -> Hashable:
    """Name what an answer depends on."""
    scope = request.scope
    if not look_up.negotiates:
        return str(scope["path"])
    path: bytes | str = scope.get("raw_path") or scope["path"]
    accept = request.headers.get("accept", "")
    return path, scope["query_string"], accept, frame.language(request)
