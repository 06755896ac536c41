"""A PostgreSQL of the tests' own: in a folder of its own, on a socket of its own, gone with the tests.

Needs Debian's package `postgresql` (`scripts/system-packages` installs it); the system's own cluster is left alone.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

_START_SECONDS: Final = 240.0
_FAST: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "listen_addresses": "",
    "max_connections": "200",
}
"""Nothing of it has to survive."""


class PostgresMissing(Exception):
    """There is no PostgreSQL: a failure of the set-up, never a reason to skip."""

    def __init__(self) -> None:
        super().__init__(
            "the tests need PostgreSQL's programs (initdb, postgres): run scripts/system-packages"
        )


@contextmanager
def postgres() -> Iterator[str]:
    """Start a server, give the address of its database, and stop it. Raises `PostgresMissing`."""
    programs = _programs()
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="yuanliu-pg-"))
    try:
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        data = folder / "data"
        _run(
            [
                programs / "initdb",
                "-D",
                data,
                "-U",
                "yuanliu",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
            ],
            user,
        )
        with _running(programs, data, folder, user):
            yield f"postgresql://yuanliu@/postgres?host={folder}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if in_path := shutil.which("initdb"):
        found.append(Path(in_path).resolve().parent)
    found = [folder for folder in found if (folder / "postgres").exists()]
    if not found:
        raise PostgresMissing
    return max(
        found, key=lambda folder: [int(n) for n in folder.parent.name.split(".") if n.isdigit()]
    )


def _user() -> pwd.struct_passwd | None:
    """Give as whom it runs: it refuses root."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


def _as(user: pwd.struct_passwd | None) -> dict[str, object]:
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _run(command: list[object], user: pwd.struct_passwd | None) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        **_as(user),  # type: ignore[call-overload]
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def _running(
    programs: Path, data: Path, sockets: Path, user: pwd.struct_passwd | None
) -> Iterator[None]:
    options = [part for name, value in _FAST.items() for part in ("-c", f"{name}={value}")]
    with (sockets / "log").open("wb") as log:
        process: subprocess.Popen[bytes] = subprocess.Popen(
            [str(programs / "postgres"), "-D", str(data), "-k", str(sockets), *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            **_as(user),  # type: ignore[call-overload]
        )
    try:
        _await(process, sockets)
        yield
    finally:
        process.send_signal(signal.SIGINT)  # its fast shutdown
        try:
            process.wait(_START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process: subprocess.Popen[bytes], sockets: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(f"postgresql://yuanliu@/postgres?host={sockets}").close()
        except psycopg.OperationalError:
            said = (sockets / "log").read_text(errors="replace")
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        else:
            return
