"""Asks the chain for its state as of one block, hundreds of questions in a round trip."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from yuanliu.audit.rules import Rule
from yuanliu.audit.scene import Scene, say
from yuanliu.chain.bindings import Contract
from yuanliu.chain.node import RpcError
from yuanliu.chain.rawlogs import RawNode

AT_ONCE: Final = 300
"""Questions of a round trip."""

WORD: Final = 32
_REVERTED: Final = ("revert", "invalid opcode", "out of gas", "stack", "bad jump", "execution")
Value = int | bytes | None


class StateGone(Exception):
    """The node does not have the state of that block, or not any more."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A question and the right answer: the names and values of the words that must come back; None is any value."""

    rule: Rule
    to: bytes
    data: bytes
    expected: tuple[tuple[str, Value], ...]
    what: str = ""
    batch: bytes = b""
    actor: bytes = b""
    token: bytes = b""


class State:
    """The chain's state at a block; `tag` names it."""

    def __init__(self, node: RawNode, tag: str) -> None:
        self._node = node
        self.tag = tag
        self.asked = 0

    def answers(self, calls: Sequence[tuple[str, list[object]]]) -> list[str | None]:
        """Ask; none for what the contract refused. Raises `StateGone`, `RpcError`, `ChainUnreachable`."""
        self.asked += len(calls)
        found: list[str | None] = []
        for answer in self._node.ask(calls):
            if isinstance(answer, RpcError):
                if not any(word in answer.message.lower() for word in _REVERTED):
                    raise StateGone(answer.message) from answer
                found.append(None)
            else:
                found.append(str(answer))
        return found

    def call(self, to: bytes, data: bytes) -> tuple[str, list[object]]:
        """Write a question to a contract."""
        return "eth_call", [{"to": say(to), "data": say(data)}, self.tag]

    def check(self, scene: Scene, probes: Iterable[Probe]) -> int:
        """Ask all of the probes and name what comes out otherwise. Gives how many were asked."""
        count = 0
        left_ = iter(probes)
        while part := list(islice(left_, AT_ONCE)):
            answers = self.answers([self.call(probe.to, probe.data) for probe in part])
            for probe, answer in zip(part, answers, strict=True):
                count += 1
                _compare(scene, probe, answer)
        return count


def word_of(value: int | bytes) -> bytes:
    """Write a value as a word: numbers and addresses to the right."""
    return value.to_bytes(WORD) if isinstance(value, int) else value.rjust(WORD, b"\0")


def left(value: bytes) -> bytes:
    """Write a text of fixed length as a word: to the left."""
    return value.ljust(WORD, b"\0")


def _compare(scene: Scene, probe: Probe, answer: str | None) -> None:
    """Name the first word that differs; a batch's head above all."""
    found = bytes.fromhex(answer[2:]) if answer else b""
    rule = probe.rule
    for place, (name, right) in enumerate(probe.expected):
        is_ = found[place * WORD : (place + 1) * WORD]
        if right is None or is_ == word_of(right):
            continue
        if name == "head":
            rule = Rule.JOURNAL_HEAD
        elif rule is Rule.JOURNAL_HEAD:
            rule = Rule.STATE_BATCH
        value = (
            (int.from_bytes(is_) if isinstance(right, int) else is_[-len(right) :])
            if is_
            else "no answer"
        )
        what = " ".join(part for part in (probe.what, name) if part)
        scene.wrong(
            rule,
            right,
            value,
            what=what,
            batch=probe.batch,
            actor=probe.actor,
            token=probe.token,
            transaction="",
        )
        return


class Encoder:
    """Writes calls of one function whose arguments are words."""

    def __init__(self, contract: Contract, function: str) -> None:
        self.to = bytes.fromhex(contract.address[2:])
        self._selector = contract.selector(function)

    def __call__(self, *arguments: int | bytes) -> bytes:
        """Write a call."""
        return self._selector + b"".join(map(word_of, arguments))
