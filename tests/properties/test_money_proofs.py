"""The arithmetic of shares and dues, proven by z3 for all inputs, not for examples.

What is proven is `yuanliu.money` itself: its functions run on symbols instead of numbers. A lemma holds if z3
finds no counter-example; "unknown" is a failure. `contracts/libraries/Split.sol` writes the same formulas, and
the widths at the end are its own.
"""

from dataclasses import dataclass
from typing import Any, Final, cast

import pytest
import z3

from yuanliu import money

AMOUNT = 2**128 - 1
FLOOR_PER_UNIT = 2**96 - 1
UNITS = 2**64 - 1
WEIGHT = 2**64 - 1


@dataclass(frozen=True)
class Symbol:
    """A whole number that stands for all; divides as Python and, for positive divisors, the EVM do."""

    term: Any

    def __add__(self, other: object) -> "Symbol":
        return Symbol(self.term + _term(other))

    def __sub__(self, other: object) -> "Symbol":
        return Symbol(self.term - _term(other))

    def __mul__(self, other: object) -> "Symbol":
        return Symbol(self.term * _term(other))

    def __floordiv__(self, other: object) -> "Symbol":
        return Symbol(self.term / _term(other))  # z3 divides Euclid's way

    def __bool__(self) -> bool:
        """Refuse to decide: a branch would escape the proof."""
        raise TypeError("the arithmetic that is proven has no branches")


def _term(value: object) -> Any:  # noqa: ANN401 -- z3 ships no types
    return value.term if isinstance(value, Symbol) else value


def whole(names: str) -> list[Any]:
    return list(z3.Ints(names))


EFFORT: Final = 20_000_000
"""How much the prover may try, in its own units; it needs up to 200,000."""


def counter_example(given: list[Any], claim: object) -> Any:  # noqa: ANN401
    """Give z3's counter-example, or None if the claim follows from what is given."""
    solver = z3.Solver()
    solver.set("rlimit", EFFORT)
    solver.add(*given, z3.Not(claim))
    answer = solver.check()
    if answer == z3.unknown:
        pytest.fail(f"the prover does not know: {solver.reason_unknown()}")
    return solver.model() if answer == z3.sat else None


def prove(given: list[Any], claim: object) -> None:
    example = counter_example(given, claim)
    assert example is None, f"counter-example: {example}"


@dataclass(frozen=True)
class Payment:
    """Any payment under any valid terms, shared by `yuanliu.money`."""

    amount: Any
    floor: Any
    farmer_bps: Any
    cooperative_bps: Any
    platform_bps: Any
    farmers: Any
    cooperative: Any
    platform: Any
    given: list[Any]

    @property
    def margin(self) -> Any:  # noqa: ANN401
        return self.amount - self.floor


def payment(tag: str = "", ratios: Any = None) -> Payment:  # noqa: ANN401
    amount, floor = whole(f"amount{tag} floor{tag}")
    cooperative_bps, platform_bps = ratios or whole("cooperative_bps platform_bps")
    farmer_bps = money.WHOLE_BPS - cooperative_bps - platform_bps
    shares = money._shares_down(
        *cast("list[int]", [Symbol(x) for x in (amount, floor, cooperative_bps, platform_bps)])
    )
    return Payment(
        amount=amount,
        floor=floor,
        farmer_bps=farmer_bps,
        cooperative_bps=cooperative_bps,
        platform_bps=platform_bps,
        farmers=_term(shares.farmers),
        cooperative=_term(shares.cooperative),
        platform=_term(shares.platform),
        given=[
            floor >= 0,
            floor <= amount,
            cooperative_bps >= 0,
            platform_bps >= 0,
            farmer_bps >= money.MIN_FARMER_BPS,
        ],
    )


def due(receipts: Any, weight: Any, total: Any) -> Any:  # noqa: ANN401
    """Give the due of a member, as `yuanliu.money` works it out."""
    symbols = [Symbol(x) for x in (receipts, weight, total)]
    return _term(money._due_down(*cast("list[int]", symbols)))


# ---------------------------------------------------------------------- the three-way split


def test_the_shares_sum_to_the_payment() -> None:
    p = payment()
    prove(p.given, p.farmers + p.cooperative + p.platform == p.amount)


def test_no_share_is_negative_or_above_the_payment() -> None:
    p = payment()
    for share in (p.farmers, p.cooperative, p.platform):
        prove(p.given, z3.And(share >= 0, share <= p.amount))


def test_the_farmers_get_at_least_floor_and_their_ratio_of_the_margin() -> None:
    p = payment()
    ratio = (p.margin * p.farmer_bps) / money.WHOLE_BPS
    prove(p.given, p.farmers >= p.floor + ratio)


def test_the_farmers_get_at_least_thirty_percent_of_the_margin() -> None:
    p = payment()
    prove(p.given, 10 * (p.farmers - p.floor) >= 3 * p.margin)


def test_the_remainder_is_at_most_two_units() -> None:
    p = payment()
    ratio = (p.margin * p.farmer_bps) / money.WHOLE_BPS
    prove(p.given, p.farmers - p.floor - ratio <= 2)


def test_cooperative_and_platform_lose_less_than_one_unit_to_rounding() -> None:
    p = payment()
    for share, bps in ((p.cooperative, p.cooperative_bps), (p.platform, p.platform_bps)):
        exact = p.margin * bps
        prove(p.given, money.WHOLE_BPS * share <= exact)
        prove(p.given, exact < money.WHOLE_BPS * (share + 1))


def test_cutting_a_payment_in_two_gains_the_farmers_nothing_to_two_units() -> None:
    """So k pieces, made by k − 1 cuts, gain them at most 2(k − 1): less than two units a piece, never a loss."""
    ratios = whole("cooperative_bps platform_bps")
    a, b, both = payment("_a", ratios), payment("_b", ratios), payment("_both", ratios)
    joined = [both.amount == a.amount + b.amount, both.floor == a.floor + b.floor]
    gain = a.farmers + b.farmers - both.farmers
    prove([*a.given, *b.given, *both.given, *joined], z3.And(gain >= 0, gain <= 2))


def test_no_product_of_the_split_overflows_256_bits_and_every_share_fits_128() -> None:
    p = payment()
    given = [*p.given, p.amount <= AMOUNT]
    prove(given, p.margin * p.cooperative_bps < 2**144)
    prove(given, p.margin * p.platform_bps < 2**144)
    for share in (p.farmers, p.cooperative, p.platform):
        prove(given, share < 2**128)


def test_the_floor_of_all_units_does_not_overflow_256_bits() -> None:
    floor_per_unit, units = whole("floor_per_unit units")
    given = [floor_per_unit >= 0, floor_per_unit <= FLOOR_PER_UNIT, units >= 0, units <= UNITS]
    prove(given, floor_per_unit * units < 2**160)


# ---------------------------------------------------------------------- pools


def pool(names: str = "receipts weight total") -> tuple[Any, Any, Any, list[Any]]:
    receipts, weight, total = whole(names)
    return receipts, weight, total, [receipts >= 0, weight >= 0, weight <= total, total >= 1]


def test_a_due_never_falls_when_receipts_grow() -> None:
    """In two steps: the product does not fall, and the floor of a quotient follows its dividend."""
    receipts, weight, total, given = pool()
    more = z3.Int("more")
    grown = [*given, more >= 0]
    prove(grown, (receipts + more) * weight >= receipts * weight)
    small, large = whole("small large")
    prove([total >= 1, small >= 0, small <= large], small / total <= large / total)


def test_a_due_is_within_one_unit_of_the_exact_one() -> None:
    receipts, weight, total, given = pool()
    rounded, exact = due(receipts, weight, total), receipts * weight
    prove(given, rounded * total <= exact)
    prove(given, exact < (rounded + 1) * total)


def test_a_due_is_no_more_than_the_receipts_and_a_single_member_gets_all() -> None:
    receipts, weight, total, given = pool()
    prove([receipts >= 0, total >= 1], due(receipts, total, total) == receipts)
    prove(given, receipts * weight <= receipts * total)
    dividend = z3.Int("dividend")
    bound = [receipts >= 0, total >= 1, dividend >= 0, dividend <= receipts * total]
    prove(bound, dividend / total <= receipts)


def test_dues_sum_to_the_receipts_but_for_members_minus_one_units() -> None:
    """For any number n of members, by induction.

    For k members of joint weight w let S be the sum of their dues. The claim is
    ⌊r·w / W⌋ − (k − 1) ≤ S ≤ ⌊r·w / W⌋. It holds for one member, as S is that floor. One more member of weight v
    adds ⌊r·v / W⌋, and the step below proves the claim for k + 1. For all n members w = W, the floor is r itself,
    and so r − (n − 1) ≤ S ≤ r: never more than was received, and at most n − 1 units undivided.
    """
    total, so_far, dividend, addend, k = whole("total so_far dividend addend k")
    given = [total >= 1, dividend >= 0, addend >= 0, k >= 1]
    below, above = dividend / total, (dividend + addend) / total
    prove(given, below + addend / total <= above)
    prove(given, below + addend / total >= above - 1)
    hypothesis = [so_far <= below, so_far >= below - (k - 1)]
    step = so_far + addend / total
    lemma = [below + addend / total <= above, below + addend / total >= above - 1]
    prove([*given, *hypothesis, *lemma], z3.And(step <= above, step >= above - k))


def test_what_a_member_gets_does_not_depend_on_when_he_claims() -> None:
    """By induction: if the claims so far paid the due at `before`, the next one brings them to the due at `now`.

    As dues never fall, no claim is negative. Whether a claim or a settlement came last makes no difference: both
    note the receipts up to which the member was paid, and the larger note is the later one.
    """
    before, weight, total, given = pool("before weight total")
    now, own, settled, paid = whole("now own settled paid")
    latest = z3.If(own > settled, own, settled)
    hypothesis = [before == latest, now >= before, paid == due(before, weight, total)]
    claim = due(now, weight, total) - due(latest, weight, total)
    prove([*given, *hypothesis], paid + claim == due(now, weight, total))


def test_no_product_of_a_due_overflows_256_bits() -> None:
    receipts, weight, total, given = pool()
    prove([*given, receipts <= AMOUNT, total <= WEIGHT], receipts * weight < 2**192)


# ---------------------------------------------------------------------- the prover is awake


def test_the_prover_refutes_a_remainder_that_goes_to_the_platform() -> None:
    """Were farmers and cooperative rounded down and the rest the platform's, the 30 % rule would break."""
    p = payment()
    farmers = p.floor + (p.margin * p.farmer_bps) / money.WHOLE_BPS
    assert counter_example(p.given, 10 * (farmers - p.floor) >= 3 * p.margin) is not None


def test_the_prover_refutes_that_cumulative_remainders_never_fall() -> None:
    """Splitting cumulative receipts with "the rest to the farmers" lets a later payment lower what they are due."""
    receipts = z3.Int("receipts")

    def rest(r: Any) -> Any:  # noqa: ANN401
        return r - (r * 3) / money.WHOLE_BPS - (r * 1) / money.WHOLE_BPS

    def farmers(r: Any) -> Any:  # noqa: ANN401
        return r - (r * 4_000) / money.WHOLE_BPS - (r * 3_000) / money.WHOLE_BPS

    for share in (rest, farmers):
        assert counter_example([receipts >= 0], share(receipts + 1) >= share(receipts)) is not None


def test_the_prover_refutes_that_dues_sum_to_the_receipts() -> None:
    receipts, weight, total, given = pool()
    both = due(receipts, weight, total) + due(receipts, total - weight, total)
    assert counter_example([*given, total <= 3, receipts <= 10], both == receipts) is not None
