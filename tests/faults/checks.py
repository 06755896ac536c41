"""What must be true after whatever happened: everything accepted is on the chain once, and the service says so."""

import re
from collections import Counter
from contextlib import suppress

from tests.faults.load import Load, states
from tests.serve.programs import Nursery, Place
from tests.waiting import until

from yuanliu import verify
from yuanliu.errors import YuanliuError
from yuanliu.records import decode


def on_chain(place: Place, batch: str) -> Counter[int]:
    """Count the events by their number, in a journal that verifies; from the chain alone."""
    found = verify.verify(place.node, place.deployment, bytes.fromhex(batch[2:]))
    assert found.verdict.matches, found.verdict.faults
    bodies = [decode(record.data).body for record in found.history.records]
    payloads = [getattr(body, "payload", b"") for body in bodies]
    numbers = (re.search(rb'"yuanliu:number":(\d+)', payload) for payload in payloads)
    return Counter(int(match[1]) for match in numbers if match)


def settled(place: Place, batch: str, *loads: Load) -> bool:
    """Tell whether all that was allowed was accepted, and is on the chain."""
    for load in loads:
        load.check()
    # While it is written to, a node may show a state before its logs: it is asked again, until the time is over.
    with suppress(YuanliuError, AssertionError):
        allowed = sum(len(load.numbers) for load in loads)
        return not any(load.open for load in loads) and len(on_chain(place, batch)) == allowed
    return False


def check(nursery: Nursery, place: Place, batch: str, *loads: Load) -> None:
    """See that everything is there once, that the service says so, and that its copy equals a rebuild."""
    until(lambda: settled(place, batch, *loads))
    for load in loads:
        _all_done(place, load)
        assert len(set(load.accepted.values())) == len(load.numbers)
    until(
        lambda: not pooled(place)
    )  # nothing waits, all is mined: what would be there twice is there
    assert on_chain(place, batch) == Counter(number for load in loads for number in load.numbers)
    shows_all(place, batch)
    compared = nursery.start(place, "rebuild", "--check")
    assert compared.wait() == 0, (compared.said, compared.errors)
    assert re.search(r"All \d+ tables equal a rebuild", compared.said)


def pooled(place: Place) -> int:
    """Count what the node has not mined."""
    found = place.node.request("txpool_status")
    return int(found["pending"], 16) + int(found["queued"], 16)


def shows_all(place: Place, batch: str) -> None:
    """Wait until the service shows the head that the chain keeps."""
    head = verify.verify(place.node, place.deployment, bytes.fromhex(batch[2:])).verdict.head
    with place.client() as client:
        path = f"/api/v1/batches/{batch}/journal"
        until(lambda: client.get(path).json()["head"] == "0x" + head.hex())


def _all_done(place: Place, load: Load) -> None:
    """Wait until the service says so of each; otherwise tell what it says instead."""
    expected, found = Counter(done=len(load.numbers)), [Counter[str]()]

    def done() -> bool:
        found.append(states(place, load))
        return found[-1] == expected

    try:
        until(done)
    except AssertionError as error:
        raise AssertionError(f"after a while the service says: {found[-1]}") from error
