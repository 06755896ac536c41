"""Keeps personal data off the chain: refuses fields and values of an event that look like it.

What is looked for: mobile and landline numbers, citizen ID numbers (GB 11643), bank cards, e-mail addresses; names of
fields that ask for such things, for names, addresses, messengers or birthdays; Chinese names in fields about people.
Full-width digits, the usual separators, invisible characters and percent-encoding do not hide a number.

What looks alike but is none passes: GS1 identifiers, credit codes of organisations (GB 32100), amounts, dates, hashes,
addresses of the chain. A name in the middle of a sentence, or one written in Latin letters, is not recognised: this
keeps people from mistakes, it does not stop whoever is bent on it. A refusal never repeats the value that it refuses.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from yuanliu.errors import YuanliuError
from yuanliu.privacy.fields import Field, read
from yuanliu.privacy.values import Kind, contains, is_chinese_name, plain

__all__ = ["MAX_FOUND", "Kind", "check", "check_text"]

MAX_FOUND: Final = 20
"""Most places that one refusal lists."""

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_INSTEAD: Final[Mapping[Kind, str]] = {
    Kind.PHONE: "leave it out, and write the party's code, for a farmer such as H-0001 (请删去电话，改填农户编号)",
    Kind.ID_NUMBER: "leave it out, and write the farmer's code, such as H-0001 (请删去身份证号，改填农户编号)",
    Kind.BANK_CARD: "leave it out: payouts go to the address that the chain knows (请删去银行卡号)",
    Kind.EMAIL: "leave it out, and write the party's code, such as COOP-0001 (请删去邮箱，改填编号)",
    Kind.NAME: "write the person's code instead of the name, for a farmer such as H-0001 (请用编号代替姓名)",
    Kind.ADDRESS: "name the place by its code, such as orchard-12 (请用地块或场所编号代替住址)",
    Kind.MESSENGER: "leave it out, and write the party's code, such as H-0001 (请删去微信等账号，改填编号)",
    Kind.BIRTHDAY: "leave it out, and write the person's code, such as H-0001 (请删去出生日期，改填编号)",
}


def check(event: Mapping[str, Any]) -> None:
    """Refuse an event that seems to contain personal data.

    Raises `YuanliuError` (`privacy.personal_data`); its fields have `pointer` (JSON pointer), `kind`, and `found`, up
    to 20 such pairs.
    """
    _refuse(_found(event))


def check_text(text: str, what: str) -> None:
    """Refuse a reason, a code or another text that goes on the chain by itself; `what` names it.

    Raises `YuanliuError` (`privacy.personal_data`) as `check` does.
    """
    kind = contains(text)
    _refuse(iter([(what, kind)] if kind else []))


def _refuse(found: Iterator[tuple[str, Kind]]) -> None:
    places = [place for place, _ in zip(found, range(MAX_FOUND), strict=False)]
    if not places:
        return
    pointer, kind = places[0]
    raise YuanliuError(
        "privacy.personal_data",
        f"{pointer}: this looks like personal data ({kind}), which must not go on the chain",
        hint=_INSTEAD[kind],
        fields={
            "pointer": pointer,
            "kind": str(kind),
            "found": [{"pointer": at, "kind": str(what)} for at, what in places],
        },
    )


def _found(event: Mapping[str, Any]) -> Iterator[tuple[str, Kind]]:
    """Go through the event in its order; without recursion, so that nesting of any depth is read."""
    todo: list[tuple[str, Field, object]] = [("", Field(), event)]
    while todo:
        at, field, value = todo.pop()
        if isinstance(value, Mapping):
            below = []
            for name, item in value.items():
                inner = read(name, field.words)
                if inner.asks_for and not _is_chain_address(inner.asks_for, item):
                    yield f"{at}/{'…' if contains(name) else _escape(name)}", inner.asks_for
                else:
                    below.append((f"{at}/{_escape(name)}", inner, item))
            todo.extend(reversed(below))
        elif isinstance(value, list):
            todo.extend((f"{at}/{i}", field, value[i]) for i in reversed(range(len(value))))
        elif kind := _in_value(field, value):
            yield at, kind


def _is_chain_address(asked: Kind, value: object) -> bool:
    return asked is Kind.ADDRESS and isinstance(value, str) and bool(_ADDRESS.fullmatch(value))


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _in_value(field: Field, value: object) -> Kind | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    if field.of_people and is_chinese_name(plain(value).strip()):
        return Kind.NAME
    kind = contains(value)
    is_number = value.isascii() and value.isdigit()
    return None if kind is Kind.PHONE and is_number and field.is_figure else kind
