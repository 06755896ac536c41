"""No secret is in the tree or anywhere in its history, but the devnet's, which are public and labelled so."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from yuanliu.chain import keys
from yuanliu.settings import settings

ROOT: Final = settings().project_dir

PUBLIC: Final = frozenset(
    account.key.hex().removeprefix("0x")
    for account in keys.devnet_accounts(settings().devnet_dir).values()
)
"""The devnet's labelled keys: those of the mnemonic that every development node prints."""

RULES: Final[dict[str, re.Pattern[bytes]]] = {
    name: re.compile(pattern, re.IGNORECASE if name == "a private key in hex" else 0)
    for name, pattern in {
        "a private key in hex": (
            rb"(?:private[_ -]?key|secret[_ -]?key|mnemonic|_KEY)[\"']?\s*[:=]\s*[\"']?(?:0x)?([0-9a-f]{64})\b"
        ),
        "a key in PEM": rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}",
        "a cloud's key": rb"\b(?:AKIA|ASIA|LTAI)[A-Z0-9]{16}\b",
        "a token of a code host": rb"\b(?:gh[opsu]_[A-Za-z0-9]{36}|github_pat_\w{60,}|glpat-[\w-]{20})\b",
        "a token of a package registry": rb"\b(?:pypi-AgEI[\w-]{50,}|npm_[A-Za-z0-9]{36})\b",
        "a token of a chat": rb"\bxox[abpr]-[\w-]{20,}\b",
        "a login to a registry": rb"_authToken\s*=\s*\S{8}",
        "an address with a password": (
            rb"(?:postgres(?:ql)?|https?|s3|mysql|redis)://[\w.-]+:(?!password@|secret@|\$|\{)([^\s@/\"'<>{}]{6,})@(?![.\"])"
        ),
    }.items()
}

ALLOWED: Final = frozenset({b"geheim-1897"})
"""Words that tests use where a secret would stand, to see that it is not shown."""

LARGEST: Final = 2_000_000


def git(*arguments: str, feed: bytes | None = None) -> bytes:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, input=feed, capture_output=True, check=True
    ).stdout


def findings(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Give what looks like a secret: which rule, and its text."""
    for name, rule in RULES.items():
        for match in rule.finditer(data):
            text = match.group(match.lastindex or 0)
            if text.decode("latin-1").lower() not in PUBLIC and text not in ALLOWED:
                yield name, text


def blobs() -> Iterator[tuple[str, bytes]]:
    """Give the name and bytes of every file that was ever committed, each version once."""
    listed = git("rev-list", "--objects", "--all").decode().splitlines()
    named = dict(line.split(" ", 1) for line in listed if " " in line)
    kinds = git("cat-file", "--batch-check", feed="\n".join(named).encode()).decode().splitlines()
    wanted = [
        name
        for name, kind, size in (line.split() for line in kinds)
        if kind == "blob" and int(size) < LARGEST
    ]
    data, place = git("cat-file", "--batch", feed="\n".join(wanted).encode()), 0
    for name in wanted:
        end = data.index(b"\n", place)
        size = int(data[place:end].split()[2])
        yield named[name], data[end + 1 : end + 1 + size]
        place = end + 1 + size + 1


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (b'privateKey: "0x' + b"4f" * 32 + b'"', "a private key in hex"),
        (b"YUANLIU_RELAYER_KEY=" + b"9a" * 32, "a private key in hex"),
        (b"-----BEGIN EC PRIVATE " + b"KEY-----\n" + b"A" * 64, "a key in PEM"),
        (b"LTAI" + b"4FAKEFAKEFAKEFAK", "a cloud's key"),
        (b"ghp_" + b"a" * 36, "a token of a code host"),
        (b"pypi-AgEI" + b"b" * 60, "a token of a package registry"),
        (b"postgresql://yuanliu:" + b"hunter22@db:5432/x", "an address with a password"),
    ],
)
def test_what_looks_like_a_secret_is_found(text: bytes, rule: str) -> None:
    assert [name for name, _ in findings(text)] == [rule]


def test_no_secret_is_in_the_tree_or_its_history() -> None:
    if not (ROOT / ".git").exists():
        files = [path for path in ROOT.rglob("*") if path.is_file()]
        versions: Iterator[tuple[str, bytes]] = ((str(p), p.read_bytes()) for p in files)
    else:
        versions = blobs()
    seen, found = 0, set()
    for name, data in versions:
        seen += 1
        if "/locks/" not in name and not Path(name).name.endswith(".lock"):
            found |= {(name, rule, text[:12]) for rule, text in findings(data)}
    assert seen > 100
    assert found == set()


def test_every_dependency_is_pinned_with_its_hashes() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / lock).read_text(encoding="utf-8")
        for entry in re.split(r"\n(?=\S)", text.strip()):
            assert re.match(r"[A-Za-z0-9._-]+==\S+", entry), entry[:80]
            assert "--hash=sha256:" in entry, entry[:80]
