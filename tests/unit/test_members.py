"""Merkle trees of pools and readings, against `tests/vectors/members.json` and a second implementation."""

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode as abi_encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from yuanliu import hexes, members
from yuanliu.errors import YuanliuError
from yuanliu.members import Member
from yuanliu.records import Body, Collected, Derived, Entry, Parent, Production, Record, Registered

FOLDER = Path(__file__).parents[1] / "vectors"
VECTORS: dict[str, Any] = json.loads((FOLDER / "members.json").read_text(encoding="utf-8"))
CONTRACT: str = VECTORS["contract"]
ADDRESS = "0x" + "1" * 40


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


BATCH = raw(VECTORS["batch"])


def members_of(pool: dict[str, Any]) -> list[Member]:
    texts = [(m["member"], int(m["weight"])) for m in pool["members"]]
    return [Member(m if len(m) == 42 else raw(m), weight) for m, weight in texts]


def root_by_recursion(nodes: list[bytes]) -> bytes:
    """Work out the root from the top: the left subtree is the largest power of two below the width."""
    if len(nodes) == 1:
        return nodes[0]
    half = 1 << (len(nodes) - 1).bit_length() - 1
    return keccak(
        b"".join(sorted([root_by_recursion(nodes[:half]), root_by_recursion(nodes[half:])]))
    )


def test_the_vectors_are_what_the_builder_builds() -> None:
    built = runpy.run_path(str(FOLDER / "build.py"))
    assert (FOLDER / "members.json").read_text(encoding="utf-8") == built["as_text"](
        built["trees"]()
    )


@pytest.mark.parametrize("pool", VECTORS["pools"])
def test_a_pool_is_what_the_vector_says(pool: dict[str, Any]) -> None:
    leaves = members.chunk_leaves(CONTRACT, BATCH, int(pool["chunk"]), members_of(pool))
    assert [leaf.hex() for leaf in leaves] == [m["leaf"][2:] for m in pool["members"]]
    assert members.root(leaves) == raw(pool["root"])
    for shown in pool["proofs"]:
        proof = tuple(raw(node) for node in shown["proof"])
        assert members.proof(leaves, int(shown["place"])) == proof
        assert members.verify(leaves[int(shown["place"])], proof, raw(pool["root"]))


@pytest.mark.parametrize("pool", VECTORS["pools"])
def test_a_pool_by_another_library(pool: dict[str, Any]) -> None:
    """Leaves by eth_abi, nodes by eth_utils: neither is imported by the package's centre."""
    leaves = []
    for m in pool["members"]:
        values = [
            CONTRACT,
            int.from_bytes(BATCH),
            int(m["index"]),
            int(m["member"], 16),
            int(m["weight"]),
        ]
        leaves.append(keccak(keccak(abi_encode(["address", *["uint256"] * 4], values))))
        assert leaves[-1] == raw(m["leaf"])
    assert root_by_recursion(leaves) == raw(pool["root"])


@pytest.mark.parametrize("tree", VECTORS["readings"], ids=lambda tree: str(len(tree["leaves"])))
def test_readings_are_what_the_vector_says(tree: dict[str, Any]) -> None:
    readings = [raw(reading) for reading in tree["readings"]]
    leaves = [members.reading_leaf(reading) for reading in readings]
    assert (
        leaves
        == [keccak(keccak(reading)) for reading in readings]
        == [raw(x) for x in tree["leaves"]]
    )
    assert members.root(leaves) == root_by_recursion(leaves) == raw(tree["root"])
    for i, leaf in enumerate(leaves):
        assert members.proof(leaves, i) == tuple(raw(node) for node in tree["proofs"][i])
        assert members.verify(leaf, members.proof(leaves, i), members.root(leaves))


LEAVES = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40, unique=True)


@given(LEAVES, st.data())
def test_each_leaf_is_proven_and_no_other(leaves: list[bytes], data: st.DataObject) -> None:
    root = members.root(leaves)
    assert root == root_by_recursion(leaves)
    place = data.draw(st.integers(0, len(leaves) - 1))
    proof = members.proof(leaves, place)
    assert members.verify(leaves[place], proof, root)
    stranger = data.draw(
        st.binary(min_size=32, max_size=32).filter(lambda leaf: leaf not in leaves)
    )
    assert not members.verify(stranger, proof, root)


def test_a_leaf_depends_on_all_that_it_binds() -> None:
    one = members.leaf(CONTRACT, BATCH, 0, Member(ADDRESS, 1))
    others = {
        members.leaf(ADDRESS, BATCH, 0, Member(ADDRESS, 1)),
        members.leaf(CONTRACT, bytes(32), 0, Member(ADDRESS, 1)),
        members.leaf(CONTRACT, BATCH, 1, Member(ADDRESS, 1)),
        members.leaf(CONTRACT, BATCH, 0, Member(CONTRACT, 1)),
        members.leaf(CONTRACT, BATCH, 0, Member(ADDRESS, 2)),
    }
    assert len(others) == 5
    assert one not in others


def test_a_second_chunk_begins_at_256_however_full_the_first_is() -> None:
    (leaf,) = members.chunk_leaves(CONTRACT, BATCH, 1, [Member(ADDRESS, 1)])
    assert leaf == members.leaf(CONTRACT, BATCH, 256, Member(ADDRESS, 1))


def test_the_members_come_out_of_the_journal() -> None:
    def record(body: Body) -> Record:
        return Record(0, ADDRESS, ADDRESS, body)

    entries = (Entry(1, ADDRESS, 12_000, 9_500), Entry(2, CONTRACT, 1, 10_000))
    collected = record(Collected(entries))
    registered = record(Registered(1, "A", 1, 1, 1, 0, 0, entries[:1], b"{}"))
    nothing_more = record(Registered(1, "A", 1, 1, 1, 0, 0, (), b"{}"))
    derived = record(Derived(1, "A", 1, 1, 1, 1, 0, (Parent(BATCH, 5),), b"{}"))
    first = (Member(ADDRESS, 114_000_000), Member(CONTRACT, 10_000))
    history = [collected, record(Production(b"{}")), registered]
    assert members.chunks_of(history) == (first, first[:1])
    assert members.chunks_of([collected, nothing_more]) == (first,)
    assert members.chunks_of([derived]) == ((Member(BATCH, 5),),)


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("members.empty", lambda: members.root([])),
    ("members.empty", lambda: members.chunk_leaves(CONTRACT, BATCH, 0, [])),
    (
        "members.chunk_too_long",
        lambda: members.chunk_leaves(CONTRACT, BATCH, 0, [Member(ADDRESS, 1)] * 257),
    ),
    ("members.index_invalid", lambda: members.proof([bytes(32)], 1)),
    ("members.index_invalid", lambda: members.proof([bytes(32)], -1)),
    ("members.out_of_range", lambda: members.leaf(CONTRACT, BATCH, 0, Member(ADDRESS, -1))),
    ("hexes.word_invalid", lambda: members.root([b"short"])),
    ("hexes.word_invalid", lambda: members.verify(bytes(32), [bytes(31)], bytes(32))),
    ("hexes.word_invalid", lambda: members.leaf(CONTRACT, BATCH, 0, Member(bytes(20), 1))),
    ("hexes.address_invalid", lambda: members.leaf(CONTRACT, BATCH, 0, Member("0x1", 1))),
    ("hexes.address_invalid", lambda: hexes.address_text(bytes(19))),
]


@pytest.mark.parametrize(("code", "act"), REFUSED, ids=range(len(REFUSED)))
def test_impossible_trees_are_refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises(YuanliuError) as caught:
        act()
    assert caught.value.code == code
