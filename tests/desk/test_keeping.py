"""What is old is forgotten; what is under way, young, or could be taken back is not."""

import threading
import time

import pytest
from sqlalchemy import func, insert, select, update
from tests.desk.support import BOTH, Desk
from tests.waiting import SOON, until

from yuanliu.database import DatabaseUnreachable
from yuanliu.desk import keeping
from yuanliu.desk import relayer as relayer_module
from yuanliu.desk.attempts import KEPT
from yuanliu.desk.captures import CAPTURE, Captures
from yuanliu.desk.intentions import State
from yuanliu.desk.keeping import Forgotten, forget
from yuanliu.desk.relayer import Relayer
from yuanliu.desk.tables_accounts import SIGN_IN
from yuanliu.desk.tables_outbox import DISPATCH, INTENTION

pytestmark = pytest.mark.node

DAY = 86_400.0


def count(desk: Desk, table: object) -> int:
    with desk.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar() or 0)  # type: ignore[arg-type]


@BOTH
def test_what_is_finished_and_old_is_forgotten_and_nothing_else(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relayer_module, "FINAL_SECONDS", -1)
    monkeypatch.setattr(relayer_module, "_CARE_SECONDS", -1)
    monkeypatch.setattr(keeping, "AT_ONCE", 2)
    desk.relayer = Relayer(desk.outbox, desk.key, finality_depth=3)
    for number in range(5):
        desk.submit(number)
    desk.turn()
    in_a_year = time.time() + 365 * DAY
    assert forget(desk.engine, in_a_year, 400) == Forgotten(0, 0, 0), "they are young"
    later = time.time() + 401 * DAY
    assert forget(desk.engine, later, 400).intentions == 0, "the chain could still take them back"
    desk.mine(3)
    desk.relayer.step()

    waiting = desk.submit(5, who=desk.world.clerk)
    young = desk.submit(6)
    for job in ("gone", "kept"):
        Captures(desk.engine).add(job, "clerk", "proceed", 1, [])
    with desk.engine.begin() as connection:
        kept = update(INTENTION).where(INTENTION.c.id == young.id)
        connection.execute(kept.values(group_name="kept"))
        row = {"time": later - KEPT - 1, "login": "x", "address": "", "outcome": "ok"}
        connection.execute(insert(SIGN_IN), [row, row | {"time": later}])
    done = forget(desk.engine, later, 400)
    assert done == Forgotten(intentions=5, dispatches=1, captures=1)
    assert forget(desk.engine, later, 400) == Forgotten(0, 0, 0)
    assert count(desk, CAPTURE) == count(desk, SIGN_IN) == 1
    assert count(desk, DISPATCH) == 0
    desk.settle()
    assert [desk.state(each) for each in (waiting, young)] == [State.DONE] * 2
    assert sorted(desk.numbers()) == list(range(7)), "what they did stays on the chain"


def test_the_keeper_goes_on_after_a_failure(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = []

    def failing(*_: object) -> Forgotten:
        rounds.append(1)
        raise DatabaseUnreachable("of the desk", "away")

    monkeypatch.setattr(keeping, "forget", failing)
    monkeypatch.setattr(keeping, "_FIRST_SECONDS", 0.01)
    monkeypatch.setattr(keeping, "EVERY_SECONDS", 0.01)
    stop = threading.Event()
    thread = threading.Thread(target=keeping.run, args=(desk.engine, 400, stop))
    thread.start()
    until(lambda: len(rounds) > 2)
    stop.set()
    thread.join(SOON)
    assert not thread.is_alive()
