"""Who may act: enrolments, keys, suspensions, recoveries, replayed from the logs of `Actors`."""

from collections.abc import Sequence
from typing import Final

from yuanliu.audit.facts import (
    CARRIER,
    CLERK,
    COOPERATIVE,
    FARMER,
    INSPECTOR,
    NOBODY,
    NONE,
    OWNER,
    PLATFORM,
    REGULATOR,
    RETAILER,
    RETIRED,
    Actor,
    Key,
)
from yuanliu.audit.rules import Rule
from yuanliu.audit.scene import Scene, roles_text, say
from yuanliu.chain.words import address, address_at, bytes_at, number, number_at, word_at

RECOVERY_DELAY: Final = 7 * 24 * 3600
MAX_CLERKS: Final = 100
MAX_REASON: Final = 512
_CODE_BYTES: Final = 16
_FOUNDERS: Final = {PLATFORM: b"platform", REGULATOR: b"regulator"}


def enrollable(roles: int) -> int:
    """Give the roles that somebody with `roles` may enrol, as `Roles.enrollable`."""
    allowed = 0
    if roles & PLATFORM:
        allowed |= PLATFORM | COOPERATIVE | CARRIER | RETAILER
    if roles & REGULATOR:
        allowed |= REGULATOR | INSPECTOR
    if roles & COOPERATIVE:
        allowed |= FARMER
    return allowed


class People:
    """Replays the logs of `Actors`. Each method takes a log's topics and data."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._completed = ("", b"")
        self._following = ("", b"", b"", b"")
        self.readers = {
            "ActorEnrolled": self._enrolled,
            "ActorSuspended": self._suspended,
            "ActorReinstated": self._reinstated,
            "ClerkAppointed": self._appointed,
            "ClerkDismissed": self._dismissed,
            "KeyRotated": self._rotated,
            "RecoveryProposed": self._proposed,
            "RecoveryCancelled": self._cancelled,
            "PayoutRedirected": self._redirected,
            "ExecutedForwardRequest": self._executed,
        }

    # ------------------------------------------------------------------ enrolment

    def _enrolled(self, topics: Sequence[str], data: bytes) -> None:
        scene = self._scene
        actor, enroller = address(topics[1]), address(topics[2])
        roles, code, signer = (
            number_at(data, 0, 16),
            word_at(data, 1)[:_CODE_BYTES],
            address_at(data, 2),
        )
        if scene.transaction == scene.founding and actor == enroller == signer:
            if _FOUNDERS.get(roles) != code.rstrip(b"\0"):
                self._wrong("the first platform and regulator", roles_text(roles), actor)
        else:
            own = scene.author(enroller, signer, 0)
            if not roles or roles & ~enrollable(own):
                self._wrong(roles_text(enrollable(own)), roles_text(roles), actor, "roles")
            scene.signed.consents.append((actor, enroller, OWNER, roles, code))
            scene.tell("enrolled", signer, actor + roles.to_bytes(2) + code)
        text = code.rstrip(b"\0")
        if not text or not all(0x21 <= byte <= 0x7E for byte in text):  # noqa: PLR2004 -- printable ASCII
            self._wrong("1 to 16 printable characters", code, actor, "code")
        if (taken := scene.codes.get(enroller + code)) is not None:
            self._wrong("a new code", f"{text.decode('latin-1')} of {say(taken)}", actor, "code")
        self._bind(actor, actor, OWNER)
        scene.codes.put(enroller + code, actor)
        scene.actors.put(actor, Actor(actor, roles, enroller, code, scene.time))

    def _wrong(self, expected: object, found: object, actor: bytes, what: str = "") -> None:
        self._scene.wrong(Rule.ACTOR_ENROLMENT, expected, found, what=what, actor=actor)

    def _bind(self, key: bytes, actor: bytes, level: int) -> None:
        known = self._scene.keys.get(key)
        if known is not None:
            self._change("a new key", f"a key of {say(known.actor)}", actor)
        self._scene.keys.put(key, Key(actor, level))

    def _change(self, expected: object, found: object, actor: bytes, what: str = "") -> None:
        self._scene.wrong(Rule.ACTOR_CHANGE, expected, found, what=what, actor=actor)

    def _known(self, actor: bytes) -> Actor | None:
        known = self._scene.actors.get(actor)
        if known is None:
            self._change("an enrolled actor", "nobody", actor)
        return known

    # ------------------------------------------------------------------ suspension

    def _suspended(self, topics: Sequence[str], data: bytes) -> None:
        known, by, roles = self._supervised("suspended", topics, data)
        if known is None:
            return
        actor = address(topics[1])
        if by != known.enroller and not roles & REGULATOR:
            self._change("its enroller or a regulator", by, actor, "suspended by")
        if known.suspended:
            self._change("not suspended", "suspended", actor)
        known.suspended, known.suspended_by = True, by
        self._scene.actors.put(actor, known)

    def _reinstated(self, topics: Sequence[str], data: bytes) -> None:
        known, by, roles = self._supervised("reinstated", topics, data)
        if known is None:
            return
        actor = address(topics[1])
        if by != known.suspended_by and not roles & REGULATOR:
            self._change("who suspended it, or a regulator", by, actor, "reinstated by")
        if not known.suspended:
            self._change("suspended", "not suspended", actor)
        known.suspended = False
        self._scene.actors.put(actor, known)

    def _supervised(
        self, tag: str, topics: Sequence[str], data: bytes
    ) -> tuple[Actor | None, bytes, int]:
        """Give who was suspended or reinstated, by whom, and what roles that one has."""
        actor, by, reason = address(topics[1]), address(topics[2]), bytes_at(data, 0)
        known = self._known(actor)
        roles = self._scene.act(by, 0)
        self._scene.tell(tag, by, actor + reason)
        if not 1 <= len(reason) <= MAX_REASON:
            self._change(f"1 to {MAX_REASON} bytes", len(reason), actor, "reason")
        return known, by, roles

    # ------------------------------------------------------------------ keys

    def _owner(self, actor: bytes) -> Actor | None:
        """Ask for the owner key of an actor, suspended or not."""
        known = self._known(actor)
        if known is not None:
            self._scene.need((known.key,), "owner key")
        return known

    def _appointed(self, topics: Sequence[str], _data: bytes) -> None:
        cooperative, clerk = address(topics[1]), address(topics[2])
        known = self._owner(cooperative)
        self._scene.signed.consents.append((clerk, cooperative, CLERK, 0, bytes(_CODE_BYTES)))
        self._scene.tell("clerk", cooperative, clerk)
        self._bind(clerk, cooperative, CLERK)
        if known is None:
            return
        if not known.roles & COOPERATIVE:
            self._change(roles_text(COOPERATIVE), roles_text(known.roles), cooperative, "role")
        if len(known.clerks) >= MAX_CLERKS:
            self._change(f"at most {MAX_CLERKS} clerks", len(known.clerks) + 1, cooperative)
        known.clerks.append(clerk)
        self._scene.actors.put(cooperative, known)

    def _dismissed(self, topics: Sequence[str], _data: bytes) -> None:
        cooperative, clerk = address(topics[1]), address(topics[2])
        known = self._owner(cooperative)
        self._scene.tell("clerk dismissed", cooperative, clerk)
        if known is None or clerk not in known.clerks:
            self._change("a clerk of the cooperative", clerk, cooperative)
            return
        known.clerks.remove(clerk)
        self._scene.actors.put(cooperative, known)
        self._scene.keys.put(clerk, Key(cooperative, RETIRED))

    def _rotated(self, topics: Sequence[str], _data: bytes) -> None:
        scene = self._scene
        actor, old, new = (address(topic) for topic in topics[1:4])
        known = self._known(actor)
        if known is None:
            return
        if old != known.key:
            self._change(known.key, old, actor, "old key")
        recovered = known.recovery == new and scene.time >= known.recovery_at
        scene.tell("key", actor, new, sure=not recovered)
        if recovered:
            # A recovery that is completed by anyone. If it is the owner, he cancels it in the same breath.
            known.recovery, known.recovery_at = b"", 0
            self._completed = (scene.transaction, actor)
        else:
            scene.need((known.key,), "owner key")
            scene.signed.consents.append((new, actor, OWNER, 0, bytes(_CODE_BYTES)))
        self._bind(new, actor, OWNER)
        scene.keys.put(known.key, Key(actor, RETIRED))
        known.key = new
        scene.actors.put(actor, known)
        self._following = (scene.transaction, actor, old, new)

    def _proposed(self, topics: Sequence[str], data: bytes) -> None:
        scene = self._scene
        actor, by = address(topics[1]), address(topics[2])
        key, ready = address_at(data, 0), number_at(data, 1, 40)
        known = self._known(actor)
        scene.act(by, 0, owner=True)
        scene.tell("recovery", by, actor + key)
        if known is None:
            return
        if by != known.enroller:
            self._change(known.enroller, by, actor, "recovery proposed by")
        if ready != scene.time + RECOVERY_DELAY:
            self._change(scene.time + RECOVERY_DELAY, ready, actor, "ready at")
        if scene.level_of(key) != NONE:
            self._change("a new key", key, actor)
        scene.signed.consents.append((key, actor, OWNER, 0, bytes(_CODE_BYTES)))
        known.recovery, known.recovery_at = key, ready
        scene.actors.put(actor, known)

    def _cancelled(self, topics: Sequence[str], _data: bytes) -> None:
        scene = self._scene
        actor, by = address(topics[1]), address(topics[2])
        known = self._known(actor)
        if known is None:
            return
        rotated = scene.transaction == self._following[0] and actor == self._following[1] == by
        scene.tell("recovery cancelled", by, actor, sure=not rotated)
        if by == actor:
            scene.need((self._following[2] if rotated else known.key,), "owner key")
        else:
            roles = scene.act(by, 0)
            if by != known.enroller and not roles & REGULATOR:
                self._change("the actor, its enroller or a regulator", by, actor, "cancelled by")
        if not known.recovery and self._completed != (scene.transaction, actor):
            self._change("a recovery under way", "none", actor)
        known.recovery, known.recovery_at = b"", 0
        scene.actors.put(actor, known)

    def _redirected(self, topics: Sequence[str], _data: bytes) -> None:
        scene = self._scene
        actor, payout = address(topics[1]), address(topics[2])
        known = self._known(actor)
        if known is None:
            return
        transaction, rotated, old, new = self._following
        goes_along = (transaction, rotated, new) == (scene.transaction, actor, payout) and (
            known.payout or actor
        ) == old
        scene.tell("payout", actor, payout, sure=not goes_along)
        if not goes_along:
            scene.need((known.key,), "owner key")
        if payout == NOBODY:
            self._change("an address", payout, actor, "payout")
        known.payout = b"" if payout == actor else payout
        scene.actors.put(actor, known)

    # ------------------------------------------------------------------ relay

    def _executed(self, topics: Sequence[str], data: bytes) -> None:
        scene = self._scene
        signer, nonce = address(topics[1]), number(word_at(data, 0), 256)
        expected = scene.nonces.get(signer) or 0
        if nonce != expected:
            scene.wrong(Rule.RELAY, expected, nonce, what=say(signer), actor=signer)
        scene.nonces.put(signer, nonce + 1)
        scene.signed.requests.append((signer, nonce))
        if not number_at(data, 1, 1):
            scene.signed.failed.add((signer, nonce))
