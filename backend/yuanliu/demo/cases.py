"""What the demo sells: eggs, navel oranges, tea, and a lot that is graded from two others.

The figures of the tea's inspection are made up; the limits stand for those of the standard named beside them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib.resources import files
from typing import Final

from yuanliu import epcis, money

_COOPERATIVE_ZH: Final = "云岭山农产品专业合作社"
_COOPERATIVE_EN: Final = "Yunling Hills Farm Cooperative"


@dataclass(frozen=True)
class Case:
    """One sale. Money in fen, weights in grams, `unit_grams` of one unit, `sold` of `units` units."""

    key: str
    name: str
    name_zh: str
    gtin: str
    unit: str
    unit_name: str
    farmer: str
    ratios: money.Ratios
    floor: int
    price: int
    units: int
    unit_grams: int
    sold: int
    place: str
    place_zh: str
    place_en: str
    step: str
    care: Mapping[str, object]
    measurements: tuple[epcis.Measurement, ...] = ()
    drawn: str = "oranges"
    """Which of the pictures shows the goods."""
    chilled: tuple[int, int] | None = None
    """Lowest and highest temperature allowed on the way, °C; then the carrier's sensor is read."""

    def picture(self) -> bytes:
        """Give the picture of the goods, WebP."""
        return files("yuanliu.demo").joinpath("pictures", f"{self.drawn}.webp").read_bytes()

    def description(self, picture: str) -> epcis.Description:
        """Give how the goods are called; `picture` is the SHA-256 of a stored one, or ""."""
        return epcis.Description(
            name_zh=self.name_zh,
            name_en=self.name,
            cooperative_zh=_COOPERATIVE_ZH,
            cooperative_en=_COOPERATIVE_EN,
            place_zh=self.place_zh,
            place_en=self.place_en,
            picture=picture,
            picture_type="image/webp",
        )


CASES: Final = (
    Case(
        key="eggs",
        name="Free-range eggs",
        name_zh="土鸡蛋",
        gtin="06901234567892",
        unit="H87",
        unit_name="egg",
        farmer="farmer-eggs",
        ratios=money.Ratios(farmer_bps=3_333, cooperative_bps=5_000, platform_bps=1_667),
        floor=120,
        price=300,
        units=1_200,
        unit_grams=50,
        sold=120,
        place="henhouse-07",
        place_zh="云南大理 · 云岭村",
        place_en="Yunling Village, Dali, Yunnan",
        step="feeding",
        care={"feed": "玉米、大豆，无添加 (maize and soya, no additives)", "hens": 240},
        drawn="eggs",
    ),
    Case(
        key="oranges",
        name="Navel oranges under order",
        name_zh="赣南脐橙（订单农业）",
        gtin="06901234567908",
        unit="XBX",
        unit_name="box of 5 kg",
        farmer="farmer-oranges",
        ratios=money.Ratios(farmer_bps=6_000, cooperative_bps=2_500, platform_bps=1_500),
        floor=1_500,
        price=3_990,
        units=200,
        unit_grams=5_000,
        sold=40,
        place="orchard-12",
        place_zh="江西赣州 · 云岭果园",
        place_en="Yunling Orchard, Ganzhou, Jiangxi",
        step="growing",
        care={"fertiliser": "农家堆肥 (compost)", "irrigation": "山泉水 (spring water)"},
        chilled=(2, 8),
    ),
    Case(
        key="tea",
        name="Fenghuang Dancong tea",
        name_zh="凤凰单丛茶",
        gtin="06901234567915",
        unit="XPK",
        unit_name="tin of 100 g",
        farmer="farmer-tea",
        ratios=money.Ratios(farmer_bps=5_000, cooperative_bps=3_500, platform_bps=1_500),
        floor=6_000,
        price=12_800,
        units=150,
        unit_grams=100,
        sold=25,
        place="terrace-03",
        place_zh="广东潮州 · 凤凰山",
        place_en="Fenghuang Mountain, Chaozhou, Guangdong",
        step="plucking",
        care={"cultivar": "蜜兰香 (Mi Lan Xiang)", "altitude": 980},
        drawn="tea",
        measurements=(
            epcis.Measurement(
                substance="https://id.yuanliu.example/substance/imidacloprid",
                value=Decimal("0.11"),
                limit=Decimal("0.5"),
                limit_source="GB 2763-2026",
                method="GB 23200.121",
            ),
            epcis.Measurement(
                substance="https://id.yuanliu.example/substance/bifenthrin",
                value=None,
                detection_limit=Decimal("0.01"),
                limit=Decimal(5),
                limit_source="GB 2763-2026",
                method="GB 23200.113",
            ),
        ),
    ),
)

EGGS, ORANGES, TEA = CASES

SLOPES: Final = tuple(
    replace(
        ORANGES,
        key=key,
        farmer=farmer,
        units=units,
        sold=0,
        place=f"orchard-{key}",
        place_zh=f"江西赣州 · 云岭果园{side_zh}",
        place_en=f"{side_en} slope, Yunling Orchard, Ganzhou, Jiangxi",
    )
    for key, farmer, units, side_zh, side_en in (
        ("east", "farmer-oranges", 60, "东坡", "East"),
        ("west", "farmer-eggs", 40, "西坡", "West"),
    )
)
"""Two harvests of two farmers, which are graded into one lot."""

GRADED: Final = replace(
    ORANGES,
    key="graded",
    name="Graded navel oranges, two slopes",
    name_zh="脐橙精选（两坡合装）",
    gtin="06901234567922",
    unit_name="box of 2.5 kg",
    floor=800,
    price=2_680,
    units=192,
    unit_grams=2_500,
    sold=24,
    place_zh="江西赣州 · 云岭果园",
)
"""What is made of them; what is missing to their mass is graded out."""
