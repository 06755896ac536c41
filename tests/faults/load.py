"""People who post events to the service and do not give up: what they do not know to be accepted they ask for again."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final, Self

import httpx
from tests.serve.programs import Place
from tests.waiting import SOON

PATIENT: Final = 600.0
"""Seconds after which somebody does give up: then the test fails."""

THREADS: Final = 4


class Load:
    """Events of one batch, each with a number that is nowhere else. `allow` lets more of them be posted."""

    def __init__(self, place: Place, batch: str, *, first: int = 0) -> None:
        self._place = place
        self._batch = batch
        self._first = first
        self._began = datetime.now(UTC).isoformat()
        self._tickets = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._given = self._next = first
        self._ended = False
        self.accepted: dict[int, str] = {}
        """By number: the id of the intention."""
        self.lost_answers = 0
        """How often a connection broke, so that nobody knew whether the service had heard."""
        self.refusals: Counter[str] = Counter()
        self._credentials = self._sign_in()
        self._pool = ThreadPoolExecutor(THREADS)
        self._workers: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._workers = [self._pool.submit(self._work, thread) for thread in range(THREADS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._tickets.release(THREADS)
        self._pool.shutdown()
        for worker in self._workers:
            worker.result()

    def allow(self, count: int) -> None:
        self._tickets.release(count)
        with self._lock:
            self._given += count

    @property
    def numbers(self) -> range:
        """What was allowed so far."""
        return range(self._first, self._given)

    @property
    def open(self) -> int:
        """How many are allowed and not known to be accepted."""
        return len(self.numbers) - len(self.accepted)

    def check(self) -> None:
        """Raise what somebody met that he could not bear."""
        for worker in self._workers:
            if worker.done():
                worker.result()

    def _sign_in(self) -> list[dict[str, str]]:
        """Half of them are people, half machines."""
        with self._place.client("clerk") as client:
            (cookie,) = client.cookies.items()
            body = {"label": "scale", "scopes": ["events:write"]}
            token = client.post("/api/v1/tokens", json=body).json()["token"]
            csrf = client.headers["X-CSRF-Token"]
        person = {"Cookie": "=".join(cookie), "X-CSRF-Token": csrf}
        return [person, {"Authorization": f"Bearer {token}"}]

    def _work(self, thread: int) -> None:
        headers = self._credentials[thread % 2]
        with httpx.Client(
            base_url=self._place.url, trust_env=False, timeout=SOON, headers=headers
        ) as client:
            for number in self._turn():
                self._post(client, number)

    def _turn(self) -> Iterator[int]:
        while True:
            self._tickets.acquire()
            with self._lock:
                if self._ended:
                    return
                number, self._next = self._next, self._next + 1
            yield number

    def _post(self, client: httpx.Client, number: int) -> None:
        body = {
            "kind": "production",
            "time": self._began,
            "place": "henhouse-07",
            "step": "feeding",
            "details": {"number": number},
        }
        headers = {"Idempotency-Key": f"event-{number}", "Prefer": "respond-async"}
        end = time.monotonic() + PATIENT
        while time.monotonic() < end:
            try:
                path = f"/api/v1/batches/{self._batch}/events"
                answer = client.post(path, json=body, headers=headers)
            except httpx.TransportError:
                with self._lock:
                    self.lost_answers += 1
            else:
                if answer.status_code in {201, 202}:
                    with self._lock:
                        self.accepted[number] = answer.json()["id"]
                    return
                problem = answer.json()
                assert answer.status_code == 503, answer.text
                assert problem["retryable"], answer.text
                assert int(answer.headers["Retry-After"]) > 0
                with self._lock:
                    self.refusals[problem["code"]] += 1
            time.sleep(random.uniform(0.02, 0.1))
        raise AssertionError(f"event {number} was never accepted: {self.refusals}")


def states(place: Place, load: Load) -> Counter[str]:
    """Count what the service tells of the accepted intentions, by state."""
    with place.client("clerk") as client:
        answers = [client.get(f"/api/v1/intentions/{id_}") for id_ in load.accepted.values()]
    return Counter(
        answer.json()["state"] if answer.status_code == 200 else answer.text for answer in answers
    )
