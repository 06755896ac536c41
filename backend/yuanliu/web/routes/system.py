"""Is it alive, is it ready, how is it doing; what the API is."""

import hmac
import ipaddress
import re
import time
from contextlib import suppress
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from yuanliu import __version__
from yuanliu.chain.node import Node
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.index.reading import reading
from yuanliu.web import messages
from yuanliu.web.messages import Language
from yuanliu.web.pages import consumer, frame, general
from yuanliu.web.problems import documented, status_of
from yuanliu.web.services import Copy, Services, Wired
from yuanliu.web.shapes import Output, moment

router = APIRouter(tags=["system"], responses=documented(503))

LANGUAGES: Final[tuple[messages.Language, ...]] = ("zh", "en")
LAG_BLOCKS: Final = 20
"""How many blocks the copy may be behind the chain before the service calls itself not ready."""

PROBE_SECONDS: Final = 2.0
"""How long the chain may take to answer before the service calls itself not ready: whoever asks does not wait long."""

_LAG: Final = Gauge("yuanliu_index_lag_blocks", "Blocks that the copy is behind the chain.")
_BLOCK: Final = Gauge("yuanliu_index_block", "Block that the copy reaches.")
_INTENTIONS: Final = Gauge("yuanliu_intentions", "Intentions by state.", ("state",))
_OLDEST: Final = Gauge("yuanliu_oldest_waiting_seconds", "Since when the oldest intention waits.")
_BALANCE: Final = Gauge("yuanliu_relayer_balance_wei", "Coin of the relayer's account.")


class Part(Output):
    """One part of the service. `detail` says what is wrong."""

    state: Literal["ok", "failing"]
    detail: str = ""


class Readiness(Output):
    """Whether the service can do its work. `chain_block` and `index_block` tell how far the copy is behind."""

    ready: bool
    version: str
    chain_id: int
    chain_block: int | None
    index_block: int | None
    parts: dict[str, Part]
    time: str


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """Tell that the process is alive; nothing more."""
    return {"status": "alive"}


@router.get("/readyz", responses={503: {"description": "Not ready", "model": Readiness}})
def ready(wired: Wired, response: Response) -> Readiness:
    """Tell whether chain, copy and desk answer, and the copy keeps up with the chain."""
    found = _readiness(wired)
    if not found.ready:
        response.status_code = 503
    return found


@router.get("/api/v1/chain")
def show_chain(wired: Wired) -> dict[str, Any]:
    """Name the chain and the contracts, for whoever checks for himself, and the block up to which the pages tell."""
    d = wired.deployment
    reached = None
    with suppress(YuanliuError), reading(wired.copy) as db:
        reached = q.status(db)
    return {
        "chain_id": d.chain_id,
        "genesis": d.genesis,
        "first_block": d.block,
        "contracts": {name: each.address.lower() for name, each in d.contracts.items()},
        "source_hash": d.source_hash,
        "block": reached.block if reached else None,
    }


class ErrorView(Output):
    """A code that a refusal may have, and what it means to people."""

    code: str
    status: int
    title: dict[str, str]
    hint: dict[str, str]


@router.get("/api/v1/errors")
def list_errors() -> list[ErrorView]:
    """List every code of a refusal, with its HTTP status and what it says to people, in Chinese and English."""
    return [
        ErrorView(
            code=code,
            status=status_of(code),
            title={language: messages.title(code, language, code) for language in LANGUAGES},
            hint={language: messages.hint(code, language, "") for language in LANGUAGES},
        )
        for code in messages.codes()
    ]


@router.get("/metrics", responses=documented(403), response_class=PlainTextResponse)
def metrics(request: Request, wired: Wired) -> Response:
    """Give figures for Prometheus; to this machine, or to whoever brings the token of the settings."""
    _may_measure(request, wired)
    found = _readiness(wired)
    if found.index_block is not None:
        _BLOCK.set(found.index_block)
        if found.chain_block is not None:
            _LAG.set(max(0, found.chain_block - found.index_block))
    for state, count in wired.outbox.counts().items():
        _INTENTIONS.labels(str(state)).set(count)
    oldest = wired.outbox.oldest()
    _OLDEST.set(0 if oldest is None else max(0.0, time.time() - oldest))
    if found.parts["chain"].state == "ok":
        with suppress(YuanliuError):  # it was there a moment ago
            _BALANCE.set(wired.node.balance(wired.house.address))
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get("/", response_class=HTMLResponse)
def home(request: Request, db: Copy) -> Response:
    """Show the latest lots."""
    return consumer.home(request, q.batches(db, limit=20), db)


@router.get(
    "/language",
    status_code=303,
    response_class=RedirectResponse,
    responses={303: {"description": "Back, in that language"}, **documented(413, 422)},
)
def choose_language(to: Language, back: Annotated[str, Query(max_length=600)] = "/") -> Response:
    """Remember a language for a year, and go back to the page that was read."""
    # Only to a path of ours: what a browser would take for another host goes to the first page.
    local = back.startswith("/") and not re.match(r"/[/\\]", back) and back.isprintable()
    answer = RedirectResponse(back if local else "/", 303)
    answer.set_cookie(frame.LANGUAGE_COOKIE, to, max_age=31_536_000, samesite="lax", httponly=True)
    return answer


@router.get("/api/v1/docs", response_class=HTMLResponse)
def docs(request: Request) -> Response:
    """Show the API for people."""
    return general.api(request, request.app.openapi())


def _may_measure(request: Request, wired: Services) -> None:
    token = wired.config.metrics_token
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if token is not None and hmac.compare_digest(token.get_secret_value().encode(), given.encode()):
        return
    if token is None and request.client and _is_loopback(request.client.host):
        return
    raise YuanliuError(
        "access.forbidden",
        "the figures are not for everybody",
        hint="bring the token of YUANLIU_METRICS_TOKEN as bearer token",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _readiness(wired: Services) -> Readiness:
    parts: dict[str, Part] = {}
    chain_block = index_block = None
    try:
        node = Node(wired.config.rpc_url, timeout=PROBE_SECONDS)
        wired.deployment.check_chain(node)
        chain_block = node.block_number()
        parts["chain"] = Part(state="ok")
    except YuanliuError as error:
        parts["chain"] = Part(state="failing", detail=error.message)
    try:
        with reading(wired.copy) as db:
            status = q.status(db)
        index_block = status.block if status else None
        parts["index"] = Part(state="ok")
    except YuanliuError as error:
        parts["index"] = Part(state="failing", detail=error.message)
    if parts["index"].state == "ok":
        parts["index"] = _keeping_up(chain_block, index_block)
    try:
        wired.outbox.counts()
        parts["desk"] = Part(state="ok")
    except YuanliuError as error:
        parts["desk"] = Part(state="failing", detail=error.message)
    return Readiness(
        ready=all(part.state == "ok" for part in parts.values()),
        version=__version__,
        chain_id=wired.deployment.chain_id,
        chain_block=chain_block,
        index_block=index_block,
        parts=parts,
        time=moment(int(time.time())),
    )


def _keeping_up(chain_block: int | None, index_block: int | None) -> Part:
    if index_block is None:
        return Part(state="failing", detail="nothing was read of the chain yet")
    if chain_block is not None and chain_block - index_block > LAG_BLOCKS:
        behind = chain_block - index_block
        return Part(state="failing", detail=f"{behind} blocks behind the chain")
    return Part(state="ok")
