"""Builds the vectors of this folder: `python tests/vectors/build.py` writes them, the tests compare.

A change in them is a change of format, and breaks whoever reads the chain by the old one.
"""

import dataclasses
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from yuanliu import journal, members, records
from yuanliu.members import Member

HERE = Path(__file__).parent
CHAIN_ID = 31337
CONTRACT = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
COOPERATIVE, CLERK, FARMER, NEIGHBOUR, INSPECTOR, SHOP, BUYER, REGULATOR = (
    "0x" + f"{i:02x}" * 20 for i in range(0xA1, 0xA9)
)
GTIN = 6901234567892
LOT = "2026-04-12A"
PAYLOAD = (
    '{"eventTime":"2026-04-12T08:30:00+08:00","type":"ObjectEvent","yuanliu:step":"采摘"}'.encode()
)
ENTRIES = (records.Entry(1, FARMER, 12_000, 10_000), records.Entry(2, NEIGHBOUR, 8_000, 9_500))
PARENT = journal.batch_id(COOPERATIVE, GTIN, "2026-04-11Z")

HARVEST = (
    (COOPERATIVE, CLERK, records.Collected(ENTRIES[:1])),
    (
        COOPERATIVE,
        CLERK,
        records.Registered(GTIN, LOT, 7, 19_500, 1_000, 500_000, 300, ENTRIES[1:], PAYLOAD),
    ),
    (FARMER, FARMER, records.Production(PAYLOAD)),
    (INSPECTOR, INSPECTOR, records.Inspection(conformant=False, payload=PAYLOAD)),
    (REGULATOR, REGULATOR, records.Released("复检合格".encode())),
    (SHOP, SHOP, records.Logistics(PAYLOAD)),
    (SHOP, SHOP, records.Readings(bytes(range(32)), 2_880, PAYLOAD)),
    (FARMER, FARMER, records.Corrected(bytes([2] * 32), bytes([5] * 32), PAYLOAD)),
    (COOPERATIVE, COOPERATIVE, records.Priced(2**96 - 1)),
    (
        BUYER,
        BUYER,
        records.Sold(2**256 - 1, SHOP, 100, 2**128 - 1, 2**127, 2**126, 2**126 - 1),
    ),
    (COOPERATIVE, CLERK, records.Offered(1, SHOP, 500)),
    (SHOP, SHOP, records.Accepted(1)),
    (COOPERATIVE, CLERK, records.Offered(2, SHOP, 600)),
    (SHOP, SHOP, records.Refused(2, "包装破损".encode())),
    (COOPERATIVE, CLERK, records.Offered(3, SHOP, 700)),
    (COOPERATIVE, CLERK, records.Withdrawn(3)),
    (REGULATOR, REGULATOR, records.Recalled(b"reason that is not UTF-8: \xff")),
    (REGULATOR, REGULATOR, records.RecallLifted("查明无误".encode())),
    (COOPERATIVE, CLERK, records.Consumed(3, 9_000)),
)
"""One of each kind but Derived: (actor, signer, body)."""

PRODUCT = (
    (
        COOPERATIVE,
        COOPERATIVE,
        records.Derived(
            GTIN,
            "JUICE/1",
            8,
            40,
            250_000,
            3,
            1_200,
            (records.Parent(PARENT, 10_000_000),),
            PAYLOAD,
        ),
    ),
)


def journals() -> dict[str, Any]:
    """Give journal.json."""
    return {
        "about": "Records and heads of IJournal.sol. Bytes are hex, numbers decimal text, lots text.",
        "chain_id": str(CHAIN_ID),
        "contract": CONTRACT,
        "batches": [_batch(LOT, HARVEST), _batch("JUICE/1", PRODUCT)],
        "malformed": _malformed(),
    }


def _batch(lot: str, acts: Any) -> dict[str, Any]:  # noqa: ANN401 -- a literal of this file
    batch = journal.batch_id(COOPERATIVE, GTIN, lot)
    head = journal.genesis(CHAIN_ID, CONTRACT, batch)
    result: dict[str, Any] = {
        "cooperative": COOPERATIVE,
        "gtin": str(GTIN),
        "lot": lot,
        "batch": _hex(batch),
        "genesis": _hex(head),
        "records": [],
    }
    for number, (actor, signer, body) in enumerate(acts):
        record = records.Record(1_776_000_000 + 60 * number, actor, signer, body)
        data = records.encode(record)
        head = journal.next_head(head, data)
        result["records"].append(
            {
                "number": str(number),
                "kind": str(int(record.kind)),
                "name": record.kind.name,
                "time": str(record.time),
                "actor": actor,
                "signer": signer,
                "body": _plain(body),
                "bytes": _hex(data),
                "sha256": _hex(hashlib.sha256(data).digest()),
                "head": _hex(head),
            }
        )
    return result | {"head": _hex(head), "count": str(len(acts))}


def _malformed() -> list[dict[str, str]]:
    """Give records that must be refused, with code and offset."""
    header = bytes([1, 10]) + (1).to_bytes(8) + bytes(40)
    priced = header + (300).to_bytes(12)
    inspection = bytes([1, 6]) + priced[2:50] + b"\2{}"
    collected = bytes([1, 1]) + priced[2:50]
    registered = bytes([1, 2]) + priced[2:50] + GTIN.to_bytes(8)
    cases = [
        ("empty", b"", "record.short", 0),
        ("another version", b"\2" + priced[1:], "record.version_unknown", 0),
        ("kind 0", priced[:1] + b"\0" + priced[2:], "record.kind_unknown", 1),
        ("kind 19", priced[:1] + b"\x13" + priced[2:], "record.kind_unknown", 1),
        ("ends within the signer", priced[:40], "record.short", 30),
        ("ends within the price", priced[:-1], "record.short", 50),
        ("one byte too many", priced + b"\0", "record.trailing", 62),
        ("flag neither 0 nor 1", inspection, "record.value_invalid", 50),
        ("payload without braces", inspection[:50] + b"\1[]", "record.value_invalid", 51),
        ("no deliveries", collected + bytes(2), "record.value_invalid", 50),
        ("257 deliveries", collected + b"\1\1" + bytes(257 * 35), "record.value_invalid", 50),
        ("ends within a delivery", collected + b"\0\1" + bytes(34), "record.short", 85),
        ("lot with NUL inside", registered + b"A\0B" + bytes(60), "record.value_invalid", 58),
        ("empty reason", bytes([1, 17]) + priced[2:50], "record.value_invalid", 50),
    ]
    return [
        {"why": why, "bytes": _hex(data), "code": code, "offset": str(offset)}
        for why, data, code, offset in cases
    ]


def trees() -> dict[str, Any]:
    """Give members.json."""
    batch = journal.batch_id(COOPERATIVE, GTIN, LOT)
    farmers = [Member("0x" + f"{i + 1:040x}", 10_000 * (i + 1)) for i in range(256)]
    parents = [Member(PARENT, 10_000_000), Member(batch, 2**64 - 1)]
    return {
        "about": "Leaves, roots and proofs of Members.sol. Bytes are hex, numbers decimal text.",
        "contract": CONTRACT,
        "batch": _hex(batch),
        "pools": [
            *(_pool(batch, 0, farmers[:count]) for count in (1, 2, 3, 5, 8)),
            _pool(batch, 1, farmers[:3]),
            _pool(batch, 0, parents),
            _pool(batch, 0, farmers, shown=(0, 255)),
        ],
        "readings": [_readings(count) for count in (1, 3, 7)],
    }


def _pool(
    batch: bytes, chunk: int, of: list[Member], shown: tuple[int, ...] | None = None
) -> dict[str, Any]:
    leaves = members.chunk_leaves(CONTRACT, batch, chunk, of)
    return {
        "chunk": str(chunk),
        "root": _hex(members.root(leaves)),
        "members": [
            {
                "index": str(members.CHUNK * chunk + i),
                "member": m.member if isinstance(m.member, str) else _hex(m.member),
                "weight": str(m.weight),
                "leaf": _hex(leaves[i]),
            }
            for i, m in enumerate(of)
        ],
        "proofs": [
            {"place": str(i), "proof": [_hex(node) for node in members.proof(leaves, i)]}
            for i in (range(len(of)) if shown is None else shown)
        ],
    }


def _readings(count: int) -> dict[str, Any]:
    readings = [f"2026-04-12T08:{i:02d}:00Z,{4 + i / 10:.1f}".encode() for i in range(count)]
    leaves = [members.reading_leaf(reading) for reading in readings]
    return {
        "readings": [_hex(reading) for reading in readings],
        "leaves": [_hex(leaf) for leaf in leaves],
        "root": _hex(members.root(leaves)),
        "proofs": [[_hex(node) for node in members.proof(leaves, i)] for i in range(count)],
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 -- any field of any body
    if isinstance(value, bytes):
        return _hex(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return value


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def as_text(vectors: dict[str, Any]) -> str:
    """Give the file's text."""
    return json.dumps(vectors, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for name, vectors in (("journal", journals()), ("members", trees())):
        (HERE / f"{name}.json").write_text(as_text(vectors), encoding="utf-8")
        sys.stdout.write(f"{name}.json\n")
