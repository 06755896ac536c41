"""Names of fields: what they ask for, and whether they are about people."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from yuanliu.privacy.values import Kind, contains, plain


@dataclass(frozen=True, slots=True)
class Field:
    """What the name of a field tells: its `words`, what personal thing it asks for, what may stand in it."""

    words: tuple[str, ...] = ()
    asks_for: Kind | None = None
    of_people: bool = False
    """It, or the field above, is about a person."""
    is_figure: bool = False
    """It holds an amount, or the number of a thing."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _each(kind: Kind, text: str) -> dict[str, Kind]:
    return dict.fromkeys(text.split(), kind)


_NO_HOME: Final = re.compile("网|ip|公司|企业|单位|机构|合约|链|产地")
_NUMBERED: Final = frozenset({"number", "no", "num", "nr", "id", "value", "text"})
_HEADS: Final[Mapping[str, Kind]] = {
    **_each(
        Kind.PHONE,
        "phone telephone tel mobile cellphone handphone phonenumber fax dianhua shouji shoujihao",
    ),
    **_each(Kind.EMAIL, "email mail mailbox youxiang"),
    **_each(Kind.MESSENGER, "wechat weixin qq wxid whatsapp telegram alipay zhifubao"),
    **_each(Kind.BIRTHDAY, "birthday birthdate dob shengri"),
    **_each(
        Kind.NAME,
        "fullname realname firstname lastname surname familyname givenname nickname xingming",
    ),
    **_each(
        Kind.ID_NUMBER,
        "idcard identitycard idcardnumber citizenid nationalid shenfenzheng shenfenzhenghao sfz",
    ),
    **_each(Kind.BANK_CARD, "bankcard bankaccount iban yinhangka"),
    **_each(Kind.ADDRESS, "homeaddress zhuzhi"),
}
_WHOLE: Final[Mapping[str, Kind]] = {
    **_HEADS,
    **_each(Kind.ID_NUMBER, "idnumber idno identitynumber identityno"),
    **_each(Kind.BANK_CARD, "cardnumber cardno accountnumber"),
    **_each(Kind.BIRTHDAY, "dateofbirth birthdate born"),
    **_each(Kind.ID_NUMBER, "passportnumber passportno"),
}
_OPEN_HEADS: Final = {"name": Kind.NAME, "address": Kind.ADDRESS, "dizhi": Kind.ADDRESS}
"""Heads that may be of a thing or an organisation, too; the words before them decide."""
_CHINESE: Final[Mapping[str, Kind]] = {
    **_each(Kind.NAME, "姓名 名字 户主 联系人姓名"),
    **_each(Kind.PHONE, "电话 手机 联系方式 座机 传真"),
    **_each(Kind.ID_NUMBER, "身份证 证件号 护照号"),
    **_each(Kind.ADDRESS, "住址 家庭地址 收货地址 联系地址 门牌"),
    **_each(Kind.BANK_CARD, "银行卡 银行账 银行帐 卡号"),
    **_each(Kind.EMAIL, "邮箱 电子邮件"),
    **_each(Kind.MESSENGER, "微信 支付宝账号 qq号"),
    **_each(Kind.BIRTHDAY, "生日 出生日期 出生年月"),
}
_THINGS: Final = _words(
    "product variety cultivar species brand company organisation organization enterprise firm laboratory lab agency"
    " authority cooperative coop platform market shop store station factory plant warehouse substance pesticide"
    " fertiliser fertilizer feed medicine drug chemical pathogen method standard certificate certification report file"
    " document device sensor instrument equipment vehicle ship vessel place region origin county province country city"
    " field display common trade scientific latin generic technical local short category type unit parameter item step"
    " process programme program scheme label ip mac network web url chain contract wallet token payout bluetooth event"
    " batch lot test sample attribute column host domain food ingredient tree breed strain crop goods functional"
    " regulated dish recipe town village"
)
_PEOPLE: Final = _words(
    "farmer grower owner driver inspector sampler operator worker person people contact signer signatory signed by"
    " author clerk manager tester technician vet veterinarian buyer customer consumer picker keeper consignee recipient"
    " receiver sender holder handler staff member witness user approver auditor analyst reviewer responsible human"
    " householder household nongmin nonghu siji first last family given full"
)
_PEOPLE_ZH: Final = (
    "人",
    "员",
    "者",
    "户",
    "司机",
    "农民",
    "师傅",
    "签字",
    "签名",
    "签收",
    "老板",
    "经理",
    "主任",
)
_FIGURES: Final = _words(
    "quantity value amount units count weight mass volume price time duration grams milligrams kilograms tonnes litres"
    " millilitres fen seconds milliseconds timestamp gross net loss sum total area length height width lot batch serial"
    " gtin sscc epc device sensor receipt invoice order sample report certificate licence license"
    " block sequence min max mean 批次 批号 序列号 单号 数量 重量 净重 毛重"
)
_SPLIT: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")


@lru_cache(maxsize=1_024)
def read(name: str, around: tuple[str, ...] = ()) -> Field:
    """Read the name of a field; `around` are the words of the field above it.

    `yuanliu:farmerName` and `https://…/farmer_name` give farmer, name.
    """
    local = re.split(r"[/#:]", plain(name).replace("-", " "))[-1]
    words = tuple(word.lower() for word in _SPLIT.findall(local))
    said = frozenset(words + around)
    of_people = bool(said & _PEOPLE) or any(word.endswith(_PEOPLE_ZH) for word in said)
    return Field(
        words=words,
        asks_for=contains(name) or _asks_for(words, around),
        of_people=of_people,
        is_figure=bool(said & _FIGURES) and not of_people,
    )


def _asks_for(words: tuple[str, ...], around: tuple[str, ...]) -> Kind | None:
    joined = "".join(words)
    for part, kind in _CHINESE.items():
        if part in joined:
            return kind
    if "地址" in joined and not _NO_HOME.search(joined):
        return Kind.ADDRESS
    kept = list(words)
    while len(kept) > 1 and kept[-1] in _NUMBERED:
        kept.pop()
    if not kept:
        return None
    candidates = (_WHOLE.get(joined), _HEADS.get(kept[-1]), _HEADS.get("".join(kept[-2:])))
    return next(filter(None, candidates), None) or _of_person(kept[-1], kept[:-1], around)


def _of_person(head: str, before: list[str], around: tuple[str, ...]) -> Kind | None:
    """Decide on a name or address by what it is of."""
    kind = _OPEN_HEADS.get(head)
    if kind is None or not _PEOPLE.isdisjoint(before):
        return kind
    is_thing = not _THINGS.isdisjoint(before) or not _THINGS.isdisjoint(around)
    return None if is_thing or (kind is Kind.NAME and before) else kind
