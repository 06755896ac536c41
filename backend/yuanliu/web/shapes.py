"""Shapes that several routes share: money, ids, times, pages, intentions.

Amounts stand twice, as text in yuan with two decimals and as a whole number of fen; never as a float. Ids and hashes
are hex after `0x`. Times are RFC 3339 in UTC.
"""

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from yuanliu import hexes, identifiers, money
from yuanliu.errors import YuanliuError

T = TypeVar("T")

_NUMBER: Final = re.compile(r"[0-9]{1,18}")


class Input(BaseModel):
    """What is handed in: nothing unknown, no silent conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, str_max_length=20_000)


class Output(BaseModel):
    """What is answered."""

    model_config = ConfigDict(frozen=True)


# ---------------------------------------------------------------------- values


class Money(Output):
    """An amount of money."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"yuan": "3.00", "fen": 300}]})

    yuan: str = Field(description="In yuan, with two decimals.")
    fen: int = Field(description="In fen, the token's smallest unit.")

    @classmethod
    def of(cls, fen: int) -> "Money":
        """Write an amount."""
        return cls(yuan=money.format_yuan(fen), fen=fen)


class MoneyIn(Input):
    """An amount of money: in yuan as text, or in fen; if both, then the same."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"yuan": "3.00"}, {"fen": 300}]})

    yuan: str | None = Field(None, max_length=30)
    fen: int | None = Field(None, ge=0, lt=1 << 96)

    @model_validator(mode="after")
    def _agree(self) -> "MoneyIn":
        if self.yuan is None and self.fen is None:
            raise ValueError("give yuan (text) or fen (whole number)")
        try:
            said = self.fen if self.yuan is None else money.parse_yuan(self.yuan)
        except YuanliuError as error:
            raise ValueError(f"{error.message}; {error.hint}") from error
        if self.fen not in {None, said}:
            raise ValueError(f"{self.yuan} yuan is not {self.fen} fen")
        return self

    @property
    def amount(self) -> int:
        """The amount in fen."""
        if self.yuan is not None:
            return money.parse_yuan(self.yuan)
        return self.fen or 0


def _checked_address(text: str) -> str:
    try:
        hexes.address_bytes(text)
    except YuanliuError as error:
        raise ValueError(error.message) from error
    return text


def _checked_gtin(text: str) -> str:
    try:
        return identifiers.parse_gtin(text)
    except YuanliuError as error:
        raise ValueError(f"{error.message}; {error.hint}") from error


def _checked_lot(text: str) -> str:
    try:
        return identifiers.parse_lot(text)
    except YuanliuError as error:
        raise ValueError(f"{error.message}; {error.hint}") from error


Address = Annotated[
    str,
    Field(pattern=r"^0x[0-9a-f]{40}$", examples=["0x90f79bf6eb2c4f870365e785982e1f101e93b906"]),
    AfterValidator(_checked_address),
]
"""An actor's address, in lower case."""

Hash = Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$", examples=["0x" + "ab" * 32])]
"""A batch's id, a journal head, a transaction."""

Gtin = Annotated[
    str,
    Field(pattern=r"^[0-9]{8,14}$", examples=["06901234567892"]),
    AfterValidator(_checked_gtin),
]
"""A GTIN of 8 to 14 digits; answered with 14."""

LotCode = Annotated[
    str,
    Field(min_length=1, max_length=60, examples=["EGG20260412-001"]),
    AfterValidator(_checked_lot),
]
"""A lot number: ASCII. One in Chinese is refused with a proposal of what it could be."""

Reason = Annotated[str, Field(min_length=1, max_length=512, examples=["residue above the limit"])]


def moment(seconds: int) -> str:
    """Write a Unix time as RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def hexed(data: bytes) -> str:
    """Write bytes as hex after `0x`."""
    return "0x" + data.hex()


def unhexed(text: str) -> bytes:
    """Read what `hexed` wrote; the shape was checked."""
    return bytes.fromhex(text.removeprefix("0x"))


# ---------------------------------------------------------------------- pages


class Page(Output, Generic[T]):
    """One page of a list. `next` is the cursor of the page after it; none: this is the last."""

    items: list[T]
    next: str | None = Field(None, description="Hand it in as `after`.")


def write_cursor(*parts: int | str) -> str:
    """Write a cursor; to clients it means nothing."""
    return base64.urlsafe_b64encode("|".join(map(str, parts)).encode()).decode().rstrip("=")


def read_numbers(text: str, count: int) -> tuple[int, ...]:
    """Read a cursor of `count` numbers below 2^63. Raises `YuanliuError` (`request.cursor_invalid`)."""
    try:
        parts = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().split("|")
    except (binascii.Error, ValueError):
        parts = []
    if len(parts) != count or not all(_NUMBER.fullmatch(part) for part in parts):
        raise YuanliuError(
            "request.cursor_invalid",
            f"not a cursor of this list: {text[:80]!r}",
            hint="hand in `next` of the page before, or leave `after` out",
            fields={"after": text[:200]},
        )
    return tuple(map(int, parts))


# ---------------------------------------------------------------------- intentions


class IntentionError(Output):
    """Why an intention failed for good."""

    code: str
    message: str
    fields: dict[str, Any]


class IntentionView(Output):
    """Something that somebody asked for, on its way to the chain."""

    id: str
    state: str = Field(
        description="`waiting`, `sent`, `done`, `failed` (for good) or `lapsed` (has to be signed anew)."
    )
    act: str = Field(examples=["register"])
    created: str
    result: dict[str, Any] = Field(description="What it makes, such as the id of a batch.")
    transaction: str | None = None
    block: int | None = None
    error: IntentionError | None = None
