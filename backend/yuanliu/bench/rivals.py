"""Gas of the best-known public contracts for the same work, compiled by the same compiler in the same run.

`./scripts/bench` installs their npm packages into `hardhat-free-devnet/rivals/`; without them there is nothing to
compare with. What is measured favours them: no journal, no order reference, no terms, no signature to check.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from yuanliu.bench.stage import PAYLOAD_BYTES, Stage
from yuanliu.chain.artifacts import Artifact
from yuanliu.chain.bindings import Contract
from yuanliu.chain.compiler import compile_packages
from yuanliu.settings import settings

_SPLITTER: Final = "@openzeppelin/contracts/finance/PaymentSplitter.sol"
_EAS: Final = "@ethereum-attestation-service/eas-contracts/contracts/EAS.sol"
_REGISTRY: Final = "@ethereum-attestation-service/eas-contracts/contracts/SchemaRegistry.sol"
_PAYMENT: Final = 3_000
_HASH_BYTES: Final = 32
_REVOCABLE: Final = True
_NOBODY: Final = "0x" + "00" * 20


def installed() -> bool:
    """Whether their packages are here."""
    return (settings().devnet_dir / "rivals" / "node_modules").is_dir()


def scenarios(stage: Stage, said: Callable[[str], None]) -> Iterator[tuple[str, int]]:
    """Measure one rival after the other."""
    said("PaymentSplitter")
    yield "pay.three.warm (PaymentSplitter 4.9)", _splitter(stage)
    said("EAS")
    yield "event.single (EAS 1.9)", _attestation(stage, PAYLOAD_BYTES)
    yield "event.single (EAS 1.9, a hash only)", _attestation(stage, _HASH_BYTES)


def _splitter(stage: Stage) -> int:
    """Pay a splitter of three and release to each: four transactions, because it has no other way."""
    theirs = settings().devnet_dir / "rivals" / "node_modules"
    artifact = compile_packages([_SPLITTER], [theirs])["PaymentSplitter"]
    payees = [stage.address(role) for role in ("farmer", "cooperative", "platform")]
    splitter = _deployed(stage, artifact, payees, [3_334, 5_000, 1_666])
    token = stage.deployment.demo_yuan
    gas = 0
    for _ in range(2):
        calls = [token.call("transfer", splitter.address, _PAYMENT)]
        calls += [splitter.call("release", token.address, payee) for payee in payees]
        gas = sum(stage.direct("buyer", call).gas for call in calls)
    return gas


def _attestation(stage: Stage, size: int) -> int:
    """Attest to an event of `size` bytes, directly and not by signature."""
    folder = settings().devnet_dir
    libraries = [folder / "node_modules", folder / "rivals" / "node_modules"]
    artifacts = compile_packages([_EAS, _REGISTRY], libraries)
    registry = _deployed(stage, artifacts["SchemaRegistry"])
    eas = _deployed(stage, artifacts["EAS"], registry.address)
    receipt = stage.direct("buyer", registry.call("register", "bytes event", _NOBODY, _REVOCABLE))
    schema = receipt.logs[0].topics[1]
    gas = 0
    for _ in range(2):
        data = (_NOBODY, 0, _REVOCABLE, bytes(32), b"x" * size, 0)
        gas = stage.direct("buyer", eas.call("attest", (schema, data))).gas
    return gas


def _deployed(stage: Stage, artifact: Artifact, *arguments: object) -> Contract:
    abi = [entry for entry in artifact.abi if not _hidden(entry)]
    return stage.deploy(artifact, abi, *arguments)


def _hidden(entry: dict[str, Any]) -> bool:
    """Tell the release of ether from that of tokens, which has the same name."""
    return entry.get("name") in {"release", "released", "releasable"} and len(entry["inputs"]) == 1
