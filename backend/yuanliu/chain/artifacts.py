"""The compiled contracts, committed as part of the package by `yuanliu compile`."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from yuanliu.errors import YuanliuError

ARTIFACTS_DIR: Final = Path(__file__).resolve().parents[1] / "artifacts"
"""The committed artifacts, part of the package."""

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """One compiled contract. `bytecode` is creation code; both are `0x…`, and `0x` for an interface."""

    name: str
    source: str
    abi: list[Json]
    bytecode: str
    deployed_bytecode: str
    immutable_references: Json
    link_references: Json
    method_identifiers: dict[str, str]
    errors: dict[str, str]
    events: dict[str, str]

    @property
    def size(self) -> int:
        """Give the deployed size in bytes."""
        return (len(self.deployed_bytecode) - 2) // 2

    @property
    def init_size(self) -> int:
        """Give the size of the creation code in bytes, without constructor arguments."""
        return (len(self.bytecode) - 2) // 2

    def to_json(self) -> Json:
        """Give the form that is committed."""
        return {
            "contractName": self.name,
            "sourceName": self.source,
            "abi": self.abi,
            "bytecode": self.bytecode,
            "deployedBytecode": self.deployed_bytecode,
            "immutableReferences": self.immutable_references,
            "linkReferences": self.link_references,
            "methodIdentifiers": self.method_identifiers,
            "errors": self.errors,
            "events": self.events,
        }

    @classmethod
    def from_json(cls, data: Json) -> "Artifact":
        """Read the committed form."""
        return cls(
            name=data["contractName"],
            source=data["sourceName"],
            abi=data["abi"],
            bytecode=data["bytecode"],
            deployed_bytecode=data["deployedBytecode"],
            immutable_references=data["immutableReferences"],
            link_references=data["linkReferences"],
            method_identifiers=data["methodIdentifiers"],
            errors=data["errors"],
            events=data["events"],
        )


@cache
def load_artifact(name: str) -> Artifact:
    """Read one committed artifact. Raises `artifact.unknown`."""
    try:
        data = (ARTIFACTS_DIR / f"{name}.json").read_bytes()
    except FileNotFoundError as error:
        raise YuanliuError(
            "artifact.unknown",
            f"there is no compiled contract {name}",
            hint="run `yuanliu compile` after adding a contract",
            fields={"name": name},
        ) from error
    return Artifact.from_json(json.loads(data))


@cache
def load_manifest() -> Json:
    """Read the committed manifest: compiler, settings, `sourceHash`. Raises `artifact.unknown`."""
    try:
        manifest: Json = json.loads((ARTIFACTS_DIR / "manifest.json").read_bytes())
    except FileNotFoundError as error:
        raise YuanliuError(
            "artifact.unknown",
            "no contract has been compiled yet",
            hint="run `yuanliu compile`",
        ) from error
    return manifest
