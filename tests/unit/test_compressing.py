"""What goes over the line compressed, and what must not."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from yuanliu.web.compressing import LEAST, Compressing

PAGE = "<p>源流</p>" * 400
LARGE = "<p>source</p>" * 40_000


async def page(request: Request) -> Response:
    name = request.path_params["name"]
    if name == "pieces":
        return StreamingResponse(_pieces(), media_type="text/html")
    if name == "had":
        return Response(status_code=304, headers={"ETag": '"tag"'})
    kind = {"picture": "image/png"}.get(name, "text/html; charset=utf-8")
    text = {"short": "x" * (LEAST - 1), "large": LARGE}.get(name, PAGE)
    return Response(text, media_type=kind, headers={"ETag": '"tag"', "Vary": "Accept"})


async def _pieces() -> AsyncIterator[str]:
    yield PAGE
    yield PAGE


async def secret(_: Request) -> Response:
    return HTMLResponse(PAGE)


APP = Compressing(
    Starlette(
        routes=[
            Route("/coop/{name}", page, methods=["GET", "POST"]),
            Route("/f/{name}", secret),
            Route("/api/v1/session", secret),
        ]
    )
)


def asked(path: str, encoding: str = "gzip", method: str = "GET") -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=APP)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.request(method, path, headers={"Accept-Encoding": encoding})

    return asyncio.run(ask())


@pytest.mark.parametrize("encoding", ["gzip", "br, gzip;q=0.8", "GZIP;q=1", "*", "deflate, gzip"])
def test_whole_pages_come_compressed(encoding: str) -> None:
    for path, text in (("/coop/page", PAGE), ("/coop/page", PAGE), ("/coop/large", LARGE)):
        answer = asked(path, encoding)
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.text == text
        length = int(answer.headers["content-length"])
        assert length < len(text.encode()) / 3
        assert answer.headers["etag"] == 'W/"tag"'
        assert answer.headers["vary"] == "Accept, Accept-Encoding"


def test_who_has_the_page_is_told_by_the_same_tag() -> None:
    had = asked("/coop/had")
    assert (had.status_code, had.headers["etag"]) == (304, 'W/"tag"')
    assert asked("/coop/had", "identity").headers["etag"] == '"tag"'


def test_the_same_page_has_the_same_bytes() -> None:
    assert gzip.compress(PAGE.encode(), mtime=0) == gzip.compress(PAGE.encode(), mtime=0)
    first, second = (asked("/coop/page").num_bytes_downloaded for _ in range(2))
    assert first == second


@pytest.mark.parametrize("encoding", ["identity", "br", "gzip;q=0", "gzip;q=0.000", "", "xgzip"])
def test_who_does_not_take_it_gets_it_plain(encoding: str) -> None:
    answer = asked("/coop/page", encoding)
    assert "content-encoding" not in answer.headers
    assert answer.headers["etag"] == '"tag"'
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert answer.text == PAGE


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/coop/short", "GET"),
        ("/coop/picture", "GET"),
        ("/coop/pieces", "GET"),
        ("/coop/page", "POST"),
        ("/f/card", "GET"),
        ("/api/v1/session", "GET"),
    ],
)
def test_what_stays_as_it_is(path: str, method: str) -> None:
    answer = asked(path, method=method)
    assert "content-encoding" not in answer.headers
    assert answer.status_code == 200
