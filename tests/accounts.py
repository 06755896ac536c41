"""A desk with accounts, a clock that the test turns, and hashes that cost nothing."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, event

from yuanliu.database import Family, open_database, upgrade
from yuanliu.desk.accounts import Accounts
from yuanliu.desk.people import Account, AccountKind
from yuanliu.desk.recoveries import Recoveries
from yuanliu.desk.sessions import Sessions, SignedIn
from yuanliu.desk.tokens import Tokens
from yuanliu.desk.vault import Cost, Vault
from yuanliu.errors import YuanliuError
from yuanliu.settings import Settings

CHEAP = Cost(memory=8, passes=1, scrypt=2)
PASSWORD = "四个词 连起来 就很 安全"
OTHER = "another long pass phrase"
HOME = "203.0.113.7"
START = 1_776_000_000.0
NOBODY = "0x" + "00" * 20
OWN_CHAIN = 2_026
_SCHEMAS = itertools.count()


@dataclass
class Clock:
    """Unix seconds; they pass when the test says so."""

    time: float = START

    def __call__(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        self.time += seconds


class Actors:
    """What the chain says of keys: whose owner each is, and which is proposed for whom, from when."""

    def __init__(self) -> None:
        self.owners: dict[str, str] = {}
        self.proposed: dict[str, tuple[str, int]] = {}

    def read(self, what: str, who: str) -> Any:  # noqa: ANN401 -- an answer of the contract
        if what == "keyOf":
            return (self.owners[who], 2) if who in self.owners else (NOBODY, 0)
        assert what == "recoveryOf"
        key, ready = self.proposed.get(who, (NOBODY, 0))
        return {"key": key, "readyAt": ready}


class AccountDesk:
    """All that has to do with accounts, on one database."""

    def __init__(self, engine: Engine, *, chain_id: int = OWN_CHAIN) -> None:
        self.engine = engine
        self.clock = Clock()
        self.vault = Vault(CHEAP)
        self.accounts = Accounts(engine, self.vault, chain_id=chain_id, now=self.clock)
        self.actors = Actors()
        self.recoveries = Recoveries(engine, self.vault, self.actors.read, now=self.clock)
        self.sessions = Sessions(engine, self.vault, self.recoveries, now=self.clock)
        self.tokens = Tokens(engine, now=self.clock)

    def person(self, login: str = "clerk-01", kind: AccountKind = AccountKind.CLERK) -> Account:
        account, _ = self.accounts.create(login, kind, password=PASSWORD)
        return account

    def sign_in(
        self, login: str = "clerk-01", password: str = PASSWORD, address: str = HOME
    ) -> SignedIn:
        return self.sessions.sign_in(login, password, address)


def refused(code: str) -> pytest.RaisesExc[YuanliuError]:
    """Expect a refusal by its code."""
    return pytest.RaisesExc(YuanliuError, check=lambda error: error.code == code)


@contextmanager
def account_desk(config: Settings, *, chain_id: int = OWN_CHAIN) -> Iterator[AccountDesk]:
    engine = open_database(config, Family.DESK)
    try:
        upgrade(engine, Family.DESK)
        if engine.dialect.name == "sqlite":
            _hurry(engine)
        yield AccountDesk(engine, chain_id=chain_id)
    finally:
        engine.dispose()


def _hurry(engine: Engine) -> None:
    """Wait for no disk: no test pulls the plug."""
    engine.dispose()

    @event.listens_for(engine, "connect")
    def _set(connection: Any, _: object) -> None:  # noqa: ANN401 -- the driver's own
        connection.execute("PRAGMA synchronous=OFF")


def in_folder(folder: Path) -> Settings:
    """Give settings for a SQLite database in a folder, its tables made already."""
    config = Settings(data_dir=folder)
    if not (folder / "desk.db").exists():
        (folder / "desk.db").write_bytes(_tables())
    return config


def in_postgres(url: str, folder: Path) -> Settings:
    """Give settings for a schema of its own in a PostgreSQL."""
    schema = f"t{next(_SCHEMAS)}"
    return Settings(data_dir=folder, database_url=SecretStr(url), database_schema=schema)


@cache
def _tables() -> bytes:
    with TemporaryDirectory() as folder:
        engine = open_database(Settings(data_dir=Path(folder)), Family.DESK)
        upgrade(engine, Family.DESK)
        engine.dispose()
        return (Path(folder) / "desk.db").read_bytes()
