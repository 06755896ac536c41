"""Where an audit keeps what it knows: a file of its own, so that memory stays the same however long the chain is.

A shelf is a dictionary on disk with the latest entries in memory. What was learnt from a window of blocks and the place
that was reached are one commit: an audit that is killed goes on from there.
"""

import io
import pickle
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from yuanliu.audit import facts, findings
from yuanliu.audit.findings import Finding
from yuanliu.errors import YuanliuError

FORMAT: Final = 2
"""Version of the file's layout and of the rules: another one is begun anew."""

_KEPT: Final = 60_000
"""Entries of a shelf that stay in memory: some 20 MB for batches."""

_PAGE: Final = 1_000
_APPLICATION: Final = 0x5955_4C41
_T = TypeVar("_T")

SHELVES: Final = (
    *("actor", "key", "code", "nonce", "token", "product", "authority", "terms", "delivery"),
    *("batch", "chunk", "holding", "offer", "reading"),
    *("paid_order", "claimed", "settled", "credit", "purse", "fact"),
)
"""What there are shelves of."""


class Shelf(Generic[_T]):
    """Entries by key. Whoever changes an entry has to `put` it again."""

    def __init__(self, db: sqlite3.Connection, name: str) -> None:
        self._db = db
        self._name = name
        self._near: dict[bytes, _T | None] = {}
        self._changed: set[bytes] = set()
        self._find = f"SELECT v FROM {name} WHERE k = ?"  # noqa: S608 -- a name of ours

    def get(self, key: bytes) -> _T | None:
        """Give an entry, or none."""
        if key in self._near:
            return self._near[key]
        row = self._db.execute(self._find, (key,)).fetchone()
        if len(self._near) > 2 * _KEPT and not self._changed:
            self._near.clear()
        value: _T | None = None if row is None else _read(row[0])
        self._near[key] = (
            value  # also that there is none: who was never enrolled is asked for again and again
        )
        return value

    def put(self, key: bytes, value: _T) -> None:
        """Set an entry, or say that it was changed."""
        self._near[key] = value
        self._changed.add(key)

    def flush(self) -> None:
        """Write what was changed, and forget the oldest when there is too much in memory."""
        if self._changed:
            rows = ((key, pickle.dumps(self._near[key], 5)) for key in self._changed)
            self._db.executemany(f"REPLACE INTO {self._name} VALUES (?, ?)", rows)  # noqa: S608 -- ours
            self._changed.clear()
        if len(self._near) > _KEPT:
            self._near.clear()

    def items(self, prefix: bytes = b"") -> Iterator[tuple[bytes, _T]]:
        """Give all entries whose key begins so, in the order of their keys. Flush first."""
        after, more = prefix, "k >= ?"
        while True:
            rows = self._db.execute(
                f"SELECT k, v FROM {self._name} WHERE {more} ORDER BY k LIMIT {_PAGE}",  # noqa: S608 -- ours
                (after,),
            ).fetchall()
            for key, value in rows:
                if not key.startswith(prefix):
                    return
                yield key, _read(value)
            if len(rows) < _PAGE:
                return
            after, more = rows[-1][0], "k > ?"

    def __len__(self) -> int:
        """Count the entries. Flush first."""
        return int(self._db.execute(f"SELECT count(*) FROM {self._name}").fetchone()[0])  # noqa: S608 -- ours


class Ledger:
    """The shelves and the findings of one audit. With `path` it outlives the process; else it is forgotten."""

    def __init__(self, path: Path | None, identity: str) -> None:
        self._folder = None if path else tempfile.TemporaryDirectory(prefix="yuanliu-audit-")
        self.path = path or Path(self._folder.name if self._folder else "") / "audit.sqlite"
        try:
            self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            self._open(lasting=path is not None, identity=identity)
        except sqlite3.Error as error:
            raise YuanliuError(
                "audit.checkpoint_unusable",
                f"{self.path} cannot be used as a checkpoint: {error}",
                hint="name a file that an audit made, or one that does not exist yet",
                fields={"path": str(self.path)},
                exit_code=2,
            ) from error
        self._shelves: dict[str, Shelf[Any]] = {name: Shelf(self._db, name) for name in SHELVES}
        self._lasting = path is not None
        self._is_open = False
        self.noted = int(self._one("SELECT value FROM meta WHERE name = 'noted'") or 0)
        self._fresh: list[Finding] = []

    def _open(self, *, lasting: bool, identity: str) -> None:
        db = self._db
        db.execute(f"PRAGMA synchronous = {'NORMAL' if lasting else 'OFF'}")
        db.execute(f"PRAGMA journal_mode = {'WAL' if lasting else 'OFF'}")
        db.execute("PRAGMA cache_size = -16000")
        known = db.execute("PRAGMA application_id").fetchone()[0]
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if known != _APPLICATION and tables:
            raise sqlite3.DatabaseError("it is something else's file")
        db.execute(f"PRAGMA application_id = {_APPLICATION}")
        db.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID")
        found = self._one("SELECT value FROM meta WHERE name = 'identity'")
        wanted = f"{FORMAT} {identity}"
        if found not in {None, wanted}:
            raise sqlite3.DatabaseError("it is of another deployment, or another version's")
        for name in SHELVES:
            db.execute(
                f"CREATE TABLE IF NOT EXISTS {name} (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID"
            )
        db.execute("CREATE TABLE IF NOT EXISTS finding (id INTEGER PRIMARY KEY, v TEXT)")
        db.execute("REPLACE INTO meta VALUES ('identity', ?)", (wanted,))

    def shelf(self, name: str) -> Shelf[Any]:
        """Give a shelf."""
        return self._shelves[name]

    def note(self, finding: Finding) -> None:
        """Keep a finding."""
        self._fresh.append(finding)

    def commit(self, place: dict[str, object], *, for_good: bool = True) -> None:
        """Write all that was learnt, and the place that was reached, at once.

        What is not `for_good` is forgotten when the file is closed, and with it all that comes later.
        """
        if not self._is_open:
            self._db.execute("BEGIN")
        for shelf in self._shelves.values():
            shelf.flush()
        room = max(findings.MOST - self.noted, 0)
        rows = [(findings.encode(finding),) for finding in self._fresh[:room]]
        self._db.executemany("INSERT INTO finding (v) VALUES (?)", rows)
        self.noted += len(self._fresh)
        self._fresh.clear()
        for name, value in (place | {"noted": self.noted}).items():
            self._db.execute("REPLACE INTO meta VALUES (?, ?)", (name, value))
        self._is_open = self._lasting and (self._is_open or not for_good)
        if not self._is_open:
            self._db.execute("COMMIT")

    def reached(self, name: str) -> Any:  # noqa: ANN401 -- a number, a text or bytes
        """Give a part of the place that was reached; none at the beginning."""
        return self._one("SELECT value FROM meta WHERE name = ?", name)

    def findings(self) -> list[Finding]:
        """Give the findings that were kept, in the order they were made."""
        rows = self._db.execute("SELECT v FROM finding ORDER BY id")
        return [*(findings.decode(text) for (text,) in rows), *self._fresh]

    def close(self) -> None:
        """Close the file; one without a path is forgotten."""
        if self._db.in_transaction and self._lasting:
            self._db.execute("ROLLBACK")
        self._db.close()
        if self._folder is not None:
            self._folder.cleanup()

    def _one(self, query: str, *values: object) -> Any:  # noqa: ANN401 -- a value of SQLite's
        row = self._db.execute(query, values).fetchone()
        return None if row is None else row[0]


class _Plain(pickle.Unpickler):
    """Reads facts and plain values, nothing that runs code: a checkpoint may come from anywhere."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 -- a class of facts
        found = getattr(facts, name, None)
        if module == facts.__name__ and getattr(found, "__module__", "") == module:
            return found
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a checkpoint")


def _read(data: bytes) -> Any:  # noqa: ANN401 -- what was put in
    try:
        return _Plain(io.BytesIO(data)).load()
    except (
        pickle.UnpicklingError,
        ValueError,
        TypeError,
        AttributeError,
        EOFError,
        IndexError,
    ) as error:
        raise YuanliuError(
            "audit.checkpoint_unusable",
            f"the checkpoint holds something that no audit wrote: {error}",
            hint="delete it and begin anew",
            exit_code=2,
        ) from error
