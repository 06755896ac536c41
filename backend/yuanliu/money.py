"""How money is shared: the twin of `contracts/libraries/Split.sol`.

Amounts are integers in the payment token's smallest unit (fen for yuan), ratios are basis points (1/10,000).
This arithmetic stands once in Solidity and once here; `tests/properties/test_money_proofs.py` proves it for all
inputs.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from yuanliu.errors import YuanliuError

WHOLE_BPS: Final = 10_000
"""Basis points in a whole."""

MIN_FARMER_BPS: Final = 3_000
"""The farmers' part of the margin is never below 30 %."""

_AMOUNT_BITS: Final = 128
_PRICE_BITS: Final = 96
_COUNT_BITS: Final = 64
_BPS_BITS: Final = 16
_YUAN: Final = re.compile(r"([0-9]{1,37})(?:\.([0-9]{1,2}))?")


class MoneyError(YuanliuError):
    """Thrown when amounts or terms are refused.

    Codes: `money.out_of_range`, `money.no_units`, `money.amount_below_floor`, `money.ratios_not_whole`,
    `money.farmer_share_too_low`, `money.weight_invalid`, `money.yuan_invalid`.
    """


@dataclass(frozen=True, slots=True)
class Ratios:
    """The parts of the margin, in basis points; a set that exists is valid.

    Raises `MoneyError` as the contract does: `money.ratios_not_whole` (`Catalogue_RatiosNotWhole`),
    `money.farmer_share_too_low` (`Catalogue_FarmerShareTooLow`), and `money.out_of_range` outside `uint16`.
    """

    farmer_bps: int
    cooperative_bps: int
    platform_bps: int

    def __post_init__(self) -> None:
        """Refuse what the contract refuses, in its order."""
        for name in ("farmer_bps", "cooperative_bps", "platform_bps"):
            _check_unsigned(name, getattr(self, name), _BPS_BITS)
        total = self.farmer_bps + self.cooperative_bps + self.platform_bps
        if total != WHOLE_BPS:
            raise MoneyError(
                "money.ratios_not_whole",
                f"the ratios sum to {total} basis points",
                hint=f"farmer, cooperative and platform must sum to {WHOLE_BPS}",
                fields={"sum_bps": total},
            )
        if self.farmer_bps < MIN_FARMER_BPS:
            raise MoneyError(
                "money.farmer_share_too_low",
                f"the farmers would get {self.farmer_bps} basis points of the margin",
                hint=f"give them at least {MIN_FARMER_BPS} (30 %)",
                fields={"farmer_bps": self.farmer_bps, "minimum_bps": MIN_FARMER_BPS},
            )


@dataclass(frozen=True, slots=True)
class Shares:
    """The three shares of one payment, in the token's smallest unit. Their sum is the payment."""

    farmers: int
    cooperative: int
    platform: int

    @property
    def total(self) -> int:
        """The payment."""
        return self.farmers + self.cooperative + self.platform


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why each got what it got, in the token's smallest unit.

    `farmers` is `floor + farmers_margin + remainder`, and the payment is `floor + margin`. `farmers_margin` is
    the farmers' ratio of the margin rounded down; `remainder` is what rounding left over, 0 to 2 units.
    """

    floor: int
    margin: int
    farmers_margin: int
    remainder: int
    shares: Shares


def split(amount: int, floor_per_unit: int, units: int, ratios: Ratios) -> Shares:
    """Share a payment of `amount` for `units` at a floor price of `floor_per_unit`.

    Cooperative and platform get their part of the margin rounded down; the farmers get the floor, their part of
    the margin and every remainder. Raises `MoneyError`: `money.no_units`, `money.amount_below_floor`
    (`Batches_AmountBelowFloor`), `money.out_of_range` outside `uint128`, `uint96`, `uint64`.
    """
    floor = _floor_of(amount, floor_per_unit, units)
    return _shares_down(amount, floor, ratios.cooperative_bps, ratios.platform_bps)


def explain(amount: int, floor_per_unit: int, units: int, ratios: Ratios) -> Explanation:
    """Take a payment apart, for tables and pages. Arguments and errors are those of `split`."""
    shares = split(amount, floor_per_unit, units, ratios)
    floor = floor_per_unit * units
    farmers_margin = _part_down(amount - floor, ratios.farmer_bps)
    return Explanation(
        floor=floor,
        margin=amount - floor,
        farmers_margin=farmers_margin,
        remainder=shares.farmers - floor - farmers_margin,
        shares=shares,
    )


def due(receipts: int, weight: int, total_weight: int) -> int:
    """Give all that a pool member is due of cumulative `receipts`, claimed or not, rounded down.

    `receipts` is in the token's smallest unit. Raises `MoneyError`: `money.weight_invalid` if `total_weight` is
    0 or below `weight`, `money.out_of_range` outside `uint128` and `uint64`.
    """
    _check_unsigned("receipts", receipts, _AMOUNT_BITS)
    _check_unsigned("weight", weight, _COUNT_BITS)
    _check_unsigned("total_weight", total_weight, _COUNT_BITS)
    if total_weight == 0 or weight > total_weight:
        raise MoneyError(
            "money.weight_invalid",
            f"a member of weight {weight} in a pool of weight {total_weight}",
            hint="the total is the sum of all members' weights",
            fields={"weight": weight, "total_weight": total_weight},
        )
    return _due_down(receipts, weight, total_weight)


def format_yuan(fen: int) -> str:
    """Write fen as yuan with two decimals: 180 → `1.80`. Differences may be negative."""
    yuan, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{yuan}.{rest:02d}"


def parse_yuan(text: str) -> int:
    """Read yuan as fen: `1.8`, `¥1.80`, `1.80元` and full-width `１．８０` → 180.

    Raises `MoneyError`: `money.yuan_invalid` for a sign, thousands separators, more than two decimals or
    anything else, `money.out_of_range` above `uint128`.
    """
    plain = unicodedata.normalize("NFKC", text).strip().removeprefix("¥").removesuffix("元").strip()
    found = _YUAN.fullmatch(plain)
    if not found:
        raise MoneyError(
            "money.yuan_invalid",
            f"not an amount in yuan: {text[:80]!r}",
            hint="write digits and at most two decimals, for example 1.80",
            fields={"text": text},
        )
    fen = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    _check_unsigned("amount", fen, _AMOUNT_BITS)
    return fen


def _shares_down(amount: int, floor: int, cooperative_bps: int, platform_bps: int) -> Shares:
    """Do `Split.sharesDown`: nothing but the arithmetic, so that the prover can run it on symbols."""
    margin = amount - floor
    cooperative = _part_down(margin, cooperative_bps)
    platform = _part_down(margin, platform_bps)
    return Shares(
        farmers=amount - cooperative - platform, cooperative=cooperative, platform=platform
    )


def _part_down(margin: int, bps: int) -> int:
    return (margin * bps) // WHOLE_BPS


def _due_down(receipts: int, weight: int, total_weight: int) -> int:
    """Do `Split.dueDown`."""
    return (receipts * weight) // total_weight


def _floor_of(amount: int, floor_per_unit: int, units: int) -> int:
    _check_unsigned("amount", amount, _AMOUNT_BITS)
    _check_unsigned("floor_per_unit", floor_per_unit, _PRICE_BITS)
    _check_unsigned("units", units, _COUNT_BITS)
    if units == 0:
        raise MoneyError("money.no_units", "0 units are sold", hint="sell at least one unit")
    floor = floor_per_unit * units
    if amount < floor:
        raise MoneyError(
            "money.amount_below_floor",
            f"{amount} is paid where the floor price is {floor}",
            hint=f"pay at least {floor_per_unit} for each of {units} units",
            fields={"amount": amount, "floor": floor},
        )
    return floor


def _check_unsigned(name: str, value: object, bits: int) -> None:
    """Refuse what the contract's `uint` of that width cannot hold; `True` and `1.0` are no amounts."""
    if type(value) is int and 0 <= value < 1 << bits:
        return
    raise MoneyError(
        "money.out_of_range",
        f"{name} is {value!r}",
        hint=f"{name} is a whole number from 0 to 2^{bits} - 1",
        fields={"name": name, "value": value, "bits": bits},
    )
