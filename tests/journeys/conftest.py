"""A browser, a site with the demo's three sales, and visitors. See `README.md`."""

import re
from collections.abc import Generator, Iterator
from typing import Protocol

import pytest
from playwright.sync_api import Browser
from tests.journeys.browser import PHONE_ZH, Look, Visitor, chromium, visitor
from tests.web.house import House, house


class Visit(Protocol):
    """Makes a visitor: of `site` unless another address is given, with a Chinese phone unless told otherwise."""

    def __call__(
        self, look: Look = PHONE_ZH, *, url: str = "", keeps_pages: bool = False
    ) -> Visitor: ...


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Give the whole service with the demo's three cases played, to one file: what a journey does stays done."""
    with house(tmp_path_factory.mktemp("site"), public_url=None) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium for one file.

    Not for the session: Playwright keeps an event loop running in this thread, and later tests run loops of their own.
    """
    with chromium() as started:
        yield started


@pytest.fixture
def visit(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Visit]:
    """Make visitors, and see at the end that nothing went wrong on their pages."""
    name = re.sub(r"\W+", "-", request.node.originalname.removeprefix("test_")).strip("-")
    made: list[Visitor] = []

    def one(look: Look = PHONE_ZH, *, url: str = "", keeps_pages: bool = False) -> Visitor:
        where = url or request.getfixturevalue("site").url
        made.append(visitor(browser, name, look, where, keeps_pages=keeps_pages))
        return made[-1]

    yield one
    if request.node.stash.get(FAILED, False):
        for each in made:
            for number, page in enumerate(each.context.pages):
                each.shot(page, f"failed-{number}", keep=True)
    for each in made:
        each.end()


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember that a test failed, so that its pages are kept as they were."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report
