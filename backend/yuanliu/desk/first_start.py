"""Accounts that are there from the beginning: the operator; and on a devnet, everybody of the demo."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Engine

from yuanliu.chain import keys
from yuanliu.chain.keys import Key
from yuanliu.chain.launch import DEVNET_CHAIN_ID
from yuanliu.desk import attempts
from yuanliu.desk.accounts import Accounts
from yuanliu.desk.passwords import DEMO, OneTimePassword
from yuanliu.desk.people import AccountKind
from yuanliu.desk.vault import Cost, Vault
from yuanliu.errors import YuanliuError

OPERATOR: Final = "operator"
"""Login of the first account."""

_PUBLIC: Final = Cost(memory=1_024, passes=1, scrypt=2)  # keys and passwords that everybody knows
_SIGN_INS: Final = (
    # label of the devnet's key, kind, name to show, label of the actor it acts for
    ("platform", AccountKind.PLATFORM, "平台", "platform"),
    ("regulator", AccountKind.REGULATOR, "监管机构", "regulator"),
    ("cooperative", AccountKind.COOPERATIVE, "凤凰合作社", "cooperative"),
    ("clerk", AccountKind.CLERK, "合作社文员", "cooperative"),
    ("farmer-eggs", AccountKind.FARMER, "农户 H-0001（鸡蛋）", "farmer-eggs"),
    ("farmer-oranges", AccountKind.FARMER, "农户 H-0002（脐橙）", "farmer-oranges"),
    ("farmer-tea", AccountKind.FARMER, "农户 H-0003（单丛茶）", "farmer-tea"),
    ("inspector", AccountKind.INSPECTOR, "检测实验室", "inspector"),
    ("carrier", AccountKind.CARRIER, "承运方", "carrier"),
    ("retailer", AccountKind.RETAILER, "门店", "retailer"),
    ("buyer", AccountKind.RETAILER, "买方", "buyer"),
    ("auditor", AccountKind.AUDITOR, "审计", "auditor"),
)
_MANAGERS: Final = {
    AccountKind.COOPERATIVE: "platform",
    AccountKind.CARRIER: "platform",
    AccountKind.RETAILER: "platform",
    AccountKind.INSPECTOR: "regulator",
    AccountKind.CLERK: "cooperative",
    AccountKind.FARMER: "cooperative",
}
"""Label of whoever enrolled them on the chain."""


@dataclass(frozen=True, slots=True)
class DemoSignIn:
    """A sign-in of the demo, to be printed. Its password and key are public."""

    login: str
    kind: AccountKind
    display_name: str
    password: str = field(repr=False)


def ensure_operator(accounts: Accounts) -> OneTimePassword | None:
    """Make the operator's account, if there is none, and give its one-time password to be printed, once."""
    if accounts.find(OPERATOR):
        return None
    try:
        _, password = accounts.create(OPERATOR, AccountKind.OPERATOR, display_name="Operator")
    except YuanliuError as error:
        if error.code == "accounts.login_taken":  # another process was faster
            return None
        raise
    return password


def renew_operator(accounts: Accounts, engine: Engine) -> OneTimePassword:
    """Give the operator a new one-time password, and make his account if there is none.

    Ends his sessions and tokens, a lock after wrong passwords, and opens his account if it was shut. For the server's
    own shell: whoever can write the database can do this anyway.
    """
    if (made := ensure_operator(accounts)) is not None:
        return made
    account = accounts.find(OPERATOR)
    if account is None or account.kind is not AccountKind.OPERATOR:
        raise YuanliuError(
            "accounts.unknown",
            f"the account {OPERATOR!r} is no operator's",
            hint="rename or remove it in the database; this command makes no account stronger than it was",
        )
    if account.disabled:
        accounts.disable(account.id, disabled=False)
    attempts.unlock(engine, OPERATOR)
    return accounts.reset(account.id).one_time


def found(accounts: Accounts, kind: AccountKind) -> tuple[str, OneTimePassword]:
    """Make the account of the first platform or regulator; give its key's address, and its one-time password.

    It has to exist before the contracts: they are told its address once and for ever. Its login is its kind.
    Raises `YuanliuError` (`accounts.login_taken`).
    """
    key = keys.new_key()
    address = str(key.address)
    _, password = accounts.create(str(kind), kind, party=address, key=key)
    if password is None:
        raise AssertionError("an account without a password of its own gets one")
    return address, password


def import_devnet_accounts(
    engine: Engine, labelled: Mapping[str, Key], *, chain_id: int
) -> list[DemoSignIn]:
    """Make sign-ins for the devnet's labelled keys, those that are not there yet, and give all of them.

    Raises `YuanliuError` (`demo.not_devnet`) for any other chain: keys and passwords are public.
    """
    if chain_id != DEVNET_CHAIN_ID:
        raise YuanliuError(
            "demo.not_devnet",
            f"the demo's sign-ins are public and for a devnet only, not for chain {chain_id}",
            hint="make accounts of your own: their passwords are printed once",
            fields={"chain_id": chain_id},
        )
    accounts = Accounts(engine, Vault(_PUBLIC), chain_id=chain_id)
    sign_ins = []
    for label, kind, name, party in _SIGN_INS:
        if label not in labelled or party not in labelled:
            continue
        password = DEMO + label
        if accounts.find(label) is None:
            accounts.create(
                label,
                kind,
                display_name=name,
                party=str(labelled[party].address),
                manager=str(labelled[_MANAGERS[kind]].address) if kind in _MANAGERS else None,
                key=labelled[label],
                password=password,
            )
        sign_ins.append(DemoSignIn(label, kind, name, password))
    return sign_ins
