"""Where in the chain the audit is, what it knows so far, and the one way to say that something is wrong."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from yuanliu.audit.facts import (
    CLERK,
    NONE,
    OWNER,
    RETIRED,
    Actor,
    Batch,
    Delivery,
    Key,
    Offer,
    Product,
    Purse,
    Terms,
)
from yuanliu.audit.findings import Finding
from yuanliu.audit.ledger import Ledger, Shelf
from yuanliu.audit.rules import Rule
from yuanliu.chain.deployment import Deployment
from yuanliu.hexes import address_bytes

FULL: Final = (1 << 256) - 1


class Act(NamedTuple):
    """What somebody did, as a log tells it or a signed call says it (`audit/words.py`).

    `sure`: of a call that succeeded there must be a log; of a log there must be a call.
    """

    tag: str
    who: bytes
    content: bytes
    sure: bool = True


@dataclass(slots=True)
class Signed:
    """What a transaction must carry: for each entry a signature of one of these keys.

    `requests` are (signer, number) of the relayed requests that were executed in it, `failed` those that did nothing,
    `consents` the keys that were bound in it: (key, party, level, roles, code), `tokens` what was paid in, `told` what
    its logs say that somebody did, each with its batch.
    """

    transaction: str
    block: int
    needed: dict[tuple[bytes, ...], str] = field(default_factory=dict)
    requests: list[tuple[bytes, int]] = field(default_factory=list)
    consents: list[tuple[bytes, bytes, int, int, bytes]] = field(default_factory=list)
    tokens: set[bytes] = field(default_factory=set)
    failed: set[tuple[bytes, int]] = field(default_factory=set)
    told: list[tuple[Act, bytes]] = field(default_factory=list)


class Scene:
    """The facts, and the log that is being looked at: `block`, `time`, `transaction`."""

    def __init__(self, deployment: Deployment, ledger: Ledger) -> None:
        self.deployment = deployment
        self.ledger = ledger
        self.chain_id = deployment.chain_id
        self.actors_address = _address(deployment, "Actors")
        self.batches_address = _address(deployment, "Batches")
        self.payments_address = _address(deployment, "Payments")
        self.founding = deployment.contracts["Actors"].transaction.lower()
        self.actors: Shelf[Actor] = ledger.shelf("actor")
        self.keys: Shelf[Key] = ledger.shelf("key")
        self.codes: Shelf[bytes] = ledger.shelf("code")
        self.nonces: Shelf[int] = ledger.shelf("nonce")
        self.tokens: Shelf[bool] = ledger.shelf("token")
        self.products: Shelf[Product] = ledger.shelf("product")
        self.authorities: Shelf[bytes] = ledger.shelf("authority")
        self.terms: Shelf[Terms] = ledger.shelf("terms")
        self.deliveries: Shelf[Delivery] = ledger.shelf("delivery")
        self.batches: Shelf[Batch] = ledger.shelf("batch")
        self.chunks: Shelf[list[tuple[bytes, int]]] = ledger.shelf("chunk")
        self.holdings: Shelf[int] = ledger.shelf("holding")
        self.offers: Shelf[Offer] = ledger.shelf("offer")
        self.readings: Shelf[bool] = ledger.shelf("reading")
        self.orders: Shelf[int] = ledger.shelf("paid_order")
        self.claimed: Shelf[int] = ledger.shelf("claimed")
        self.settled: Shelf[int] = ledger.shelf("settled")
        self.credits: Shelf[int] = ledger.shelf("credit")
        self.purses: Shelf[Purse] = ledger.shelf("purse")
        self._numbers: Shelf[int] = ledger.shelf("fact")
        self.block = 0
        self.time = 0
        self.transaction = ""
        self.signed = Signed("", 0)
        self.state_findings: list[Finding] | None = None
        self.wrongs = 0
        self.logs = 0

    # ------------------------------------------------------------------ numbers

    def count(self, name: str, more: int = 1) -> int:
        """Add to a number that is kept, and give it."""
        key = name.encode()
        value = (self._numbers.get(key) or 0) + more
        self._numbers.put(key, value)
        return value

    def count_log(self) -> None:
        """Count a log of the contracts."""
        self.logs += 1

    def number(self, name: str) -> int:
        """Give a number that is kept."""
        return self._numbers.get(name.encode()) or 0

    # ------------------------------------------------------------------ wrong

    def wrong(
        self,
        rule: Rule,
        expected: object,
        found: object,
        *,
        what: str = "",
        batch: bytes = b"",
        actor: bytes = b"",
        token: bytes = b"",
        transaction: str | None = None,
    ) -> None:
        """Say that something is wrong here."""
        self.wrongs += 1
        finding = Finding(
            rule=rule,
            what=what,
            expected=say(expected),
            found=say(found),
            batch=_hex(batch),
            transaction=self.transaction if transaction is None else transaction,
            block=self.block,
            actor=_hex(actor),
            token=_hex(token),
        )
        if self.state_findings is None:
            self.ledger.note(finding)
        else:
            self.state_findings.append(finding)

    # ------------------------------------------------------------------ authors

    def author(self, actor: bytes, signer: bytes, roles: int, *, batch: bytes = b"") -> int:
        """Check that a key may write for an actor who has one of `roles` (0: none is needed). Gives his roles."""
        self.need((signer,), "signer")
        key = self.keys.get(signer)
        if key is None:
            if signer != actor:
                self.wrong(
                    Rule.AUTHOR_KEY, f"a key of {say(actor)}", signer, batch=batch, actor=actor
                )
            elif roles:
                self._lacks(actor, 0, roles, batch)
            return 0
        if key.level == RETIRED or key.actor != actor:
            what = "a retired key" if key.level == RETIRED else f"a key of {say(key.actor)}"
            self.wrong(Rule.AUTHOR_KEY, f"a key of {say(actor)}", what, batch=batch, actor=actor)
        return self.acting(actor, roles, batch=batch)

    def acting(self, actor: bytes, roles: int, *, batch: bytes = b"") -> int:
        """Check that an actor has one of `roles` (0: none is needed) and is not suspended. Gives his roles."""
        known = self.actors.get(actor)
        if known is None:
            if roles:
                self._lacks(actor, 0, roles, batch)
            return 0
        if known.suspended:
            self.wrong(
                Rule.AUTHOR_SUSPENDED, "not suspended", "suspended", batch=batch, actor=actor
            )
        if roles and not known.roles & roles:
            self._lacks(actor, known.roles, roles, batch)
        return known.roles

    def act(self, actor: bytes, roles: int, *, owner: bool = False) -> int:
        """Check an act whose log names no key: any of the actor's may have signed; `owner`: not a clerk's."""
        self.need(self.keys_of(actor, owner=owner), "actor")
        return self.acting(actor, roles)

    def keys_of(self, actor: bytes, *, owner: bool = False) -> tuple[bytes, ...]:
        """Give the keys that may sign for an actor; of somebody who was never enrolled his own."""
        known = self.actors.get(actor)
        if known is None:
            return (actor,)
        return (known.key,) if owner else (known.key, *known.clerks)

    def need(self, keys: tuple[bytes, ...], what: str) -> None:
        """Say that the transaction must carry a signature of one of these keys."""
        self.signed.needed.setdefault(keys, what)

    def tell(
        self, tag: str, who: bytes, content: bytes, *, batch: bytes = b"", sure: bool = True
    ) -> None:
        """Say that a log tells an act; `sure`: it must have been signed in these words."""
        self.signed.told.append((Act(tag, who, content, sure), batch))

    def _lacks(self, actor: bytes, has: int, needed: int, batch: bytes) -> None:
        self.wrong(Rule.AUTHOR_ROLE, roles_text(needed), roles_text(has), batch=batch, actor=actor)

    def payout_of(self, actor: bytes) -> bytes:
        """Give where an actor's money goes."""
        known = self.actors.get(actor)
        return (known.payout if known else b"") or actor

    def level_of(self, key: bytes) -> int:
        """Give how a key stands to its actor."""
        known = self.keys.get(key)
        return NONE if known is None else known.level

    def terms_of(self, number: int) -> Terms | None:
        """Give terms by their number."""
        return self.terms.get(number.to_bytes(4))


def say(value: object) -> str:
    """Write a value for people: bytes in hex."""
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


_NAMES: Final = (
    *("platform", "cooperative", "farmer", "inspector", "carrier", "retailer", "regulator"),
)


def roles_text(roles: int) -> str:
    """Write roles for people."""
    named = [name for i, name in enumerate(_NAMES) if roles >> i & 1]
    return " | ".join(named) or "no role"


def both(first: bytes, number: int, size: int) -> bytes:
    """Give the key of something that is numbered within something else."""
    return first + number.to_bytes(size)


def _hex(data: bytes) -> str:
    return "0x" + data.hex() if data else ""


def _address(deployment: Deployment, name: str) -> bytes:
    return address_bytes(deployment.contract(name).address.lower())


def unique(items: Iterable[Any]) -> list[Any]:
    """Give items without repetitions, in their order."""
    return list(dict.fromkeys(items))


LEVELS: Final = {NONE: "none", CLERK: "clerk", OWNER: "owner", RETIRED: "retired"}
