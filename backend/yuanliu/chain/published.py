"""The code that the chain must hold: each contract's, with what its constructor fixed, and that of terms."""

from typing import Final

from yuanliu.chain.artifacts import Artifact, load_artifact
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.signed import keccak
from yuanliu.hexes import WORD_BYTES, address_bytes

_PROXY_HASH: Final = bytes.fromhex(
    "57a34f6e879358dd76825d6700df87013ad6a3fb43c0d0c602f70a8772c153bd"
)
"""keccak256 of the creation code of OpenZeppelin's `Create3` proxy."""

_DOMAIN: Final = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_TYPED: Final = {"Actors": ("Yuanliu", "1"), "DemoYuan": ("Demo Yuan", "1")}
_KNOWS: Final = {
    "Actors": ("Actors",),
    "Catalogue": ("Actors", "Actors"),
    "Deliveries": ("Actors", "Actors", "Catalogue", "Batches"),
    "Batches": ("Actors", "Actors", "Catalogue", "Deliveries", "Payments"),
    "Payments": ("Actors", "Actors", "Catalogue", "Batches"),
}
"""Whose addresses each contract was made with, the relay's among them."""

GETTERS: Final = {
    "Actors": {"trustedForwarder": "Actors"},
    "Catalogue": {"trustedForwarder": "Actors", "ACTORS": "Actors"},
    "Deliveries": {
        "trustedForwarder": "Actors",
        "ACTORS": "Actors",
        "CATALOGUE": "Catalogue",
        "BATCHES": "Batches",
    },
    "Batches": {
        "trustedForwarder": "Actors",
        "ACTORS": "Actors",
        "CATALOGUE": "Catalogue",
        "DELIVERIES": "Deliveries",
        "PAYMENTS": "Payments",
    },
    "Payments": {
        "trustedForwarder": "Actors",
        "ACTORS": "Actors",
        "CATALOGUE": "Catalogue",
        "BATCHES": "Batches",
    },
}
"""What tells which of the fixed addresses is which."""


def code_differs(deployment: Deployment, name: str, code: bytes) -> str:
    """Tell how a contract's code differs from the published one; empty if it does not.

    Everything but what the constructor fixed must be equal to the byte, and what it fixed must be exactly the
    addresses, the chain and the names that this deployment's contract knows. Which address is which, `GETTERS` tell.
    """
    artifact = load_artifact(name)
    expected = bytes.fromhex(artifact.deployed_bytecode[2:])
    if len(code) != len(expected):
        return f"{len(code)} bytes instead of {len(expected)}"
    found = bytearray(code)
    fixed: list[bytes] = []
    for places in artifact.immutable_references.values():
        values = {bytes(code[p["start"] : p["start"] + p["length"]]) for p in places}
        if len(values) != 1:
            return "one fixed value has several values"
        fixed.append(values.pop())
        for p in places:
            found[p["start"] : p["start"] + p["length"]] = expected[
                p["start"] : p["start"] + p["length"]
            ]
    if bytes(found) != expected:
        at = next(i for i, (a, b) in enumerate(zip(found, expected, strict=True)) if a != b)
        return f"another byte at {at}"
    wanted = _fixed(deployment, name, artifact)
    if wanted is not None and sorted(fixed) != sorted(wanted):
        return "a fixed value is another than the deployment's"
    return ""


def _fixed(deployment: Deployment, name: str, artifact: Artifact) -> list[bytes] | None:
    """Give the words that the constructor fixed, in no order; none if not all of them are known."""
    values = [_word(deployment.contract(known).address) for known in _KNOWS.get(name, ())]
    if name in _TYPED:
        title, version = (text.encode() for text in _TYPED[name])
        own = _word(deployment.contract(name).address)
        chain = deployment.chain_id.to_bytes(WORD_BYTES)
        domain = keccak(_DOMAIN + keccak(title) + keccak(version) + chain + own)
        values += [
            keccak(title),
            keccak(version),
            chain,
            own,
            domain,
            _short(title),
            _short(version),
        ]
    return values if len(values) == len(artifact.immutable_references) else None


def _short(text: bytes) -> bytes:
    """Write a text as OpenZeppelin's `ShortStrings` does."""
    return text.ljust(WORD_BYTES - 1, b"\0") + bytes([len(text)])


def _word(address: str) -> bytes:
    return address_bytes(address).rjust(WORD_BYTES, b"\0")


def terms_address(catalogue: bytes, number: int) -> bytes:
    """Give where the code of terms is: the CREATE3 address of their number, as `TermsCode.sol`."""
    salt = number.to_bytes(WORD_BYTES)
    proxy = keccak(b"\xff" + catalogue + salt + _PROXY_HASH)[12:]
    return keccak(b"\xd6\x94" + proxy + b"\x01")[12:]
