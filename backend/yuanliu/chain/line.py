"""A line to a node: a request goes out, an answer comes back, bounded in time and in size.

To this very machine by the standard library over connections that stay open; elsewhere, with its proxies and
certificates, by `requests`, which takes three times the processor for a short question.
"""

import http.client
import select
import socket
import threading
import time
from collections import deque
from typing import Final
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

MAX_ANSWER: Final = 1 << 29
"""Longest answer that is read, in bytes: some 400,000 records."""

ANSWER_SECONDS: Final = 30.0
"""Longest wait for an answer, unless somebody says otherwise: a crowded machine may stand still for fifteen."""

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
"""Hosts that are this very machine: no proxy is asked for them."""

_PIECE: Final = 1 << 18
_CONNECTIONS: Final = 64
"""Most connections that are kept: as many as threads may ask at once."""

_HEADERS: Final = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
_GOOD: Final = range(200, 300)


class NoAnswer(Exception):
    """There is no answer, or it cannot be read to its end. Its text says why, in a few words."""


class TooLong(NoAnswer):
    """The answer is longer than `MAX_ANSWER` bytes."""

    def __init__(self) -> None:
        super().__init__(f"its answer is longer than {MAX_ANSWER} bytes")


class Line:
    """Posts to one address. Any thread may use it; each request has a connection of its own for its time."""

    def __init__(self, url: str, seconds: float | None = None) -> None:
        self._url = url
        self._seconds = ANSWER_SECONDS if seconds is None else seconds
        parts = urlsplit(url)
        self._near = parts.scheme == "http" and parts.hostname in LOOPBACK and not parts.username
        self._address = parts.hostname or "", parts.port or 80
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._kept: deque[http.client.HTTPConnection] = deque(maxlen=_CONNECTIONS)
        self._session: requests.Session | None = None
        self._lock = threading.Lock()

    def post(self, body: bytes) -> bytearray:
        """Post JSON and give the answer's body. Raises `NoAnswer`."""
        deadline = time.monotonic() + self._seconds
        return self._to_this_machine(body, deadline) if self._near else self._away(body, deadline)

    def close(self) -> None:
        """Close what is open."""
        while self._kept:
            self._kept.pop().close()
        if self._session is not None:
            self._session.close()

    def __del__(self) -> None:
        self.close()

    def _to_this_machine(self, body: bytes, deadline: float) -> bytearray:
        connection = self._connection()
        try:
            connection.request("POST", self._path, body, _HEADERS)
            response = connection.getresponse()
            answer = bytearray()
            while piece := response.read1(_PIECE):
                _bound(answer, piece, deadline)
            _whole(response)
        except NoAnswer:
            connection.close()
            raise
        except TimeoutError as error:
            connection.close()
            raise NoAnswer("no answer in time") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            raise NoAnswer(type(error).__name__) from error
        if response.will_close:
            connection.close()
        else:
            self._kept.append(connection)
        if response.status not in _GOOD:
            raise NoAnswer(f"HTTP status {response.status}")
        return answer

    def _connection(self) -> http.client.HTTPConnection:
        """Give a connection that the node has not closed meanwhile, or a new one."""
        while True:
            try:
                connection = self._kept.pop()
            except IndexError:
                return http.client.HTTPConnection(*self._address, timeout=self._seconds)
            if _is_open(connection.sock):
                return connection
            connection.close()

    def _away(self, body: bytes, deadline: float) -> bytearray:
        try:
            with self._opened().post(
                self._url, body, headers=_HEADERS, timeout=self._seconds, stream=True
            ) as response:
                response.raise_for_status()
                answer = bytearray()
                while piece := response.raw.read1(_PIECE, decode_content=True):
                    _bound(answer, piece, deadline)
                return answer
        except requests.HTTPError as error:
            status = error.response.status_code if error.response is not None else "unknown"
            raise NoAnswer(f"HTTP status {status}") from error
        except (requests.Timeout, TimeoutError) as error:
            raise NoAnswer("no answer in time") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise NoAnswer(type(error).__name__) from error

    def _opened(self) -> requests.Session:
        with self._lock:
            if self._session is None:
                self._session = requests.Session()
                for scheme in ("http://", "https://"):
                    self._session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS))
                self._session.trust_env = urlsplit(self._url).hostname not in LOOPBACK
            return self._session


def _bound(answer: bytearray, piece: bytes, deadline: float) -> None:
    answer += piece
    if len(answer) > MAX_ANSWER:
        raise TooLong
    if time.monotonic() > deadline:
        raise NoAnswer("no answer in time")


def _whole(response: http.client.HTTPResponse) -> None:
    if response.length:
        raise NoAnswer("IncompleteRead")
    response.read()  # only this lets the connection be used again


def _is_open(sock: socket.socket | None) -> bool:
    """Tell whether a kept connection is still open: nothing may be readable before anything was asked."""
    if sock is None:
        return False
    waiting = select.poll()
    waiting.register(sock, select.POLLIN)
    return not waiting.poll(0)
