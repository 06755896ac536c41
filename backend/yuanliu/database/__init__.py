"""SQL for two families of tables: COPY (of the chain, disposable) and DESK (ours, backed up).

SQLite keeps each in a file of its own, PostgreSQL in a schema of its own: a copy can be thrown away, and the desk
saved, without touching the other; and the follower's long writes never hold up a clerk's.
"""

from sqlalchemy import Connection, Engine

from yuanliu.database.engine import (
    SQLITE_CACHE,
    DatabaseBusy,
    DatabaseUnreachable,
    Family,
    Held,
    leader,
    open_database,
)
from yuanliu.database.migrate import Outdated, require_current, upgrade
from yuanliu.database.types import BigUint, Fixed

__all__ = [
    "SQLITE_CACHE",
    "BigUint",
    "Connection",
    "DatabaseBusy",
    "DatabaseUnreachable",
    "Engine",
    "Family",
    "Fixed",
    "Held",
    "Outdated",
    "leader",
    "open_database",
    "require_current",
    "upgrade",
]
