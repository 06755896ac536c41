"""Deploys the contracts, writes the one record of it, and refuses to run against anything else than recorded.

The contracts know each other by immutable addresses, so every address is predicted from the deployer's nonce
before the first transaction. A deployment that breaks off half way leaves no record and harms nothing.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

import rlp
from eth_utils.address import to_checksum_address
from eth_utils.conversions import to_bytes
from eth_utils.crypto import keccak

from yuanliu.chain.artifacts import load_artifact, load_manifest
from yuanliu.chain.bindings import Contract, creation, refusal
from yuanliu.chain.node import Node, RpcError, Sender
from yuanliu.errors import YuanliuError

CONTRACTS: Final = (
    "Actors",
    "Catalogue",
    "Deliveries",
    "Batches",
    "Payments",
    "P256Verifier",
    "WebAuthnVerifier",
    "DemoYuan",
)
"""What is deployed, in this order. `DemoYuan` is the devnet's money and left out elsewhere."""

FORMAT: Final = 1
"""Version of the record's layout."""


_ANOTHER: Final = (
    "point YUANLIU_RPC_URL at the right chain, or YUANLIU_DEPLOYMENT_FILE at its record"
)
_RESET: Final = "if the devnet was reset, deploy anew with `yuanliu deploy --replace`"


class DeploymentMismatch(YuanliuError):
    """The chain is not what the deployment record says. `fields` has `expected` and `found`."""

    def __init__(self, what: str, expected: object, found: object, hint: str) -> None:
        super().__init__(
            "deployment.mismatch",
            f"{what}: expected {expected}, found {found}",
            hint=hint,
            fields={"what": what, "expected": expected, "found": found},
        )


@dataclass(frozen=True)
class Deployed:
    """One contract: its address (EIP-55), creation transaction, and SHA-256 of the code on chain."""

    address: str
    transaction: str
    code_sha256: str


@dataclass(frozen=True)
class Deployment:
    """The deployment record: what was deployed where, from which sources, by which compiler."""

    format: int
    chain_id: int
    genesis: str
    block: int
    deployer: str
    source_hash: str
    compiler: dict[str, Any]
    contracts: dict[str, Deployed]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a record.

        Raises `YuanliuError` (`deployment.none`, `deployment.unreadable`), `DeploymentMismatch` for another format.
        """
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            _expect("format of the deployment record", FORMAT, raw["format"], "deploy anew")
            deployed = {name: Deployed(**entry) for name, entry in raw.pop("contracts").items()}
            record = cls(**raw, contracts=deployed)
        except FileNotFoundError as error:
            raise YuanliuError(
                "deployment.none",
                f"there is no deployment record at {path}",
                hint="run `yuanliu deploy`",
                fields={"path": str(path)},
            ) from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise YuanliuError(
                "deployment.unreadable",
                f"the deployment record {path} cannot be read: {error}",
                hint="restore it from a copy, or deploy anew with `yuanliu deploy --replace`",
                fields={"path": str(path)},
            ) from error
        return record

    def save(self, path: Path) -> None:
        """Write the record, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            with beside.open("w", encoding="utf-8") as handle:
                handle.write(json.dumps(asdict(self), indent=2) + "\n")
                handle.flush()
                os.fsync(handle.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    def check_chain(self, node: Node) -> None:
        """Refuse another chain. Raises `DeploymentMismatch`."""
        _expect("chain id", self.chain_id, node.chain_id(), _ANOTHER)
        _expect("genesis block", self.genesis, node.block_hash(0), _RESET)

    def check(self, node: Node) -> None:
        """Refuse another chain, another code at an address, or other sources than this package's.

        Raises `DeploymentMismatch`, saying which.
        """
        self.check_chain(node)
        for name, deployed in self.contracts.items():
            code = node.code(deployed.address)
            found = hashlib.sha256(code).hexdigest() if code else "no contract"
            _expect(f"code of {name} at {deployed.address}", deployed.code_sha256, found, _RESET)
        _expect(
            "source hash of the contracts",
            self.source_hash,
            load_manifest()["sourceHash"],
            "use the package version that deployed them, or deploy anew with `yuanliu deploy --replace`",
        )

    def contract(self, name: str) -> Contract:
        """Give a contract of the record. Raises `YuanliuError` (`deployment.no_contract`)."""
        if name not in self.contracts:
            raise YuanliuError("deployment.no_contract", f"{name} was not deployed on this chain")
        return Contract(name, self.contracts[name].address)

    @cached_property
    def actors(self) -> Contract:
        """Who may act, and as what; and the relay for all contracts."""
        return self.contract("Actors")

    @cached_property
    def catalogue(self) -> Contract:
        """Products and terms."""
        return self.contract("Catalogue")

    @cached_property
    def deliveries(self) -> Contract:
        """What farmers delivered."""
        return self.contract("Deliveries")

    @cached_property
    def batches(self) -> Contract:
        """Units, custody, history."""
        return self.contract("Batches")

    @cached_property
    def payments(self) -> Contract:
        """Payments, pools, claims."""
        return self.contract("Payments")

    @cached_property
    def demo_yuan(self) -> Contract:
        """The devnet's money."""
        return self.contract("DemoYuan")


@dataclass(frozen=True)
class Founders:
    """Who is there from the first block: the first platform and regulator, and who issues demo money.

    `uri` is the ERC-1155 metadata address template of the batches. `issuer` None: no demo money.
    """

    platform: str
    regulator: str
    issuer: str | None = None
    uri: str = ""


def deploy(
    sender: Sender, founders: Founders, *, said: Callable[[str], None] = lambda _: None
) -> Deployment:
    """Deploy every contract and check that they know each other. `said` hears each contract's name.

    Raises `ChainUnreachable`, `ContractRefusal`, `TransactionFailed`, or `DeploymentMismatch` if an address came
    out otherwise than predicted (another sender used the deployer's key meanwhile).
    """
    node = sender.node
    names = [name for name in CONTRACTS if name != "DemoYuan" or founders.issuer]
    first = sender.nonce
    addresses = {name: _created(sender.address, first + i) for i, name in enumerate(names)}
    arguments = _arguments(addresses, founders)
    deployed: dict[str, Deployed] = {}
    block = 0
    for name in names:
        said(name)
        try:
            receipt = sender.send(None, creation(load_artifact(name), *arguments[name]))
        except RpcError as error:
            raise refusal(error) from error
        _expect(
            f"address of {name}",
            addresses[name],
            to_checksum_address(receipt.contract or ""),
            "nobody else may use the deployer's key while it deploys; start again",
        )
        block = block or receipt.block
        deployed[name] = Deployed(
            address=addresses[name],
            transaction=receipt.transaction,
            code_sha256=hashlib.sha256(node.code(addresses[name])).hexdigest(),
        )
    built = load_manifest()
    return Deployment(
        format=FORMAT,
        chain_id=node.chain_id(),
        genesis=node.block_hash(0),
        block=block,
        deployer=sender.address,
        source_hash=built["sourceHash"],
        compiler=built["compiler"],
        contracts=deployed,
    )


def _arguments(addresses: dict[str, str], founders: Founders) -> dict[str, tuple[object, ...]]:
    """Give each contract's constructor arguments."""
    actors, catalogue, deliveries, batches, payments = (addresses[name] for name in CONTRACTS[:5])
    return {
        "Actors": (founders.platform, founders.regulator),
        "Catalogue": (actors,),
        "Deliveries": (catalogue, batches, actors),
        "Batches": (catalogue, deliveries, payments, actors, founders.uri),
        "Payments": (batches, catalogue, actors),
        "P256Verifier": (),
        "WebAuthnVerifier": (),
        "DemoYuan": (founders.issuer,),
    }


def _created(deployer: str, nonce: int) -> str:
    """Give the address of the contract that `deployer` creates with `nonce`: keccak256(rlp([deployer, nonce]))."""
    return to_checksum_address(keccak(rlp.encode([to_bytes(hexstr=deployer), nonce]))[12:])


def _expect(what: str, expected: object, found: object, hint: str) -> None:
    if expected != found:
        raise DeploymentMismatch(what, expected, found, hint)
