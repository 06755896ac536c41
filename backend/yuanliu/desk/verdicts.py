"""Decides what became of intentions, from what the chain says of their requests."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Row

from yuanliu.chain import relay
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.executions import Execution, find_execution, why_refused
from yuanliu.chain.node import Node, RpcError
from yuanliu.desk import settling
from yuanliu.desk.dispatches import Dispatches
from yuanliu.desk.intentions import State, request_of

TRIES: Final = 12
"""How many transactions an intention may travel in without being executed, though it is its turn.

Several are normal after the chain went back; and when a transaction is refused whole, its requests travel in ever
smaller company until the one to blame is alone.
"""

ALONE: Final = 9
"""After this many transactions an intention travels alone; those in which it was not its turn count no further."""


@dataclass
class Verdicts:
    """What is to be written: changed columns by intention, and next nonces of signers of whom something lapsed."""

    changes: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    following: dict[str, int] = field(default_factory=dict)
    forgotten: list[str] = field(default_factory=list)
    """Settled intentions that the chain knows nothing of any more."""

    def grouped(self) -> list[tuple[list[str], Mapping[str, Any]]]:
        """Give the changes with those that are alike together: one statement each."""
        groups: dict[str, tuple[list[str], Mapping[str, Any]]] = {}
        for id_, columns in self.changes.items():
            alike = repr(sorted((k, v) for k, v in columns.items() if k != "updated"))
            groups.setdefault(alike, ([], columns))[0].append(id_)
        return list(groups.values())


class Judge:
    """Asks the chain what it must, and nothing else."""

    def __init__(self, node: Node, deployment: Deployment, dispatches: Dispatches) -> None:
        self._node = node
        self._deployment = deployment
        self._dispatches = dispatches

    def executed(self, row: Row[Any], execution: Execution) -> Mapping[str, Any]:
        """Give the columns of an executed intention. Raises `ChainUnreachable`."""
        if execution.success:
            return settling.done(execution)
        request = request_of(row)
        why = why_refused(self._node, self._deployment, request, execution.transaction)
        return settling.refused(execution, why)

    def not_executed(self, rows: Iterable[Row[Any]], verdicts: Verdicts, now: int) -> None:
        """Judge intentions that were sent without being executed, or that are too late to be sent.

        What the chain forgot though it was final comes back: the signatures still stand in their rows.

        `now` is the time of the latest block. Raises `ChainUnreachable`, `RpcError`.
        """
        by_signer: dict[str, list[Row[Any]]] = {}
        for row in rows:
            by_signer.setdefault(row.signer, []).append(row)
        for signer, following in self._nonces(list(by_signer)).items():
            forgotten = self._dispatches.forgotten(signer, following)
            verdicts.forgotten += [row.id for row in forgotten]
            lapsed = False
            for row in by_signer[signer]:
                columns = self._judge(row, following, now)
                verdicts.changes[row.id] = columns
                lapsed |= columns["state"] == str(State.LAPSED)
            again = {row.nonce for row in forgotten}
            if self._out_of_reach(signer, following, again, verdicts) or lapsed:
                verdicts.following[signer] = following

    def _nonces(self, signers: Sequence[str]) -> dict[str, int]:
        forwarder = self._deployment.actors
        calls = [forwarder.call("nonces", signer) for signer in signers]
        answers = self._node.batch(
            [
                ("eth_call", [{"to": call.to, "data": "0x" + call.data.hex()}, "latest"])
                for call in calls
            ]
        )
        for answer in answers:
            if isinstance(answer, RpcError):
                raise answer
        return {
            signer: int(str(answer), 16) for signer, answer in zip(signers, answers, strict=True)
        }

    def _judge(self, row: Row[Any], following: int, now: int) -> Mapping[str, Any]:
        request = request_of(row)
        if row.nonce < following:
            execution = find_execution(self._node, self._deployment, request)
            if execution is not None:
                return {**self.executed(row, execution), "dispatch": None}
            return settling.lapsed(settling.NonceUsed(row.nonce, following))
        if row.deadline < now:
            return settling.lapsed(settling.Expired(row.deadline))
        if row.nonce == following and row.state == str(State.SENT):
            signed = relay.is_signed(self._node, self._deployment, request)
            if not signed or row.attempts >= TRIES:
                return settling.lapsed(settling.NotTaken(row.nonce, row.attempts))
        if row.nonce > following:
            return {**settling.waiting(), "attempts": min(row.attempts, ALONE)}
        return settling.waiting()

    def _out_of_reach(
        self, signer: str, following: int, again: set[int], verdicts: Verdicts
    ) -> bool:
        """Let those lapse that wait for a nonce which nobody will use; tell whether there are any."""
        found, expected = False, following
        for row in self._dispatches.live(signer):
            columns = verdicts.changes.get(row.id)
            if columns is not None and columns["state"] != str(State.WAITING):
                continue
            while expected in again:
                expected += 1
            if row.nonce <= expected:
                expected = row.nonce + 1
            elif columns is not None or row.state == str(State.WAITING):
                missing = settling.OutOfReach(row.nonce, expected)
                verdicts.changes[row.id] = settling.lapsed(missing)
                found = True
        return found
