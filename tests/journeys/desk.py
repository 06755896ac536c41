"""What journeys on the cooperative's desk share: words, forms, and a line that can be cut."""

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from playwright.sync_api import Locator, Page, expect
from tests.journeys.browser import PATIENCE, Look
from tests.web.house import House

from yuanliu.web.pages.texts import text

if TYPE_CHECKING:
    from yuanliu.web.messages import Language

NUMBERS: Final = itertools.count(1)
HOSTILE: Final = "<img src=x onerror=document.title='broken'>\"'&{{7*7}}"
"""A text that would run if a page wrote it down as markup."""

_SECONDS: Final = 2 * PATIENCE / 1_000

Say = Callable[..., str]


def words(look: Look) -> Say:
    """Give the texts in a visitor's language, by key."""
    language: Language = "en" if look.language == "en" else "zh"
    return lambda key, **values: partial(text, language, f"coop.{key}")(**values)


def sign_in(page: Page, site: House, say: Say, who: str = "clerk") -> None:
    """Sign in by the form."""
    page.locator("form[data-ready]").wait_for()
    page.get_by_label(say("login")).fill(who)
    page.get_by_label(say("password")).fill(site.sign_ins[who].password)
    page.get_by_role("button", name=say("sign_in")).click()
    page.wait_for_url(lambda url: "/coop/sign-in" not in url)


def form(page: Page, act: str = "") -> Locator:
    """Give the page's form, once its script has taken it over."""
    found = page.locator(f"form[data-act{f'={act}' if act else ''}][data-ready]").first
    found.wait_for()
    return found


def fill(page: Page, **values: str) -> None:
    """Fill fields by their names."""
    for name, value in values.items():
        field = page.locator(f"form [name={name}]").first
        if field.evaluate("e => e.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def done(page: Page, site: House, say: Say, where: Locator | None = None) -> None:
    """Wait until what was handed in is on the record, and pages show it."""
    expect((where or page).locator("[data-status]").first).to_contain_text(say("js_title_done"))
    site.shows(site.node.block_number())


def enrol(page: Page, site: House, say: Say, name: str = "老张") -> str:
    """Enrol a farmer by the form; give the code."""
    page.goto("/coop/farmers/new")
    form(page)
    code = f"J-{next(NUMBERS):04d}"
    fill(page, code=code, name=name)
    page.get_by_role("button", name=say("enrol")).click()
    done(page, site, say)
    return code


class Line:
    """A line to a service that can be cut, or lose answers: a proxy for one port of this machine."""

    def __init__(self, target: str) -> None:
        host, _, port = target.removeprefix("http://").partition(":")
        self._target = (host, int(port))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.up = True
        self.swallow: Callable[[bytes], bool] = lambda _: False
        """Whether the answer to a request (its first bytes) gets lost, after the service has done it."""
        self.swallowed = 0
        self.hold: Callable[[bytes], bool] = lambda _: False
        """Whether a request is kept back until `let_go`."""
        self._held = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def let_go(self) -> None:
        """Hand on what was held back, and hold back nothing."""
        self.hold = lambda _: False
        self._held.set()
        self._held = threading.Event()

    def close(self) -> None:
        """Stop for good."""
        self.up = False
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            client.settimeout(_SECONDS)
            asked = b""
            while b"\r\n\r\n" not in asked and (more := client.recv(65_536)):
                asked += more
            if not self.up or not asked:
                return
            if self.hold(asked):
                self._held.wait(_SECONDS)
            with socket.create_connection(self._target) as service:
                service.settimeout(_SECONDS)
                lost = self.swallow(asked)
                # one request a connection, so that each can be judged by its head
                head, _, rest = asked.partition(b"\r\n\r\n")
                lines = [
                    line
                    for line in head.split(b"\r\n")
                    if not line.lower().startswith(b"connection:")
                ]
                service.sendall(b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + rest)
                up = threading.Thread(target=self._pump, args=(client, service), daemon=True)
                up.start()
                while answer := service.recv(65_536):
                    if not lost and self.up:
                        client.sendall(answer)
                if lost:
                    self.swallowed += 1
                client.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)


@contextmanager
def line_to(url: str) -> Iterator[Line]:
    """Give a line to a service, and close it."""
    made = Line(url)
    try:
        yield made
    finally:
        made.close()
