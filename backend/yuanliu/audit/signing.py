"""The auditor's signature on a report, and whether one is genuine.

Signed (EIP-191, `personal_sign`) is one sentence with the SHA-256 of the report's JSON, so that any wallet can make and
check it. The HTML and the PDF carry the same SHA-256.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from yuanliu.audit.report import Report
from yuanliu.chain import keys
from yuanliu.chain.signed import recover_bytes, text_digest
from yuanliu.errors import YuanliuError

SCHEME: Final = "EIP-191"
_LARGEST: Final = 1 << 28


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed a report's SHA-256, and the signature in hex."""

    signer: str
    signature: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A report that was read back: its verdict, its SHA-256, and who signed it; nobody if the signature is not his."""

    verdict: str
    sha256: str
    signer: str | None
    is_signed: bool


def sentence(sha256: str) -> str:
    """Give the text that is signed."""
    return f"Yuanliu audit report, SHA-256 {sha256}"


def sign(report: Report, key: keys.Key) -> Signature:
    """Sign a report."""
    digest = text_digest(sentence(report.sha256()))
    return Signature(str(key.address).lower(), "0x" + keys.sign_digest(key, digest).hex())


def written(report: Report, signature: Signature | None) -> str:
    """Write the JSON file: the report, its SHA-256, and the signature if there is one."""
    document: dict[str, Any] = {"report": report.as_json(), "sha256": report.sha256()}
    if signature is not None:
        document["signature"] = {
            "scheme": SCHEME,
            "text": sentence(report.sha256()),
            "signer": signature.signer,
            "signature": signature.signature,
        }
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def check(path: Path) -> Checked:
    """Read a report's JSON file back and check its signature.

    Raises `YuanliuError` (`audit.report_unreadable`) for what is no such file, with exit code 2.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("it is too large")  # noqa: TRY301 -- as those below
        document = json.loads(path.read_text(encoding="utf-8"))
        report, stated = document["report"], document["sha256"]
        verdict = str(report["verdict"])
        text = json.dumps(report, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        signed = document.get("signature")
        signer = None
        if signed is not None:
            raw = bytes.fromhex(str(signed["signature"]).removeprefix("0x"))
            recovered = recover_bytes(text_digest(sentence(sha256)), raw)
            if recovered is not None and "0x" + recovered.hex() == str(signed["signer"]).lower():
                signer = str(signed["signer"]).lower()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise YuanliuError(
            "audit.report_unreadable",
            f"{path} is no audit report: {error}",
            hint="name the JSON file that `yuanliu audit --output report.json` wrote",
            fields={"path": str(path)},
            exit_code=2,
        ) from error
    return Checked(verdict, sha256, signer if stated == sha256 else None, signed is not None)


def load_key(path: Path, password: str | None) -> keys.Key:
    """Read the auditor's key: a file with the key in hex, or a keystore that `password` opens.

    Raises `YuanliuError` (`audit.key_unreadable`, `keys.private_key_invalid`, `keys.password_wrong`,
    `keys.keystore_invalid`), with exit code 2.
    """
    try:
        text = path.read_text(encoding="utf-8").strip()
        if text.startswith("{"):
            return keys.decrypt(text, password or "")
        return keys.from_private_key(text)
    except (OSError, UnicodeDecodeError) as error:
        raise YuanliuError(
            "audit.key_unreadable",
            f"the auditor's key cannot be read from {path}",
            hint="name a file with the private key in hex, or a keystore",
            fields={"path": str(path)},
            exit_code=2,
        ) from error
    except YuanliuError as error:
        error.exit_code = 2
        raise


def is_keystore(path: Path) -> bool:
    """Tell whether a key's file needs a password."""
    try:
        with path.open("rb") as file:
            return file.read(64).lstrip().startswith(b"{")
    except OSError:
        return False
