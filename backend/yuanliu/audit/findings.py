"""What was found wrong, and which of it follows from what."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from yuanliu.audit.rules import Rule

MOST: Final = 20_000
"""Findings that are kept one by one; of more only the number is told."""

_SUMMARY: Final = frozenset(
    {rule for rule in Rule if rule.value.startswith(("state-", "pool-"))}
    | {Rule.TERMS_CODE, Rule.TOKEN_BALANCE, Rule.MONEY_CONSERVED, Rule.RELAY, Rule.JOURNAL_HEAD}
)
"""Rules on the chain's state: what they find may follow from something that is wrong in the history."""

_OF_ACTORS: Final = frozenset(
    rule
    for rule in Rule
    if rule.value.startswith(
        ("author-", "actor-", "log-", "relay-", "words-", "withdrawal-", "payout-", "credit-")
    )
)
"""Rules whose findings on one actor have one cause."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: the rule, where, what is right and what was found.

    `follows` are the rules that were broken by the same thing.
    """

    rule: Rule
    what: str
    expected: str
    found: str
    batch: str = ""
    transaction: str = ""
    block: int = 0
    actor: str = ""
    token: str = ""
    follows: tuple[Rule, ...] = ()

    @property
    def zh(self) -> str:
        """Say it in Chinese."""
        return self._say(self.rule.words.zh, "：", "应为", "实为", "，")

    @property
    def en(self) -> str:
        """Say it in English."""
        return self._say(self.rule.words.en, ": ", "expected", "found", ", ")

    def _say(self, sentence: str, colon: str, expected: str, found: str, comma: str) -> str:
        parts = [self.what] if self.what else []
        parts.append(f"{expected} {self.expected}")
        parts.append(f"{found} {self.found}")
        return f"{sentence}{colon}{comma.join(parts)}"

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "rule": self.rule.value,
            "zh": self.zh,
            "en": self.en,
            "what": self.what,
            "expected": self.expected,
            "found": self.found,
            "batch": self.batch,
            "transaction": self.transaction,
            "block": self.block,
            "actor": self.actor,
            "token": self.token,
            "follows": [rule.value for rule in self.follows],
        }


def causes(raw: Iterable[Finding]) -> list[Finding]:
    """Give one finding for each thing that is wrong, naming the rules that it broke besides.

    Findings on one batch or in one transaction have one cause. A rule on the chain's state is a cause of its own only
    if nothing in the history concerns the same batch, actor or token, and every log could be read.
    """
    found = list(raw)
    groups = _Groups()
    for number, finding in enumerate(found):
        if finding.rule not in _SUMMARY:
            groups.join(number, _subjects(finding))
    near: dict[str, int] = {}
    unread = [i for i, finding in enumerate(found) if finding.rule is Rule.LOG_MALFORMED]
    for number, finding in enumerate(found):
        if finding.rule not in _SUMMARY:
            for subject in _wide_subjects(finding):
                near.setdefault(subject, number)
    for number, finding in enumerate(found):
        if finding.rule in _SUMMARY:
            wide = _wide_subjects(finding)
            reasons = [near[subject] for subject in wide if subject in near] or unread
            groups.join(number, wide[:1])
            if reasons:
                groups.merge(number, reasons[0])
    return sorted(
        (_main([found[number] for number in group]) for group in groups),
        key=lambda finding: (finding.block, finding.rule.rank),
    )


class _Groups:
    """Numbers that are joined by what they have in common."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}
        self._parent: dict[int, int] = {}

    def join(self, number: int, subjects: Iterable[str]) -> None:
        self._parent[number] = number
        for subject in subjects:
            other = self._of.setdefault(subject, number)
            self.merge(other, number)

    def merge(self, number: int, other: int) -> None:
        self._parent[self._root(number)] = self._root(other)

    def _root(self, number: int) -> int:
        while self._parent[number] != number:
            self._parent[number] = self._parent[self._parent[number]]
            number = self._parent[number]
        return number

    def __iter__(self) -> Iterator[list[int]]:
        groups: defaultdict[int, list[int]] = defaultdict(list)
        for number in self._parent:
            groups[self._root(number)].append(number)
        return iter(groups.values())


def _subjects(finding: Finding) -> list[str]:
    given = [finding.batch, finding.transaction]
    if finding.rule in _OF_ACTORS:
        given.append(finding.actor)
    if finding.what.startswith("receipt "):
        given.append(finding.what)
    return [subject for subject in given if subject] or [f"{finding.what} {finding.token}"]


def _wide_subjects(finding: Finding) -> list[str]:
    given = (finding.batch, finding.transaction, finding.actor, finding.token)
    return [subject for subject in given if subject] or [finding.what]


def _main(group: list[Finding]) -> Finding:
    first = min(group, key=lambda finding: (finding.rule.rank, finding.block))
    others = sorted({f.rule for f in group} - {first.rule}, key=lambda rule: rule.rank)
    return Finding(
        **{name: getattr(first, name) for name in _FIELDS if name != "follows"},
        follows=tuple(others),
    )


_FIELDS: Final = tuple(Finding.__dataclass_fields__)


def encode(finding: Finding) -> str:
    """Write a finding for the ledger."""
    return json.dumps({name: getattr(finding, name) for name in _FIELDS if name != "follows"})


def decode(text: str) -> Finding:
    """Read a finding of the ledger."""
    raw = json.loads(text)
    return Finding(**(raw | {"rule": Rule(raw["rule"])}))
