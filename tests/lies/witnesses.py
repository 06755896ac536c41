"""Who notices a lie, called to witness: each does for real what its name says, and is written down as having noticed.

After each test `conftest` compares those who noticed with those whom the test's decorator names.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx
import pytest
from tests.lies.lie import NOTICERS
from tests.tampering import Json, Proxy, Tamper, results
from tests.world import Batch, World, refused

from yuanliu.chain.node import Node
from yuanliu.errors import YuanliuError
from yuanliu.verify import Verification, verify

NOTICED: Final[set[str]] = set()
"""Who noticed something in the test that runs."""


def noticed(who: str) -> None:
    """Write down that somebody noticed."""
    assert who in NOTICERS
    NOTICED.add(who)


# ------------------------------------------------------------------ the contracts


@contextmanager
def contracts_refuse(name: str, **fields: object) -> Iterator[None]:
    """Let the contracts refuse what the block does, with this error."""
    with refused(name, **fields):
        yield
    noticed("the contracts")


def impossible(*, as_it_should_be: bool) -> None:
    """Let the contracts' own arithmetic or order have left no room for the lie."""
    assert as_it_should_be
    noticed("the contracts")


# ------------------------------------------------------------------ readers and programs


def answered(response: httpx.Response, code: str, *, by: str = "the service") -> None:
    """Let the service, or a part of it, have refused with this code."""
    assert response.status_code >= 400, response.text
    assert response.json()["code"] == code, response.text
    noticed(by)


@contextmanager
def program_refuses(who: str, *codes: str) -> Iterator[pytest.ExceptionInfo[YuanliuError]]:
    """Let a program of ours refuse what the block does, with one of these codes."""
    with pytest.raises(YuanliuError) as caught:
        yield caught
    assert caught.value.code in codes, caught.value
    noticed(who)


def verification(world: World, batch: Batch | int, tamper: Tamper) -> Verification:
    """Verify a batch as `yuanliu verify` does, through a node that lies."""
    with Proxy(world.devnet.rpc_url, tamper) as proxy:
        return verify(Node(proxy.url), world.deployment, int(batch).to_bytes(32))


def verify_differs(world: World, batch: Batch | int, tamper: Tamper, *sentences: str) -> None:
    """Let `yuanliu verify` name exactly these differences."""
    verdict = verification(world, batch, tamper).verdict
    assert [str(fault) for fault in verdict.faults] == list(sentences)
    noticed("yuanliu verify")


def stands(*, on_the_record: bool, seen_by: str = "whoever reads the record") -> None:
    """Let it be there to see for whoever looks."""
    assert on_the_record
    noticed(seen_by)


# ------------------------------------------------------------------ nodes that lie


def logs(change: Callable[[list[Json]], object]) -> Tamper:
    """Change a node's list of logs in place."""

    def changed(listed: list[Json]) -> list[Json]:
        change(listed)
        return listed

    return results("eth_getLogs", changed)


def both(first: Tamper, second: Tamper) -> Tamper:
    """Let a node lie in two ways."""

    def tamper(request: Json, ask: Callable[[], Json]) -> Any:  # noqa: ANN401 -- as `Tamper`
        return first(request, lambda: second(request, ask))  # type: ignore[arg-type, return-value]

    return tamper


def record_of(log: Json) -> bytes:
    """Give the record in a raw log: previous head, offset, length, bytes."""
    data = bytes.fromhex(log["data"][2:])
    return data[96 : 96 + int.from_bytes(data[64:96])]
