"""The drill: saved under load, destroyed, restored. What was acknowledged is on the chain once; the outbox goes on."""

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.faults.checks import on_chain, settled
from tests.faults.load import Load, states
from tests.serve.programs import Ground, Nursery, Place, Program, lay_ground
from tests.waiting import until

from yuanliu.chain import devnet
from yuanliu.database import Family, leader, open_database
from yuanliu.desk import backups
from yuanliu.errors import YuanliuError

pytestmark = [pytest.mark.node, pytest.mark.slow]

REPORT = "物质,结果\n联苯菊酯,<0.01\n".encode()


def refused(code: str) -> pytest.RaisesExc[YuanliuError]:
    return pytest.RaisesExc(YuanliuError, check=lambda error: error.code == f"backup.{code}")


@pytest.fixture(params=["sqlite", "postgresql"])
def drilled(
    request: pytest.FixtureRequest, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    """Give a ground on each database, with its devnet running: it stands for a chain that others keep."""
    url = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    folder = tmp_path_factory.mktemp("drill") / "data"
    made = lay_ground(nursery, folder, database_url=url)
    devnet.up(made.place.config)
    yield made
    devnet.down(made.place.config)


def destroy(place: Place) -> None:
    """Lose the whole machine; the chain is elsewhere."""
    config = place.config
    for path in config.data_dir.iterdir():
        if path.name.startswith("devnet"):
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if config.database_url is not None:
        for family in Family:
            engine = open_database(config, family)
            with engine.begin() as connection:
                schema = f"{config.database_schema}_{family}"
                connection.exec_driver_sql(f'DROP SCHEMA "{schema}" CASCADE')
            engine.dispose()


def run(nursery: Nursery, place: Place, *arguments: str) -> Program:
    program = nursery.start(place, *arguments)
    program.wait()
    return program


def test_the_drill(drilled: Ground, nursery: Nursery, tmp_path: Path) -> None:
    place, batch = drilled.place, drilled.batch
    program = nursery.serve(place)
    with place.client("inspector") as client:
        sent = {"file": ("r.csv", REPORT, "text/csv")}
        assert client.post("/api/v1/attachments", files=sent).status_code == 201

    with Load(place, batch) as before, Load(place, batch, first=1_000) as after:
        before.allow(60)
        until(lambda: len(before.accepted) > 10)
        done = run(nursery, place, "backup", str(tmp_path / "under-load"))
        assert done.code == 0, (done.said, done.errors)
        after.allow(20)  # the backup knows nothing of these
        until(lambda: settled(place, batch, before, after))
    assert program.alive, "the service goes on while it is saved"
    program.kill()
    destroy(place)

    done = run(nursery, place, "restore", str(tmp_path / "under-load"))
    assert done.code == 0, (done.said, done.errors)
    program = nursery.serve(place)
    until(lambda: {"waiting", "sent"}.isdisjoint(states(place, before)))
    assert on_chain(place, batch) == Counter([*before.numbers, *after.numbers]), "none twice"
    known = states(place, before)
    assert known["done"] > 10
    assert all("outbox.unknown" in state for state in known if state != "done"), known
    with place.client() as client:
        assert client.get(f"/api/v1/attachments/{sha256(REPORT).hexdigest()}").content == REPORT
    assert program.end() == 0

    # Once more, with acts that were acknowledged and not sent: nobody relays.
    program = nursery.serve(place, "--part", "http")
    with Load(place, batch, first=2_000) as waiting:
        waiting.allow(15)
        until(lambda: not waiting.open)
        done = run(nursery, place, "backup", str(tmp_path / "waiting"))
        assert done.code == 0, (done.said, done.errors)
        assert states(place, waiting) == Counter(waiting=15)
    program.kill()
    destroy(place)
    assert run(nursery, place, "restore", str(tmp_path / "waiting")).code == 0
    program = nursery.serve(place)
    numbers = [*before.numbers, *after.numbers, *waiting.numbers]
    until(lambda: on_chain(place, batch) == Counter(numbers))
    until(lambda: states(place, waiting) == Counter(done=15))
    with Load(place, batch, first=3_000) as more:
        more.allow(5)
        until(lambda: on_chain(place, batch) == Counter([*numbers, *more.numbers]))
    assert program.end() == 0
    assert program.defects() == []


def test_a_backup_that_is_not_whole_is_refused_and_nothing_is_written_over(
    nursery: Nursery, place: Place, tmp_path: Path
) -> None:
    program = nursery.serve(place)
    with place.client("inspector") as client:
        for content in (REPORT, b"another report"):
            sent = {"file": ("r.csv", content, "text/csv")}
            assert client.post("/api/v1/attachments", files=sent).status_code == 201
    config, saved = place.config, tmp_path / "saved"
    made = backups.backup(config, saved)
    assert (made.attachments, made.damaged) == (2, [])
    assert saved.stat().st_mode & 0o077 == 0, "it holds keys"
    with refused("folder_taken"):
        backups.backup(config, saved)

    elsewhere = config.model_copy(update={"data_dir": tmp_path / "b"})
    elsewhere = elsewhere.model_copy(update={"deployment_file": tmp_path / "b" / "deployment.json"})
    with leader(elsewhere, "relayer"), pytest.raises(YuanliuError, match="another process"):
        backups.restore(elsewhere, saved)
    with refused("other_place"):
        backups.restore(elsewhere.model_copy(update={"chain_id": 4_242}), saved)
    for name in ("desk.db", "deployment.json", "manifest.json"):
        copy = tmp_path / f"without-{name}"
        shutil.copytree(saved, copy)
        (copy / name).unlink()
        with refused("unreadable"):
            backups.restore(elsewhere, copy)
    (blob,) = saved.glob(f"attachments/*/*/{sha256(REPORT).hexdigest()}")
    for change in (lambda: blob.write_bytes(b"x"), blob.unlink):
        change()
        with refused("altered"):
            backups.restore(elsewhere, saved)
        blob.write_bytes(REPORT)
    assert not (tmp_path / "b" / "desk.db").exists()
    with refused("place_taken"):
        assert program.end() == 0
        backups.restore(config, saved)

    backups.restore(elsewhere, saved)
    with closing(sqlite3.connect(tmp_path / "b" / "desk.db")) as restored:
        assert restored.execute("SELECT count(*) FROM attachment").fetchone() == (2,)
    with refused("place_taken"):
        backups.restore(elsewhere, saved)

    in_a_store = config.model_copy(
        update={"attachments_url": SecretStr("s3://key:word@store.invalid/bucket")}
    )
    for number, made in enumerate(
        (
            backups.backup(config, tmp_path / "0", attachments=False),
            backups.backup(in_a_store, tmp_path / "1"),
        )
    ):
        assert made.attachments is None, "they are saved elsewhere"
        assert not (tmp_path / str(number) / "attachments").exists()

    lost = next((config.data_dir / "attachments").glob("??/??/*"))
    lost.write_bytes(b"altered")
    done = run(nursery, place, "backup", str(tmp_path / "damaged"))
    assert done.code == 1
    assert lost.name in done.errors
    assert json.loads((tmp_path / "damaged" / "manifest.json").read_text())["damaged"] == [
        lost.name
    ]
