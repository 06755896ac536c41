"""What a login and a password may be, and passwords for one use."""

import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from yuanliu.desk.vault import normalised
from yuanliu.errors import YuanliuError

LOGIN_LENGTH: Final = (3, 64)
"""Shortest and longest login, in characters."""

MIN_CHARACTERS: Final = 10
"""Shortest password."""

MAX_BYTES: Final = 256
"""Longest password, in bytes of UTF-8."""

DEMO: Final = "yuanliu-demo-"
"""What the passwords of the demo begin with; they are printed for everybody, and refused but on a devnet."""

_FEWEST_DIFFERENT: Final = 5
_LOGIN: Final = re.compile(r"[\w.@-]+")
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is taken for something else
_GROUPS, _GROUP = 4, 5
ONE_TIME: Final = rf"^[{_ALPHABET}]{{{_GROUP}}}(-[{_ALPHABET}]{{{_GROUP}}}){{{_GROUPS - 1}}}$"
"""What `one_time` makes, as a pattern."""

_COMMON: Final = frozenset(
    re.findall(
        r"\S+",
        "1234567890 0123456789 12345678910 0987654321 9876543210 1234512345 123456789a 123456789q a123456789"
        " aa123456789 abc123456789 abc1234567 abcd123456 abcd1234567 abcd12345678 abcdefg123 abcdefghij abcdefghijk"
        " 1qaz2wsx3edc 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc4rfv qwertyuiop qwerty12345 qwerty123456 qwertyuiop123"
        " asdfghjkl1 asdfghjkl123 asdfghjkl; zxcvbnm123 password12 password123 password1234 password12345 passw0rd123"
        " p@ssw0rd123 p@ssword123 admin12345 admin123456 admin888888 administrator root123456 test123456 testtest123"
        " welcome123 welcome1234 letmein123 iloveyou123 woaini1314 woaini520 woaini5201314 woaini1314520 5201314520"
        " 5201314woaini 1314520woaini woaizhongguo zhongguo123 nihao12345 nihao123456 wang123456 zhang123456"
        " li123456789 yuanliu123 yuanliu1234 yuanliu12345 yuanliu123456 yuanliu2026 源流yuanliu 1688888888 1234abcd5678"
        " q1w2e3r4t5 qq123456789 qq12345678 wx123456789 aini1314520 7758521521 1472583690 1478963250 147258369a"
        " 159357159357 112233445566 11223344556677 9988776655 superman123 changeme1234 secret1234"
        " testtesttest correcthorsebatterystaple",
    )
)


@dataclass(frozen=True, slots=True)
class OneTimePassword:
    """A password that must be changed at the first sign-in. It is shown once and stored nowhere."""

    login: str
    password: str = field(repr=False)


def one_time() -> str:
    """Make a random password of 99 bits that can be read aloud."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


def parse_login(text: str) -> str:
    """Give a login in its one form: normalised, letters folded. Raises `YuanliuError` (`accounts.login_invalid`)."""
    login = fold_login(text)
    shortest, longest = LOGIN_LENGTH
    fits = shortest <= len(login) and len(text.strip()) <= longest
    if not (fits and _LOGIN.fullmatch(login)):
        raise YuanliuError(
            "accounts.login_invalid",
            f"a login has {shortest} to {longest} letters, digits, or one of . _ @ -",
            hint="for example clerk-01 or 合作社一号 (登录名用 3 到 64 个汉字、字母、数字或 . _ @ -)",
            fields={"login": text[: 2 * longest]},
        )
    return login


def fold_login(text: str) -> str:
    """Write a login as it is compared, whatever it is: printable, and not longer than one can be."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()
    return "".join(c if c.isprintable() else "\ufffd" for c in folded[: LOGIN_LENGTH[1]])


def check_password(password: str, login: str, *, devnet: bool) -> None:
    """Refuse a password that would be guessed.

    Raises `YuanliuError` (`accounts.password_weak`); its field `reason` is `characters`, `short`, `long`, `login`,
    `common`, `plain` or `demo`.
    """
    plain = normalised(password)
    folded = plain.casefold()
    if not plain.isprintable() or "\ufffd" in plain:
        raise _weak("characters", "without control characters")
    if len(plain.encode()) > MAX_BYTES:
        raise _weak("long", f"at most {MAX_BYTES} bytes")
    if len(plain) < MIN_CHARACTERS:
        raise _weak("short", f"at least {MIN_CHARACTERS} characters")
    if folded == login or folded in (login + login[::-1], login * 2):
        raise _weak("login", "something else than the login")
    if folded in _COMMON:
        raise _weak("common", "nothing that stands in every list of common passwords")
    if len(set(folded)) < _FEWEST_DIFFERENT or _is_row(folded) or _is_date_or_phone(folded):
        raise _weak("plain", "no row, no repetition, no date and no phone number")
    if not devnet and folded.startswith(DEMO):
        raise _weak("demo", "none of the demo's passwords, which everybody knows")


def _is_row(text: str) -> bool:
    """Tell whether each character follows on the one before, up or down."""
    steps = {ord(b) - ord(a) for a, b in pairwise(text)}
    return len(steps) == 1


def _is_date_or_phone(text: str) -> bool:
    """Tell the habits: a phone number, or a date of birth with a few letters."""
    return bool(re.fullmatch(r"1[3-9]\d{9}|[a-z]{0,4}(?:19|20)\d{2}[01]\d[0-3]\d[a-z]{0,4}", text))


def _weak(reason: str, needed: str) -> YuanliuError:
    return YuanliuError(
        "accounts.password_weak",
        f"that password is too easy to guess: it needs to be {needed}",
        hint="take four words that do not belong together; length counts (建议用几个不相关的词连起来，至少 10 个字)",
        fields={"reason": reason, "minimum": MIN_CHARACTERS, "maximum_bytes": MAX_BYTES},
    )
