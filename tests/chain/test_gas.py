"""The committed gas figures are those of the committed contracts, and below what each scenario may cost."""

import pytest

from yuanliu.bench import gas
from yuanliu.settings import settings

pytestmark = [pytest.mark.node, pytest.mark.slow]

SNAPSHOT = settings().project_dir / "contracts" / "gas-snapshot.json"


@pytest.fixture(scope="module")
def measured() -> dict[str, int]:
    return gas.measure()


def test_the_snapshot_is_what_is_measured(measured: dict[str, int]) -> None:
    committed = gas.load(SNAPSHOT)
    changed = {
        name: (committed.get(name), measured.get(name))
        for name in sorted(committed | measured)
        if committed.get(name) != measured.get(name)
    }
    assert not changed, (
        f"gas changed (committed, measured): {changed}; if that is meant, run `yuanliu bench gas --write` "
        "and commit contracts/gas-snapshot.json"
    )


def test_no_scenario_costs_more_than_it_may(measured: dict[str, int]) -> None:
    assert not gas.LIMITS.keys() - measured.keys(), "a limit without a scenario"
    over = {
        name: (measured[name], limit)
        for name, limit in gas.LIMITS.items()
        if measured[name] > limit
    }
    assert not over, f"too much gas (measured, limit): {over}"


def test_a_payment_costs_the_same_for_any_number_of_farmers(measured: dict[str, int]) -> None:
    few, many = measured["pay.pool.3.warm"], measured["pay.pool.10000.warm"]
    assert abs(few - many) <= 200, (few, many)
