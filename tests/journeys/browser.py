"""The system's Chromium, driven by Playwright, as one visitor after the other.

A visitor's pages are watched: an error on the console (a breach of the Content-Security-Policy is one), an exception
that nobody caught and a request to a foreign host each fail the journey when it ends.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    WebError,
    expect,
    sync_playwright,
)

from yuanliu.settings import settings

ARTEFACTS: Final = settings().project_dir / ".yuanliu" / "artefacts" / "journeys"
"""Where the screenshots go. Git does not see it."""

PATIENCE: Final = 120_000.0
"""How long a page may take to show what a journey waits for, in ms. No test tells how fast it was."""

expect.set_options(timeout=PATIENCE)

SHOTS: Final = bool(os.environ.get("SHOTS"))
"""Whether every step's page is kept as a picture, not only those of a journey that failed."""

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_AXE: Final = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
_HERE: Final = frozenset({"127.0.0.1", "localhost", ""})


_WIDTHS: Final = (360, 1280)
"""How wide the windows are that a page has to fit into."""

_A4: Final[ViewportSize] = {"width": 718, "height": 1_050}
"""What A4 leaves between margins of 10 mm, in CSS pixels."""

_UNFIT_FOR_PAPER: Final = """() => {
  const found = [];
  const words = (e) => (e.textContent || e.name || "").trim().slice(0, 60);
  const named = (e) => `${e.tagName.toLowerCase()}.${e.className || ""} ${words(e)}`;
  const pressed = "button, input, select, textarea, details:not([open]) > summary, nav a, dialog";
  for (const e of document.querySelectorAll(pressed)) {
    if (e.checkVisibility({ visibilityProperty: true })) found.push(`can be pressed: ${named(e)}`);
  }
  for (const e of document.querySelectorAll("body *")) {
    if (!e.checkVisibility() || e.closest("svg")) continue;
    const style = getComputedStyle(e);
    if (style.clipPath !== "none" || style.position === "absolute") continue; // for screen readers only
    const box = e.getBoundingClientRect();
    const [hiddenX, hiddenY] = [style.overflowX !== "visible", style.overflowY !== "visible"];
    if (box.width && box.right > innerWidth + 1) found.push(`sticks out: ${named(e)}`);
    if (hiddenX && e.scrollWidth > e.clientWidth + 1) found.push(`cut off at the side: ${named(e)}`);
    if (hiddenY && e.scrollHeight > e.clientHeight + 1) found.push(`cut off below: ${named(e)}`);
  }
  return [...new Set(found)].slice(0, 20);
}"""


@dataclass(frozen=True)
class Look:
    """How a visitor looks at a page: the size of the window in CSS pixels, language, light or dark."""

    name: str
    width: int
    height: int
    language: str
    dark: bool = False

    def __str__(self) -> str:
        shade = "-dark" if self.dark else ""
        return f"{self.name}-{self.language[:2]}{shade}"


PHONE_ZH: Final = Look("360", 360, 740, "zh-CN")
PHONE_EN: Final = Look("360", 360, 740, "en")
DESK_ZH: Final = Look("1280", 1280, 900, "zh-CN")
DESK_EN: Final = Look("1280", 1280, 900, "en")


class ChromiumMissing(Exception):
    """There is no Chromium, or no axe-core: a failure of the set-up, never a reason to skip."""


@dataclass
class Visitor:
    """Somebody with a browser of his own: no cookies, no storage, nothing cached, until his journey ends."""

    name: str
    look: Look
    context: BrowserContext
    faults: list[str] = field(default_factory=list)
    """What went wrong on his pages so far."""
    _expected: list[str] = field(default_factory=list)

    def page(self, url: str = "") -> Page:
        """Open a page in a new tab, and go to a path of the site or an address if one is given."""
        page = self.context.new_page()
        if url:
            page.goto(url)
        return page

    def sign_in(self, login: str, password: str) -> str:
        """Sign in over the API, so that the cookie is there; give the session's CSRF token."""
        answer = self.context.request.post(
            "/api/v1/session", data={"login": login, "password": password}, timeout=PATIENCE
        )
        assert answer.status == 201, answer.text()
        token: str = answer.json()["csrf"]
        return token

    def expect_fault(self, pattern: str) -> None:
        """Take a fault that is part of the journey, such as a 401 on the console. It must come."""
        self._expected.append(pattern)

    def shot(self, page: Page, step: str = "page", *, keep: bool = SHOTS) -> None:
        """Keep a screenshot of the whole page: `{test}-{step}-{size}-{language}.png`, if they are wanted."""
        if keep:
            path = ARTEFACTS / f"{self.name}-{step}-{self.look}.png"
            page.screenshot(path=path, full_page=True, animations="disabled")

    def check(self, page: Page, step: str = "page") -> None:
        """See that nothing sticks out to the right, on a phone and on a desk, and that axe-core finds no violation."""
        self.shot(page, step)
        self.fits(page)
        assert not (found := violations(page)), "\n".join(found)

    def fits(self, page: Page) -> None:
        """See that nothing sticks out to the right in windows of either width. Leaves the page in its own."""
        before = page.viewport_size
        assert before
        for width in (*(each for each in _WIDTHS if each != before["width"]), before["width"]):
            page.set_viewport_size({"width": width, "height": before["height"]})
            wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, f"the page is {wide} px wider than the window of {width}"

    def check_print(self, page: Page, step: str) -> None:
        """See that a page is fit for paper: nothing to press or fill in, nothing cut off on A4.

        Leaves the page as it was.
        """
        before = page.viewport_size
        page.set_viewport_size(_A4)
        page.emulate_media(media="print")
        self.shot(page, step)
        found = page.evaluate(_UNFIT_FOR_PAPER)
        page.emulate_media(media="screen")
        if before:
            page.set_viewport_size(before)
        assert not found, "\n".join(found)

    def end(self) -> None:
        """Close the browser's window. Fails if anything unexpected was on the console, or nothing expected."""
        if self.context.pages and not all(map(self._came, self._expected)):
            with suppress(AssertionError):  # what came instead is told below
                until(self.context.pages[0], lambda: all(map(self._came, self._expected)))
        self.context.close()
        left = list(self.faults)
        for pattern in self._expected:
            matching = [fault for fault in left if re.search(pattern, fault)]
            assert matching, f"expected on the console, but absent: {pattern}; there was {left}"
            left = [fault for fault in left if fault not in matching]
        assert not left, "\n".join(left)

    def _came(self, pattern: str) -> bool:
        return any(re.search(pattern, fault) for fault in self.faults)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _threw(self, error: WebError) -> None:
        self.faults.append(f"exception: {error.error}")

    def _asked(self, request: Request) -> None:
        where = urlsplit(request.url)
        if where.scheme not in {"data", "blob"} and (where.hostname or "") not in _HERE:
            self.faults.append(f"foreign host: {request.url}")


def violations(page: Page) -> list[str]:
    """Run axe-core, all of its rules; give each violation with its place. Raises `ChromiumMissing`.

    The debugger puts it into the page, so the page's Content-Security-Policy stays as it is.
    """
    if not _AXE.exists():
        raise ChromiumMissing("axe-core is missing: run scripts/setup --dev")
    session = page.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": _AXE.read_text(encoding="utf-8")})
    ran = session.send(
        "Runtime.evaluate",
        {
            "expression": "axe.run(document).then(r => r.violations.flatMap(v => v.nodes.map("
            "n => `${v.id}: ${v.help}: ${n.target.join(' ')}: ${n.failureSummary}`)))",
            "awaitPromise": True,
            "returnByValue": True,
        },
    )
    session.detach()
    assert "exceptionDetails" not in ran, ran["exceptionDetails"]
    found: list[str] = ran["result"]["value"]
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium without a window. Raises `ChromiumMissing`.

    It runs without its sandbox, which root and containers cannot have: it loads our own pages only.
    """
    program = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if program is None:
        raise ChromiumMissing("the journeys need chromium: run scripts/system-packages")
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


def until(page: Page, true: Callable[[], object]) -> None:
    """Wait for something that no page shows, while the page goes on."""
    end = time.monotonic() + PATIENCE / 1_000
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        page.wait_for_timeout(50)


def visitor(
    browser: Browser, name: str, look: Look, site: str, *, keeps_pages: bool = False
) -> Visitor:
    """Give a new visitor of a site. The name is that of the test; `Visitor.end` has to be called.

    The desk's pages are kept for when there is no line by a worker of theirs, unless its visitor does not let it:
    fetching them all is dear, and pages as they were last seen are no surprise to a journey about that alone.
    """
    context = browser.new_context(
        base_url=site,
        viewport={"width": look.width, "height": look.height},
        locale=look.language,
        color_scheme="dark" if look.dark else "light",
        reduced_motion="reduce",
        service_workers="allow" if keeps_pages else "block",
    )
    context.set_default_timeout(PATIENCE)
    made = Visitor(name, look, context)
    context.on("console", made._heard)
    context.on("weberror", made._threw)
    context.on("request", made._asked)
    return made
