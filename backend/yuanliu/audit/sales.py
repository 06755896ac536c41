"""Where the money went: shares of payments, pools, claims, settlements, credits, and the tokens that moved with them.

Logs of one transaction are compared when it is over: what its sales, claims and settlements owe at once must have left
as transfers or stand as credits, what its sales cost must have come in, and nothing else may have left.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from yuanliu import money
from yuanliu.audit.facts import Batch, Purse, Terms
from yuanliu.audit.rules import Rule
from yuanliu.audit.scene import Scene, both, say
from yuanliu.chain.words import address, address_at, number, number_at, word, word_at
from yuanliu.errors import YuanliuError
from yuanliu.members import CHUNK

_BITMAP: Final = 256
Due = tuple[bytes, bytes, bytes, int]
"""Batch, owner, where it is to go, amount."""


class Sales:
    """Replays the logs of `Payments`, the sales in the journals, and the transfers of tokens."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._orders: dict[tuple[bytes, int], tuple[bytes, int, bytes]] = {}
        self._due: list[tuple[bytes, Due]] = []
        self._must: list[tuple[bytes, bytes, int, bytes]] = []
        self._in: list[tuple[bytes, bytes, int]] = []
        self._out: list[tuple[bytes, bytes, int]] = []
        self._credited: Counter[tuple[bytes, bytes, bytes, int]] = Counter()
        self.readers = {
            "Claimed": self._claimed,
            "Settled": self._settled,
            "Credited": self._credit,
            "Withdrawn": self._withdrawn,
        }

    # ------------------------------------------------------------------ paying

    def sold(self, id_: bytes, batch: Batch, terms: Terms, payer: bytes, body: bytes) -> None:
        """Take a sale; `body` is its record's."""
        scene = self._scene
        order, units = int.from_bytes(body[:32]), int.from_bytes(body[52:60])
        amount, farmers, cooperative, platform = (
            int.from_bytes(body[at : at + 16]) for at in (60, 76, 92, 108)
        )
        scene.count("payments")
        scene.signed.tokens.add(terms.token)
        if amount != batch.price * units:
            scene.wrong(Rule.SALE_AMOUNT, batch.price * units, amount, batch=id_, token=terms.token)
        if amount < terms.floor * units:
            scene.wrong(Rule.PRICE_FLOOR, f"at least {terms.floor * units}", amount, batch=id_)
        else:
            self._check_split(id_, terms, units, amount, (farmers, cooperative, platform))
        for name, share in (
            ("farmers", farmers),
            ("cooperatives", cooperative),
            ("platforms", platform),
        ):
            scene.count(name, share)
        self._order(id_, payer, order, amount, terms.token)
        for owner, share in (
            (terms.cooperative_payee, cooperative),
            (terms.platform_payee, platform),
        ):
            self._push(terms.token, (id_, owner, owner, share))
        if batch.farmer:
            self._push(terms.token, (id_, batch.farmer, scene.payout_of(batch.farmer), farmers))
        else:
            batch.opened = True
            batch.received += farmers
            self._owe(terms.token, farmers)

    def _check_split(
        self, id_: bytes, terms: Terms, units: int, amount: int, found: tuple[int, int, int]
    ) -> None:
        try:
            ratios = money.Ratios(terms.farmer_bps, terms.cooperative_bps, terms.platform_bps)
            shares = money.split(amount, terms.floor, units, ratios)
        except YuanliuError as error:
            self._scene.wrong(Rule.SPLIT, error.hint, error.message, batch=id_, token=terms.token)
            return
        right = (shares.farmers, shares.cooperative, shares.platform)
        if right != found:
            self._scene.wrong(
                Rule.SPLIT,
                _shares(right),
                _shares(found),
                what=f"{amount}",
                batch=id_,
                token=terms.token,
            )

    def _order(self, id_: bytes, payer: bytes, order: int, amount: int, token: bytes) -> None:
        """Note an order: it may have several lines, all in one transaction; later it can be paid no more."""
        scene = self._scene
        known = self._orders.get((payer, order))
        if known is not None:
            if known[0] != token:
                scene.wrong(
                    Rule.BATCH_INVALID, f"paid in {say(known[0])}", token, batch=id_, token=token
                )
            self._orders[payer, order] = (token, known[1] + amount, known[2])
            return
        self._orders[payer, order] = (token, amount, id_)
        slot, bit = divmod(order, _BITMAP)
        key = payer + slot.to_bytes(32)
        used = scene.orders.get(key) or 0
        if used >> bit & 1:
            scene.wrong(
                Rule.ORDER_REPEATED, "a new order", order, what=say(payer), batch=id_, token=token
            )
        scene.orders.put(key, used | 1 << bit)

    def _push(self, token: bytes, due: Due) -> None:
        if due[3]:
            self._due.append((token, due))

    def _owe(self, token: bytes, amount: int) -> None:
        purse = self._purse(token)
        purse.owed += amount
        self._scene.purses.put(token, purse)

    def _purse(self, token: bytes) -> Purse:
        return self._scene.purses.get(token) or Purse()

    # ------------------------------------------------------------------ claiming

    def _claimed(self, topics: Sequence[str], data: bytes) -> None:
        scene = self._scene
        id_, member_word = word(topics[1]), word(topics[2])
        index, amount, to = number_at(data, 0, 31), number_at(data, 1, 96), address_at(data, 2)
        batch, token = self._pool(id_)
        member = member_word if any(member_word[:12]) else member_word[12:]
        chunk, place = divmod(index, CHUNK)
        listed = scene.chunks.get(both(id_, chunk, 4)) or []
        if place >= len(listed) or listed[place][0] != member:
            known = listed[place][0] if place < len(listed) else "no such member"
            scene.wrong(Rule.CLAIM, known, member, what=f"member {index}", batch=id_, token=token)
            return
        farmer = self._farmer_of(member)
        if farmer:
            said, own = to + id_ + index.to_bytes(32), to == scene.payout_of(farmer)
            scene.tell("claimed", farmer, said, batch=id_, sure=not own)
        key = both(id_, index, 8)
        before = max(scene.claimed.get(key) or 0, scene.settled.get(both(id_, chunk, 4)) or 0)
        right = _between(before, batch.received, listed[place][1], batch.weight)
        if amount != right or not amount:
            scene.wrong(Rule.CLAIM, right, amount, what=f"member {index}", batch=id_, token=token)
        scene.claimed.put(key, batch.received)
        self._leave(id_, batch, amount)
        if not farmer:
            if to != scene.payments_address:
                scene.wrong(
                    Rule.CLAIM, scene.payments_address, to, what="to", batch=id_, token=token
                )
            self._fill(member, amount)
            return
        if to != scene.payout_of(farmer):
            scene.need(scene.keys_of(farmer, owner=True), "owner key")
        self._owe(token, -amount)
        self._must.append((token, to, amount, id_))

    def _settled(self, topics: Sequence[str], data: bytes) -> None:
        scene = self._scene
        id_ = word(topics[1])
        chunk, received, amount = (
            number_at(data, 0, 31),
            number_at(data, 1, 96),
            number_at(data, 2, 96),
        )
        batch, token = self._pool(id_)
        if received != batch.received:
            scene.wrong(
                Rule.SETTLEMENT, batch.received, received, what="receipts", batch=id_, token=token
            )
        listed = scene.chunks.get(both(id_, chunk, 4)) or []
        settled = scene.settled.get(both(id_, chunk, 4)) or 0
        total = 0
        for place, (member, weight) in enumerate(listed):
            claimed = scene.claimed.get(both(id_, chunk * CHUNK + place, 8)) or 0
            due = _between(max(claimed, settled), received, weight, batch.weight)
            total += due
            farmer = self._farmer_of(member)
            if farmer:
                self._owe(token, -due)
                self._push(token, (id_, farmer, scene.payout_of(farmer), due))
            else:
                self._fill(member, due)
        if total != amount or not amount:
            scene.wrong(
                Rule.SETTLEMENT, total, amount, what=f"chunk {chunk}", batch=id_, token=token
            )
        scene.settled.put(both(id_, chunk, 4), received)
        self._leave(id_, batch, total)

    def _pool(self, id_: bytes) -> tuple[Batch, bytes]:
        batch = self._scene.batches.get(id_)
        if batch is None:
            raise ValueError("no such batch")
        terms = self._scene.terms_of(batch.terms)
        return batch, terms.token if terms else b""

    def _leave(self, id_: bytes, batch: Batch, amount: int) -> None:
        batch.paid += amount
        if batch.paid > batch.received:
            self._scene.wrong(
                Rule.CLAIM, f"at most {batch.received}", batch.paid, what="in all", batch=id_
            )
        self._scene.batches.put(id_, batch)

    def _fill(self, parent: bytes, amount: int) -> None:
        batch = self._scene.batches.get(parent)
        if batch is not None:
            batch.opened = True
            batch.received += amount
            self._scene.batches.put(parent, batch)

    def _farmer_of(self, member: bytes) -> bytes:
        """Give who is paid for a member: the farmer, or a parent's one farmer; nobody if the parent has a pool."""
        if len(member) == 20:  # noqa: PLR2004 -- an address
            return member
        parent = self._scene.batches.get(member)
        return parent.farmer if parent else b""

    # ------------------------------------------------------------------ credits

    def _credit(self, topics: Sequence[str], data: bytes) -> None:
        token, owner, batch = address(topics[1]), address(topics[2]), word(topics[3])
        amount = number(word_at(data, 0), 256)
        self._credited[token, batch, owner, amount] += 1
        key = token + owner
        self._scene.credits.put(key, (self._scene.credits.get(key) or 0) + amount)
        self._owe(token, amount)

    def _withdrawn(self, topics: Sequence[str], data: bytes) -> None:
        scene = self._scene
        token, owner = address(topics[1]), address(topics[2])
        amount, to = number(word_at(data, 0), 256), address_at(data, 1)
        scene.tell("withdrawn to", b"", token + to, sure=to != scene.payout_of(owner))
        credit = scene.credits.get(token + owner) or 0
        if amount != credit or not amount:
            scene.wrong(Rule.WITHDRAWAL, credit, amount, what=say(owner), actor=owner, token=token)
        if to != scene.payout_of(owner):
            scene.need(unique_keys(owner, scene.keys_of(owner, owner=True)), "owner")
        scene.credits.put(token + owner, 0)
        self._owe(token, -amount)
        self._must.append((token, to, amount, b""))

    # ------------------------------------------------------------------ tokens

    def transferred(self, token: bytes, topics: Sequence[str], data: bytes) -> None:
        """Take a transfer of a token from or to the payments' contract."""
        sender, receiver = address(topics[1]), address(topics[2])
        amount = number(word_at(data, 0), 256)
        ours = self._scene.payments_address
        purse = self._purse(token)
        if receiver == ours:
            purse.came += amount
            self._in.append((token, sender, amount))
        if sender == ours:
            purse.went += amount
            self._out.append((token, receiver, amount))
        self._scene.purses.put(token, purse)

    # ------------------------------------------------------------------ the end of a transaction

    def end(self) -> None:
        """Compare what a transaction owed with what moved."""
        if not (self._orders or self._in or self._out or self._due or self._must or self._credited):
            return
        self._came_in()
        self._went_out()
        self._orders.clear()
        self._due.clear()
        self._must.clear()
        self._in.clear()
        self._out.clear()
        self._credited.clear()

    def _came_in(self) -> None:
        scene, came = self._scene, list(self._in)
        for (payer, order), (token, amount, id_) in self._orders.items():
            if amount == 0:
                continue
            if (token, payer, amount) in came:
                came.remove((token, payer, amount))
            else:
                found = "; ".join(f"{a} of {say(s)}" for _, s, a in came) or "nothing"
                scene.wrong(
                    Rule.PAYMENT_MISSING,
                    f"{amount} of {say(payer)}",
                    found,
                    what=f"order {order}",
                    batch=id_,
                    token=token,
                )
        for token, _, amount in came:
            purse = self._purse(token)
            purse.gifts += amount
            scene.purses.put(token, purse)

    def _went_out(self) -> None:
        scene = self._scene
        out = Counter(self._out)
        for token, to, amount, id_ in self._must:
            if out[token, to, amount]:
                out[token, to, amount] -= 1
            else:
                scene.wrong(
                    Rule.PAYOUT_MISSING,
                    f"{amount} to {say(to)}",
                    _left(out),
                    batch=id_,
                    token=token,
                )
        for token, (id_, owner, to, amount) in self._due:
            if self._credited[token, id_, owner, amount]:
                self._credited[token, id_, owner, amount] -= 1
            elif out[token, to, amount]:
                out[token, to, amount] -= 1
            else:
                scene.wrong(
                    Rule.PAYOUT_MISSING,
                    f"{amount} to {say(to)}, or credited to {say(owner)}",
                    _left(out),
                    batch=id_,
                    token=token,
                    actor=owner,
                )
        for (token, id_, owner, amount), times in self._credited.items():
            if times:
                scene.wrong(
                    Rule.CREDIT,
                    "no credit",
                    f"{amount} to {say(owner)}",
                    batch=id_,
                    token=token,
                    actor=owner,
                )
        for (token, to, amount), times in out.items():
            if times:
                scene.wrong(
                    Rule.MONEY_UNEXPLAINED, "no transfer", f"{amount} to {say(to)}", token=token
                )


def unique_keys(owner: bytes, keys: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Give the owner and his keys, each once."""
    return tuple(dict.fromkeys((owner, *keys)))


def _between(before: int, receipts: int, weight: int, total: int) -> int:
    """Give what a member's due grows by while the receipts grow."""
    if total == 0 or before > receipts:
        return 0
    return money.due(receipts, weight, total) - money.due(before, weight, total)


def _shares(shares: tuple[int, int, int]) -> str:
    return " + ".join(map(str, shares))


def _left(out: Counter[tuple[bytes, bytes, int]]) -> str:
    left = [f"{amount} to {say(to)}" for (_, to, amount), times in out.items() if times]
    return "; ".join(left[:4]) or "no transfer"
