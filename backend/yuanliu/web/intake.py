"""Takes in the events that machines hand in one by one, those that come together in one go.

A machine with a token that does not wait for its block (`Prefer: respond-async`) may hand in hundreds of events a
second. Each on its own would take a thread, and threads that wait for each other's turn cost more than the work: 8 ms
of processor an event, of which 2 were of use. So they queue up for one thread, which checks them, signs them and
commits them together; the answer is given after that commit, as ever.

What is not plain (another way to sign in, a body that has to be refused, a batch that nobody knows) goes on to the
route itself, which says best what is wrong.
"""

import asyncio
import queue
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Annotated, Final

import orjson
import structlog
from pydantic import Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yuanliu.desk.outbox import Handed
from yuanliu.epcis import Lot
from yuanliu.errors import YuanliuError
from yuanliu.index.reading import Readers
from yuanliu.web import problems
from yuanliu.web.access import Visitor, visitor_of_machine
from yuanliu.web.acting import Acting, digest_of, preferred_wait
from yuanliu.web.events_in import LogisticsIn, ProductionIn
from yuanliu.web.routes.batches import answered, known_lot
from yuanliu.web.routes.events import recording
from yuanliu.web.services import Services

AT_ONCE: Final = 100
"""Most events that are taken in together: as many as go into one transaction."""

TEMPLATE: Final = "/api/v1/batches/{batch}/events"
_PATH: Final = re.compile(r"/api/v1/batches/(0x[0-9a-f]{64})/events")
_ONCE: Final = (b"authorization", b"content-length", b"content-type", b"idempotency-key", b"prefer")
_KEY: Final = re.compile(r"[!-~]{1,120}")
_LONGEST_PREFER: Final = 200
_BODY: Final[TypeAdapter[ProductionIn | LogisticsIn]] = TypeAdapter(
    Annotated[ProductionIn | LogisticsIn, Field(discriminator="kind")]
)


@dataclass(eq=False)
class _Event:
    """One event on its way in. Without an `answer` in the end, the route itself is asked."""

    request: Request
    batch: str
    body: bytes
    token: str
    idempotency_key: str
    answered: asyncio.Future[Response | None]
    response: Response | None = field(default=None)


class Intake:
    """Answers what it is for; everything else goes on to the application."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self.app = app
        self._services = services
        self._readers = Readers(services.copy)
        self._queue: queue.SimpleQueue[_Event | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            try:
                await self.app(scope, receive, send)
            finally:
                self.close()
            return
        found = _plain(scope)
        if found is None:
            await self.app(scope, receive, send)
            return
        batch, token, key = found
        body = await _read(receive)
        loop = asyncio.get_running_loop()
        event = _Event(Request(scope), batch, body, token, key, loop.create_future())
        self._hand_over(event)
        response = await event.answered
        if response is None:
            await self.app(scope, _again(body, receive), send)
            return
        scope["template"] = TEMPLATE
        await response(scope, receive, send)

    def close(self) -> None:
        """End the thread, once everything that was handed over is answered."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join()
        self._readers.close()

    def _hand_over(self, event: _Event) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="intake", daemon=True)
                self._thread.start()
        self._queue.put(event)

    # ------------------------------------------------------------------ in the thread

    def _work(self) -> None:
        for turn in self._turns():
            try:
                self._take_in(turn)
            except Exception as defect:  # noqa: BLE001 -- each of them hears of it, and the next turn comes
                _tell(turn, defect)
            else:
                _tell(turn, None)

    def _turns(self) -> Iterator[list[_Event]]:
        """Give what waits, all that came meanwhile."""
        while (event := self._queue.get()) is not None:
            turn, more = [event], True
            while more and len(turn) < AT_ONCE:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    self._queue.put(None)
                    more = False
                else:
                    turn.append(following)
            yield turn

    def _take_in(self, turn: Sequence[_Event]) -> None:
        """Check and store what can be stored, and give each its answer."""
        wired = self._services
        # Asked anew in each turn, after its events came: a revoked token is refused at once.
        visitors = cache(partial(_signed_in, wired))
        handed: list[tuple[_Event, Acting, Handed]] = []
        with self._readers.reading() as db:
            lots = cache(partial(known_lot, db))
            for event in turn:
                try:
                    acting, what = self._checked(event, visitors, lots)
                except YuanliuError as refused:
                    event.response = problems.answer(event.request, refused)
                except Exception:  # noqa: BLE001 -- the route meets it again, and says what it is
                    structlog.get_logger().debug("not plain", exc_info=True)
                else:
                    handed.append((event, acting, what))
        try:
            outcomes = wired.outbox.submit_handed([what for _, _, what in handed])
        except YuanliuError as refused:
            outcomes = [refused] * len(handed)
        for (event, acting, _), outcome in zip(handed, outcomes, strict=True):
            try:
                if isinstance(outcome, YuanliuError):
                    raise outcome
                event.response = answered(acting.answer(outcome), acting.response, 201)
            except YuanliuError as refused:
                event.response = problems.answer(event.request, refused)

    def _checked(
        self,
        event: _Event,
        visitors: Callable[[str], Visitor],
        lots: Callable[[str], Lot],
    ) -> tuple[Acting, Handed]:
        """Check one event and make its call. Raises `YuanliuError`, and anything else for what is not plain."""
        wired = self._services
        visitor = visitors(event.token)
        body = _BODY.validate_python(orjson.loads(event.body))
        acting = Acting(
            wired=wired,
            visitor=visitor,
            account=visitor.account,
            response=_bare(),
            idempotency_key=event.idempotency_key,
            digest=digest_of("POST", event.request.url.path, event.body),
            wait=0.0,
        )
        call, act, result = recording(wired, event.batch, lots(event.batch), body)
        return acting, acting.handed(call, act, result)


def _signed_in(wired: Services, token: str) -> Visitor:
    """Give who holds a token; his key is opened once for all that he hands in. Raises as the route does."""
    visitor = visitor_of_machine(wired, wired.tokens.authenticate(token), token)
    return replace(visitor, open_key=cache(visitor.open_key))


def _plain(scope: Scope) -> tuple[str, str, str] | None:
    """Give batch, token and idempotency key of an event that a machine hands in and does not wait for."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    path = _PATH.fullmatch(scope["path"])
    if path is None or scope["query_string"]:
        return None
    headers: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        if name in _ONCE:
            if name in headers:
                return None
            headers[name] = value.decode("latin-1")
    scheme, _, token = headers.get(b"authorization", "").partition(" ")
    prefer, key = headers.get(b"prefer", ""), headers.get(b"idempotency-key")
    if (
        scheme.lower() != "bearer"
        or not token
        or b"content-length" not in headers
        or headers.get(b"content-type", "").lower() != "application/json"
        or len(prefer) > _LONGEST_PREFER
        or preferred_wait(prefer or None) > 0
        or (key is not None and not _KEY.fullmatch(key))
    ):
        return None
    return path[1], token, key or str(uuid.uuid4())


async def _read(receive: Receive) -> bytes:
    """Read the body to its end; its length is known and was found short enough."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read already once more."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _tell(turn: Sequence[_Event], defect: Exception | None) -> None:
    """Let the requests go on, in their own thread."""

    def tell() -> None:
        for event in turn:
            if event.answered.done():
                continue  # its client went away
            if defect is not None and event.response is None:
                event.answered.set_exception(defect)
            else:
                event.answered.set_result(event.response)

    with suppress(RuntimeError):  # the loop has ended: nobody is there to hear it
        turn[0].answered.get_loop().call_soon_threadsafe(tell)


def _bare() -> Response:
    """Give a response to put headers on, 201 unless somebody says otherwise."""
    response = Response(status_code=201)
    del response.headers["content-length"]
    return response
