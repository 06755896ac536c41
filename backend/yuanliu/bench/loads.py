"""Load on an HTTP server by plain sockets: a tenth of the processor time that an HTTP library would take from it.

Closed loop: each connection sends its next request when it has its answer. Open loop: requests arrive at a constant
rate, whatever the server does, and each one's time counts from when it was due, so a server that falls behind cannot
hide it.
"""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

_PIECE: Final = 262_144
_TIMEOUT: Final = 60.0


class Connection:
    """A kept-alive connection to a server on this machine."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), _TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and give the answer's status and body. Raises `OSError`."""
        self._socket.sendall(request)
        answer = self._socket.recv(_PIECE)
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self._more()
        head = answer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].partition(b"\r\n")[0]) if at >= 0 else 0
        parts, left = [answer[end + 4 :]], length - (len(answer) - end - 4)
        while left > 0:
            parts.append(self._more())
            left -= len(parts[-1])
        return int(head[9:12]), b"".join(parts)

    def _more(self) -> bytes:
        piece = self._socket.recv(_PIECE)
        if not piece:
            raise ConnectionResetError("the server hung up")
        return piece

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """Write a request; a header without a value is left out."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if value]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(frozen=True, slots=True)
class Load:
    """What a load came to: seconds of the clock in all, and of each request, sorted."""

    seconds: float
    times: list[float]

    def within(self, part: float) -> float:
        """Give the milliseconds within which this part of the requests was answered."""
        return self.times[min(int(len(self.times) * part), len(self.times) - 1)] * 1_000


def closed(port: int, requests: Sequence[bytes], *, connections: int, status: int) -> Load:
    """Send all requests as fast as the connections get answers. Raises `AssertionError` for another status."""
    return _run(port, requests, connections, status, lambda _: time.perf_counter())


def at_rate(
    port: int, requests: Sequence[bytes], *, rate: float, connections: int, status: int = 200
) -> Load:
    """Send requests at a constant rate a second. Raises `AssertionError` for another status."""
    began = time.perf_counter() + 0.1

    def due(number: int) -> float:
        moment = began + number / rate
        if (wait := moment - time.perf_counter()) > 0:
            time.sleep(wait)
        return moment

    return _run(port, requests, connections, status, due)


def _run(
    port: int,
    requests: Sequence[bytes],
    connections: int,
    status: int,
    due: Callable[[int], float],
) -> Load:
    numbers, lock = itertools.count(), threading.Lock()
    times: list[float] = []

    def work(connection: Connection) -> None:
        while True:
            with lock:
                number = next(numbers)
            if number >= len(requests):
                return
            since = due(number)
            found, body = connection.send(requests[number])
            times.append(time.perf_counter() - since)
            if found != status:
                raise AssertionError(f"status {found}: {body[:500]!r}")

    opened = [Connection(port) for _ in range(connections)]
    began = time.perf_counter()
    try:
        with ThreadPoolExecutor(connections) as pool:
            for each in [pool.submit(work, connection) for connection in opened]:
                each.result()
    finally:
        for connection in opened:
            connection.close()
    return Load(time.perf_counter() - began, sorted(times))
