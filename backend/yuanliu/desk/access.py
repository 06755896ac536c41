"""Who asks, for whom, and what he may: account kinds, scopes, and the roles that the chain gives his key."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from yuanliu.chain.bindings import ContractRefusal
from yuanliu.desk.people import Account, AccountKind
from yuanliu.errors import YuanliuError

KEPT_SECONDS: Final = 2.0
"""How long the chain's answer about a key is believed."""

_KEPT_KEYS: Final = 4_096
_REFUSALS: Final = frozenset({"Actors_Suspended", "Actors_KeyRetired"})


class Scope(StrEnum):
    """What a session or an API token may do. The contracts check roles besides."""

    READ = "read"
    ACTORS = "actors:write"
    """Enrol, suspend, appoint clerks, rotate and recover keys."""
    CATALOGUE = "catalogue:write"
    """List products and tokens, publish terms."""
    DELIVERIES = "deliveries:write"
    BATCHES = "batches:write"
    """Collect, register, transform, set prices."""
    EVENTS = "events:write"
    """Production, logistics, readings, corrections."""
    INSPECTIONS = "inspections:write"
    CUSTODY = "custody:write"
    """Offer, accept, refuse, withdraw."""
    SAFETY = "safety:write"
    """Release, recall, lift a recall."""
    PAYMENTS = "payments:write"
    CLAIMS = "claims:write"
    """Claim, withdraw, redirect a payout."""
    ATTACHMENTS = "attachments:write"
    ACCOUNTS = "accounts:write"
    """Make, disable and reset the accounts that the kind manages."""
    OPERATE = "operate"
    """See the service's insides: outbox, metrics, sign-ins."""


_FIELD: Final = frozenset(
    {Scope.READ, Scope.EVENTS, Scope.CUSTODY, Scope.ATTACHMENTS, Scope.CLAIMS}
)
_CLERK: Final = _FIELD | {Scope.DELIVERIES, Scope.BATCHES, Scope.SAFETY}

SCOPES: Final = {
    AccountKind.OPERATOR: frozenset({Scope.READ, Scope.ACCOUNTS, Scope.OPERATE}),
    AccountKind.PLATFORM: frozenset(
        {Scope.READ, Scope.ACTORS, Scope.CATALOGUE, Scope.PAYMENTS, Scope.CLAIMS, Scope.ACCOUNTS}
    ),
    AccountKind.COOPERATIVE: _CLERK | {Scope.ACTORS, Scope.CATALOGUE, Scope.ACCOUNTS},
    AccountKind.CLERK: _CLERK | {Scope.ACTORS, Scope.ACCOUNTS},
    AccountKind.FARMER: frozenset({Scope.READ, Scope.EVENTS, Scope.CLAIMS, Scope.ATTACHMENTS}),
    AccountKind.INSPECTOR: _FIELD | {Scope.INSPECTIONS},
    AccountKind.CARRIER: _FIELD,
    AccountKind.RETAILER: _FIELD | {Scope.PAYMENTS},
    AccountKind.AUDITOR: frozenset({Scope.READ}),
    AccountKind.REGULATOR: frozenset(
        {Scope.READ, Scope.ACTORS, Scope.SAFETY, Scope.EVENTS, Scope.ATTACHMENTS, Scope.ACCOUNTS}
    ),
}
"""What each kind of account may do at most."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the chain says of a key: for which actor it writes, with which role bits; or why it may not write."""

    party: str
    roles: int
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks. `standing` asks the chain, when it is needed."""

    account: Account
    scopes: frozenset[Scope]
    standing: Callable[[], Standing] = field(repr=False)

    @property
    def party(self) -> str:
        """The actor that the contracts name as author. Raises as `require_role`, and `ChainUnreachable`."""
        return self._in_good_standing().party

    @property
    def roles(self) -> int:
        """The role bits of that actor. Raises as `party`."""
        return self._in_good_standing().roles

    def require_scope(self, scope: Scope) -> None:
        """Refuse one who lacks the scope, or may write nothing at present; reading is left to him.

        Raises `YuanliuError`: `access.forbidden`, `access.suspended`.
        """
        if scope not in self.scopes:
            raise YuanliuError(
                "access.forbidden",
                f"this sign-in may not do that: {scope} is missing",
                hint="sign in with an account of the right kind, or use a token with this scope",
                fields={"scope": str(scope), "kind": str(self.account.kind)},
            )
        if scope is not Scope.READ:
            self._in_good_standing()

    def require_role(self, *roles: int) -> None:
        """Refuse one whose actor has none of the roles (bits of `Roles` in the contracts).

        Raises `YuanliuError`: `access.forbidden`, `access.suspended`.
        """
        held = self.roles
        if not any(held & role for role in roles):
            raise YuanliuError(
                "access.forbidden",
                "the chain does not know this account's actor in any of the roles that this needs",
                hint="let the actor's enroller enrol it in the right role",
                fields={"roles": held, "needed": [int(role) for role in roles]},
            )

    def _in_good_standing(self) -> Standing:
        found = self.standing()
        if found.refusal:
            raise YuanliuError(
                "access.suspended",
                "this account's actor is suspended"
                if found.refusal == "Actors_Suspended"
                else "this account's key was replaced or dismissed on the chain",
                hint="the reason is on the record: ask who enrolled you, or a regulator",
                fields={"refusal": found.refusal, "key": self.account.key_address},
            )
        return found


class Access:
    """Makes principals, and remembers for two seconds what the chain said of each key."""

    def __init__(
        self,
        resolve: Callable[[str], tuple[str, int]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`resolve` reads `Actors.resolve` of a key: its actor and role bits, or raises `ContractRefusal`."""
        self._resolve = resolve
        self._clock = clock
        self._known: dict[str, tuple[float, Standing]] = {}
        self._lock = threading.Lock()

    def principal(self, account: Account, scopes: frozenset[Scope] | None = None) -> Principal:
        """Give who acts with an account; `scopes` are a token's, cut to what the account's kind may."""
        most = SCOPES[account.kind]
        granted = most if scopes is None else most & scopes
        return Principal(account, granted, lambda: self.standing(account.key_address))

    def standing(self, key: str) -> Standing:
        """Ask the chain about a key. Raises what reading it raises (`ChainUnreachable`)."""
        now = self._clock()
        with self._lock:
            kept = self._known.get(key)
        if kept and 0 <= now - kept[0] < KEPT_SECONDS:
            return kept[1]
        try:
            party, roles = self._resolve(key)
            found = Standing(party.lower(), int(roles))
        except ContractRefusal as refusal:
            if refusal.name not in _REFUSALS:
                raise
            found = Standing(str(refusal.fields.get("actor", key)).lower(), 0, refusal.name)
        with self._lock:
            if len(self._known) >= _KEPT_KEYS:
                self._known.clear()
            self._known[key] = (now, found)
        return found

    def forget(self, key: str) -> None:
        """Ask the chain anew next time: something about the key has just been changed."""
        with self._lock:
            self._known.pop(key, None)
