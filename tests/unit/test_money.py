"""The split arithmetic: the cases of the mission, every refusal, and yuan as text."""

import pytest

from yuanliu.money import (
    Explanation,
    MoneyError,
    Ratios,
    Shares,
    due,
    explain,
    format_yuan,
    parse_yuan,
    split,
)

THIRD = Ratios(farmer_bps=3_334, cooperative_bps=3_333, platform_bps=3_333)
PLAIN = Ratios(farmer_bps=5_000, cooperative_bps=3_000, platform_bps=2_000)


def refused(code: str) -> pytest.RaisesExc[MoneyError]:
    return pytest.RaisesExc(MoneyError, check=lambda error: error.code == code)


def test_an_egg_of_three_yuan_gives_the_farmer_one_yuan_eighty() -> None:
    ratios = Ratios(farmer_bps=3_333, cooperative_bps=5_000, platform_bps=1_667)
    assert split(300, 120, 1, ratios) == Shares(farmers=180, cooperative=90, platform=30)


def test_a_third_that_no_ratio_hits_is_rounded_to_the_farmers() -> None:
    assert split(300, 120, 1, THIRD) == Shares(farmers=182, cooperative=59, platform=59)


def test_the_margin_is_shared_above_the_floor_of_all_units() -> None:
    assert split(1_000, 60, 10, PLAIN) == Shares(farmers=800, cooperative=120, platform=80)


def test_a_payment_at_the_floor_is_the_farmers_alone() -> None:
    assert split(600, 60, 10, PLAIN) == Shares(farmers=600, cooperative=0, platform=0)


def test_a_gift_is_shared_to_nothing() -> None:
    assert split(0, 0, 1, PLAIN) == Shares(farmers=0, cooperative=0, platform=0)


def test_the_shares_sum_to_the_payment() -> None:
    assert all(split(amount, 7, 3, THIRD).total == amount for amount in range(21, 2_000))


def test_every_remainder_is_the_farmers() -> None:
    assert explain(19_999, 0, 1, THIRD) == Explanation(
        floor=0,
        margin=19_999,
        farmers_margin=6_667,
        remainder=2,
        shares=Shares(farmers=6_669, cooperative=6_665, platform=6_665),
    )


def test_an_explanation_adds_up() -> None:
    why = explain(12_345, 60, 100, PLAIN)
    assert why.floor == 6_000
    assert why.floor + why.margin == 12_345
    assert why.floor + why.farmers_margin + why.remainder == why.shares.farmers


def test_the_largest_amounts_of_the_contract_are_shared_exactly() -> None:
    top = 2**128 - 1
    assert split(top, 2**64 - 1, 2**64 - 1, PLAIN).total == top
    assert due(top, 2**64 - 1, 2**64 - 1) == top


def test_amount_below_floor_is_refused_with_both_figures() -> None:
    with refused("money.amount_below_floor") as caught:
        split(599, 60, 10, PLAIN)
    assert caught.value.fields == {"amount": 599, "floor": 600}


def test_no_units_are_refused() -> None:
    with refused("money.no_units"):
        split(100, 1, 0, PLAIN)


@pytest.mark.parametrize("ratios", [(5_000, 3_000, 1_999), (5_000, 3_000, 2_001), (0, 0, 0)])
def test_ratios_that_are_not_whole_are_refused(ratios: tuple[int, int, int]) -> None:
    with refused("money.ratios_not_whole") as caught:
        Ratios(*ratios)
    assert caught.value.fields == {"sum_bps": sum(ratios)}


def test_less_than_thirty_percent_for_the_farmers_is_refused() -> None:
    assert Ratios(3_000, 7_000, 0).farmer_bps == 3_000
    with refused("money.farmer_share_too_low"):
        Ratios(2_999, 7_001, 0)


@pytest.mark.parametrize("bad", [-1, 1.0, True, "1", None, 2**128])
def test_what_is_no_whole_amount_is_refused(bad: int) -> None:
    with refused("money.out_of_range"):
        split(bad, 0, 1, PLAIN)
    with refused("money.out_of_range"):
        split(100, bad, 1, PLAIN)
    with refused("money.out_of_range"):
        split(100, 0, bad, PLAIN)
    with refused("money.out_of_range"):
        Ratios(bad, 5_000, 5_000)
    with refused("money.out_of_range"):
        due(bad, 1, 1)


def test_dues_are_rounded_down() -> None:
    assert [due(100, weight, 3) for weight in (1, 2, 3)] == [33, 66, 100]


@pytest.mark.parametrize(("weight", "total"), [(0, 0), (2, 1)])
def test_impossible_weights_are_refused(weight: int, total: int) -> None:
    with refused("money.weight_invalid"):
        due(100, weight, total)


@pytest.mark.parametrize(
    ("fen", "text"), [(0, "0.00"), (5, "0.05"), (180, "1.80"), (-180, "-1.80"), (-5, "-0.05")]
)
def test_fen_are_written_as_yuan(fen: int, text: str) -> None:
    assert format_yuan(fen) == text


@pytest.mark.parametrize(
    "text", ["1.8", "1.80", "¥1.80", "￥1.80", "1.80元", " 1.80 ", "１．８０", "¥ 1.80 元"]
)
def test_yuan_are_read_as_a_person_types_them(text: str) -> None:
    assert parse_yuan(text) == 180


@pytest.mark.parametrize(
    "text", ["", "1.805", "-1", "+1", "1,000", "1.", ".5", "1e3", "一元", "1 2", "1.8.0", "٣"]
)
def test_what_is_no_amount_in_yuan_is_refused(text: str) -> None:
    with refused("money.yuan_invalid"):
        parse_yuan(text)


def test_more_yuan_than_the_contract_holds_are_refused() -> None:
    with refused("money.out_of_range"):
        parse_yuan("3402823669209384634633746074317682115.00")
