"""Who may act: enrolment, clerks, keys, suspension, payout addresses."""

from enum import IntEnum, IntFlag
from typing import Final

from yuanliu.actions.values import CODE_BYTES, checked_code, checked_reason
from yuanliu.chain import keys, relay
from yuanliu.chain.bindings import Call
from yuanliu.chain.deployment import Deployment

_CONSENT_TYPES: Final = {
    "Consent": [
        {"name": "party", "type": "address"},
        {"name": "level", "type": "uint8"},
        {"name": "roles", "type": "uint16"},
        {"name": "code", "type": "bytes16"},
    ]
}
"""What a key signs before it is bound (`IActors`)."""


class KeyLevel(IntEnum):
    """How a key stands to its actor; `IActors.KeyLevel`."""

    NONE = 0
    CLERK = 1
    OWNER = 2
    RETIRED = 3


class Role(IntFlag):
    """The parts an actor may play; the bits of `contracts/libraries/Roles.sol`."""

    PLATFORM = 1
    COOPERATIVE = 2
    FARMER = 4
    INSPECTOR = 8
    CARRIER = 16
    RETAILER = 32
    REGULATOR = 64


def consent(
    d: Deployment,
    key: keys.Key,
    party: str,
    *,
    level: KeyLevel = KeyLevel.OWNER,
    roles: int = 0,
    code: str = "",
) -> bytes:
    """Sign that `key` agrees to be bound: enrolled by `party` (with roles and code), or to sign for `party`.

    Raises `YuanliuError` (`actions.code_invalid`).
    """
    message = {
        "party": party,
        "level": int(level),
        "roles": int(roles),
        "code": (checked_code(code) if code else b"").ljust(CODE_BYTES, b"\0"),
    }
    return keys.sign(key, relay.domain(d), _CONSENT_TYPES, message)


def enrol(d: Deployment, actor: str, roles: Role, code: str, agreed: bytes) -> Call:
    """Enrol an actor, whose key agreed by `consent`, under a code of 1 to 16 ASCII characters.

    Raises `YuanliuError` (`actions.code_invalid`).
    """
    return d.actors.call("enrol", actor, int(roles), checked_code(code), agreed)


def suspend(d: Deployment, actor: str, reason: str) -> Call:
    """Stop an actor from writing. Raises `YuanliuError` (`actions.reason_invalid`)."""
    return d.actors.call("suspend", actor, checked_reason(reason))


def reinstate(d: Deployment, actor: str, reason: str) -> Call:
    """Let a suspended actor write again. Raises `YuanliuError` (`actions.reason_invalid`)."""
    return d.actors.call("reinstate", actor, checked_reason(reason))


def appoint_clerk(d: Deployment, clerk: str, agreed: bytes) -> Call:
    """Let a key, which agreed by `consent`, sign for the caller's cooperative."""
    return d.actors.call("appointClerk", clerk, agreed)


def dismiss_clerk(d: Deployment, clerk: str) -> Call:
    """Take that right back for ever."""
    return d.actors.call("dismissClerk", clerk)


def rotate_key(d: Deployment, new_key: str, agreed: bytes) -> Call:
    """Replace the caller's own key by one that agreed by `consent`."""
    return d.actors.call("rotateKey", new_key, agreed)


def redirect_payout(d: Deployment, payout: str) -> Call:
    """Send the caller's future payouts elsewhere."""
    return d.actors.call("redirectPayout", payout)


def propose_recovery(d: Deployment, actor: str, new_key: str, agreed: bytes) -> Call:
    """Propose a new owner key, which agreed by `consent`, for an actor that the caller enrolled and that lost his."""
    return d.actors.call("proposeRecovery", actor, new_key, agreed)


def cancel_recovery(d: Deployment, actor: str) -> Call:
    """Drop a proposed recovery."""
    return d.actors.call("cancelRecovery", actor)


def complete_recovery(d: Deployment, actor: str) -> Call:
    """Put a proposed key in force, seven days after the proposal; anyone may."""
    return d.actors.call("completeRecovery", actor)
