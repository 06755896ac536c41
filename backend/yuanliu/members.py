"""The Merkle trees of the contracts: members of a pool, and sensor readings.

The twin of `contracts/libraries/Members.sol`; vectors for other implementations are in
`tests/vectors/members.json`. Nodes and roots are 32 bytes, addresses lowercase hex (`yuanliu.hexes`).

Keccak-256 comes straight from pycryptodome, the library behind `eth_hash` that web3 brings along anyway: the
pure centre imports nothing named `eth_*`, so that only `yuanliu.chain` knows Ethereum's libraries.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from Crypto.Hash import keccak as _keccak

from yuanliu import hexes
from yuanliu.errors import YuanliuError
from yuanliu.records import Collected, Derived, Record, Registered

CHUNK: Final = 256
"""Most members of one chunk; index 256 * n is the first of chunk n, however full chunk n - 1 is."""


class MembersError(YuanliuError):
    """Thrown for a list that no tree can be made of.

    Codes: `members.empty`, `members.chunk_too_long`, `members.index_invalid`, `members.out_of_range`.
    """


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a pool.

    `member` is a farmer's address, or a parent's batch id for a batch made from batches. `weight` is grams ×
    grade factor in basis points, or the parent's mass in milligrams.
    """

    member: str | bytes
    weight: int


def leaf(contract: str, batch: bytes, index: int, member: Member) -> bytes:
    """Give a member's leaf: `keccak(keccak(abi.encode(contract, batch, index, member, weight)))`.

    `contract` holds the batch (`Batches`), `index` is the place within the whole pool. Raises `HexError`, and
    `MembersError` for numbers that do not fit into 32 bytes.
    """
    words = (
        _padded(hexes.address_bytes(contract)),
        hexes.word(batch),
        _unsigned("index", index),
        _member_word(member.member),
        _unsigned("weight", member.weight),
    )
    return _twice(b"".join(words))


def chunk_leaves(
    contract: str, batch: bytes, chunk: int, members: Sequence[Member]
) -> tuple[bytes, ...]:
    """Give the leaves of chunk number `chunk`. Raises as `leaf`, and `MembersError` for none or more than 256."""
    if not members:
        raise _empty()
    if len(members) > CHUNK:
        raise MembersError(
            "members.chunk_too_long",
            f"{len(members)} members in one chunk",
            hint=f"a chunk has at most {CHUNK}; begin another",
            fields={"count": len(members), "maximum": CHUNK},
        )
    return tuple(leaf(contract, batch, chunk * CHUNK + i, m) for i, m in enumerate(members))


def chunks_of(records: Iterable[Record]) -> tuple[tuple[Member, ...], ...]:
    """Give a batch's members as its journal lists them, chunk by chunk.

    Deliveries of each Collected and Registered record, or the parents of a Derived one. The contracts keep a
    pool only if the members are more than one farmer; `IBatches.Batch.farmer` says.
    """
    chunks: list[tuple[Member, ...]] = []
    for record in records:
        body = record.body
        if isinstance(body, Collected | Registered) and body.entries:
            chunks.append(tuple(Member(e.farmer, e.grams * e.grade_bps) for e in body.entries))
        if isinstance(body, Derived):
            chunks.append(tuple(Member(p.batch, p.milligrams) for p in body.parents))
    return tuple(chunks)


def reading_leaf(reading: bytes) -> bytes:
    """Give a sensor reading's leaf, `keccak(keccak(reading))` over its exact bytes."""
    return _twice(reading)


def root(leaves: Sequence[bytes]) -> bytes:
    """Give the root over leaves, in their order. Raises `MembersError` (`members.empty`), and `HexError`."""
    return _levels(leaves)[-1][0]


def proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Give the siblings from the leaf at `index` of this list up to the root, as OpenZeppelin's `MerkleProof` reads.

    Raises `MembersError` (`members.empty`, `members.index_invalid`), and `HexError`.
    """
    if not leaves:
        raise _empty()
    if not 0 <= index < len(leaves):
        raise MembersError(
            "members.index_invalid",
            f"leaf {index} of {len(leaves)}",
            hint=f"leaves are numbered 0 to {len(leaves) - 1} within their chunk",
            fields={"index": index, "count": len(leaves)},
        )
    return proofs(leaves)[index]


def proofs(leaves: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    """Give the proof of every leaf of a list, in its order: the tree is made once.

    Raises `MembersError` (`members.empty`), and `HexError`.
    """
    levels = _levels(leaves)[:-1]
    found = []
    for place in range(len(leaves)):
        siblings, index = [], place
        for level in levels:
            if (index ^ 1) < len(level):
                siblings.append(level[index ^ 1])
            index //= 2
        found.append(tuple(siblings))
    return found


def verify(leaf: bytes, proof: Iterable[bytes], root: bytes) -> bool:
    """Tell whether `proof` leads from `leaf` to `root`. Raises `HexError` for what is not 32 bytes."""
    node = hexes.word(leaf)
    for sibling in proof:
        node = _pair(node, hexes.word(sibling))
    return node == hexes.word(root)


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Give all levels, leaves first. A node without a sibling moves up as it is."""
    if not leaves:
        raise _empty()
    level = [hexes.word(leaf) for leaf in leaves]
    levels = [level]
    while len(level) > 1:
        above = [_pair(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = above + level[len(level) - len(level) % 2 :]
        levels.append(level)
    return levels


def _pair(a: bytes, b: bytes) -> bytes:
    """Hash two nodes in ascending order, so that a proof need not say left or right."""
    return _keccak256(a + b if a < b else b + a)


def _twice(data: bytes) -> bytes:
    """Hash twice: an inner node, hashed once over 64 bytes, can never pass for a leaf."""
    return _keccak256(_keccak256(data))


def _keccak256(data: bytes) -> bytes:
    return _keccak.new(digest_bits=256, data=data).digest()


def _member_word(member: str | bytes) -> bytes:
    return _padded(hexes.address_bytes(member)) if isinstance(member, str) else hexes.word(member)


def _padded(data: bytes) -> bytes:
    return data.rjust(hexes.WORD_BYTES, b"\0")


def _unsigned(name: str, value: int) -> bytes:
    if not 0 <= value < 1 << 8 * hexes.WORD_BYTES:
        raise MembersError(
            "members.out_of_range",
            f"{name} is {value}",
            hint=f"{name} is a whole number of {hexes.WORD_BYTES} bytes",
            fields={"name": name, "value": value},
        )
    return value.to_bytes(hexes.WORD_BYTES)


def _empty() -> MembersError:
    return MembersError("members.empty", "a tree of no leaves", hint="hand in at least one")
