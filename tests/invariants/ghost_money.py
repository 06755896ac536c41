"""The ghost ledger, third part: what `Payments` and the tokens should hold, with exact fractions beside it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.invariants.ghost_goods import Batch, Goods
from tests.invariants.ghost_people import ANY_REVERT, NONE, OWNER, Refused, require
from tests.world import ZERO

from yuanliu import money, records

Lines = Sequence[tuple[int, int, int]]
"""Batch, units, amount."""


@dataclass
class Token:
    """A token, its balances, and what is wrong with it at the moment."""

    name: str
    balances: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    approved: set[str] = field(default_factory=set)
    """Who lets `Payments` take any amount."""
    told: dict[str, bool] = field(default_factory=dict)
    """Receivers that are told of each transfer, and whether they then fail."""
    blocked: set[str] = field(default_factory=set)
    paused: bool = False
    refuses_in: bool = False
    refuses_out: bool = False
    fee_bps: int = 0

    def takes(self, payer: str, to: str, amount: int, *, authorised: bool) -> bool:
        """`transferFrom` by `Payments`, or an authorisation; a false answer counts as failure."""
        allowed = authorised or not amount or payer in self.approved
        if self.refuses_in or not allowed:
            return False
        return self._moves(payer, to, amount)

    def pushes(self, holder: str, to: str, amount: int) -> bool:
        return not self.refuses_out and self._moves(holder, to, amount)

    def _moves(self, sender: str, to: str, amount: int) -> bool:
        fine = not self.paused and not {sender, to} & self.blocked and not self.told.get(to)
        if not fine or self.balances[sender] < amount:
            return False
        self.balances[sender] -= amount
        self.balances[to] += amount - amount * self.fee_bps // 10_000
        return True

    def cure(self) -> None:
        self.blocked.clear()
        self.told.clear()
        self.paused = self.refuses_in = self.refuses_out = False
        self.fee_bps = 0


@dataclass
class Pool:
    """Receipts of a batch's members."""

    received: int = 0
    claimed: int = 0
    opened: bool = False
    """Whether anything, be it 0, ever went in."""
    upto: dict[int, int] = field(default_factory=dict)
    """Receipts up to which each member, by index, was paid."""
    exact: Fraction = Fraction(0)
    """What it should have received if no unit were ever rounded."""


class Money(Goods):
    """Payments, pools, credits."""

    def __init__(
        self, platform: str, regulator: str, now: int, *, batches: str, payments: str, chain_id: int
    ) -> None:
        super().__init__(platform, regulator, now, batches=batches, chain_id=chain_id)
        self.bank = payments
        self.tokens: dict[str, Token] = {}
        self.pools: dict[int, Pool] = {}
        self.orders: set[tuple[str, int]] = set()
        self.credits: dict[tuple[str, str], int] = {}
        self.donated: dict[str, int] = defaultdict(int)
        self.paid: dict[tuple[str, str], int] = defaultdict(int)
        """What farmers were paid or credited, by token and farmer."""
        self.paid_at_once: dict[tuple[str, str], int] = defaultdict(int)
        """What of it came straight from a payment, past any pool."""

    # ------------------------------------------------------------------ paying

    def pay(self, sender: str, order: tuple[int, str, Lines]) -> None:
        self._pay(order, sender, authorised=False)

    def pay_with_permit(self, sender: str, order: tuple[int, str, Lines], signed: bool) -> None:  # noqa: FBT001
        require("Payments_LinesInvalid", order[2])
        first = self.batches.get(order[2][0][0])
        if not first or not first.terms:
            raise Refused("Catalogue_UnknownTerms")
        token = self.tokens[self.token_of(first)]
        if signed and token.name == "yuan":
            token.approved.add(sender)
        self._pay(order, sender, authorised=False)

    def pay_with_authorization(
        self,
        sender: str,
        order: tuple[int, str, Lines],
        payer: str,
        valid: bool,  # noqa: FBT001
    ) -> None:
        del sender
        self._pay(order, payer, authorised=valid, by_signature=True)

    def _pay(
        self,
        order: tuple[int, str, Lines],
        payer: str,
        *,
        authorised: bool,
        by_signature: bool = False,
    ) -> None:
        number, buyer, lines = order
        require("Payments_LinesInvalid", 0 < len(lines) <= 64)
        require("Payments_ZeroBuyer", buyer != ZERO)
        require("Payments_OrderPaid", (payer, number) not in self.orders)
        self.orders.add((payer, number))
        sold, token = [], ""
        for batch, units, amount in lines:
            shares = self._sell(payer, number, buyer, (batch, units, amount))
            mine = self.token_of(self.batches[batch])
            require("Payments_TokensDiffer", not token or mine == token)
            token = mine
            sold.append((batch, shares))
        coin, total = self.tokens[token], sum(amount for _, _, amount in lines)
        if by_signature:
            require(ANY_REVERT, authorised and coin.name == "yuan")
        before = coin.balances[self.bank]
        require(ANY_REVERT, coin.takes(payer, self.bank, total, authorised=authorised))
        found = coin.balances[self.bank] - before
        for batch, shares in sold:
            terms = self.terms[self.batches[batch].terms - 1]
            self._push(token, terms.cooperative_payee, terms.cooperative_payee, shares.cooperative)
            self._push(token, terms.platform_payee, terms.platform_payee, shares.platform)
            farmer = self.batches[batch].farmer
            if farmer != ZERO:
                self._push(token, farmer, self.payout_of(farmer), shares.farmers, farmer=farmer)
                self.paid_at_once[token, farmer] += shares.farmers
        require("Payments_TokenMovedOtherwise", found == total)

    def _sell(
        self, payer: str, number: int, buyer: str, line: tuple[int, int, int]
    ) -> money.Shares:
        batch, units, amount = line
        b = self._registered(batch)
        require("Batches_NoUnits", units)
        require("Batches_ReceiverInvalid", buyer != self.host)
        self._check_movable(batch)
        terms = self.terms[b.terms - 1]
        require("Batches_AmountBelowFloor", amount >= terms.floor * units)
        require("Batches_AmountDiffers", amount == b.price * units)
        ratios = money.Ratios(terms.farmer_bps, terms.cooperative_bps, terms.platform_bps)
        shares = money.split(amount, terms.floor, units, ratios)
        self._move(b, b.cooperative, buyer, units)
        body = records.Sold(
            number, buyer, units, amount, shares.farmers, shares.cooperative, shares.platform
        )
        self._append(batch, payer, payer, body)
        if b.farmer == ZERO:
            self._into(batch, shares.farmers)
            self._trickle(batch, Fraction(shares.farmers))
        return shares

    def _into(self, batch: int, amount: int) -> None:
        pool = self.pools.setdefault(batch, Pool())
        pool.received += amount
        pool.opened = True
        require("Payments_PoolFull", pool.received < 2**96)

    def _trickle(self, batch: int, exact: Fraction) -> None:
        """Pass on what a pool should have received to all that it is made of, undivided by rounding."""
        self.pools.setdefault(batch, Pool()).exact += exact
        b = self.batches[batch]
        for parent, weight in self._parents(b):
            self._trickle(parent, exact * weight / b.weight)

    def _parents(self, b: Batch) -> list[tuple[int, int]]:
        """The members of a pool that have pools themselves."""
        if not b.derived:
            return []
        return [m for chunk in b.chunks for m in chunk if self.batches[m[0]].farmer == ZERO]

    def _push(self, token: str, owner: str, to: str, amount: int, *, farmer: str = "") -> None:
        if amount == 0:
            return
        if farmer:
            self.paid[token, farmer] += amount
        if to != self.bank and self.tokens[token].pushes(self.bank, to, amount):
            return
        self.credits[token, owner] = self.credits.get((token, owner), 0) + amount

    # ------------------------------------------------------------------ claiming

    def claim(self, sender: str, steps: Sequence[tuple[Any, ...]]) -> None:
        del sender
        self._claim(steps, "", "")

    def claim_to(self, sender: str, to: str, steps: Sequence[tuple[Any, ...]]) -> None:
        require("Actors_ZeroAddress", to != ZERO)
        actor, level = self.keys.get(sender, (ZERO, NONE))
        require("Payments_NotYours", level == OWNER)
        self._claim(steps, actor, to)

    def _claim(self, steps: Sequence[tuple[Any, ...]], only: str, to: str) -> None:
        require("Payments_LinesInvalid", 0 < len(steps) <= 64)
        moved = False
        for batch, index, member, weight, _ in steps:
            require("Payments_NotMember", self._proven(batch, index, member, weight))
            b = self.batches[batch]
            token = self.token_of(b)
            due = self.due(batch, index)
            if not due:
                continue
            self._take(batch, index, due)
            moved = True
            farmer = self.batches[member].farmer if b.derived else _address(member)
            if farmer == ZERO:
                self._into(member, due)
                continue
            require("Payments_NotYours", not only or farmer == only)
            self._push_or_revert(token, to if only else self.payout_of(farmer), due)
            self.paid[token, farmer] += due
        require("Payments_NothingDue", moved)

    def settle(
        self, sender: str, batch: int, chunk: int, listed: Sequence[tuple[int, int]]
    ) -> None:
        del sender
        require("Payments_LinesInvalid", 0 < len(listed) <= 256)
        b = self.batches.get(batch)
        if not b or chunk >= len(b.chunks) or list(listed) != b.chunks[chunk]:
            raise Refused("Payments_NotMember")
        dues = [self.due(batch, chunk * 256 + i) for i in range(len(listed))]
        require("Payments_NothingDue", any(dues))
        token = self.token_of(b)
        for i, due in enumerate(dues):
            self._take(batch, chunk * 256 + i, due)
        for (member, _), due in zip(listed, dues, strict=True):
            farmer = self.batches[member].farmer if b.derived else _address(member)
            if farmer == ZERO:
                self._into(member, due)
            else:
                self._push(token, farmer, self.payout_of(farmer), due, farmer=farmer)

    def withdraw_credit(self, sender: str, token: str, owner: str) -> None:
        del sender
        self._withdraw(token, owner, self.payout_of(owner))

    def withdraw_to(self, sender: str, token: str, to: str) -> None:
        require("Actors_ZeroAddress", to != ZERO)
        actor, level = self.keys.get(sender, (sender, NONE))
        self._withdraw(token, actor if level == OWNER else sender, to)

    def _withdraw(self, token: str, owner: str, to: str) -> None:
        amount = self.credits.get((token, owner), 0)
        require("Payments_NothingDue", amount)
        self._push_or_revert(token, to, amount)
        del self.credits[token, owner]

    def _push_or_revert(self, token: str, to: str, amount: int) -> None:
        fine = to != self.bank and self.tokens[token].pushes(self.bank, to, amount)
        require("Payments_TokenFailed", fine)

    # ------------------------------------------------------------------ asking

    def token_of(self, b: Batch) -> str:
        return self.terms[b.terms - 1].token

    def due(self, batch: int, index: int) -> int:
        """What a member is due: its part of all receipts, less its part of those it was paid for."""
        b = self.batches[batch]
        pool = self.pools.get(batch, Pool())
        weight = b.chunks[index // 256][index % 256][1]
        before = pool.upto.get(index, 0)
        return money.due(pool.received, weight, b.weight) - money.due(before, weight, b.weight)

    def indices(self, batch: int) -> list[int]:
        chunks = self.batches[batch].chunks
        return [n * 256 + i for n, chunk in enumerate(chunks) for i in range(len(chunk))]

    def carried(self, batch: int) -> int:
        """What a pool has received and nobody is due: the remainder that it carries."""
        pool = self.pools[batch]
        dues = sum(self.due(batch, index) for index in self.indices(batch))
        return pool.received - pool.claimed - dues

    def owed(self, token: str) -> int:
        """All that the contract must have of a token."""
        pools = sum(
            pool.received - pool.claimed
            for batch, pool in self.pools.items()
            if self.token_of(self.batches[batch]) == token
        )
        return pools + sum(amount for (coin, _), amount in self.credits.items() if coin == token)

    def _take(self, batch: int, index: int, due: int) -> None:
        pool = self.pools.setdefault(batch, Pool())
        pool.upto[index] = pool.received
        pool.claimed += due

    def _proven(self, batch: int, index: int, member: int, weight: int) -> bool:
        b = self.batches.get(batch)
        if not b or index // 256 >= len(b.chunks) or index % 256 >= len(b.chunks[index // 256]):
            return False
        return b.chunks[index // 256][index % 256] == (member, weight)


def _address(member: int) -> str:
    return "0x" + member.to_bytes(20).hex()
