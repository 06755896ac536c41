"""Servers that stand where a node should: one that lies about a real node's answers, and one that says anything."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

import requests

HOST: Final = "127.0.0.1"

Json = dict[str, Any]
Tamper = Callable[[Json, Callable[[], Json]], Json | bytes | None]
"""Answers a request (a list, if it is a batch); the second argument asks the node.

Bytes are sent as they are, None is silence.
"""


class Proxy:
    """Stands between a program and its node, for the time of a `with` block. `asked` are the methods it heard."""

    def __init__(self, upstream: str, tamper: Tamper = lambda _, ask: ask()) -> None:
        self.upstream = upstream
        self.tamper = tamper
        self.asked: list[str] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = (
                True  # the body follows at once, not when the head was acknowledged
            )

            def do_POST(self) -> None:
                proxy._answer(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        request = json.loads(body)
        self.asked += [
            each["method"] for each in (request if isinstance(request, list) else [request])
        ]
        told = self.tamper(request, lambda: self._ask(body))
        if told is None:
            handler.close_connection = True
            return
        data = told if isinstance(told, bytes) else json.dumps(told).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        with suppress(BrokenPipeError):
            handler.wfile.write(data)

    def _ask(self, body: bytes) -> Json:
        headers = {"Content-Type": "application/json"}
        with requests.post(self.upstream, body, headers=headers, timeout=300) as answer:
            asked: Json = answer.json()
            return asked


def results(method: str, change: Callable[[Any], Any]) -> Tamper:
    """Change every result of one method."""

    def tamper(request: Json, ask: Callable[[], Json]) -> Json:
        answer = ask()
        if request["method"] != method or "result" not in answer:
            return answer
        return answer | {"result": change(answer["result"])}

    return tamper


@contextmanager
def speaking(say: Callable[[socket.socket], None]) -> Iterator[str]:
    """Give the address of a server that hears a request and then does `say` on the connection, whatever that is."""
    server = socket.create_server((HOST, 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                threading.Thread(target=serve_one, args=(connection,), daemon=True).start()

    def serve_one(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            hear(connection)
            say(connection)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://{HOST}:{server.getsockname()[1]}"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def hear(connection: socket.socket) -> None:
    """Read one request to its end: closing before that would cut the answer off."""

    def more() -> bytes:
        if not (piece := connection.recv(1 << 16)):
            raise ConnectionError
        return piece

    heard = b""
    while b"\r\n\r\n" not in heard:
        heard += more()
    head, _, body = heard.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += more()


def http(body: bytes, *, status: str = "200 OK", length: int | None = None) -> bytes:
    """Give the bytes of an HTTP answer; `length` is what it claims, if that is not the truth."""
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n\r\n".encode() + body
