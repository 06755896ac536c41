"""Accounts as data: their kinds, which kind makes which, and how a row reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from yuanliu.desk.tables_accounts import ACCOUNT
from yuanliu.errors import YuanliuError

NAME_LENGTH: Final = 64
"""Longest display name, in characters."""


class AccountKind(StrEnum):
    """What an account is for. What it may do on the chain, the chain decides."""

    OPERATOR = "operator"
    PLATFORM = "platform"
    COOPERATIVE = "cooperative"
    CLERK = "clerk"
    FARMER = "farmer"
    INSPECTOR = "inspector"
    CARRIER = "carrier"
    RETAILER = "retailer"
    AUDITOR = "auditor"
    REGULATOR = "regulator"


_EVERY: Final = frozenset(AccountKind)
MANAGES: Final = {
    AccountKind.OPERATOR: _EVERY,
    AccountKind.PLATFORM: frozenset(
        {
            AccountKind.PLATFORM,
            AccountKind.COOPERATIVE,
            AccountKind.CARRIER,
            AccountKind.RETAILER,
            AccountKind.AUDITOR,
        }
    ),
    AccountKind.REGULATOR: frozenset(
        {AccountKind.REGULATOR, AccountKind.INSPECTOR, AccountKind.AUDITOR}
    ),
    AccountKind.COOPERATIVE: frozenset({AccountKind.CLERK, AccountKind.FARMER}),
    AccountKind.CLERK: frozenset({AccountKind.FARMER}),
}
"""Which kinds of account a kind may make, as the contracts let it enrol; every other kind none."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account. `party` is the actor it acts for, None until that is known; `manager` the actor that made it.

    Times are Unix seconds.
    """

    id: str
    login: str
    display_name: str
    kind: AccountKind
    party: str | None
    manager: str | None
    key_address: str
    next_key_address: str | None
    must_change_password: bool
    disabled: bool
    created: float
    last_sign_in: float | None


SHOWN: Final = tuple(ACCOUNT.c[name] for name in Account.__dataclass_fields__)
"""The columns that an account is read from; none of them is secret."""


def account_of(row: Mapping[Any, Any]) -> Account:
    """Read an account out of its row."""
    shown = {column.name: row[column.name] for column in SHOWN}
    return Account(**{**shown, "kind": AccountKind(row["kind"])})


def parse_name(text: str) -> str:
    """Give a display name in one form. Raises `YuanliuError` (`accounts.name_invalid`)."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable():
        raise YuanliuError(
            "accounts.name_invalid",
            f"a name to show has 1 to {NAME_LENGTH} characters",
            hint="for example 凤凰合作社 or Clerk 1",
            fields={"length": len(name)},
        )
    return name


def changed_meanwhile() -> YuanliuError:
    """Give the refusal of a change that another one overtook."""
    return YuanliuError(
        "accounts.changed_meanwhile",
        "the account was changed at the same moment",
        hint="try again",
        retryable=True,
    )
