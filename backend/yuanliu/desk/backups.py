"""Saves what only we know, while the service runs, and puts it back.

That is the desk's database, the attachments, and the record of the deployment. The copy of the chain is not saved: it
comes back from the chain.

The database is saved first, at one moment, the attachments after it: a file is stored before its row is, so each row
that was saved has its file. A backup is whole or not there. It holds keys, encrypted with their owners' passwords:
only its owner may read it.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Engine, inspect, make_url, select, text

from yuanliu import __version__
from yuanliu.chain.deployment import Deployment
from yuanliu.database import Family, leader, open_database
from yuanliu.desk.attachments import pieces_of
from yuanliu.desk.blobs import Folder
from yuanliu.desk.connecting import reading
from yuanliu.desk.tables_accounts import ATTACHMENT
from yuanliu.errors import YuanliuError
from yuanliu.settings import Settings

FORMAT: Final = 1
"""Version of a backup's layout."""

_MANIFEST, _RECORD, _ATTACHMENTS = "manifest.json", "deployment.json", "attachments"
_DESK: Final = {"sqlite": "desk.db", "postgresql": "desk-postgresql"}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. `made` is Unix seconds, `files` are SHA-256s by name.

    `attachments` is their number, or None if they lie in an S3 store, which saves its own, or were left out.
    `damaged` are attachments that are lost, or no longer what they were.
    """

    format: int
    version: str
    made: float
    database: str
    schema: str
    chain_id: int
    files: dict[str, str]
    attachments: int | None
    damaged: list[str]


# ---------------------------------------------------------------------- saving


def backup(config: Settings, folder: Path, *, attachments: bool = True) -> Manifest:
    """Save into a folder that is not there yet. The service may run.

    Raises `DatabaseUnreachable`, `YuanliuError`: `backup.folder_taken`, `backup.failed`, `backup.program_missing`, and
    as `Deployment.load`.
    """
    deployment = Deployment.load(config.deployment_file)
    if folder.exists():
        raise YuanliuError(
            "backup.folder_taken",
            f"there is something at {folder} already",
            hint="name a folder that is not there yet, for example with the date in its name",
        )
    beside = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True, mode=0o700)
        made = time.time()
        database = _save_desk(config, beside)
        shutil.copyfile(config.deployment_file, beside / _RECORD)
        count, damaged = _save_attachments(config, beside) if attachments else (None, [])
        manifest = Manifest(
            format=FORMAT,
            version=__version__,
            made=made,
            database=database,
            schema=config.database_schema,
            chain_id=deployment.chain_id,
            files={name: _sha256(beside / name) for name in (_DESK[database], _RECORD)},
            attachments=count,
            damaged=damaged,
        )
        (beside / _MANIFEST).write_text(json.dumps(asdict(manifest), indent=2) + "\n")
        _sync(beside)
        beside.rename(folder)
    except OSError as error:
        raise _failed("it could not be written", error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return manifest


def _save_desk(config: Settings, folder: Path) -> str:
    if config.database_url is not None:
        url = make_url(config.database_url.get_secret_value())
        schema = f"{config.database_schema}_{Family.DESK}"
        target = folder / _DESK["postgresql"]
        _run(url, "pg_dump", "--format=custom", f"--schema={schema}", f"--file={target}")
        return "postgresql"
    source = config.data_dir / f"{Family.DESK}.db"
    if not source.exists():
        raise _failed(f"there is no database at {source}", None)
    with (
        closing(sqlite3.connect(source, timeout=60)) as live,
        closing(sqlite3.connect(folder / _DESK["sqlite"])) as saved,
    ):
        live.backup(saved)  # in one step: one moment of the database, and nobody who writes waits
        saved.execute("PRAGMA journal_mode=DELETE")
        (said,) = saved.execute("PRAGMA integrity_check").fetchone()
    if said != "ok":
        raise _failed(f"the database is damaged: {said}", None)
    return "sqlite"


def _save_attachments(config: Settings, folder: Path) -> tuple[int | None, list[str]]:
    """Copy every attachment that the saved rows may name; give how many, and which are lost or altered."""
    if config.attachments_url is not None:
        return None, []
    source, target = config.data_dir / "attachments", Folder(folder / _ATTACHMENTS)
    count, missing, altered = 0, set(_named(config)), []
    for path in _blobs(source):
        missing.discard(path.name)
        if _sha256(path) == path.name:
            target.put(path.name, path)
            count += 1
        else:
            altered.append(path.name)
    return count, sorted([*missing, *altered])


def _named(config: Settings) -> list[str]:
    engine = open_database(config, Family.DESK)
    try:
        with reading(engine) as connection:
            return list(connection.execute(select(ATTACHMENT.c.sha256)).scalars())
    finally:
        engine.dispose()


def _blobs(root: Path) -> Iterator[Path]:
    yield from (path for path in sorted(root.glob("??/??/*")) if not path.name.startswith("."))


# ---------------------------------------------------------------------- putting back


def restore(config: Settings, folder: Path) -> Manifest:
    """Put a backup into an empty place: the database, the attachments, the record of the deployment.

    Raises `DatabaseUnreachable`, `DatabaseBusy` while a service works there, `YuanliuError`: `backup.unreadable`,
    `backup.altered`, `backup.other_place`, `backup.place_taken`, `backup.failed`, `backup.program_missing`. Whatever is
    there is never written over.
    """
    manifest = _read(folder)
    database = "sqlite" if config.database_url is None else "postgresql"
    for what, saved, here in (
        ("kind of database", manifest.database, database),
        ("YUANLIU_DATABASE_SCHEMA", manifest.schema, config.database_schema),
        ("YUANLIU_CHAIN_ID", manifest.chain_id, config.chain_id),
    ):
        if saved != here and (what != "YUANLIU_DATABASE_SCHEMA" or database == "postgresql"):
            raise YuanliuError(
                "backup.other_place",
                f"the backup is of another place: {what} is {here} here and {saved} in the backup",
                hint="set it as it was; a backup goes back to the kind of database that it came from",
                fields={"what": what, "saved": saved, "here": here},
            )
    record = config.deployment_file
    if record.exists() and _sha256(record) != manifest.files[_RECORD]:
        raise _taken(f"another record of a deployment at {record}")
    with ExitStack() as held:
        for task in ("follower", "relayer"):
            held.enter_context(leader(config, task))
        try:
            _put_back_desk(config, folder / _DESK[database])
            for path in _blobs(folder / _ATTACHMENTS):
                Folder(config.data_dir / "attachments").put(path.name, path)
            if not record.exists():
                Deployment.load(folder / _RECORD).save(record)
        except OSError as error:
            raise _failed("it could not be put back", error) from error
    return manifest


def _read(folder: Path) -> Manifest:
    """Read the manifest, and compare every file with it."""
    try:
        raw: dict[str, Any] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        manifest = Manifest(**raw)
        wrong = [name for name, sha in manifest.files.items() if _sha256(folder / name) != sha]
        blobs = list(_blobs(folder / _ATTACHMENTS))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise YuanliuError(
            "backup.unreadable",
            f"{folder} is no whole backup: {error}",
            hint="name the folder that `yuanliu backup` made",
        ) from error
    if manifest.format != FORMAT:
        raise YuanliuError(
            "backup.unreadable",
            f"the backup has format {manifest.format}, this version reads {FORMAT}",
            hint=f"restore it with the version that made it, {manifest.version}, then update",
        )
    wrong += [path.name for path in blobs if _sha256(path) != path.name]
    if wrong or (manifest.attachments is not None and len(blobs) != manifest.attachments):
        raise YuanliuError(
            "backup.altered",
            f"the backup was altered or is not whole: {', '.join(wrong) or 'attachments are missing'}",
            hint="take another backup",
            fields={"files": wrong},
        )
    return manifest


def _put_back_desk(config: Settings, saved: Path) -> None:
    if config.database_url is None:
        target = config.data_dir / f"{Family.DESK}.db"
        if any(target.with_name(target.name + end).exists() for end in ("", "-wal", "-shm")):
            raise _taken(f"a database at {target}")
        beside = target.with_name(f".{target.name}.partial")
        shutil.copyfile(saved, beside)
        beside.chmod(0o600)
        _sync(beside)
        beside.rename(target)
        return
    engine = open_database(config, Family.DESK)  # which makes the schema; the backup brings its own
    try:
        _drop_empty(engine, f"{config.database_schema}_{Family.DESK}")
    finally:
        engine.dispose()
    url = make_url(config.database_url.get_secret_value())
    _run(url, "pg_restore", "--no-owner", "--single-transaction", "--exit-on-error", str(saved))


def _drop_empty(engine: Engine, schema: str) -> None:
    if inspect(engine).get_table_names(schema=schema):
        raise _taken(f"tables in the schema {schema}")
    with engine.begin() as connection:
        connection.execute(text(f'DROP SCHEMA IF EXISTS "{schema}"'))


# ---------------------------------------------------------------------- parts


def _run(url: URL, program: str, *options: str) -> None:
    """Run a program of PostgreSQL's; the password goes by the environment, which other users cannot read."""
    secret = {"PGPASSWORD": str(url.password)} if url.password else {}
    plain = url.set(drivername="postgresql", password=None).render_as_string()
    command = [program, f"--dbname={plain}", *options]
    try:
        subprocess.run(  # noqa: S603 -- our own command
            command, env=os.environ | secret, check=True, capture_output=True, text=True
        )
    except FileNotFoundError as error:
        raise YuanliuError(
            "backup.program_missing",
            f"there is no program {program}",
            hint="install PostgreSQL's client programs, at least as new as the server",
            exit_code=2,
        ) from error
    except subprocess.CalledProcessError as error:
        raise _failed(f"{program} refused", error.stderr.strip()[:400]) from error


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for piece in pieces_of(file):
            digest.update(piece)
    return digest.hexdigest()


def _sync(place: Path) -> None:
    """Wait until a file, or all files of a folder, are on the disk."""
    for path in [*place.rglob("*"), place] if place.is_dir() else [place]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _taken(what: str) -> YuanliuError:
    return YuanliuError(
        "backup.place_taken",
        f"there is {what} already; nothing is written over",
        hint="move it away first; keep it until the restored service was looked at",
    )


def _failed(what: str, why: object) -> YuanliuError:
    return YuanliuError(
        "backup.failed",
        f"{what}: {why}" if why else what,
        hint="nothing was changed but what is named here; mend it and try again",
        exit_code=2,
    )
