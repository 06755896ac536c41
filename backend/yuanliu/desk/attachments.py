"""Attachments: photos and reports, each kept under its SHA-256 and checked against it on each read.

A file is looked at while it comes in: its size, what it is, its hash. Photos lose what tells of their maker
(`yuanliu.desk.pictures`) before they are stored, so that their address is that of the cleaned bytes. A file is stored
before its row is, so that what is listed is there; a crash in between leaves bytes that nobody names and harms nothing.
"""

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import NamedTemporaryFile, SpooledTemporaryFile
from typing import Any, BinaryIO, Final, cast

from sqlalchemy import Engine, select
from sqlalchemy.dialects import postgresql, sqlite

from yuanliu.desk.blobs import Blobs, open_blobs, written
from yuanliu.desk.connecting import reading, writing
from yuanliu.desk.media import IMAGES, Recogniser, clean_name, safe_headers
from yuanliu.desk.pictures import clean
from yuanliu.desk.tables_accounts import ATTACHMENT
from yuanliu.errors import YuanliuError
from yuanliu.settings import Settings

MAX_BYTES: Final = 20 << 20
"""Largest file."""

_IN_MEMORY: Final = 1 << 20
_CHUNK: Final = 1 << 20
_CLEANING: Final = threading.BoundedSemaphore(2)
"""Pictures that are cleaned at once: each is in memory meanwhile, twice."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A stored file. `name` and `account` are those of the first who sent it; `created` is Unix seconds.

    `sent_sha256` is the SHA-256 of the bytes as they were sent, known only to whoever sends them.
    """

    sha256: str
    size: int
    media_type: str
    name: str
    account: str
    created: float
    sent_sha256: str = field(default="", compare=False)

    @property
    def headers(self) -> dict[str, str]:
        """The headers to serve it with."""
        return safe_headers(
            sha256=self.sha256, size=self.size, media_type=self.media_type, name=self.name
        )


class Store:
    """The attachments of one desk."""

    def __init__(
        self,
        engine: Engine,
        blobs: Blobs,
        incoming: Path,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`incoming` is a folder for files on their way in."""
        self._engine = engine
        self._blobs = blobs
        self._incoming = incoming
        self._now = now

    def put(
        self,
        pieces: Iterable[bytes],
        *,
        declared: str,
        name: str,
        account: str,
        expected: str | None = None,
        maximum: int = MAX_BYTES,
    ) -> Attachment:
        """Store a file that comes in pieces; `expected` is the SHA-256 of what is sent, if the sender knows it.

        The same bytes again give the attachment that is there. Raises `YuanliuError`: `attachments.too_large`,
        `attachments.empty`, `attachments.type_refused`, `attachments.type_mismatch`, `attachments.picture_broken`,
        `attachments.hash_mismatch`, and what the store raises (`yuanliu.desk.blobs`); then nothing was stored.
        """
        with written(self._incoming / "x"):
            self._incoming.mkdir(parents=True, exist_ok=True)
            spool = NamedTemporaryFile(dir=self._incoming, prefix=".incoming-")  # noqa: SIM115 -- closed below
        with spool:
            sent, size, media_type = self._take_in(
                pieces, cast("BinaryIO", spool), declared, maximum
            )
            if expected is not None and sent != expected.lower():
                raise YuanliuError(
                    "attachments.hash_mismatch",
                    "the file is not the one that was announced: it was altered on its way, or is another one",
                    hint="send it again; if it happens again, compare its SHA-256",
                    fields={"expected": expected[:64], "found": sent},
                )
            sha256, size = self._cleaned(cast("BinaryIO", spool), media_type, sent, size)
            if not self._is_sound(sha256):
                self._blobs.put(sha256, Path(spool.name))
        row = {
            "sha256": sha256,
            "size": size,
            "media_type": media_type,
            "name": clean_name(name),
            "account": account,
            "created": self._now(),
        }
        with writing(self._engine) as connection:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            new = dialect.insert(ATTACHMENT).values(row).on_conflict_do_nothing()
            connection.execute(new)
        return replace(self.require(sha256), sent_sha256=sent)

    def _cleaned(self, spool: BinaryIO, media_type: str, sent: str, size: int) -> tuple[str, int]:
        """Leave a picture in the spool without what tells of its maker; give its hash and size.

        One that was stored as it is, before pictures were cleaned, is taken as it is: events name it so.
        """
        if media_type not in IMAGES or self._is_known(sent):
            return sent, size
        with _CLEANING:
            spool.seek(0)
            data = spool.read()
            cleaned = clean(media_type, data)
            if cleaned == data:
                return sent, size
            with written(self._incoming / "x"):
                spool.seek(0)
                spool.truncate()
                spool.write(cleaned)
                spool.flush()
            return hashlib.sha256(cleaned).hexdigest(), len(cleaned)

    def _is_known(self, sha256: str) -> bool:
        query = select(ATTACHMENT.c.sha256).where(ATTACHMENT.c.sha256 == sha256)
        with reading(self._engine) as connection:
            return connection.execute(query).first() is not None

    def _take_in(
        self, pieces: Iterable[bytes], spool: BinaryIO, declared: str, maximum: int
    ) -> tuple[str, int, str]:
        """Write the pieces to the spool; give hash, size and type."""
        recogniser, digest, size = Recogniser(), hashlib.sha256(), 0
        for piece in pieces:
            size += len(piece)
            if size > maximum:
                raise YuanliuError(
                    "attachments.too_large",
                    f"the file has more than {maximum} bytes",
                    hint="send a smaller photo, or the report without its pictures",
                    fields={"maximum": maximum},
                )
            recogniser.feed(piece)
            digest.update(piece)
            with written(self._incoming / "x"):
                spool.write(piece)
        if not size:
            raise YuanliuError(
                "attachments.empty", "the file is empty", hint="choose the file once more"
            )
        with written(self._incoming / "x"):
            spool.flush()
        return digest.hexdigest(), size, recogniser.found(declared)

    def _is_sound(self, sha256: str) -> bool:
        """Tell whether the bytes are there, whole; others in their place are set aside."""
        try:
            self._fetch(sha256).close()
        except YuanliuError as error:
            if error.code in {"attachments.corrupt", "attachments.store_incomplete"}:
                return False
            raise
        return True

    # ------------------------------------------------------------------ reading

    def require(self, sha256: str) -> Attachment:
        """Give what is known of a file. Raises `YuanliuError` (`attachments.not_found`)."""
        query = select(ATTACHMENT).where(ATTACHMENT.c.sha256 == sha256)
        found: Any = None
        if _SHA256.fullmatch(sha256):
            with reading(self._engine) as connection:
                found = connection.execute(query).mappings().one_or_none()
        if found is None:
            raise YuanliuError(
                "attachments.not_found",
                f"there is no attachment {sha256[:64]!r}",
                hint="send the file first; it is named by its SHA-256, 64 lowercase hex digits",
                fields={"sha256": sha256[:64]},
            )
        return Attachment(**found)

    def listed(self, account: str, *, limit: int = 100) -> list[Attachment]:
        """List what an account sent first, the latest first."""
        query = select(ATTACHMENT).where(ATTACHMENT.c.account == account)
        query = query.order_by(ATTACHMENT.c.created.desc(), ATTACHMENT.c.sha256).limit(limit)
        with reading(self._engine) as connection:
            return [Attachment(**row) for row in connection.execute(query).mappings()]

    def get(self, sha256: str) -> tuple[Attachment, BinaryIO]:
        """Give a file and its bytes, compared with its hash before the first is given. The caller closes it.

        Raises `YuanliuError`: `attachments.not_found`, `attachments.corrupt`, `attachments.store_incomplete`, and what
        the store raises.
        """
        attachment = self.require(sha256)
        return attachment, self._fetch(sha256)

    def _fetch(self, sha256: str) -> BinaryIO:
        """Read the bytes; what is wrong twice is set aside, so that a slip of the line costs nothing."""
        for _ in range(2):
            buffer = self._buffered(sha256)
            if _hash(buffer) == sha256:
                buffer.seek(0)
                return buffer
            buffer.close()
        self._blobs.set_aside(sha256)
        raise YuanliuError(
            "attachments.corrupt",
            f"the bytes kept as {sha256} are others: the disk or somebody altered them; they were set aside",
            hint="restore the file from a backup, or let whoever has it send it again",
            fields={"sha256": sha256},
        )

    def _buffered(self, sha256: str) -> BinaryIO:
        buffer = cast("BinaryIO", SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 -- the caller closes it
        found = False
        try:
            found = self._blobs.fetch(sha256, buffer)
        finally:
            if not found:
                buffer.close()
        if not found:
            raise _lost(sha256)
        return buffer


def pieces_of(file: BinaryIO) -> Iterator[bytes]:
    """Give a file in pieces."""
    while piece := file.read(_CHUNK):
        yield piece


def open_store(config: Settings, engine: Engine) -> Store:
    """Open the store that the settings name. Raises `YuanliuError` (`attachments.url_invalid`)."""
    root = config.data_dir / "attachments"
    url = config.attachments_url
    blobs = open_blobs(None if url is None else url.get_secret_value(), root)
    return Store(engine, blobs, root / "incoming")


def _hash(buffer: BinaryIO) -> str:
    buffer.seek(0)
    digest = hashlib.sha256()
    for piece in pieces_of(buffer):
        digest.update(piece)
    return digest.hexdigest()


def _lost(sha256: str) -> YuanliuError:
    return YuanliuError(
        "attachments.store_incomplete",
        f"the store has lost {sha256}",
        hint="restore the file from a backup, or let whoever has it send it again",
        fields={"sha256": sha256},
    )
