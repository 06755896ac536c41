"""PINs: what a farmer opens his page with, beside his card.

A PIN opens his page and lets him have what is due to him paid, to his own address: a door that anybody may open
(`IPayments.claim`). It opens no key. Six digits would not protect one against whoever steals the database, and so
nothing that has to be signed by the farmer can be done with a PIN.

The clerk hands out a one-time PIN; nothing is shown before the farmer has chosen his own. Wrong PINs are counted as
wrong passwords are (`attempts`): after five a card is locked, for a minute at first, so that some thirty guesses a day
are left of a million. A page that is not looked at for half an hour closes: phones are shared in a village.
"""

import re
import secrets
import time
import unicodedata
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import Engine, RowMapping, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from yuanliu import hexes
from yuanliu.desk import attempts, vault
from yuanliu.desk.connecting import reading, writing
from yuanliu.desk.sessions import csrf_of, secret_of
from yuanliu.desk.tables_pins import CARD_SESSION, FARMER_PIN
from yuanliu.desk.vault import Vault
from yuanliu.errors import YuanliuError

DIGITS: Final = 6
"""Digits of a PIN."""

IDLE_SECONDS: Final = 1_800.0
"""How long a page stays open without a look at it."""

LONGEST_SECONDS: Final = 12 * 3_600.0
"""How long a page stays open at most."""

_SEEN_SECONDS: Final = 60.0
_FEWEST_DIFFERENT: Final = 3
_PERIODS: Final = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Opened:
    """An open page: whose it is, the token for the cookie, and the token that its forms carry."""

    id: str
    farmer: str
    must_change: bool
    token: str = field(repr=False)
    csrf: str = field(repr=False)


class Pins:
    """Gives out PINs, and opens and closes farmers' pages with them."""

    def __init__(
        self, engine: Engine, vault: Vault, *, now: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._now = now

    def issue(self, farmer: str, *, by: str) -> str:
        """Give a farmer a new one-time PIN; what was open with the old one closes, and a lock ends.

        `by` is the actor that gives it. It is shown once and stored nowhere. Raises `HexError`.
        """
        pin, name = _one_time(), _address(farmer)
        values = {
            "pin_hash": self._vault.hash_password(pin),
            "must_change": True,
            "issued_by": _address(by),
            "issued": self._now(),
        }
        with writing(self._engine) as connection:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            new = dialect.insert(FARMER_PIN).values(farmer=name, **values)
            connection.execute(new.on_conflict_do_update(index_elements=["farmer"], set_=values))
            connection.execute(delete(CARD_SESSION).where(CARD_SESSION.c.farmer == name))
        attempts.unlock(self._engine, _login(name))
        return pin

    def has_pin(self, farmer: str) -> bool:
        """Tell whether a farmer was ever given a PIN. Raises `HexError`."""
        with reading(self._engine) as connection:
            return self._row(connection, _address(farmer)) is not None

    def open(self, farmer: str, pin: str, address: str) -> Opened:
        """Open a farmer's page; `address` is the visitor's.

        Raises `YuanliuError`: `pin.wrong` for a wrong PIN and for a farmer without one alike; `access.locked`,
        `access.too_many_attempts`; `HexError`.
        """
        name, now = _address(farmer), self._now()
        attempt = attempts.begin(self._engine, _login(name), address, now)
        with reading(self._engine) as connection:
            row = self._row(connection, name)
        given = normalised(pin)
        if not self._vault.is_password(given, row["pin_hash"] if row else None) or row is None:
            raise _wrong()
        secret, session = vault.new_secret(), uuid.uuid4().hex
        token = urlsafe_b64encode(secret).rstrip(b"=").decode()
        with writing(self._engine) as connection:
            still = self._row(connection, name, lock=True)
            if still is None or still["pin_hash"] != row["pin_hash"]:
                raise _wrong()
            connection.execute(delete(CARD_SESSION).where(_is_over(now)))
            connection.execute(
                insert(CARD_SESSION).values(
                    id=session,
                    farmer=name,
                    token_hash=vault.fingerprint(secret),
                    created=now,
                    seen=now,
                )
            )
            attempts.succeed(connection, attempt, _login(name))
        return Opened(session, name, row["must_change"], token, csrf_of(token))

    def look(self, token: str) -> Opened:
        """Give the open page of a token.

        Raises `YuanliuError`: `pin.closed` if it was closed or not looked at for too long, `access.unauthenticated`
        for what is no token.
        """
        now = self._now()
        with reading(self._engine) as connection:
            found = (
                connection.execute(
                    select(CARD_SESSION, FARMER_PIN.c.must_change)
                    .join(FARMER_PIN, FARMER_PIN.c.farmer == CARD_SESSION.c.farmer)
                    .where(CARD_SESSION.c.token_hash == vault.fingerprint(secret_of(token)))
                )
                .mappings()
                .one_or_none()
            )
        if found is None or now >= _end(found):
            raise YuanliuError(
                "pin.closed",
                "this page was closed, or not looked at for half an hour",
                hint="enter the PIN again",
            )
        if now - found["seen"] >= _SEEN_SECONDS:
            with writing(self._engine) as connection:
                seen = update(CARD_SESSION).where(CARD_SESSION.c.id == found["id"])
                connection.execute(seen.values(seen=now))
        return Opened(found["id"], found["farmer"], found["must_change"], token, csrf_of(token))

    def change(self, opened: Opened, old: str, new: str, *, code: str = "") -> None:
        """Put a PIN of the farmer's own in the old one's place; pages open elsewhere close. `code` is the farmer's.

        Raises `YuanliuError`: `pin.wrong`, `pin.invalid`, `pin.weak`, `pin.same`, `access.locked`.
        """
        chosen = check_pin(new, code)
        now = self._now()
        attempt = attempts.begin(self._engine, _login(opened.farmer), "", now)
        with reading(self._engine) as connection:
            row = self._row(connection, opened.farmer)
        if row is None or not self._vault.is_password(normalised(old), row["pin_hash"]):
            raise _wrong()
        same = self._vault.is_password(chosen, row["pin_hash"])
        hashed = self._vault.hash_password(chosen)
        with writing(self._engine) as connection:
            attempts.succeed(connection, attempt, _login(opened.farmer), attempts.Outcome.CONFIRMED)
            if not same:
                mine = FARMER_PIN.c.farmer == opened.farmer
                was = FARMER_PIN.c.pin_hash == row["pin_hash"]
                changed = update(FARMER_PIN).where(mine, was)
                values = {"pin_hash": hashed, "must_change": False}
                if not connection.execute(changed.values(values)).rowcount:
                    raise _wrong()
                others = CARD_SESSION.c.farmer == opened.farmer, CARD_SESSION.c.id != opened.id
                connection.execute(delete(CARD_SESSION).where(*others))
        if same:
            raise YuanliuError(
                "pin.same",
                "that is the old PIN",
                hint="choose another one: whoever handed it out knows the old one",
            )

    def close(self, opened: Opened) -> None:
        """Close a page."""
        with writing(self._engine) as connection:
            connection.execute(delete(CARD_SESSION).where(CARD_SESSION.c.id == opened.id))

    @staticmethod
    def _row(connection: Any, farmer: str, *, lock: bool = False) -> RowMapping | None:  # noqa: ANN401 -- a Connection
        query = select(FARMER_PIN).where(FARMER_PIN.c.farmer == farmer)
        found = connection.execute(query.with_for_update() if lock else query)
        row: RowMapping | None = found.mappings().one_or_none()
        return row


def normalised(pin: str) -> str:
    """Give a PIN in one form: an input method may write １ for 1, and people put spaces between."""
    return "".join(unicodedata.normalize("NFKC", pin[: 4 * DIGITS]).split())


def check_pin(pin: str, code: str = "") -> str:
    """Give a PIN in its one form, if it is not the first that anybody would guess. `code` stands on the card.

    Raises `YuanliuError`: `pin.invalid`, `pin.weak`.
    """
    plain = normalised(pin)
    if not (plain.isascii() and plain.isdigit() and len(plain) == DIGITS):
        raise YuanliuError(
            "pin.invalid",
            f"a PIN has {DIGITS} digits",
            hint=f"choose {DIGITS} digits, for example none of a birthday",
            fields={"digits": DIGITS},
        )
    steps = {int(b) - int(a) for a, b in pairwise(plain)}
    repeats = any(plain == plain[:n] * (DIGITS // n) for n in _PERIODS)
    on_card = re.sub(r"\D", "", code).zfill(DIGITS)[-DIGITS:]
    if repeats or steps in ({1}, {-1}) or len(set(plain)) < _FEWEST_DIFFERENT or plain == on_card:
        raise YuanliuError(
            "pin.weak",
            "that PIN is the first that anybody would try",
            hint="take no row such as 123456, no repetition such as 121212, and not the number on the card",
        )
    return plain


def _one_time() -> str:
    while True:
        pin = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
        try:
            return check_pin(pin)
        except YuanliuError:
            continue


def _address(text: str) -> str:
    return hexes.address_text(hexes.address_bytes(text))


def _login(farmer: str) -> str:
    """Name a farmer's card among the logins; no login has a space in it."""
    return f"card {farmer}"


def _wrong() -> YuanliuError:
    return YuanliuError(
        "pin.wrong",
        "the PIN does not belong to this card",
        hint="try again with care; who forgot it has the cooperative give a new one",
    )


def _end(row: RowMapping) -> float:
    return float(min(row["seen"] + IDLE_SECONDS, row["created"] + LONGEST_SECONDS))


def _is_over(now: float) -> Any:  # noqa: ANN401 -- a condition
    idle = CARD_SESSION.c.seen <= now - IDLE_SECONDS
    return idle | (CARD_SESSION.c.created <= now - LONGEST_SECONDS)
