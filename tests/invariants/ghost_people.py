"""The ghost ledger, first part: what `Actors` and `Catalogue` should hold, in plain Python.

Written from the interfaces, not from the contracts: each method is one external function, with the sender first. It
raises `Refused` with the contract's error where the interface says so, and changes nothing then.
"""

from dataclasses import dataclass, field
from typing import Final

from tests.world import ZERO, Role

DAY: Final = 86_400
RECOVERY_DELAY: Final = 7 * DAY

NONE, CLERK, OWNER, RETIRED = range(4)
"""How a key stands to its actor."""

ANY_REVERT: Final = "*"
"""Name of a refusal whose error is the token's own."""

MAX_CLERKS: Final = 100

Consent = tuple[str, str, int, int, bytes]
"""What a key signs to be bound: itself, the party, the level, roles and code."""

NO_CODE: Final = bytes(16)


class Refused(Exception):
    """The call must be refused, with the error of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def require(name: str, holds: object) -> None:
    """Refuse with the error `name` unless it holds."""
    if not holds:
        raise Refused(name)


@dataclass
class Actor:
    key: str
    roles: int
    enroller: str
    code: bytes
    enrolled_at: int
    suspended: bool = False
    suspended_by: str = ZERO
    clerks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Terms:
    token: str
    farmer_bps: int
    cooperative_bps: int
    platform_bps: int
    cooperative_payee: str
    floor: int
    platform_payee: str
    gtin: int = 0


@dataclass
class Product:
    cooperative: str
    unit: bytes
    in_force: int = 0


def code_is_valid(code: bytes) -> bool:
    """1 to 16 printable ASCII characters, then zeros only."""
    text = code.rstrip(b"\0")
    return 0 < len(text) <= 16 and all(0x21 <= c <= 0x7E for c in text)


def gtin_is_valid(gtin: int) -> bool:
    if not 0 < gtin < 10**14:
        return False
    digits = [int(d) for d in reversed(str(gtin))]
    return sum(d * (3 if i % 2 else 1) for i, d in enumerate(digits)) % 10 == 0


def reason_is_valid(reason: str) -> bool:
    return 0 < len(reason.encode()) <= 512


class People:
    """Actors, keys, products, terms."""

    def __init__(self, platform: str, regulator: str, now: int) -> None:
        self.now = now
        self.actors: dict[str, Actor] = {}
        self.keys: dict[str, tuple[str, int]] = {}
        self.codes: dict[tuple[str, bytes], str] = {}
        self.payouts: dict[str, str] = {}
        self.recoveries: dict[str, tuple[str, int]] = {}
        self.nonces: dict[str, int] = {}
        self.listed: dict[str, bool] = {}
        self.products: dict[int, Product] = {}
        self.terms: list[Terms] = []
        self.authorities: dict[str, str] = {}
        self.contracts: set[str] = set()
        """Addresses with code."""
        self._new_actor(platform, platform, Role.PLATFORM, b"platform".ljust(16, b"\0"))
        self._new_actor(regulator, regulator, Role.REGULATOR, b"regulator".ljust(16, b"\0"))

    # ------------------------------------------------------------------ asking

    def resolve(self, key: str) -> tuple[str, int]:
        actor, level = self.keys.get(key, (key, NONE))
        if level == NONE:
            return key, 0
        require("Actors_KeyRetired", level != RETIRED)
        require("Actors_Suspended", not self.actors[actor].suspended)
        return actor, self.actors[actor].roles

    def with_role(self, sender: str, needed: int) -> tuple[str, int]:
        actor, roles = self.resolve(sender)
        require("Actors_RoleMissing", roles & needed)
        return actor, roles

    def payout_of(self, actor: str) -> str:
        return self.payouts.get(actor, actor)

    def _owned(self, signer: str) -> str:
        """The actor whose owner key signs; suspended or not."""
        actor, level = self.keys.get(signer, (signer, NONE))
        require("Actors_Unknown", level != NONE)
        require("Actors_KeyRetired", level != RETIRED)
        require("Actors_OwnerKeyNeeded", level == OWNER)
        return actor

    def _enrolled(self, actor: str) -> Actor:
        require("Actors_Unknown", actor in self.actors)
        return self.actors[actor]

    def _check_new_key(self, key: str) -> None:
        require("Actors_ZeroAddress", key != ZERO)
        require("Actors_KeyTaken", key not in self.keys)

    # ------------------------------------------------------------------ Actors

    def enrol(
        self, sender: str, actor: str, roles: int, code: bytes, consent: Consent | None
    ) -> None:
        enroller, own = self.resolve(sender)
        may = 0
        if own & Role.PLATFORM:
            may |= Role.PLATFORM | Role.COOPERATIVE | Role.CARRIER | Role.RETAILER
        if own & Role.REGULATOR:
            may |= Role.REGULATOR | Role.INSPECTOR
        if own & Role.COOPERATIVE:
            may |= Role.FARMER
        require("Actors_RolesNotEnrollable", roles and not roles & ~may)
        require("Actors_ConsentInvalid", consent == (actor, enroller, OWNER, roles, code))
        require("Actors_CodeInvalid", code_is_valid(code))
        require("Actors_CodeTaken", (enroller, code) not in self.codes)
        self._check_new_key(actor)
        self._new_actor(actor, enroller, roles, code)

    def _new_actor(self, actor: str, enroller: str, roles: int, code: bytes) -> None:
        self.actors[actor] = Actor(actor, roles, enroller, code, self.now)
        self.keys[actor] = (actor, OWNER)
        self.codes[enroller, code] = actor

    def suspend(self, sender: str, actor: str, reason: str) -> None:
        a = self._enrolled(actor)
        by, roles = self.resolve(sender)
        require("Actors_NotSupervisor", by == a.enroller or roles & Role.REGULATOR)
        require("Actors_SuspensionUnchanged", not a.suspended)
        require("Actors_ReasonInvalid", reason_is_valid(reason))
        a.suspended, a.suspended_by = True, by

    def reinstate(self, sender: str, actor: str, reason: str) -> None:
        a = self._enrolled(actor)
        by, roles = self.resolve(sender)
        require("Actors_NotSupervisor", by == a.suspended_by or roles & Role.REGULATOR)
        require("Actors_SuspensionUnchanged", a.suspended)
        require("Actors_ReasonInvalid", reason_is_valid(reason))
        a.suspended = False

    def appoint_clerk(self, sender: str, clerk: str, consent: Consent | None) -> None:
        actor = self._owned(sender)
        a = self.actors[actor]
        require("Actors_RoleMissing", a.roles & Role.COOPERATIVE)
        require("Actors_TooManyClerks", len(a.clerks) < MAX_CLERKS)
        require("Actors_ConsentInvalid", consent == (clerk, actor, CLERK, 0, NO_CODE))
        self._check_new_key(clerk)
        a.clerks.append(clerk)
        self.keys[clerk] = (actor, CLERK)

    def dismiss_clerk(self, sender: str, clerk: str) -> None:
        actor = self._owned(sender)
        require("Actors_NotClerk", self.keys.get(clerk) == (actor, CLERK))
        self.actors[actor].clerks.remove(clerk)
        self.keys[clerk] = (actor, RETIRED)

    def rotate_key(self, sender: str, new_key: str, consent: Consent | None) -> None:
        actor = self._owned(sender)
        require("Actors_ConsentInvalid", consent == (new_key, actor, OWNER, 0, NO_CODE))
        self._check_new_key(new_key)
        self._rotate(actor, new_key)
        self.recoveries.pop(actor, None)

    def _rotate(self, actor: str, new_key: str) -> None:
        a = self.actors[actor]
        self.keys[a.key] = (actor, RETIRED)
        self.keys[new_key] = (actor, OWNER)
        if self.payout_of(actor) == a.key:
            self.payouts[actor] = new_key
        a.key = new_key

    def propose_recovery(
        self, sender: str, actor: str, new_key: str, consent: Consent | None
    ) -> None:
        a = self._enrolled(actor)
        by = self._owned(sender)
        require("Actors_Suspended", not self.actors[by].suspended)
        require("Actors_NotSupervisor", by == a.enroller)
        self._check_new_key(new_key)
        require("Actors_ConsentInvalid", consent == (new_key, actor, OWNER, 0, NO_CODE))
        self.recoveries[actor] = (new_key, self.now + RECOVERY_DELAY)

    def cancel_recovery(self, sender: str, actor: str) -> None:
        a = self._enrolled(actor)
        require("Actors_RecoveryNotReady", actor in self.recoveries)
        if sender != a.key:
            by, roles = self.resolve(sender)
            may = (by == a.enroller and by != actor) or roles & Role.REGULATOR
            require("Actors_NotSupervisor", may)
        del self.recoveries[actor]

    def complete_recovery(self, sender: str, actor: str) -> None:  # noqa: ARG002 -- anyone may
        key, ready_at = self.recoveries.get(actor, (ZERO, 0))
        require("Actors_RecoveryNotReady", key != ZERO and self.now >= ready_at)
        self._check_new_key(key)
        del self.recoveries[actor]
        self._rotate(actor, key)

    def redirect_payout(self, sender: str, payout: str) -> None:
        actor = self._owned(sender)
        require("Actors_ZeroAddress", payout != ZERO)
        self.payouts[actor] = payout

    # ------------------------------------------------------------------ Catalogue

    def list_token(self, sender: str, token: str, listed: bool) -> None:  # noqa: FBT001 -- as the contract
        self.with_role(sender, Role.PLATFORM)
        require("Catalogue_TokenNotListed", not listed or token in self.contracts)
        self.listed[token] = listed

    def list_product(self, sender: str, gtin: int, cooperative: str, unit: bytes) -> None:
        self.with_role(sender, Role.PLATFORM)
        require("Catalogue_GtinInvalid", gtin_is_valid(gtin))
        require("Catalogue_GtinTaken", gtin not in self.products)
        owner = self.actors.get(cooperative)
        require("Catalogue_NotCooperative", owner and owner.roles & Role.COOPERATIVE)
        require(
            "Catalogue_UnitInvalid",
            all(chr(c) in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" for c in unit),
        )
        self.products[gtin] = Product(cooperative, unit)

    def publish_terms(self, sender: str, gtin: int, terms: Terms) -> None:
        require("Catalogue_UnknownProduct", gtin in self.products)
        self._check_authority(sender, self.products[gtin].cooperative)
        total = terms.farmer_bps + terms.cooperative_bps + terms.platform_bps
        require("Catalogue_RatiosNotWhole", total == 10_000)
        require("Catalogue_FarmerShareTooLow", terms.farmer_bps >= 3_000)
        require("Catalogue_ZeroPayee", ZERO not in {terms.cooperative_payee, terms.platform_payee})
        require("Catalogue_RepeatedPayee", terms.cooperative_payee != terms.platform_payee)
        require("Catalogue_TokenNotListed", self.listed.get(terms.token))
        self.terms.append(terms)
        self.products[gtin].in_force = len(self.terms)

    def set_terms_authority(self, sender: str, cooperative: str, authority: str) -> None:
        self._check_authority(sender, cooperative)
        require("Catalogue_ZeroAuthority", authority != ZERO)
        self.authorities[cooperative] = authority

    def _check_authority(self, sender: str, cooperative: str) -> None:
        by, _ = self.resolve(sender)
        require("Catalogue_NotTermsAuthority", by == self.authorities.get(cooperative, cooperative))
        require("Actors_OwnerKeyNeeded", self.keys.get(sender, ("", NONE))[1] != CLERK)
