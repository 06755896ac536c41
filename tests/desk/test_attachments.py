"""Attachments: what is taken, kept whole or not at all, checked on each read; in a folder and in an S3 store alike."""

import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import pytest
from sqlalchemy import func, select
from tests.accounts import START, Clock, in_folder
from tests.desk.pictures import cleaned, picture
from tests.s3 import BUCKET, KEY, Bucket, s3

from yuanliu.database import Family, open_database
from yuanliu.desk.attachments import MAX_BYTES, Store, open_store, pieces_of
from yuanliu.desk.blobs import S3, Folder, open_blobs
from yuanliu.desk.media import ALLOWED, clean_name, safe_headers
from yuanliu.desk.tables_accounts import ATTACHMENT
from yuanliu.errors import YuanliuError

JPEG, PNG, WEBP = (cleaned(picture(kind)) for kind in ("JPEG", "PNG", "WEBP"))
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(50)
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(100)
CSV = "物质,结果\n联苯菊酯,<0.01\n".encode()
JSON = '{"结果": "合格"}'.encode()
TEXT = "检测报告：合格\n".encode()
ALICE = "a" * 32


def refused(code: str) -> pytest.RaisesExc[YuanliuError]:
    return pytest.RaisesExc(YuanliuError, check=lambda error: error.code == f"attachments.{code}")


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Shelf:
    """A store, and what lies in it by name."""

    def __init__(self, store: Store, root: Path, bucket: Bucket | None) -> None:
        self.store = store
        self.root = root
        self.bucket = bucket

    def put(self, data: bytes, declared: str = "", *, expected: str | None = None) -> str:
        put = self.store.put([data], declared=declared, name="x", account=ALICE, expected=expected)
        return put.sha256

    def get(self, sha256: str) -> bytes:
        _, file = self.store.get(sha256)
        with file:
            return file.read()

    def kept(self) -> dict[str, bytes]:
        if self.bucket is not None:
            return dict(self.bucket.objects)
        files = (f for f in self.root.rglob("*") if f.is_file())
        return {str(f.relative_to(self.root)): f.read_bytes() for f in files}

    def alter(self, name: str, data: bytes | None) -> None:
        if self.bucket is not None:
            if data is None:
                del self.bucket.objects[name]
            else:
                self.bucket.objects[name] = data
        elif data is None:
            (self.root / name).unlink()
        else:
            (self.root / name).write_bytes(data)


def place(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


@pytest.fixture(params=["folder", "s3"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    config = in_folder(tmp_path)
    engine = open_database(config, Family.DESK)
    root = tmp_path / "attachments"
    if request.param == "folder":
        yield Shelf(Store(engine, Folder(root), root / "incoming", now=Clock()), root, None)
    else:
        with s3() as (url, bucket):
            yield Shelf(Store(engine, S3(url), root / "incoming", now=Clock()), root, bucket)
    engine.dispose()


# ---------------------------------------------------------------------- in and out


@pytest.mark.parametrize(
    ("data", "declared", "found"),
    [
        (JPEG, "image/jpeg", "image/jpeg"),
        (JPEG, "image/jpg", "image/jpeg"),
        (JPEG, "", "image/jpeg"),
        (PNG, "IMAGE/PNG", "image/png"),
        (WEBP, "image/webp", "image/webp"),
        (HEIC, "application/octet-stream", "image/heic"),
        (HEIC, "image/heif", "image/heic"),
        (PDF, "application/pdf", "application/pdf"),
        (CSV, "text/csv; charset=utf-8", "text/csv"),
        (b"\xef\xbb\xbf" + CSV, "application/vnd.ms-excel", "text/csv"),
        (JSON, "application/json", "application/json"),
        (b" \n[1]", "application/json", "application/json"),
        (JSON, "text/plain", "text/plain"),
        (TEXT, "", "text/plain"),
        (b"<0.01 mg/kg", "text/plain", "text/plain"),
    ],
    ids=range(15),
)
def test_what_goes_in_comes_out(shelf: Shelf, data: bytes, declared: str, found: str) -> None:
    attachment = shelf.store.put([data], declared=declared, name="报告.pdf", account=ALICE)
    assert attachment.sha256 == sha(data)
    assert (attachment.size, attachment.media_type, attachment.name) == (
        len(data),
        found,
        "报告.pdf",
    )
    assert (attachment.account, attachment.created) == (ALICE, START)
    assert shelf.get(attachment.sha256) == data
    assert shelf.store.require(attachment.sha256) == attachment
    assert shelf.kept() == {place(attachment.sha256): data}
    assert found in ALLOWED


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_it_matters_not_how_it_is_cut_into_pieces(shelf: Shelf, size: int) -> None:
    data = "检测结果，合格。".encode() * 50
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    attachment = shelf.store.put(pieces, declared="text/plain", name="x", account=ALICE)
    assert shelf.get(attachment.sha256) == data


def test_the_largest_file_goes_through_and_one_byte_more_does_not(shelf: Shelf) -> None:
    largest = PDF + bytes(MAX_BYTES - len(PDF))
    assert shelf.get(shelf.put(largest)) == largest
    before = shelf.kept()
    with refused("too_large") as caught:
        shelf.put(largest + b"x")
    assert caught.value.fields == {"maximum": MAX_BYTES}
    assert shelf.kept() == before
    assert list((shelf.root / "incoming").iterdir()) == []


def test_a_flood_is_cut_off_at_the_limit(shelf: Shelf) -> None:
    taken = []

    def flood() -> Iterator[bytes]:
        while True:
            taken.append(1)
            yield JPEG

    with refused("too_large"):
        shelf.store.put(flood(), declared="", name="x", account=ALICE, maximum=50_000)
    assert len(taken) <= 50_000 // len(JPEG) + 1


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE html><script>alert(1)</script>",
        b"  \n\t<html>",
        b" " * 5_000 + b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"\xef\xbb\xbf<?xml version='1.0'?><svg/>",
        b"</p>",
        b"GIF89a" + bytes(20),
        b"MZ\x90\0" + bytes(100),
        b"PK\x03\x04" + bytes(100),
        b"\x7fELF" + bytes(100),
        "联苯菊酯,合格".encode("gbk"),
        "report".encode("utf-16"),
        b"text with\0NUL",
        b"cut \xe6\xa3",
        b"\x1b[2Jterminal",
    ],
    ids=range(14),
)
@pytest.mark.parametrize("declared", ["", "text/plain", "image/jpeg"])
def test_other_kinds_are_refused(shelf: Shelf, data: bytes, declared: str) -> None:
    with refused("type_refused"):
        shelf.put(data, declared)
    assert shelf.kept() == {}


@pytest.mark.parametrize(
    ("data", "declared", "found"),
    [
        (JPEG, "image/png", "image/jpeg"),
        (PDF, "text/plain", "application/pdf"),
        (TEXT, "image/jpeg", "text/plain"),
        (TEXT, "application/json", "text/plain"),
        (TEXT, "text/html", "text/plain"),
        (JPEG, "image/svg+xml", "image/jpeg"),
    ],
    ids=range(6),
)
def test_what_is_declared_must_be_what_it_is(
    shelf: Shelf, data: bytes, declared: str, found: str
) -> None:
    with refused("type_mismatch") as caught:
        shelf.put(data, declared)
    assert caught.value.fields == {"declared": declared, "found": found}
    assert shelf.kept() == {}


def test_a_file_other_than_announced_is_refused(shelf: Shelf) -> None:
    with refused("hash_mismatch"):
        shelf.put(JPEG, expected=sha(PNG))
    assert shelf.kept() == {}
    assert shelf.put(JPEG, expected=sha(JPEG).upper()) == sha(JPEG)


def test_an_empty_file_is_refused(shelf: Shelf) -> None:
    for pieces in ([], [b""]):
        with refused("empty"):
            shelf.store.put(pieces, declared="", name="x", account=ALICE)


def test_a_sender_who_breaks_off_leaves_nothing(shelf: Shelf) -> None:
    def broken() -> Iterator[bytes]:
        yield JPEG
        raise ConnectionError

    with pytest.raises(ConnectionError):
        shelf.store.put(broken(), declared="", name="x", account=ALICE)
    assert shelf.kept() == {}
    assert list((shelf.root / "incoming").iterdir()) == []


def test_the_same_file_twice_is_one_with_its_first_name(shelf: Shelf) -> None:
    first = shelf.store.put([JPEG], declared="", name="a.jpg", account=ALICE)
    again = shelf.store.put([JPEG], declared="", name="b.jpg", account="b" * 32)
    assert again == first
    assert [a.name for a in shelf.store.listed(ALICE)] == ["a.jpg"]
    assert shelf.store.listed("b" * 32) == []


def test_many_who_send_the_same_at_once_all_get_it(shelf: Shelf) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: shelf.put(JPEG), range(16))) == {sha(JPEG)}
    assert shelf.kept() == {place(sha(JPEG)): JPEG}


@pytest.mark.parametrize(
    "sha256", ["", "x", "0" * 64, "../" * 21 + "a", "A" * 64, "\0" * 64, "0" * 63 + "\n"]
)
def test_what_is_not_there_is_not_found(shelf: Shelf, sha256: str) -> None:
    for ask in (shelf.store.require, shelf.store.get):
        with refused("not_found"):
            ask(sha256)


# ---------------------------------------------------------------------- altered and lost


@pytest.mark.parametrize("altered", [JPEG[:-1] + b"!", JPEG[:-1], b"", JPEG + b"!"], ids=range(4))
def test_altered_bytes_are_never_given_out_but_kept_aside(shelf: Shelf, altered: bytes) -> None:
    sha256 = shelf.put(JPEG)
    shelf.alter(place(sha256), altered)
    with refused("corrupt") as caught:
        shelf.get(sha256)
    assert not caught.value.retryable
    ((name, data),) = shelf.kept().items()
    assert name.startswith(f"corrupt/{sha256}.")
    assert data == altered
    with refused("store_incomplete"):
        shelf.get(sha256)
    assert shelf.put(JPEG) == sha256  # whoever has it sends it again
    assert shelf.get(sha256) == JPEG


def test_altered_bytes_are_healed_when_the_file_is_sent_again(shelf: Shelf) -> None:
    sha256 = shelf.put(JPEG)
    shelf.alter(place(sha256), JPEG[::-1])
    shelf.put(JPEG)
    assert shelf.get(sha256) == JPEG
    assert sorted(shelf.kept().values()) == sorted([JPEG, JPEG[::-1]])


def test_lost_bytes_are_told_and_can_be_sent_again(shelf: Shelf) -> None:
    sha256 = shelf.put(JPEG)
    shelf.alter(place(sha256), None)
    with refused("store_incomplete"):
        shelf.get(sha256)
    shelf.put(JPEG)
    assert shelf.get(sha256) == JPEG


# ---------------------------------------------------------------------- the folder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Shelf]:
    config = in_folder(tmp_path)
    engine = open_database(config, Family.DESK)
    yield Shelf(open_store(config, engine), tmp_path / "attachments", None)
    engine.dispose()


def rows(shelf: Shelf) -> int:
    with shelf.store._engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(ATTACHMENT)).scalar_one())


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk_full"),
        (errno.EDQUOT, "disk_full"),
        (errno.EROFS, "unwritable"),
        (errno.EIO, "unwritable"),
    ],
)
@pytest.mark.parametrize("what", ["fsync", "link", "mkstemp", "mkdir"])
def test_a_disk_that_refuses_keeps_nothing_half(
    folder: Shelf, monkeypatch: pytest.MonkeyPatch, number: int, code: str, what: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    (folder.root / "incoming").mkdir(parents=True)
    owner = {"mkstemp": "tempfile", "mkdir": "pathlib.Path"}.get(what, "os")
    with monkeypatch.context() as patched:
        patched.setattr(f"{owner}.{what}", refuse)
        with refused(code) as caught:
            folder.put(JPEG)
    assert caught.value.retryable
    assert folder.kept() == {}
    assert rows(folder) == 0
    assert folder.get(folder.put(JPEG)) == JPEG


def test_a_file_beyond_what_the_disk_takes_is_refused_whole(tmp_path: Path) -> None:
    """The kernel itself refuses: files of this process may have 64 KiB, and the report has more."""
    in_folder(tmp_path)
    program = f"""
import resource, signal
from pathlib import Path
from yuanliu.database import Family, open_database
from yuanliu.desk.attachments import open_store
from yuanliu.errors import YuanliuError
from yuanliu.settings import Settings
folder = Path({str(tmp_path)!r})
config = Settings(data_dir=folder)
store = open_store(config, open_database(config, Family.DESK))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, resource.RLIM_INFINITY))
report = b"%PDF-" + bytes(200_000)
try:
    store.put([report], declared="application/pdf", name="x", account="a")
except YuanliuError as error:
    print(error.code, error.retryable)
files = [f for f in (folder / "attachments").rglob("*") if f.is_file()]
print(len(files))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
found, file = store.get(store.put([report], declared="application/pdf", name="x", account="a").sha256)
print(file.read() == report)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300
    )
    assert done.stdout.split() == ["attachments.disk_full", "True", "0", "True"], done.stderr


def test_a_folder_that_is_a_file_is_told(folder: Shelf) -> None:
    folder.root.write_text("in the way")
    with refused("unwritable"):
        folder.put(JPEG)


def test_a_file_that_cannot_be_read_is_not_called_corrupt(
    folder: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = folder.put(JPEG)
    real = Path.open

    def refuse(path: Path, mode: str = "r") -> IO[Any]:
        if path.name == sha256:
            raise PermissionError(errno.EACCES, "no")
        return real(path, mode)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", refuse)
        with refused("store_unreadable") as caught:
            folder.get(sha256)
    assert caught.value.retryable
    assert folder.get(sha256) == JPEG


def test_what_is_there_is_never_written_over(folder: Shelf, tmp_path: Path) -> None:
    sha256 = folder.put(JPEG)
    before = (folder.root / place(sha256)).stat()
    other = tmp_path / "other"
    other.write_bytes(b"other")
    Folder(folder.root).put(sha256, other)
    after = (folder.root / place(sha256)).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert folder.get(sha256) == JPEG


# ---------------------------------------------------------------------- S3


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Shelf]:
    engine = open_database(in_folder(tmp_path), Family.DESK)
    root = tmp_path / "attachments"
    with s3() as (url, bucket):
        yield Shelf(Store(engine, open_blobs(url, root), root / "incoming"), root, bucket)
    engine.dispose()


def test_a_store_that_fails_is_told_and_nothing_is_listed(remote: Shelf) -> None:
    assert remote.bucket is not None
    for status in (500, 503):
        remote.bucket.fail_with = status
        with refused("unreachable") as caught:
            remote.put(JPEG)
        assert caught.value.retryable
    remote.bucket.fail_with = 0
    assert rows(remote) == 0
    assert remote.get(remote.put(JPEG)) == JPEG


def test_a_store_that_is_gone_is_told(remote: Shelf, tmp_path: Path) -> None:
    sha256 = remote.put(JPEG)
    with s3() as (url, _):
        pass
    remote.store._blobs = open_blobs(url, tmp_path)
    with refused("unreachable"):
        remote.get(sha256)
    with refused("unreachable"):
        remote.put(PNG)


def test_a_transfer_that_breaks_off_is_no_corruption(remote: Shelf) -> None:
    assert remote.bucket is not None
    sha256 = remote.put(JPEG)
    remote.bucket.cut_after = 100
    with refused("unreachable"):
        remote.get(sha256)
    remote.bucket.cut_after = -1
    assert remote.get(sha256) == JPEG
    assert remote.kept() == {place(sha256): JPEG}


def test_a_transfer_that_is_garbled_once_is_read_again(remote: Shelf) -> None:
    assert remote.bucket is not None
    sha256 = remote.put(JPEG)
    remote.bucket.garble_once = True
    assert remote.get(sha256) == JPEG
    assert remote.kept() == {place(sha256): JPEG}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (BUCKET, "another"),
        ("odd", "even"),
        (KEY.split("/", maxsplit=1)[0], "other"),
        ("cn-south-1", "us-east-1"),
    ],
)
def test_wrong_keys_region_or_bucket_are_told_apart_from_an_outage(
    remote: Shelf, tmp_path: Path, old: str, new: str
) -> None:
    with s3() as (url, bucket):
        remote.store._blobs = open_blobs(url.replace(old, new), tmp_path)
        with refused("store_refused") as caught:
            remote.put(JPEG)
        assert not caught.value.retryable
        assert bucket.objects == {}
    assert "YUANLIU_ATTACHMENTS_URL" in caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://a:b@host/bucket",
        "s3://host/bucket",
        "s3://a@host/bucket",
        "s3://a:b@/bucket",
        "s3://a:b@host",
        "s3://a:b@host/",
        "s3://a:b@host/bucket?regoin=x",
        "s3://a:b@ho st/bucket",
    ],
)
def test_an_address_that_is_none_is_refused_without_its_secret(tmp_path: Path, url: str) -> None:
    with refused("url_invalid") as caught:
        open_blobs(url, tmp_path)
    assert "a:b" not in str(caught.value)


# ---------------------------------------------------------------------- names and headers


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("报告 1.pdf", "报告 1.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\li\\a.pdf", "a.pdf"),
        ("a\0b\nc\u202egpj.exe", "abcgpj.exe"),
        ("...", "file"),
        ("", "file"),
        ('a"b<c>|?.txt', "a_b_c___.txt"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
        ("字" * 300, "字" * 120),
        ("a." + "b" * 300, "a." + "b" * 118),
    ],
    ids=range(10),
)
def test_names_are_cleaned(given: str, kept: str) -> None:
    assert clean_name(given) == kept
    assert clean_name(kept) == kept


def test_headers_let_nothing_run() -> None:
    headers = safe_headers(sha256="ab" * 32, size=5, media_type="text/csv", name='报"告\r\n.csv')
    assert headers == {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Length": "5",
        "Content-Disposition": "attachment; filename=\"_____.csv\"; filename*=UTF-8''%E6%8A%A5%22%E5%91%8A%0D%0A.csv",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "public, max-age=31536000, immutable",
        "ETag": f'"{"ab" * 32}"',
    }
    assert all(value.isascii() and value.isprintable() for value in headers.values())


def test_only_images_are_shown_in_place(shelf: Shelf) -> None:
    for data, word in [(JPEG, "inline"), (PNG, "inline"), (PDF, "attachment"), (CSV, "attachment")]:
        attachment = shelf.store.require(shelf.put(data))
        assert attachment.headers["Content-Disposition"].startswith(word)


def test_a_file_is_read_in_pieces(folder: Shelf, tmp_path: Path) -> None:
    source = tmp_path / "report"
    source.write_bytes(PDF * 20_000)
    with source.open("rb") as file:
        folder.store.put(pieces_of(file), declared="application/pdf", name="x", account=ALICE)
    assert folder.get(sha(PDF * 20_000)) == PDF * 20_000
