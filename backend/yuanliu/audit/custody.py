"""Who holds which units, what is offered to whom, and whether a batch may move."""

from collections.abc import Sequence
from typing import Final

from yuanliu import records
from yuanliu.audit.facts import DERIVED, HELD, NOBODY, RECALLED, Batch, Offer
from yuanliu.audit.rules import Rule
from yuanliu.audit.scene import Scene, both, say
from yuanliu.chain.words import address, number_at, word_at

_TOPICS: Final = 4


class Custody:
    """Units by holder. A log of a movement must be followed by the record that it belongs to."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._pending: list[tuple[bytes, bytes, bytes, int]] = []

    # ------------------------------------------------------------------ movements

    def moved(self, topics: Sequence[str], data: bytes) -> None:
        """Take a log of a movement."""
        if len(topics) != _TOPICS:
            raise ValueError("no movement of units")
        moved = (word_at(data, 0), address(topics[2]), address(topics[3]), number_at(data, 1, 64))
        self._pending.append(moved)

    def move(self, batch: bytes, sender: bytes, receiver: bytes, units: int) -> None:
        """Move units as a record says, and compare with the log of the movement."""
        scene, expected = self._scene, (batch, sender, receiver, units)
        if self._pending and self._pending[0] == expected:
            self._pending.pop(0)
        else:
            found = self._pending.pop(0) if self._pending and self._pending[0][0] == batch else None
            scene.wrong(
                Rule.UNITS_MOVED,
                _movement(expected),
                _movement(found) if found else "no movement",
                batch=batch,
            )
        if sender != NOBODY:
            key = batch + sender
            held = scene.holdings.get(key) or 0
            if held < units:
                scene.wrong(
                    Rule.UNITS_OVERSOLD, f"at most {held}", units, what=say(sender), batch=batch
                )
            scene.holdings.put(key, max(held - units, 0))
        if receiver != NOBODY:
            key = batch + receiver
            scene.holdings.put(key, (scene.holdings.get(key) or 0) + units)

    def none_left(self, batch: bytes) -> None:
        """Name movements that the record just taken does not explain."""
        while self._pending:
            moved = self._pending.pop(0)
            self._scene.wrong(
                Rule.UNITS_MOVED, "no movement", _movement(moved), batch=moved[0] or batch
            )

    def unrecorded(self) -> list[bytes]:
        """Give the batches that units of moved without a record."""
        return [moved[0] for moved in self._pending]

    def end(self) -> None:
        """Name movements that no record of the transaction explains."""
        self.none_left(b"")

    # ------------------------------------------------------------------ offers

    def offered(self, id_: bytes, batch: Batch, actor: bytes, body: records.Offered) -> None:
        """Set units aside."""
        scene, receiver = self._scene, bytes.fromhex(body.receiver[2:])
        if receiver in {NOBODY, actor, scene.batches_address} or not body.units:
            self._invalid(id_, "units for somebody else", f"{body.units} for {say(receiver)}")
        if receiver != batch.cooperative:
            self.check_movable(id_, batch)
        batch.offers += 1
        if body.offer != batch.offers:
            self._invalid(id_, f"offer {batch.offers}", body.offer)
        self.move(id_, actor, scene.batches_address, body.units)
        scene.offers.put(both(id_, body.offer, 4), Offer(actor, body.units, receiver))

    def accepted(self, id_: bytes, batch: Batch, actor: bytes, body: records.Accepted) -> None:
        """Give the units to the receiver."""
        if actor != batch.cooperative:
            self.check_movable(id_, batch)
        self._close(id_, body.offer, actor, by_sender=False, to_sender=False)

    def refused(self, id_: bytes, _batch: Batch, actor: bytes, body: records.Refused) -> None:
        """Give the units back."""
        self._close(id_, body.offer, actor, by_sender=False, to_sender=True)

    def withdrawn(self, id_: bytes, _batch: Batch, actor: bytes, body: records.Withdrawn) -> None:
        """Give the units back."""
        self._close(id_, body.offer, actor, by_sender=True, to_sender=True)

    def _close(
        self, id_: bytes, number: int, actor: bytes, *, by_sender: bool, to_sender: bool
    ) -> None:
        scene, key = self._scene, both(id_, number, 4)
        offer = scene.offers.get(key)
        entitled = NOBODY if offer is None else offer.sender if by_sender else offer.receiver
        if offer is None or not offer.units or actor != entitled:
            self._invalid(id_, f"an open offer of {say(entitled)}", f"{number}, by {say(actor)}")
        if offer is None:
            return
        units, receiver = offer.units, offer.sender if to_sender else offer.receiver
        self.move(id_, scene.batches_address, receiver, units)
        scene.offers.put(key, Offer(offer.sender, 0, offer.receiver))

    def _invalid(self, id_: bytes, expected: object, found: object) -> None:
        self._scene.wrong(Rule.OFFER_INVALID, expected, found, batch=id_)

    # ------------------------------------------------------------------ hold and recall

    @property
    def epoch(self) -> int:
        """Number of recalls ever made, plus one."""
        return self._scene.number("recalls") + 1

    def check_movable(self, id_: bytes, batch: Batch) -> None:
        """Name a batch that is held, or recalled with anything that it was made from, and moves nevertheless."""
        if batch.flags & HELD:
            self._scene.wrong(Rule.SAFETY_HELD, "not held", "held", batch=id_)
        if not self._is_clear(id_, batch):
            self._scene.wrong(Rule.SAFETY_RECALLED, "not recalled", "recalled", batch=id_)

    def _is_clear(self, id_: bytes, batch: Batch) -> bool:
        """Walk up the lineage; what was clear since the last recall is not walked again."""
        epoch, todo, seen = self.epoch, [(id_, batch)], {id_}
        walked = []
        while todo:
            at, one = todo.pop()
            if one.flags & RECALLED:
                return False
            if not one.flags & DERIVED or one.clear_at == epoch:
                continue
            walked.append((at, one))
            for parent in one.parents:
                if parent not in seen:
                    seen.add(parent)
                    if (found := self._scene.batches.get(parent)) is not None:
                        todo.append((parent, found))
        for at, one in walked:
            one.clear_at = epoch
            self._scene.batches.put(at, one)
        return True


def _movement(moved: tuple[bytes, bytes, bytes, int]) -> str:
    return f"{moved[3]}: {say(moved[1])} → {say(moved[2])}"
