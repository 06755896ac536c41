"""Where the bytes of attachments lie: in a folder, or in an S3-compatible store. Each is named by its SHA-256."""

import errno
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import urllib3
from minio import Minio
from minio.commonconfig import CopySource
from minio.error import MinioException, S3Error

from yuanliu.errors import YuanliuError

CONNECT_SECONDS: Final = 5.0
"""How long a store may take to be reached."""

READ_SECONDS: Final = 30.0
"""How long a store may be silent."""

_HOST: Final = re.compile(r"[A-Za-z0-9._-]+(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?")
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_CHUNK: Final = 1 << 20
_ONE_PART: Final = (
    64 << 20
)  # no file is so long, so each is put in one request, whole or not at all
_MISSING: Final = frozenset({"NoSuchKey", "NoSuchObject"})
_LATER: Final = frozenset({"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout"})


class Blobs(Protocol):
    """A store of bytes. Each method raises `YuanliuError` (`attachments.…`, see `Folder` and `S3`)."""

    def put(self, sha256: str, file: Path) -> None:
        """Store a file, whole or not at all. What is there already stays."""

    def fetch(self, sha256: str, into: BinaryIO) -> bool:
        """Write the bytes into a file; False if there are none."""

    def set_aside(self, sha256: str) -> None:
        """Move bytes that are not what they should be to where nobody asks for them, and keep them."""


# ---------------------------------------------------------------------- a folder


class Folder:
    """`ab/cd/<sha256>` in a folder. Files are linked into place once they are on the disk, and never overwritten.

    Refusals, all retryable: `attachments.disk_full`, `attachments.unwritable`, `attachments.store_unreadable`.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, sha256: str, file: Path) -> None:
        """Store a file of the same file system."""
        place = self._place(sha256)
        with written(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            beside = self._copy(file, place)
            try:
                os.link(beside, place)  # unlike a rename, never over another file
            except FileExistsError:
                return
            finally:
                beside.unlink(missing_ok=True)
            for folder in (place.parent, place.parent.parent, self._root):
                _sync_folder(folder)

    def _copy(self, file: Path, place: Path) -> Path:
        handle, name = tempfile.mkstemp(prefix=".new-", dir=place.parent)
        try:
            with os.fdopen(handle, "wb") as target, file.open("rb") as source:
                shutil.copyfileobj(source, target, _CHUNK)
                target.flush()
                os.fsync(target.fileno())
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return Path(name)

    def fetch(self, sha256: str, into: BinaryIO) -> bool:
        """Write the bytes into a file; False if there are none."""
        place = self._place(sha256)
        try:
            source = place.open("rb")
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _unreadable(place, error) from error
        with source:
            try:
                while piece := source.read(_CHUNK):
                    with written(place):
                        into.write(piece)
            except OSError as error:
                raise _unreadable(place, error) from error
        return True

    def set_aside(self, sha256: str) -> None:
        """Move to `corrupt/<sha256>.<time>`."""
        place, aside = self._place(sha256), self._root / "corrupt"
        with written(aside), suppress(FileNotFoundError):
            aside.mkdir(parents=True, exist_ok=True)
            place.rename(aside / f"{sha256}.{time.time_ns()}")

    def _place(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256[2:4] / sha256


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def written(place: Path) -> Iterator[None]:
    """Turn what a disk refuses into a refusal that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise YuanliuError(
                "attachments.disk_full",
                "there is no room left for attachments",
                hint="make room on the disk, then send the file again: nothing of it was kept",
                fields={"folder": str(place.parent)},
                retryable=True,
            ) from error
        raise YuanliuError(
            "attachments.unwritable",
            f"the attachments' folder cannot be written: {error.strerror or error}",
            hint="check the folder's owner, rights and mount, then send the file again",
            fields={"folder": str(place.parent)},
            retryable=True,
        ) from error


def _unreadable(place: Path, error: OSError) -> YuanliuError:
    return YuanliuError(
        "attachments.store_unreadable",
        f"the attachment cannot be read: {error.strerror or error}",
        hint="check the folder's owner, rights and mount, then try again",
        fields={"folder": str(place.parent)},
        retryable=True,
    )


# ---------------------------------------------------------------------- S3


class S3:
    """Objects `ab/cd/<sha256>` in a bucket.

    Refusals: `attachments.unreachable` (retryable); `attachments.store_refused` for wrong keys, a bucket that is not
    there and the like.
    """

    def __init__(self, url: str) -> None:
        """`url` is `s3://key:secret@host:port/bucket?region=…&tls=off`. Raises `YuanliuError`."""
        parts = urlsplit(url)
        options = parse_qs(parts.query)
        self._bucket = parts.path.strip("/")
        host = parts.netloc.rpartition("@")[2]
        is_whole = parts.scheme == "s3" and _HOST.fullmatch(host) and parts.username
        if not (is_whole and parts.password and self._bucket) or set(options) - {"region", "tls"}:
            raise _url_invalid()
        retries = urllib3.Retry(total=1, backoff_factor=0.2, status_forcelist=[502, 503, 504])
        try:
            self._client = Minio(
                host,
                access_key=unquote(parts.username or ""),
                secret_key=unquote(parts.password or ""),
                region=options.get("region", ["us-east-1"])[0],
                secure=options.get("tls", ["on"])[0] != "off",
                http_client=urllib3.PoolManager(
                    timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
                    retries=retries,
                    maxsize=8,
                ),
            )
        except ValueError as error:
            raise _url_invalid() from error

    def put(self, sha256: str, file: Path) -> None:
        """Store a file in one request, unless an object of its size is there."""
        size = file.stat().st_size
        with _asked(), file.open("rb") as source:
            if self._size(sha256) == size:
                return
            self._client.put_object(self._bucket, _key(sha256), source, size, part_size=_ONE_PART)

    def _size(self, sha256: str) -> int | None:
        try:
            return self._client.stat_object(self._bucket, _key(sha256)).size
        except S3Error as error:
            if error.code in _MISSING:
                return None
            raise

    def fetch(self, sha256: str, into: BinaryIO) -> bool:
        """Write the bytes into a file; False if there are none."""
        with _asked():
            try:
                answer = self._client.get_object(self._bucket, _key(sha256))
            except S3Error as error:
                if error.code in _MISSING:
                    return False
                raise
            try:
                for piece in answer.stream(_CHUNK):
                    with written(Path(tempfile.gettempdir()) / "x"):
                        into.write(piece)
            finally:
                answer.close()
                answer.release_conn()
        return True

    def set_aside(self, sha256: str) -> None:
        """Move to `corrupt/<sha256>.<time>`."""
        with _asked():
            if self._size(sha256) is None:
                return
            aside = f"corrupt/{sha256}.{time.time_ns()}"
            self._client.copy_object(self._bucket, aside, CopySource(self._bucket, _key(sha256)))
            self._client.remove_object(self._bucket, _key(sha256))


def _key(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


@contextmanager
def _asked() -> Iterator[None]:
    """Turn what the store refuses, or does not answer, into a refusal that says what to do."""
    try:
        yield
    except S3Error as error:
        if error.code in _LATER:
            raise _unreachable(error.code or "") from error
        raise YuanliuError(
            "attachments.store_refused",
            f"the attachments' store refuses: {error.code}",
            hint="check key, secret, region and bucket in YUANLIU_ATTACHMENTS_URL, and the key's rights",
            fields={"reason": error.code},
        ) from error
    except (MinioException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise _unreachable(type(error).__name__) from error


def _unreachable(reason: str) -> YuanliuError:
    return YuanliuError(
        "attachments.unreachable",
        f"the attachments' store does not answer: {reason}",
        hint="try again in a while; is its address in YUANLIU_ATTACHMENTS_URL right?",
        fields={"reason": reason},
        retryable=True,
    )


def _url_invalid() -> YuanliuError:
    return YuanliuError(
        "attachments.url_invalid",
        "YUANLIU_ATTACHMENTS_URL is no address of an S3-compatible store",
        hint="write s3://key:secret@host/bucket?region=us-east-1 (key and secret percent-encoded; tls=off for HTTP)",
        exit_code=2,
    )


def open_blobs(url: str | None, root: Path) -> Blobs:
    """Give the store at `url`, or the folder `root`. Raises `YuanliuError` (`attachments.url_invalid`)."""
    return Folder(root) if url is None else S3(url)
