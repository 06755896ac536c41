"""Texts: numbers of phones, people and cards, addresses of mail, Chinese names."""

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Final
from urllib.parse import unquote

from yuanliu.epcis.canonical import names_thing


class Kind(StrEnum):
    """What a field or value looks like."""

    PHONE = "phone"
    ID_NUMBER = "id_number"
    BANK_CARD = "bank_card"
    EMAIL = "email"
    NAME = "name"
    ADDRESS = "address"
    MESSENGER = "messenger"
    BIRTHDAY = "birthday"


_SEPARATORS: Final = str.maketrans(
    {**dict.fromkeys("‐‑‒–—―−_", "-"), **dict.fromkeys("·•・。", ".")}
)
_SIGNS: Final = re.compile(
    r"\d|[@＠\u4e00-\u9fff]"
)  # without any of these there is nothing to find
_ASCII_SIGNS: Final = re.compile(r"(?:\d\D*){10}|[@%]")  # no number of a person or card is shorter
_MOMENT: Final = re.compile(
    r"(?:19|20)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII
)
_STANDARD_URN: Final = "urn:epcglobal:"
_MOBILE_START: Final = r"1(?:3\d|4[5-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])"
_EDGE: Final = r"(?<![0-9A-Za-z])(?<!\d\.)"
_END: Final = r"(?![0-9A-Za-z])(?!\.\d)"
_MOBILE: Final = re.compile(
    _EDGE
    + r"(?:\(?(?:\+|00)?86\)?[-. ]{0,2})?(?:"
    + _MOBILE_START
    + r"(?:\d{8}|[-. ]{1,3}\d{4}[-. ]{1,3}\d{4}|[- ]{1,3}\d{8}|[- ]{1,3}\d{3}[- ]{1,3}\d{5}|\d{4}[- ]{1,3}\d{4}"
    r"|\d[-. ]{1,3}\d{3}[-. ]{1,3}\d{4}))" + _END
)
_LANDLINE: Final = re.compile(
    _EDGE
    + r"(?:\((?:\+?86)?0(?:10|2\d|[3-9]\d\d)\) ?-?|(?:\+?86[- ]?)?0(?:10|2\d|[3-9]\d{2})[- ]{1,3}"
    r"|\+86[- ]?(?:10|2\d|[3-9]\d{2})[- ]{1,3})(?!20[0-4]\d[01]\d[0-3]\d)[2-9]\d{2,3}[- ]?\d{4}"
    + _END
)
_ID: Final = re.compile(_EDGE + r"\d{6}[- ]?\d{8}[- ]?\d{3}[\dXx]" + _END)
_CARD: Final = re.compile(
    _EDGE + r"(?:\d{16,19}|\d{4}(?:[- ]\d{4}){3}(?:[- ]\d{1,3})?|\d{6}[- ]\d{10,13})" + _END
)
_CARD_START: Final = re.compile(r"62|9558|4\d{15}$|5[1-5]\d{14}$|35\d{14}$")
_EMAIL: Final = re.compile(r"[\w.%+-] ?@ ?(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,}")
_PROVINCES: Final = frozenset(
    re.findall("..", "1112131415212223313233343536374142434445465051525354616263646571818283")
)
_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CREDIT_SIGNS: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_SSCC_LENGTH: Final = 18


def plain(text: str) -> str:
    """Give a text with plain digits, separators and letters, without invisible characters."""
    if text.isascii():
        return text.replace("_", "-")
    folded = unicodedata.normalize("NFKC", text)
    visible = (c for c in folded if unicodedata.category(c) != "Cf")
    return "".join(visible).translate(_SEPARATORS)


def contains(text: str) -> Kind | None:
    """Tell what a text contains, if anything personal."""
    if text.isascii() and (not _ASCII_SIGNS.search(text) or _MOMENT.fullmatch(text)):
        return None
    if not _SIGNS.search(text) or text.startswith(_STANDARD_URN) or names_thing(text) is not None:
        return None
    readable = plain(unquote(text) if "%" in text else text)
    return next((kind for kind, finds in _FINDERS if finds(readable)), None)


def _has_id(text: str) -> bool:
    return any(_is_id(_digits(found[0])) for found in _ID.finditer(text))


def _has_card(text: str) -> bool:
    return any(_is_card(_digits(found[0])) for found in _CARD.finditer(text))


def _has_phone(text: str) -> bool:
    return bool(_MOBILE.search(text) or _LANDLINE.search(text))


def _has_name(text: str) -> bool:
    return any(is_chinese_name(found[1]) for found in _LABELLED.finditer(text))


_FINDERS: Final[tuple[tuple[Kind, Callable[[str], bool]], ...]] = (
    (Kind.EMAIL, lambda text: bool(_EMAIL.search(text))),
    (Kind.ID_NUMBER, _has_id),
    (Kind.BANK_CARD, _has_card),
    (Kind.PHONE, _has_phone),
    (Kind.NAME, _has_name),
)


def _digits(text: str) -> str:
    return re.sub("[- ]", "", text)


def _is_id(number: str) -> bool:
    """Check province, date of birth and check character (GB 11643, ISO 7064 MOD 11-2)."""
    if number[:2] not in _PROVINCES or not _is_birthday(number[6:14]):
        return False
    total = sum(int(d) * w for d, w in zip(number[:17], _ID_WEIGHTS, strict=True))
    return "10X98765432"[total % 11] == number[17].upper() and not _is_credit_code(number)


def _is_birthday(digits: str) -> bool:
    try:
        born = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return date(1900, 1, 1) <= born <= date(2100, 1, 1)


def _is_credit_code(code: str) -> bool:
    """Check both characters of a unified social credit code: that of GB 32100 and, inside, of GB 11714."""
    if any(c not in _CREDIT_SIGNS for c in code):
        return False
    values = [_CREDIT_SIGNS.index(c) for c in code]
    whole = -sum(v * pow(3, i, 31) for i, v in enumerate(values[:17])) % 31
    inner = sum(int(c, 36) * w for c, w in zip(code[8:16], _ORGANISATION_WEIGHTS, strict=True))
    return values[17] == whole and "0123456789X0"[11 - inner % 11] == code[16]


def _is_card(number: str) -> bool:
    """Check the issuer's digits and the Luhn digit; a logistic unit's number (SSCC) is no card."""
    if not _CARD_START.match(number):
        return False
    doubled = [int(d) * (1 + i % 2) for i, d in enumerate(reversed(number))]
    is_sscc = (
        len(number) == _SSCC_LENGTH
        and sum(int(d) * (1 if i % 2 else 3) for i, d in enumerate(number[:-1])) % 10
        == -int(number[-1]) % 10
    )
    return sum(d // 10 + d % 10 for d in doubled) % 10 == 0 and not is_sscc


# ---------------------------------------------------------------------- names

_SURNAMES: Final = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖萧田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢"
    "姜崔钟谭陆汪范金石廖贾夏韦付傅方白邹孟熊秦邱江尹薛闫阎段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施"
    "文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛"
    "曲翁冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席"
    "卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝"
)
_COMPOUND: Final = frozenset(
    re.findall("..", "欧阳上官司马诸葛东方皇甫尉迟公孙慕容司徒令狐夏侯端木独孤南宫长孙")
)
_TITLES: Final = re.compile(
    "(?:先生|女士|小姐|师傅|同志|大爷|大妈|大叔|阿姨|老师|经理|主任|站长|老板)$"
)
_ORGANISATIONS: Final = re.compile(
    "(?:社|场|厂|园|站|所|院|局|队|组|店|部|室|镇|县|市|省|乡|公司|中心|基地|集团|协会)$"
)
_LABELLED: Final = re.compile(
    "(?:姓名|联系人|户主|农户|司机|负责人|经手人|签收人|采样人|检测员|种植户|养殖户)"
    "[:为是 ]{1,3}([\u4e00-\u9fff.]{2,12})"
)
_GIVEN: Final = (1, 2)  # characters of a given name
_HAN: Final = re.compile("[\u4e00-\u9fff]+")


def is_chinese_name(text: str) -> bool:
    """Tell whether a text is a surname with one or two more characters or a title, or a name with a middle dot."""
    if re.fullmatch("[\u4e00-\u9fff]{2,6}(?:\\.[\u4e00-\u9fff]{2,6}){1,2}", text):
        return True
    called = _TITLES.sub("", text)
    if not _HAN.fullmatch(called) or _ORGANISATIONS.search(text):
        return False
    if called != text and called in _SURNAMES | _COMPOUND:
        return True
    surname = 2 if called[:2] in _COMPOUND else 1
    known = called[:2] in _COMPOUND or called[0] in _SURNAMES
    return known and len(called) - surname in _GIVEN
