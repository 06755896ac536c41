"""One audit, from the first block of a deployment to the head of its chain."""

import hashlib
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from yuanliu.audit.asking import State, StateGone
from yuanliu.audit.findings import MOST, Finding, causes
from yuanliu.audit.ledger import Ledger
from yuanliu.audit.replay import Replay, Source
from yuanliu.audit.report import Money, Report
from yuanliu.audit.rules import Rule
from yuanliu.audit.scene import Scene, say
from yuanliu.audit.state import Comparison
from yuanliu.chain.artifacts import load_manifest
from yuanliu.chain.deployment import Deployment, DeploymentMismatch
from yuanliu.chain.node import ChainUnreachable, RpcError
from yuanliu.chain.rawlogs import Header, RawNode
from yuanliu.chain.windows import Windows
from yuanliu.errors import YuanliuError

FINALITY: Final = 64
"""Blocks below the head that a checkpoint does not go into: the chain may still take them back."""

_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an audit is: `block` of `head`, logs and payments so far, and questions on the state."""

    block: int
    head: int
    logs: int
    payments: int
    comparing: bool = False


Said = Callable[[Progress], None]


def audit(
    node: RawNode,
    deployment: Deployment,
    *,
    checkpoint: Path | None = None,
    finality: int = FINALITY,
    said: Said = lambda _: None,
) -> Report:
    """Audit all that the contracts of a deployment ever did. With `checkpoint` it goes on where the last one ended.

    Raises `YuanliuError` if it cannot be done, with exit code 2: `chain.unreachable`, `chain.answer_invalid`,
    `chain.busy`, `deployment.mismatch`, `audit.checkpoint_unusable`, `audit.chain_went_back`.
    """
    try:
        _check_chain(node, deployment)
        identity = hashlib.sha256(
            json.dumps(asdict(deployment), sort_keys=True).encode()
        ).hexdigest()
        with closing(Ledger(checkpoint, identity)) as ledger:
            return _Audit(node, deployment, ledger, finality, said).run()
    except RpcError as error:
        raise ChainUnreachable(node.url, error.message) from error
    except YuanliuError as error:
        error.exit_code = 2
        raise


def _check_chain(node: RawNode, deployment: Deployment) -> None:
    found = node.chain_id()
    if found != deployment.chain_id:
        raise DeploymentMismatch(
            "chain id", deployment.chain_id, found, "name the endpoint of the deployment's chain"
        )
    first = node.header(0)
    genesis = "0x" + first.hash.hex() if first else "no block"
    if genesis != deployment.genesis.lower():
        raise DeploymentMismatch(
            "genesis block",
            deployment.genesis,
            genesis,
            "it is another chain, or one that was reset",
        )
    source = load_manifest()["sourceHash"]
    if source != deployment.source_hash:
        raise DeploymentMismatch(
            "source hash of the contracts",
            deployment.source_hash,
            source,
            "audit with the package version that deployed them",
        )


class _Audit:
    def __init__(
        self, node: RawNode, deployment: Deployment, ledger: Ledger, finality: int, said: Said
    ) -> None:
        self._node = node
        self._deployment = deployment
        self._ledger = ledger
        self._finality = finality
        self._said = said
        self._scene = Scene(deployment, ledger)
        source = Source(node, deployment)
        self._replay = Replay(self._scene, source, deployment)
        self._windows = Windows(node, source.read)
        self._block, self._hash = self._begin()

    def _begin(self) -> tuple[int, bytes]:
        block = self._ledger.reached("block")
        if block is None:
            before = self._node.header(max(self._deployment.block - 1, 0))
            if before is None:
                raise ChainUnreachable(self._node.url, "the chain is shorter than the deployment")
            return before.number, before.hash
        hash_ = bytes(self._ledger.reached("hash"))
        header = self._node.header(block)
        if header is None or header.hash != hash_:
            raise _went_back(block)
        return block, hash_

    # ------------------------------------------------------------------ the whole

    def run(self) -> Report:
        """Replay, compare, and do both again if the chain went on in between."""
        for _ in range(_TRIES):
            head = self._node.latest()
            self._follow(head)
            found = self._compare(head)
            if found is not None:
                return self._report(head, found)
        raise YuanliuError(
            "chain.busy",
            "the chain changes faster than its state can be read, and the node keeps no older state",
            hint="ask a node that keeps the state of older blocks, or try again at a quieter time",
            retryable=True,
        )

    def _follow(self, head: Header) -> None:
        safe = head.number - self._finality
        while self._block < head.number:
            goal = safe if self._block < safe else head.number
            window = self._windows.take(self._block + 1, goal)
            if window is None:
                continue
            if window.parent != self._hash:
                raise _went_back(self._block)
            times = {number: time for number, _, time in window.blocks}
            self._replay.window(window.logs, times)
            self._block, self._hash = window.last.number, window.last.hash
            place: dict[str, object] = {"block": self._block, "hash": self._hash}
            self._ledger.commit(place, for_good=self._block <= safe)
            self._tell(head)

    def _tell(self, head: Header, *, comparing: bool = False) -> None:
        payments = self._scene.number("payments")
        self._said(Progress(self._block, head.number, self._scene.logs, payments, comparing))

    # ------------------------------------------------------------------ state

    def _compare(self, head: Header) -> list[Finding] | None:
        """Compare the state as of `head`, or else as of now, if nothing happened since; none: look again."""
        scene = self._scene
        scene.block, scene.transaction = head.number, ""
        self._tell(head, comparing=True)
        for tag in (hex(head.number), "latest"):
            scene.state_findings = []
            try:
                comparison = Comparison(scene, self._deployment, State(self._node, tag))
                if comparison.code():
                    scene.count("questions", comparison.all() - scene.number("questions"))
            except StateGone:
                continue
            finally:
                found, scene.state_findings = scene.state_findings, None
            if tag != "latest" and self._is_still(head):
                return found
            return found if self._nothing_since(head) else None
        return None

    def _is_still(self, head: Header) -> bool:
        now = self._node.header(head.number)
        return now is not None and now.hash == head.hash

    def _nothing_since(self, head: Header) -> bool:
        """Whether the state of now is that of `head`: no log of ours since."""
        now = self._node.latest()
        if not self._is_still(head):
            raise _went_back(head.number)
        if now.number == head.number:
            return True
        return not Source(self._node, self._deployment).ask(head.number + 1, now.number)

    # ------------------------------------------------------------------ report

    def _report(self, head: Header, state: list[Finding]) -> Report:
        scene, deployment = self._scene, self._deployment
        raw = self._ledger.findings() + state[:MOST]
        names = ("deliveries", "batches", "payments", "signatures", "questions", "terms", "recalls")
        counts = {name: scene.number(name) for name in names}
        counts["actors"] = len(scene.actors)
        counts["records"] = scene.number("records")
        notes = {name: scene.number(name) for name in ("impersonated", "wallets")}
        if any(finding.rule is Rule.CODE for finding in raw):
            notes["state_not_compared"] = 1
        return Report(
            chain_id=deployment.chain_id,
            genesis=deployment.genesis,
            contract=deployment.batches.address,
            source_hash=deployment.source_hash,
            first_block=deployment.block,
            block=head.number,
            block_hash="0x" + head.hash.hex(),
            block_time=head.time,
            counts=dict(sorted(counts.items())),
            money=tuple(
                Money(say(token), purse.came, purse.went, purse.owed, purse.gifts)
                for token, purse in scene.purses.items()
                if scene.tokens.get(token) is not None
            ),
            shares={name: scene.number(name) for name in ("farmers", "cooperatives", "platforms")},
            findings=tuple(causes(raw)),
            details=tuple(raw),
            raw=self._ledger.noted + len(state),
            notes={name: number for name, number in notes.items() if number},
        )


def _went_back(block: int) -> YuanliuError:
    return YuanliuError(
        "audit.chain_went_back",
        f"the chain took back block {block}, which was audited already",
        hint="audit again; a checkpoint that went too far has to be deleted, or made with more --finality",
        fields={"block": block},
        retryable=True,
        exit_code=2,
    )
