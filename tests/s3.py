"""A small S3-compatible server of the tests' own, which checks every signature (AWS Signature Version 4)."""

import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

KEY: Final = "farm/key+1"
SECRET: Final = "s3cr3t/with:odd@signs"
BUCKET: Final = "reports"
REGION: Final = "cn-south-1"
_COPIED: Final = (
    b"<CopyObjectResult><ETag>x</ETag>"
    b"<LastModified>2026-01-01T00:00:00.000Z</LastModified></CopyObjectResult>"
)


@dataclass
class Bucket:
    """What the server holds, and how it should misbehave."""

    objects: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    fail_with: int = 0
    """Status of every answer, if not 0."""
    cut_after: int = -1
    """Bytes after which an object's transfer breaks off."""
    garble_once: bool = False
    """Whether the next object read is altered on its way."""


@contextmanager
def s3() -> Iterator[tuple[str, Bucket]]:
    """Start the server, give its address as the settings have it, and what it holds."""
    bucket = Bucket()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"bucket": bucket}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    port = server.server_address[1]
    access = f"{quote(KEY, safe='')}:{quote(SECRET, safe='')}"
    try:
        yield f"s3://{access}@127.0.0.1:{port}/{BUCKET}?region={REGION}&tls=off", bucket
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    bucket: Bucket
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- as the base class
        self.bucket.requests.append(f"{self.command} {args[1] if len(args) > 1 else format}")

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.bucket.fail_with:
            self._send(self.bucket.fail_with, _error("InternalError"), xml=True)
            return
        if reason := _refusal(self, body):
            self._send(403, _error(reason), xml=True)
            return
        held, _, name = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        if held != BUCKET:
            self._send(404, _error("NoSuchBucket"), xml=True)
        elif self.command == "PUT":
            self._put(name, body)
        elif self.command == "DELETE":
            self.bucket.objects.pop(name, None)
            self._send(204, b"")
        elif name not in self.bucket.objects:
            self._send(404, _error("NoSuchKey"), xml=True)
        else:
            self._send(200, self.bucket.objects[name])

    def _put(self, name: str, body: bytes) -> None:
        if source := self.headers.get("x-amz-copy-source"):
            self.bucket.objects[name] = self.bucket.objects[unquote(source).split("/", 2)[-1]]
            self._send(200, _COPIED, xml=True)
        else:
            self.bucket.objects[name] = body
            self._send(200, b"")

    def _send(self, status: int, body: bytes, *, xml: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/xml" if xml else "application/octet-stream")
        self.send_header("ETag", f'"{hashlib.md5(body).hexdigest()}"')
        self.send_header("Last-Modified", formatdate(usegmt=True))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.command == "GET" and status == 200:
            if self.bucket.garble_once:
                self.bucket.garble_once, body = False, bytes(len(body))
            if 0 <= self.bucket.cut_after < len(body):
                self.wfile.write(body[: self.bucket.cut_after])
                self.close_connection = True
                return
        self.wfile.write(body)


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()


def _refusal(request: BaseHTTPRequestHandler, body: bytes) -> str:
    """Check the signature, and that the body is the one that was signed; give the code of what is wrong."""
    headers = request.headers
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    given = dict(part.strip().split("=", 1) for part in rest.split(",")) if rest else {}
    if scheme != "AWS4-HMAC-SHA256" or set(given) != {"Credential", "SignedHeaders", "Signature"}:
        return "AccessDenied"
    access, day, region, service, end = given["Credential"].rsplit("/", 4)
    if access != KEY or region != REGION or (service, end) != ("s3", "aws4_request"):
        return "InvalidAccessKeyId"
    body_hash = headers.get("x-amz-content-sha256", "")
    if body_hash != hashlib.sha256(body).hexdigest():
        return "XAmzContentSHA256Mismatch"
    url = urlsplit(request.path)
    query = "&".join(
        f"{quote(k, safe='')}={quote(v, safe='')}"
        for k, v in sorted(parse_qsl(url.query, keep_blank_values=True))
    )
    names = given["SignedHeaders"].split(";")
    if "host" not in names or "x-amz-date" not in names:
        return "AccessDenied"
    signed = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in names)
    canonical = "\n".join(
        [request.command, url.path, query, signed, given["SignedHeaders"], body_hash]
    )
    scope = f"{day}/{region}/{service}/{end}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{headers.get('x-amz-date')}\n{scope}\n{digest}"
    key = f"AWS4{SECRET}".encode()
    for part in (day, region, service, end):
        key = hmac.digest(key, part.encode(), "sha256")
    right = hmac.new(key, text.encode(), "sha256").hexdigest()
    return "" if hmac.compare_digest(right, given["Signature"]) else "SignatureDoesNotMatch"
