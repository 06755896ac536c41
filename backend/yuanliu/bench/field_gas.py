"""Gas beside the best-known public contracts, compiled by the same compiler and run on the same node (`rivals`).

The limit is what the chain itself asks for: 21,000 for a transaction, 16 for a byte of what is signed, 8 for a byte of
what is logged, 5,000 for a balance that changes. It leaves out every check and signature.
"""

from collections.abc import Callable, Iterator
from typing import Final

from yuanliu.bench import gas, rivals
from yuanliu.bench.field import Comparison
from yuanliu.bench.field_rivals import RivalUnavailable
from yuanliu.bench.stage import PAYLOAD_BYTES, Stage
from yuanliu.chain.devnet import Devnet

_TRANSACTION: Final = 21_000
_BYTE_SENT: Final = 16
_BYTE_LOGGED: Final = 8
_BALANCE: Final = 5_000
_LOG: Final = 375 * 2
_IN_A_BATCH: Final = 100
_EVENT: Final = (_BYTE_SENT + _BYTE_LOGGED) * PAYLOAD_BYTES + _LOG


def compare(said: Callable[[str], None] = lambda _: None) -> Iterator[Comparison]:
    """Compare payments and events. Raises `RivalUnavailable`."""
    if not rivals.installed():
        raise RivalUnavailable("the contracts are not here: ./scripts/bench field installs them")
    ours = {}
    with Devnet() as devnet:
        for name, used in gas._scenarios(Stage(devnet.node), said):  # noqa: SLF001 -- one after the other, not all
            ours[name] = used
            if name == "pay.three.warm":
                break
    theirs = gas.measure_rivals(said)
    splitter, whole, hashed = theirs.values()
    event = _TRANSACTION + _EVENT
    yield Comparison(
        what="gas: a payment shared among three",
        ours=ours["pay.three.warm"],
        rival="PaymentSplitter (OpenZeppelin 4.9)",
        theirs=splitter,
        limit=_TRANSACTION + 4 * _BALANCE,
        limit_is="one transaction that changes four balances and does nothing else",
        unit="gas",
        note="ours also moves goods, writes the journal and takes the order's number; theirs needs four transactions",
    )
    yield Comparison(
        what=f"gas: an event of {PAYLOAD_BYTES} bytes, relayed alone",
        ours=ours["event.relayed.single"],
        rival="EAS 1.9, the same bytes",
        theirs=whole,
        limit=event,
        limit_is="one transaction that carries the bytes and logs them",
        unit="gas",
        note="ours checks a signature, role and journal; theirs is sent by its author, who needs gas",
    )
    yield Comparison(
        what=f"gas: an event of {PAYLOAD_BYTES} bytes, a hundred at once",
        ours=ours["event.relayed.batch100"],
        rival="EAS 1.9, the same bytes",
        theirs=whole,
        limit=event - _TRANSACTION + _TRANSACTION // _IN_A_BATCH,
        limit_is="a hundredth of a transaction, the bytes carried and logged",
        unit="gas",
        note=f"EAS with a mere hash of 32 bytes: {hashed:,}",
    )
