"""Runs the service: the follower, the relayer and the HTTP server, in one process, over one chain and one database.

Several such processes may share a PostgreSQL database: whoever holds a task's lock does it, the others stand by.
"""

import gc
import json
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from types import FrameType
from typing import Any, Final

import orjson
import structlog
import uvicorn

from yuanliu.chain import devnet, launch
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.node import Node
from yuanliu.chain.rawlogs import RawNode
from yuanliu.database import DatabaseBusy, Engine, Family, Held, leader, open_database, upgrade
from yuanliu.desk import keeping
from yuanliu.desk.access import Access
from yuanliu.desk.accounts import Accounts
from yuanliu.desk.attachments import open_store
from yuanliu.desk.first_start import ensure_operator
from yuanliu.desk.outbox import Outbox
from yuanliu.desk.passwords import OneTimePassword
from yuanliu.desk.pins import Pins
from yuanliu.desk.recoveries import Recoveries
from yuanliu.desk.relayer import Relayer
from yuanliu.desk.sessions import Sessions
from yuanliu.desk.tokens import Tokens
from yuanliu.desk.vault import Vault
from yuanliu.errors import YuanliuError
from yuanliu.index.follower import Follower
from yuanliu.index.rebuild import rebuild
from yuanliu.index.store import Store
from yuanliu.settings import Settings
from yuanliu.web.app import create_app
from yuanliu.web.pages import frame
from yuanliu.web.services import Services
from yuanliu.web.visits import Visits

STAND_BY_SECONDS: Final = 2.0
"""Time between two tries to take over a task from another process."""

_BEATS: Final = 10
"""Tenths of a second between two looks whether the lock of a task is still held."""

SHUTDOWN_SECONDS: Final = 10
"""How long answers that are under way may take to end."""

SWITCH_SECONDS: Final = 0.001
"""How long a thread may compute while others wait for their turn. An answer waits for several turns, and with Python's
usual 5 ms for the follower and the relayer at each."""

_YOUNG: Final = 10_000
"""How many new objects there are before Python looks for garbage among them; 700 would be usual."""

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_BACKLOG: Final = 2_048


class Part(StrEnum):
    """What one process does."""

    ALL = "all"
    HTTP = "http"
    """Answers only; others follow and relay."""
    WORKER = "worker"
    """Follows and relays only."""


@dataclass(frozen=True)
class Chain:
    """A chain that is ready. `fresh`: deployed just now; `own_devnet`: started here, and so to be ended here."""

    deployment: Deployment
    fresh: bool
    own_devnet: bool


@dataclass(frozen=True)
class Prepared:
    """Everything that works, not yet working."""

    services: Services
    relayer: Relayer
    follower: Follower
    close: Callable[[], None]


def prepare_chain(config: Settings, *, said: Callable[[str], None] = lambda _: None) -> Chain:
    """Start the bundled devnet if the settings name no other chain, and find or make the deployment.

    Whatever goes wrong, no devnet is left that was started here. Raises as `devnet.up` and `launch.deployment`.
    """
    own_devnet = False
    bundled = launch.is_bundled(config)
    with ExitStack() as failed:
        if bundled:
            said("Starting the devnet …")
            own_devnet = devnet.up(config).outcome == "started"
            if own_devnet:
                failed.callback(devnet.down, config)
        launched = launch.deployment(
            config, replace_if_reset=bundled, said=lambda name: said(f"Deploying {name} …")
        )
        failed.pop_all()
    return Chain(launched.deployment, launched.fresh, own_devnet)


def prepare_tables(config: Settings) -> tuple[Engine, Engine]:
    """Open the copy and the desk, and bring their tables up to date. Raises `DatabaseUnreachable`."""
    copy, desk = (open_database(config, family) for family in (Family.COPY, Family.DESK))
    upgrade(copy, Family.COPY)
    upgrade(desk, Family.DESK)
    return copy, desk


def first_operator(desk: Engine, deployment: Deployment) -> OneTimePassword | None:
    """Make the operator's account if there is none; its one-time password has to be shown, once."""
    return ensure_operator(Accounts(desk, Vault(), chain_id=deployment.chain_id))


def prepare(
    config: Settings,
    deployment: Deployment,
    copy: Engine,
    desk: Engine,
    *,
    said: Callable[[str], None] = lambda _: None,
) -> Prepared:
    """Wire everything. Raises `YuanliuError`: `accounts.key_public`, and as `launch.service_keys`."""
    node = Node(config.rpc_url)
    house, till = launch.service_keys(config, node)
    outbox = Outbox(desk, deployment, node)
    store = Store(copy)
    cursor = store.cursor()
    if launch.is_bundled(config) and cursor is not None and not cursor.is_of(deployment):
        said("The devnet was reset: building the copy anew …")
        rebuild(config, deployment)
    raw = RawNode(config.rpc_url)
    follower = Follower(
        store,
        deployment,
        raw,
        finality=config.finality_depth,
        poll=config.follower_poll,
    )
    relayer = Relayer(outbox, house, finality_depth=config.finality_depth, free_gas=config.free_gas)
    vault = Vault()
    accounts = Accounts(desk, vault, chain_id=deployment.chain_id)
    accounts.refuse_public_secrets()
    recoveries = Recoveries(desk, vault, lambda what, who: deployment.actors.read(node, what, who))
    services = Services(
        config=config,
        node=node,
        deployment=deployment,
        copy=copy,
        desk=desk,
        outbox=outbox,
        attachments=open_store(config, desk),
        accounts=accounts,
        recoveries=recoveries,
        sessions=Sessions(desk, vault, recoveries),
        tokens=Tokens(desk),
        pins=Pins(desk, vault),
        access=Access(lambda key: deployment.actors.read(node, "resolve", key)),
        visits=Visits(),
        house=house,
        till=till,
    )
    return Prepared(services, relayer, follower, raw.close)


def run(
    config: Settings, part: Part = Part.ALL, *, said: Callable[[str], None] = lambda _: None
) -> None:
    """Serve until a signal to end comes; then end everything that was started here, in order.

    Raises `YuanliuError` (`service.port_busy`) and as `prepare`.
    """
    log_as_json()
    sys.setswitchinterval(SWITCH_SECONDS)
    with _until_signal(), ExitStack() as ended:
        listener = None if part is Part.WORKER else ended.enter_context(_listen(config))
        chain = prepare_chain(config, said=said)
        if chain.own_devnet:
            ended.callback(devnet.down, config)
        copy, desk = prepare_tables(config)
        ended.callback(copy.dispose)
        ended.callback(desk.dispose)
        if (password := first_operator(desk, chain.deployment)) is not None:
            said(f"First sign-in, shown this once: {password.login} / {password.password}")
        prepared = prepare(config, chain.deployment, copy, desk, said=said)
        stop = threading.Event()
        threads = [] if part is Part.HTTP else work(config, prepared, stop)
        ended.callback(end, stop, threads, prepared)
        if listener is None:
            said("Working (Ctrl-C ends it)")
            stop.wait()
        else:
            _answer(config, prepared, listener, said)


class _EndAsked(BaseException):
    """A signal asked for the end."""


@contextmanager
def _until_signal() -> Iterator[None]:
    """Leave the block in order at the first signal to end, wherever it is then; those that follow change nothing.

    While the HTTP server runs it hears the signals itself, answers what is under way, and passes them on.
    """
    before = {number: signal.getsignal(number) for number in _ENDING}

    def asked(_number: int, _frame: FrameType | None) -> None:
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
        raise _EndAsked

    for number in _ENDING:
        signal.signal(number, asked)
    try:
        with suppress(_EndAsked):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _answer(
    config: Settings, prepared: Prepared, listener: socket.socket, said: Callable[[str], None]
) -> None:
    app = create_app(prepared.services)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            timeout_keep_alive=20,
            h11_max_incomplete_event_size=65_536,
        )
    )
    signal.signal(signal.SIGHUP, server.handle_exit)  # the other two it takes over itself
    frame.compile_templates("consumer/")
    _look_no_more_through_what_stays()
    said(f"Serving on {config.address} (Ctrl-C ends it)")
    server.run(sockets=[listener])


def _look_no_more_through_what_stays() -> None:
    """Take what was loaded out of Python's search for garbage, which took 0.1 to 0.2 s each time, with no answers."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)


def _listen(config: Settings) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in config.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
        listener.listen(_BACKLOG)  # from here on nobody else can take the port
    except OSError as error:
        listener.close()
        raise YuanliuError(
            "service.port_busy",
            f"cannot listen on {config.address}: {error.strerror}",
            hint="is it running already? Otherwise choose another port by YUANLIU_PORT",
            fields={"host": config.host, "port": config.port},
            exit_code=2,
        ) from error
    return listener


def work(config: Settings, prepared: Prepared, stop: threading.Event) -> list[threading.Thread]:
    """Start the follower and the relayer, each in a thread of its own, as soon as no other process leads."""

    def follow(stop: threading.Event) -> None:
        prepared.follower.run(stop)
        error = prepared.follower.status.error
        if error is not None and not stop.is_set():
            raise error

    tasks = {"follower": follow, "relayer": prepared.relayer.run}
    threads = [
        threading.Thread(target=_lead, args=(config, task, work, stop), name=task)
        for task, work in tasks.items()
    ]
    desk = prepared.services.desk
    threads.append(
        threading.Thread(target=keeping.run, args=(desk, config.keep_days, stop), name="keeper")
    )
    for thread in threads:
        thread.start()
    return threads


def _lead(
    config: Settings, task: str, work: Callable[[threading.Event], None], stop: threading.Event
) -> None:
    """Do a task while this process leads it; whatever ends it before its time is logged, and it begins again."""
    log = structlog.get_logger(task=task)
    while not stop.is_set():
        try:
            with leader(config, task) as held, _while_held(held, stop) as ended:
                log.info("leading")
                work(ended)
                if not stop.is_set():
                    log.warning("no longer leading")
        except DatabaseBusy:
            stop.wait(STAND_BY_SECONDS)
        except YuanliuError as error:
            log.error("stopped", code=error.code, message=error.message)  # noqa: TRY400 -- a refusal, no defect
            stop.wait(STAND_BY_SECONDS)
        except Exception:
            log.exception("defect")
            stop.wait(STAND_BY_SECONDS)


@contextmanager
def _while_held(held: Held, stop: threading.Event) -> Iterator[threading.Event]:
    """Give an event that is set when all shall end, or when the lock is lost: then another process may lead."""
    ended, done = threading.Event(), threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            if stop.is_set() or (next(beats) % _BEATS == 0 and not held()):
                ended.set()
                return

    beats = count(1)
    watcher = threading.Thread(target=watch, name="lock", daemon=True)
    watcher.start()
    try:
        yield ended
    finally:
        done.set()
        watcher.join(STAND_BY_SECONDS)


def end(stop: threading.Event, threads: list[threading.Thread], prepared: Prepared) -> None:
    """End the follower and the relayer, and what they hold."""
    stop.set()
    prepared.relayer.wake()
    prepared.follower.wake()
    for thread in threads:
        thread.join(SHUTDOWN_SECONDS)
    prepared.close()


def _json(event: dict[str, object], **options: Any) -> str:  # noqa: ANN401 -- as structlog calls it
    """Write a log's line; what orjson refuses (half a character), slowly."""
    try:
        return orjson.dumps(event, default=options.get("default")).decode()
    except orjson.JSONEncodeError:
        return json.dumps(event, **options)


def log_as_json() -> None:
    """Write one JSON object a line to stderr, from our own loggers and from those of libraries."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(_json)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=structlog.processors.JSONRenderer(ensure_ascii=False),
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
