"""Commands for the server's own shell: sign-ins that nobody can give over the web."""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from yuanliu.cli.consoles import err, out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yuanliu.database import Engine
    from yuanliu.desk.accounts import Accounts
    from yuanliu.desk.passwords import OneTimePassword

app = typer.Typer(help="Sign-ins that only whoever runs the server can give.", no_args_is_help=True)


@app.command("password")
def password_() -> None:
    """Give the operator a new one-time password, shown this once. His sessions and tokens end."""
    from yuanliu.desk.first_start import renew_operator

    with _accounts() as (accounts, desk):
        _show(renew_operator(accounts, desk))


@app.command("founder")
def founder_(
    kind: Annotated[str, typer.Argument(help="platform or regulator.")],
) -> None:
    """Make the account and key of the first platform or regulator, before the contracts are deployed.

    Shows the address for YUANLIU_PLATFORM_ADDRESS or YUANLIU_REGULATOR_ADDRESS, and a one-time password, this once.
    """
    from yuanliu.desk.first_start import found
    from yuanliu.desk.people import AccountKind
    from yuanliu.settings import settings

    if kind not in {AccountKind.PLATFORM, AccountKind.REGULATOR}:
        raise typer.BadParameter("platform or regulator", param_hint="KIND")
    with _accounts() as (accounts, _):
        address, password = found(accounts, AccountKind(kind))
    out.print(f"YUANLIU_{kind.upper()}_ADDRESS={address}", highlight=False, soft_wrap=True)
    _show(password)
    if settings().deployment_file.exists():
        err.print(
            "[yellow]warning[/]: the contracts are deployed already and do not know this address; somebody who is"
            " enrolled there has to enrol it",
            highlight=False,
            soft_wrap=True,
        )


@contextmanager
def _accounts() -> "Iterator[tuple[Accounts, Engine]]":
    """Open the desk, brought up to date."""
    from yuanliu.database import Family, open_database, upgrade
    from yuanliu.desk.accounts import Accounts
    from yuanliu.desk.vault import Vault
    from yuanliu.settings import settings

    config = settings()
    desk = open_database(config, Family.DESK)
    try:
        upgrade(desk, Family.DESK)
        yield Accounts(desk, Vault(), chain_id=config.chain_id), desk
    finally:
        desk.dispose()


def _show(made: "OneTimePassword") -> None:
    out.print(
        f"One-time sign-in, shown this once: {made.login} / {made.password}",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )
