"""PINs of farmers' cards, on both databases: what opens a page, for how long, and who is kept from guessing."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select
from tests.accounts import HOME, OTHER, AccountDesk, refused

from yuanliu.desk import attempts
from yuanliu.desk.base import Desk
from yuanliu.desk.pins import IDLE_SECONDS, LONGEST_SECONDS, Pins, check_pin
from yuanliu.desk.sessions import check_csrf
from yuanliu.desk.tables_pins import CARD_SESSION, FARMER_PIN
from yuanliu.errors import YuanliuError

FARMER = "0x" + "fa" * 20
NEIGHBOUR = "0x" + "fb" * 20
COOP = "0x" + "c0" * 20
PIN = "482915"


@pytest.fixture
def desk(account_desk_on_both: AccountDesk) -> AccountDesk:
    return account_desk_on_both


@pytest.fixture
def pins(desk: AccountDesk) -> Pins:
    return Pins(desk.engine, desk.vault, now=desk.clock)


def chosen(pins: Pins, farmer: str = FARMER, pin: str = PIN) -> None:
    """Give a farmer a PIN of his own."""
    first = pins.issue(farmer, by=COOP)
    pins.change(pins.open(farmer, first, HOME), first, pin)


def another(pin: str) -> str:
    return f"{(int(pin) + 1) % 1_000_000:06d}"


def test_the_migration_makes_the_tables_as_they_are_declared(desk: AccountDesk) -> None:
    ours = {"farmer_pin", "card_session"}
    assert ours <= Desk.metadata.tables.keys()

    def is_ours(_: object, name: str | None, kind: str, *__: object) -> bool:
        return kind != "table" or name in ours

    with desk.engine.connect() as connection:
        options = {"compare_type": True, "include_object": is_ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Desk.metadata) == []


def test_a_one_time_pin_opens_the_page_and_is_changed_at_first_use(
    desk: AccountDesk, pins: Pins
) -> None:
    assert not pins.has_pin(FARMER)
    first = pins.issue(FARMER.upper().replace("X", "x"), by=COOP)
    assert pins.has_pin(FARMER)
    opened = pins.open(FARMER, f" {first[:3]} {first[3:]}", HOME)
    assert opened.must_change
    assert pins.look(opened.token) == opened
    check_csrf(opened.token, opened.csrf)
    elsewhere = pins.open(FARMER, "".join(chr(0xFF10 + int(d)) for d in first), OTHER)
    with refused("pin.same"):
        pins.change(opened, first, first)
    pins.change(opened, first, PIN)
    assert not pins.look(opened.token).must_change
    with refused("pin.closed"):
        pins.look(elsewhere.token)
    with refused("pin.wrong"):
        pins.open(FARMER, first, HOME)
    assert not pins.open(FARMER, PIN, HOME).must_change
    with desk.engine.connect() as connection:
        kept = str(connection.execute(select(FARMER_PIN)).all()) + str(
            connection.execute(select(CARD_SESSION)).all()
        )
    assert PIN not in kept
    assert opened.token not in kept


def test_a_new_one_time_pin_closes_what_is_open_and_ends_a_lock(pins: Pins) -> None:
    chosen(pins)
    opened = pins.open(FARMER, PIN, HOME)
    for _ in range(attempts.FAILURES):
        with refused("pin.wrong"):
            pins.open(FARMER, another(PIN), HOME)
    with refused("access.locked"):
        pins.open(FARMER, PIN, HOME)
    new = pins.issue(FARMER, by=COOP)
    with refused("pin.closed"):
        pins.look(opened.token)
    with refused("pin.wrong"):
        pins.open(FARMER, PIN, HOME)
    assert pins.open(FARMER, new, HOME).must_change


def test_a_page_closes_by_itself_and_when_asked(desk: AccountDesk, pins: Pins) -> None:
    chosen(pins)
    idle, watched, left = (pins.open(FARMER, PIN, HOME) for _ in range(3))
    pins.close(left)
    with refused("pin.closed"):
        pins.look(left.token)
    waited = 0.0
    while waited < LONGEST_SECONDS - IDLE_SECONDS:
        desk.clock.wait(IDLE_SECONDS - 1)
        waited += IDLE_SECONDS - 1
        pins.look(watched.token)
    with refused("pin.closed"):
        pins.look(idle.token)
    desk.clock.wait(LONGEST_SECONDS - waited)
    with refused("pin.closed"):
        pins.look(watched.token)
    for hostile in ("", "x", "A" * 43 + "\n", "é" * 43):
        with refused("access.unauthenticated"):
            pins.look(hostile)


def test_who_guesses_is_locked_out_longer_and_longer_and_a_neighbour_is_not(
    desk: AccountDesk, pins: Pins
) -> None:
    chosen(pins)
    chosen(pins, NEIGHBOUR, "739204")
    tried = 0
    for _ in range(24 * 12):
        desk.clock.wait(300)
        try:
            pins.open(FARMER, another(PIN), f"198.51.{tried % 250}.1")
        except YuanliuError as error:
            tried += error.code == "pin.wrong"
    assert attempts.FAILURES < tried < 40, "guesses in a day, of a million PINs"
    with refused("access.locked"):
        pins.open(FARMER, PIN, HOME)
    assert pins.open(NEIGHBOUR, "739204", HOME).farmer == NEIGHBOUR
    desk.clock.wait(attempts.LONGEST_LOCK)
    assert pins.open(FARMER, PIN, HOME).farmer == FARMER


def test_one_network_that_tries_many_cards_is_stopped(pins: Pins) -> None:
    outcomes: Counter[str] = Counter()
    for number in range(attempts.PER_NETWORK + 10):
        with pytest.raises(YuanliuError) as caught:
            pins.open(f"0x{number:040x}", "135790", HOME)
        outcomes[caught.value.code] += 1
    assert outcomes == {"pin.wrong": attempts.PER_NETWORK, "access.too_many_attempts": 10}


def test_many_guesses_at_once_count_one_by_one(pins: Pins) -> None:
    chosen(pins)

    def guess(number: int) -> str:
        try:
            pins.open(FARMER, f"{number:06d}", HOME)
        except YuanliuError as error:
            return error.code
        return "open"

    with ThreadPoolExecutor(8) as pool:
        outcomes = Counter(pool.map(guess, range(100_001, 100_025)))
    assert outcomes["pin.wrong"] == attempts.FAILURES
    assert outcomes["access.locked"] == 24 - attempts.FAILURES


@pytest.mark.parametrize("pin", ["", "12345", "1234567", "12a456", "一二三四五六", "-12345", "1" * 10_000])  # fmt: skip
def test_what_is_no_pin_is_refused(pin: str) -> None:
    with refused("pin.invalid"):
        check_pin(pin)


@pytest.mark.parametrize(
    "pin", ["123456", "654321", "000000", "121212", "123123", "998898", "000042"]
)
def test_what_anybody_would_guess_is_refused(pin: str) -> None:
    with refused("pin.weak"):
        check_pin(pin, "H-0042")
