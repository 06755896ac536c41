"""What a lot's link leads to: RFC 9264 link sets with the link types of GS1.

Sources: GS1-Conformant resolver standard 1.1; link types of the GS1 web vocabulary.
"""

from dataclasses import dataclass
from typing import Any, Final

from yuanliu import identifiers
from yuanliu.epcis.vocabulary import GS1_VOC

MEDIA_TYPE: Final = "application/linkset+json"

CONTEXT: Final = "https://ref.gs1.org/standards/resolver/linkset-context.jsonld"
"""Named in a Link header, never fetched."""

DEFAULT: Final = "pip"


@dataclass(frozen=True, slots=True)
class Link:
    """One link. `kind` is a GS1 link type without its namespace, `title` by language."""

    kind: str
    href: str
    media_type: str
    title_zh: str
    title_en: str

    def target(self) -> dict[str, Any]:
        """Give the target object of RFC 9264, section 4.2.3."""
        return {
            "href": self.href,
            "type": self.media_type,
            "title*": [
                {"value": self.title_zh, "language": "zh-Hans"},
                {"value": self.title_en, "language": "en"},
            ],
            "hreflang": ["zh-Hans", "en"] if self.media_type == "text/html" else [],
        }


def links(host: str, gtin: str, lot: str, batch: str, *, serial: str | None = None) -> list[Link]:
    """Give the links of a lot, the default first. `host` is the public address, `batch` the id in hex."""
    page = host + identifiers.digital_link_path(gtin, lot) + (f"/21/{serial}" if serial else "")
    api = f"{host}/api/v1/batches/{batch}"
    lot_class = identifiers.lot_class(gtin, lot)
    return [
        Link("pip", page, "text/html", "产品与溯源页", "product and origin"),
        Link("traceability", f"{api}/journal", "application/json", "全部记录", "all records"),
        Link(
            "epcis",
            f"{host}/epcis/events?MATCH_anyEPCClass={lot_class}",
            "application/ld+json",
            "EPCIS 事件",
            "EPCIS events",
        ),
        Link("masterData", api, "application/json", "批次数据", "batch data"),
        Link(
            "certificationInfo",
            f"{api}/inspections",
            "application/json",
            "检测结果",
            "inspections",
        ),
        Link("recallStatus", f"{api}/status", "application/json", "召回状态", "recall status"),
    ]


def document(host: str, anchor_path: str, found: list[Link]) -> dict[str, Any]:
    """Give the link set of what stands at `anchor_path`."""
    entry: dict[str, Any] = {
        "anchor": host + anchor_path,
        GS1_VOC + "defaultLink": [found[0].target()],
    }
    for link in found:
        entry.setdefault(GS1_VOC + link.kind, []).append(link.target())
    return {"linkset": [entry]}


def header(found: list[Link]) -> str:
    """Give the `Link` header of RFC 8288."""
    parts = [
        f'<{link.href}>; rel="{GS1_VOC}{link.kind}"; type="{link.media_type}"' for link in found
    ]
    context = f'<{CONTEXT}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
    return ", ".join([*parts, context])


def kind_of(asked: str) -> str:
    """Give a link type as `Link.kind`: `gs1:pip`, `pip` and the whole URI are the same."""
    for before in ("gs1:", GS1_VOC, "https://gs1.org/voc/"):
        asked = asked.removeprefix(before)
    return asked
