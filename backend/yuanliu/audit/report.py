"""What an audit says in the end: figures, findings, and what could not be checked."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from yuanliu.audit.findings import Finding

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Money:
    """What the payments' contract got and gave of a token, and what it still owes, in the smallest unit."""

    token: str
    came: int
    went: int
    owed: int
    gifts: int


@dataclass(frozen=True, slots=True)
class Report:
    """An audit up to a block.

    `findings` have one entry for each thing that is wrong, `details` one for each time that a rule was broken (at most
    20,000), `raw` counts those.
    `notes` are codes of what could not be checked, with a number. Compare `block` and `block_hash` with another node's:
    whoever controls the only node that is asked could show another chain.
    """

    chain_id: int
    genesis: str
    contract: str
    source_hash: str
    first_block: int
    block: int
    block_hash: str
    block_time: int
    counts: dict[str, int]
    money: tuple[Money, ...]
    shares: dict[str, int]
    findings: tuple[Finding, ...]
    details: tuple[Finding, ...]
    raw: int
    notes: dict[str, int]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON; the same audit gives the same bytes."""
        return {
            "format": FORMAT,
            "verdict": "clean" if self.is_clean else "findings",
            "chain_id": self.chain_id,
            "genesis": self.genesis,
            "contract": self.contract,
            "source_hash": self.source_hash,
            "first_block": self.first_block,
            "block": self.block,
            "block_hash": self.block_hash,
            "block_time": self.block_time,
            "counts": self.counts,
            "money": [
                {
                    "token": m.token,
                    "came": str(m.came),
                    "went": str(m.went),
                    "owed": str(m.owed),
                    "gifts": str(m.gifts),
                }
                for m in self.money
            ],
            "shares": {name: str(amount) for name, amount in self.shares.items()},
            "findings": [finding.as_json() for finding in self.findings],
            "details": [finding.as_json() for finding in self.details],
            "rules_broken": self.raw,
            "notes": self.notes,
        }

    def text(self) -> str:
        """Give the JSON as it is written to a file and signed."""
        return json.dumps(self.as_json(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"

    def sha256(self) -> str:
        """Give the SHA-256 of `text`, in hex."""
        return hashlib.sha256(self.text().encode()).hexdigest()
