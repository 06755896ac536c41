"""The public accounts on random histories: sums, filters, findings, and what was changed behind the service's back."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from sqlalchemy import Connection, Engine, text
from tests.index.history import History
from tests.world import World

from yuanliu import money
from yuanliu.index import queries as q
from yuanliu.index.follower import Follower
from yuanliu.index.queries import audit, cards, sql
from yuanliu.index.queries.audit import Scope
from yuanliu.index.queries.audit_findings import FindingKind, findings, waited
from yuanliu.index.queries.earnings import earnings, taken
from yuanliu.web.pages.audit_recount import Recounting

pytestmark = [pytest.mark.node, pytest.mark.slow]

YEAR = 365 * 86_400


@pytest.fixture
def played(world: World, engine: Engine, follower: Follower) -> Engine:
    History(world, Random(11)).run(90)
    follower.catch_up()
    return engine


def test_the_accounts_say_what_the_facts_say_one_by_one(played: Engine, world: World) -> None:
    _sums_filters_and_pages_agree_with_the_payments_one_by_one(played)
    _a_farmers_earnings_are_what_the_pools_owe_and_paid(played, world)
    _findings_are_derived_from_the_facts(played)


def test_what_was_put_in_or_changed_behind_the_service_is_seen(played: Engine) -> None:
    _a_card_leads_to_its_farmer_also_where_two_cooperatives_share_a_code(played)
    _every_payment_is_worked_out_again_bit_by_bit_and_a_changed_one_is_found(played)
    _sums_are_exact_also_of_amounts_that_no_64_bits_hold(played)


def looking(engine: Engine) -> Connection:
    return engine.connect().execution_options(reading=True)


def _sums_filters_and_pages_agree_with_the_payments_one_by_one(played: Engine) -> None:
    with looking(played) as db:
        every = list(audit.every_payment(db, Scope()))
        assert len(every) > 5
        assert all(each.matches for each in every)
        assert [each.payment for each in every] == list(q.payments(db, limit=1_000))
        for one in every:
            again = audit.audited_one(db, one.payment.transaction, one.payment.log_index)
            assert again == one
        times = sorted({each.payment.time for each in every})
        some = every[len(every) // 2].payment
        farmers = {
            m.member for b in q.batches(db, limit=1_000) for c in q.members_of(db, b.id) for m in c
        }
        people = sorted(each for each in farmers if isinstance(each, str))
        scopes = [
            Scope(),
            Scope(batch=some.batch),
            Scope(cooperative=some.seller),
            Scope(cooperative="0x" + "99" * 20),
            Scope(since=times[len(times) // 2], until=times[-1]),
            Scope(since=times[-1] + YEAR),
            Scope(until=times[0]),
            Scope(farmer=people[0]),
        ]
        for scope in scopes:
            _check_scope(db, scope, every)
        # few batches are found by the batch, many by the time: the answers are the same
        few, sql.FEW_BATCHES = sql.FEW_BATCHES, 0  # type: ignore[misc] # put back at once
        try:
            _check_scope(db, Scope(cooperative=some.seller), every)
        finally:
            sql.FEW_BATCHES = few  # type: ignore[misc] # as above


def _check_scope(db: Connection, scope: Scope, every: list[audit.Audited]) -> None:
    def fits(time: int) -> bool:
        return (scope.since or 0) <= time < (scope.until or 1 << 40)

    expected = [each for each in every if fits(each.payment.time)]
    if scope.batch:
        expected = [each for each in expected if each.payment.batch == scope.batch]
    if scope.cooperative:
        expected = [each for each in expected if each.payment.seller == scope.cooperative]
    found = list(audit.every_payment(db, scope))
    if scope.farmer is None:
        assert found == expected
    first = audit.audited(db, scope, limit=2)
    assert list(first) == found[:2]
    if len(first) == 2:
        after = audit.audited(db, scope, after=first[-1].payment.place, limit=1_000)
        assert list(after) == found[2:]
    for name in ("amount", "farmers", "cooperative", "platform"):
        summed = sum(getattr(each.all, name) for each in audit.totals(db, scope))
        assert summed == sum(getattr(each.payment, name) for each in found), (scope, name)
    for totals in audit.totals(db, scope):
        assert sum(each.count for each in totals.days.values()) == totals.all.count
        shared = totals.all.farmers + totals.all.cooperative + totals.all.platform
        assert shared == totals.all.amount
    assert audit.flows(db, scope).claimed >= 0
    payouts = list(audit.every_payout(db, scope))
    keys = [(each.place, each.sub) for each in payouts]
    assert all(a > b for a, b in pairwise(keys))
    if scope.cooperative is None:
        whole = q.payouts(db, owner=scope.farmer, batch=scope.batch, limit=1_000)
        assert payouts == [each for each in whole if fits(each.time)]


def _a_farmers_earnings_are_what_the_pools_owe_and_paid(played: Engine, world: World) -> None:
    contract = world.deployment.batches.address
    with looking(played) as db:
        owners = {each.owner for each in q.payouts(db, limit=1_000) if each.role is q.Role.FARMER}
        assert owners
        for farmer in owners:
            rows = earnings(db, farmer, limit=200)
            for row in rows:
                assert row.floor + row.farmers_margin + row.remainder == row.sales.farmers
                assert 0 <= row.owed <= row.due
                mine = [s for s in q.member_shares(db, row.batch.id) if s.member == farmer]
                if row.batch.farmer is None:
                    assert (row.due, row.paid) == (
                        sum(s.due for s in mine),
                        sum(s.paid for s in mine),
                    )
            plain = q.dues(db, contract, farmer, proofs=False)
            proven = q.dues(db, contract, farmer)
            assert [(d.token, d.amount) for d in plain] == [(d.token, d.amount) for d in proven]
            assert sum(d.amount for d in plain) >= sum(
                row.owed for row in rows if row.batch.farmer is None
            )
            sums = taken(db, farmer)
            reached = q.payouts(db, owner=farmer, limit=1_000)
            assert (sums.amount, sums.count) == (sum(p.amount for p in reached), len(reached))


def _findings_are_derived_from_the_facts(played: Engine) -> None:
    with looking(played) as db:
        late = max(each.payment.time for each in audit.every_payment(db, Scope())) + YEAR
        found = findings(db, now=late)
        kinds = Counter(each.kind for each in found)
        held = q.batches(db, state=q.State.HELD, limit=20)
        recalled = q.batches(db, state=q.State.RECALLED, limit=20)
        assert kinds[FindingKind.HELD] == len(held)
        assert kinds[FindingKind.RECALLED] == len(recalled)
        assert all(each.reason for each in found if each.kind is FindingKind.RECALLED)
        owing = set()
        for batch in q.batches(db, limit=1_000):
            pool = q.pool(db, batch.id)
            members = sum(map(len, q.members_of(db, batch.id)))
            if pool and batch.sold and pool.received - pool.paid >= members:
                owing.add(batch.id)
        unsettled = {each.batch for each in found if each.kind is FindingKind.UNSETTLED}
        assert unsettled <= owing
        assert FindingKind.UNSETTLED not in {each.kind for each in findings(db, now=late - YEAR)}
        pooled = [p for p in q.payouts(db, limit=1_000) if p.kind is q.PayoutKind.CLAIM]
        waits = list(waited(db, iter((p.place, p.batch or b"", p.time) for p in pooled)))
        assert all(wait is None or wait >= 0 for wait in waits)
        cooperative = audit.audited(db, Scope(), limit=1)[0].payment.seller
        assert set(findings(db, now=late, cooperative=cooperative)) <= set(found)
        assert findings(db, now=late, cooperative="0x" + "99" * 20) == ()


def _a_card_leads_to_its_farmer_also_where_two_cooperatives_share_a_code(
    played: Engine,
) -> None:
    with looking(played) as db:
        own = q.actor(db, q.actors(db, role=1 << 2, limit=1)[0].enroller)
        assert own is not None
        farmers = q.actors(db, role=1 << 2, enroller=own.address, limit=5)
        for farmer in farmers:
            assert cards.farmers_of_card(db, own.code, farmer.code) == (farmer,)
            assert cards.farmers_of_card(db, own.address, farmer.code) == (farmer,)
            assert cards.card_path(db, farmer).startswith(f"/f/{own.code}/")
        assert cards.farmers_of_card(db, own.code, own.code) == ()
    with played.begin() as db:
        twin = {"place": 1, "actor": b"\x77" * 20, "code": own.code}
        db.execute(
            text(
                "INSERT INTO actor (place, actor, enroller, roles, code, signer, time, tx)"
                " VALUES (:place, :actor, :actor, 2, :code, :actor, 1, :actor)"
            ),
            twin,
        )
    with looking(played) as db:
        assert cards.card_path(db, farmers[0]).startswith("/f/0x")
        assert cards.farmers_of_card(db, own.code, farmers[0].code) == (farmers[0],)
        assert len(cards.cooperatives_of(db, own.code)) == 2


def _every_payment_is_worked_out_again_bit_by_bit_and_a_changed_one_is_found(
    played: Engine,
) -> None:
    clock = [0.0]
    recounting = Recounting(played, clock=lambda: clock[0])
    part = recounting.go_on(3)
    assert (part.checked, part.complete, part.mismatches) == (3, False, ())
    while not recounting.go_on(3).complete:
        pass
    with looking(played) as db:
        rows = list(audit.every_payment(db, Scope()))
    assert recounting.go_on(3).of == len(rows)
    changed, below = rows[0].payment, rows[-1].payment
    with played.begin() as db:
        more, less = str(changed.farmers + 1).zfill(39), "0" * 38 + "1"
        update = "UPDATE sale SET {} = :value WHERE place = :place"
        db.execute(text(update.format("farmers")), {"value": more, "place": changed.place})
        db.execute(text(update.format("amount")), {"value": less, "place": below.place})
    assert not recounting.go_on(3).mismatches, "a round is not begun anew before its time"
    clock[0] += 3_600
    while not (done := recounting.go_on(3)).complete:
        pass
    assert {each.payment.place for each in done.mismatches} == {changed.place, below.place}
    assert {each.fault for each in done.mismatches} == {"", "money.amount_below_floor"}
    with looking(played) as db:
        one = audit.audited_one(db, changed.transaction, changed.log_index)
    assert one is not None
    assert not one.matches
    assert one.explanation is not None
    assert one.explanation.shares.farmers == changed.farmers


def _sums_are_exact_also_of_amounts_that_no_64_bits_hold(played: Engine) -> None:
    huge = 10**30 + 7
    with played.begin() as db:
        db.execute(
            text("UPDATE sale SET amount = :value, farmers = :value"),
            {"value": str(huge).zfill(39)},
        )
    with looking(played) as db:
        count = len(list(audit.every_payment(db, Scope())))
        assert sum(each.all.amount for each in audit.totals(db, Scope())) == huge * count
        assert money.format_yuan(huge).endswith("0.07")
