"""Each lie about an honest season is found, as what it is and as nothing else."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from tests.audit.conftest import audited
from tests.audit.season import LOGISTICS, PRODUCTION, RawLog, Season, Story, record_of
from tests.tampering import Proxy

from yuanliu import journal
from yuanliu.audit import Rule

pytestmark = [pytest.mark.node, pytest.mark.slow]

SOLD, DERIVED, REGISTERED, INSPECTION, PRICED = 11, 3, 2, 6, 10
LIFTED, COLLECTED, READINGS = 18, 1, 8
Lie = Callable[[Story, Season], object]


def test_the_honest_season_has_no_findings(season: Season) -> None:
    report = audited(season.world)
    assert report.findings == ()
    assert report.counts["payments"] == 8
    assert report.money[0].came == sum(report.shares.values())
    assert report.money[0].owed == report.money[0].came - report.money[0].went > 0


# ---------------------------------------------------------------------- helpers


def _xor(log: RawLog, at: int) -> None:
    """Change a byte of a record, and leave the heads as they are."""
    data = bytearray.fromhex(log["data"][2:])
    data[96 + at] ^= 1
    log["data"] = "0x" + data.hex()


def _number(at: int, size: int, change: Callable[[int], int]) -> Callable[[bytearray], None]:
    """Change a number within a record."""

    def apply(record: bytearray) -> None:
        value = int.from_bytes(record[at : at + size])
        record[at : at + size] = change(value).to_bytes(size)

    return apply


def _swap(story: Story) -> None:
    story.ours[7], story.ours[8] = story.ours[8], story.ours[7]


def _forge(story: Story, season: Season) -> None:
    """Add a record that its author never wrote, at the end of a history."""
    last = story.records(season.quiet)[-1]
    head = journal.next_head(bytes.fromhex(last["data"][2:66]), record_of(last))
    forged = dict(
        last,
        logIndex=hex(int(last["logIndex"], 16) + 40),
        data="0x" + head.hex() + last["data"][66:],
    )
    story.ours.append(forged)
    story.ours.sort(key=lambda log: (int(log["blockNumber"], 16), int(log["logIndex"], 16)))


def _repeat(story: Story) -> None:
    story.ours.insert(9, dict(story.ours[8]))


def _transfer(story: Story, event: RawLog, *, incoming: bool) -> RawLog:
    logs = story.logs[2] if incoming else story.logs[1]
    return next(log for log in logs if log["transactionHash"] == event["transactionHash"])


def _more_money_out(story: Story, season: Season) -> None:
    sold = story.records(season.single, SOLD)[0]
    first = _transfer(story, sold, incoming=False)
    again = dict(first, logIndex=hex(int(first["logIndex"], 16) + 60))
    story.logs[1].insert(story.logs[1].index(first) + 3, again)
    story.logs[1].sort(key=lambda log: (int(log["blockNumber"], 16), int(log["logIndex"], 16)))


def _unlift(story: Story, season: Season) -> None:
    story.drop(story.records(season.recalled, LIFTED)[0])
    story.rechain(season.recalled)


def _reorder_records(story: Story, season: Season) -> None:
    """Exchange the contents of two records of a history, and leave everything else."""
    one, two = story.records(season.quiet, PRODUCTION)[:2]
    one["data"], two["data"] = two["data"], one["data"]


def _same_order(story: Story, season: Season) -> None:
    first, second = story.records(season.single, SOLD)
    order = record_of(first)[50:82]
    story.rewrite(season.single, second, lambda record: record.__setitem__(slice(50, 82), order))
    story.sign(second, 1, lambda _: int.from_bytes(order))


def _shift_shares(story: Story, season: Season) -> None:
    sold = story.records(season.pool, SOLD)[0]

    def change(record: bytearray) -> None:
        _number(50 + 76, 16, lambda n: n - 1)(record)
        _number(50 + 92, 16, lambda n: n + 1)(record)

    story.rewrite(season.pool, sold, change)


def _by_carrier(story: Story, season: Season) -> None:
    log = story.records(season.handed, LOGISTICS)[0]
    story.rewrite(season.handed, log, lambda record: record.__setitem__(1, PRODUCTION))
    story.sign(log, 1, lambda _: PRODUCTION)


def _conformant(story: Story, season: Season) -> RawLog:
    """Turn an inspection that freed a batch into one that found it bad again."""
    log = story.records(season.checked, INSPECTION)[1]
    story.rewrite(season.checked, log, lambda record: record.__setitem__(50, 0))
    return log


def _price(story: Story, season: Season) -> RawLog:
    log = story.records(season.handed, PRICED)[0]
    story.rewrite(season.handed, log, _number(50, 12, lambda _: 119))
    return log


def _units(story: Story, season: Season) -> RawLog:
    log = story.records(season.pool, SOLD)[0]
    story.rewrite(season.pool, log, _number(50 + 52, 8, lambda n: n + 10_000))
    return log


def _amount(story: Story, season: Season) -> RawLog:
    log = story.records(season.pool, SOLD)[0]
    story.rewrite(season.pool, log, _number(50 + 60, 16, lambda n: n - 1))
    return log


def _loss(story: Story, season: Season) -> RawLog:
    log = story.records(season.unsold, REGISTERED)[0]
    story.rewrite(season.unsold, log, _number(50 + 44, 8, lambda n: n + 5))
    return log


def _more_made(story: Story, season: Season) -> RawLog:
    log = story.records(season.box, DERIVED)[0]
    story.rewrite(season.box, log, _number(50 + 40, 4, lambda n: 2 * n))
    return log


def _lighter(story: Story) -> RawLog:
    log = story.events("Deliveries", "DeliveryBooked")[1]
    story.word(log, 1, lambda n: n - 1)
    return log


def _floor(story: Story) -> RawLog:
    log = story.events("Catalogue", "TermsPublished")[-1]
    story.word(log, 5, lambda n: n + 1)
    return log


def _bad_ratio(story: Story) -> RawLog:
    log = story.events("Catalogue", "TermsPublished")[-1]
    story.word(log, 1, lambda _: 2_000)
    return log


def _last_event(story: Story, season: Season) -> None:
    log = story.records(season.quiet)[-1]
    story.rewrite(season.quiet, log, lambda record: record.__setitem__(slice(-7, -2), b"loud!"))


def _unsaid(story: Story, season: Season) -> None:
    story.drop(story.records(season.quiet)[-1])
    story.rechain(season.quiet)


def _other_reason(story: Story, season: Season) -> None:
    log = story.records(season.recalled, LIFTED)[0]
    story.rewrite(season.recalled, log, lambda record: record.__setitem__(slice(50, 51), b"S"))


def _exchanged(story: Story, season: Season) -> None:
    """Exchange what an author wrote in two events, with all heads made to fit."""
    one, two = story.records(season.quiet, PRODUCTION)[:2]
    first, second = (record_of(log)[50:] for log in (one, two))
    story.rewrite(season.quiet, one, lambda r: r.__setitem__(slice(50, None), second))
    story.rewrite(season.quiet, two, lambda r: r.__setitem__(slice(50, None), first))


def _signature(story: Story, season: Season) -> None:
    """Break the signature of the one act that was relayed."""
    hash_ = story.records(season.quiet)[-1]["transactionHash"]

    def change(raw: Any) -> Any:  # noqa: ANN401 -- JSON
        if raw["hash"] == hash_:
            raw = raw | {"input": raw["input"][:-64] + "11" * 32}
        return raw

    story.answers["eth_getTransactionByHash"] = change


def _sender(story: Story, season: Season) -> None:
    hash_ = story.records(season.quiet)[0]["transactionHash"]
    other = season.world.outsider.address
    story.answers["eth_getTransactionByHash"] = lambda raw: (
        raw | {"from": other} if raw["hash"] == hash_ else raw
    )


def _no_transaction(story: Story, season: Season) -> None:
    hash_ = story.records(season.quiet)[0]["transactionHash"]
    story.answers["eth_getTransactionByHash"] = lambda raw: None if raw["hash"] == hash_ else raw


LIES: Final[dict[str, tuple[Rule, Lie]]] = {
    # the histories
    "a failed inspection is hidden": (
        Rule.JOURNAL_BROKEN,
        lambda s, x: s.drop(s.records(x.checked, INSPECTION)[0]),
    ),
    "the last record is hidden": (Rule.JOURNAL_HEAD, lambda s, x: s.drop(s.records(x.quiet)[-1])),
    "a sale is hidden": (Rule.JOURNAL_BROKEN, lambda s, x: s.drop(s.records(x.pool, SOLD)[0])),
    "a batch's first record is hidden": (
        Rule.JOURNAL_HEAD,
        lambda s, x: s.drop(*s.records(x.unsold)),
    ),
    "a word of an event is changed": (
        Rule.JOURNAL_BROKEN,
        lambda s, x: _xor(s.records(x.quiet, PRODUCTION)[0], 70),
    ),
    "a word of the last event is changed": (
        Rule.JOURNAL_HEAD,
        lambda s, x: _xor(s.records(x.quiet)[-1], 70),
    ),
    "a price in a sale is changed": (
        Rule.JOURNAL_BROKEN,
        lambda s, x: _xor(s.records(x.pool, SOLD)[0], 50 + 75),
    ),
    "two records exchange their places": (Rule.JOURNAL_BROKEN, _reorder_records),
    "a record is invented": (Rule.JOURNAL_HEAD, _forge),
    # the logs
    "logs stand out of order": (Rule.LOG_ORDER, lambda s, _: _swap(s)),
    "a log stands twice": (Rule.LOG_REPEATED, lambda s, _: _repeat(s)),
    "a log is another contract's": (
        Rule.LOG_MALFORMED,
        lambda s, x: s.records(x.quiet)[1].update(address="0x" + "ee" * 20),
    ),
    "a log's data is cut off": (
        Rule.LOG_MALFORMED,
        lambda s, x: (log := s.records(x.quiet)[-1]).update(data=log["data"][:-64]),
    ),
    "a log has no topics": (
        Rule.LOG_MALFORMED,
        lambda s, _: s.events("Deliveries", "DeliveryVoided")[0].update(topics=[]),
    ),
    "a block gets another time": (
        Rule.RECORD_TIME,
        lambda s, x: [log.update(blockTimestamp="0x5") for log in s.beside(s.records(x.quiet)[-1])],
    ),
    # a node that lies consistently: heads and all
    "a record of no known kind": (
        Rule.RECORD_MALFORMED,
        lambda s, x: s.rewrite(x.quiet, s.records(x.quiet)[-1], lambda r: r.__setitem__(1, 99)),
    ),
    "an event is backdated": (
        Rule.RECORD_TIME,
        lambda s, x: s.rewrite(
            x.quiet, s.records(x.quiet)[-1], _number(2, 8, lambda n: n - 86_400)
        ),
    ),
    "a failed inspection is not repeated": (
        Rule.SAFETY_HELD,
        lambda s, x: s.sign(_conformant(s, x), 1, lambda _: 0),
    ),
    "a recall is not lifted before the sale": (Rule.SAFETY_RECALLED, _unlift),
    "a share is shifted to the cooperative": (Rule.SPLIT, _shift_shares),
    "an order is paid twice": (Rule.ORDER_REPEATED, _same_order),
    "more is sold than was harvested": (
        Rule.UNITS_OVERSOLD,
        lambda s, x: s.sign(_units(s, x), 6, lambda n: n + 10_000),
    ),
    "less is paid than price times units": (
        Rule.SALE_AMOUNT,
        lambda s, x: s.sign(_amount(s, x), 7, lambda n: n - 1),
    ),
    "a price falls below the floor": (
        Rule.PRICE_FLOOR,
        lambda s, x: s.sign(_price(s, x), 1, lambda _: 119),
    ),
    "a batch is heavier than its deliveries": (
        Rule.MASS_HARVEST,
        lambda s, x: s.sign(_loss(s, x), 4, lambda n: n + 5),
    ),
    "a transformation makes more than it used": (
        Rule.MASS_TRANSFORMATION,
        lambda s, x: s.sign(_more_made(s, x), 13, lambda n: 2 * n),
    ),
    "a ghost farmer is in the members' list": (
        Rule.DELIVERY_ENTRY,
        lambda s, x: s.rewrite(
            x.unsold, s.records(x.unsold, REGISTERED)[0], lambda r: r.__setitem__(50 + 74, 0x99)
        ),
    ),
    "a batch has other terms than its deliveries": (
        Rule.TERMS_DIFFER,
        lambda s, x: s.rewrite(
            x.unsold, s.records(x.unsold, REGISTERED)[0], _number(50 + 28, 4, lambda _: 1)
        ),
    ),
    "a batch has another lot's code": (
        Rule.RECORD_BATCH,
        lambda s, x: s.rewrite(
            x.unsold, s.records(x.unsold, REGISTERED)[0], lambda r: r.__setitem__(58, ord("X"))
        ),
    ),
    "a carrier writes a production event": (
        Rule.AUTHOR_ROLE,
        _by_carrier,
    ),
    "an event is signed with another's key": (
        Rule.AUTHOR_SIGNATURE,
        lambda s, x: s.rewrite(
            x.quiet,
            s.records(x.quiet)[-1],
            lambda r: r.__setitem__(slice(30, 50), bytes.fromhex(x.world.outsider.address[2:])),
        ),
    ),
    # a node that lies consistently, about what its author signed otherwise
    "a signed event says something else": (Rule.WORDS, _last_event),
    "a signed event was never written": (Rule.WORDS, _unsaid),
    "two events exchange what their author signed": (Rule.WORDS, _exchanged),
    "an inspection is turned into its opposite": (Rule.WORDS, _conformant),
    "a price is not the signed one": (Rule.WORDS, _price),
    "a sale is of other units than were signed": (Rule.WORDS, _units),
    "a payment is of another amount than was signed": (Rule.WORDS, _amount),
    "a batch is of another mass than was signed": (Rule.WORDS, _loss),
    "a product is heavier than was signed": (Rule.WORDS, _more_made),
    "a signed delivery is lighter": (Rule.WORDS, lambda s, _: _lighter(s)),
    "terms have another floor than was signed": (Rule.WORDS, lambda s, _: _floor(s)),
    "a suspension has another reason than was signed": (
        Rule.WORDS,
        lambda s, _: s.word(s.events("Actors", "ActorSuspended")[0], 2, lambda n: n ^ 1 << 248),
    ),
    "a reason is not the signed one": (Rule.WORDS, _other_reason),
    # signatures
    "a relayed act's signature is not its author's": (Rule.AUTHOR_SIGNATURE, _signature),
    "a transaction names another sender": (Rule.AUTHOR_SIGNATURE, _sender),
    "a transaction is not shown": (Rule.AUTHOR_SIGNATURE, _no_transaction),
    # people
    "an enrolment is hidden": (
        Rule.AUTHOR_ROLE,
        lambda s, x: s.drop(
            next(
                log
                for log in s.events("Actors", "ActorEnrolled")
                if x.world.carrier.address[2:] in log["topics"][1]
            )
        ),
    ),
    "somebody is enrolled with more roles": (
        Rule.AUTHOR_SIGNATURE,
        lambda s, x: s.word(
            next(
                log
                for log in s.events("Actors", "ActorEnrolled")
                if x.world.carrier.address[2:] in log["topics"][1]
            ),
            0,
            lambda roles: roles | 1,
        ),
    ),
    "a reinstatement is hidden": (
        Rule.AUTHOR_SUSPENDED,
        lambda s, _: s.drop(s.events("Actors", "ActorReinstated")[0]),
    ),
    "a suspension is hidden": (
        Rule.ACTOR_CHANGE,
        lambda s, _: s.drop(s.events("Actors", "ActorSuspended")[0]),
    ),
    "a rotation of keys is hidden": (
        Rule.WORDS,
        lambda s, _: s.drop(s.events("Actors", "KeyRotated")[0]),
    ),
    "a rotation of keys is hidden with its transaction": (
        Rule.AUTHOR_KEY,
        lambda s, _: s.drop(*s.beside(s.events("Actors", "KeyRotated")[0])),
    ),
    "a redirected payout is hidden": (
        Rule.STATE_ACTOR,
        lambda s, _: s.drop(s.events("Actors", "PayoutRedirected")[-1]),
    ),
    # terms and deliveries
    "terms that nobody uses yet are hidden": (
        Rule.STATE_CATALOGUE,
        lambda s, _: s.drop(s.events("Catalogue", "TermsPublished")[-1]),
    ),
    "terms have another floor": (
        Rule.TERMS_CODE,
        lambda s, _: s.sign(_floor(s), 6, lambda n: n + 1),
    ),
    "terms give the farmers less than 30 %": (
        Rule.TERMS_INVALID,
        lambda s, _: s.sign(_bad_ratio(s), 2, lambda _: 2_000),
    ),
    "a delivery is hidden": (
        Rule.WORDS,
        lambda s, _: s.drop(s.events("Deliveries", "DeliveryBooked")[1]),
    ),
    "a delivery is lighter": (
        Rule.DELIVERY_ENTRY,
        lambda s, _: s.sign(_lighter(s), 5, lambda n: n - 1),
    ),
    "a delivery is under terms not in force": (
        Rule.TERMS_NOT_IN_FORCE,
        lambda s, _: s.word(s.events("Deliveries", "DeliveryBooked")[-1], 4, lambda _: 2),
    ),
    "an entry is hidden": (
        Rule.DELIVERY_ENTRY,
        lambda s, _: s.drop(s.events("Deliveries", "DeliveryEntered")[1]),
    ),
    "a voided delivery comes back": (
        Rule.STATE_DELIVERY,
        lambda s, _: s.drop(s.events("Deliveries", "DeliveryVoided")[0]),
    ),
    # units and money
    "a movement of units is hidden": (
        Rule.UNITS_MOVED,
        lambda s, _: s.drop(s.events("Batches", "TransferSingle")[2]),
    ),
    "more units move than the record says": (
        Rule.UNITS_MOVED,
        lambda s, _: s.word(s.events("Batches", "TransferSingle")[2], 1, lambda n: n + 1),
    ),
    "a payment did not come in": (
        Rule.PAYMENT_MISSING,
        lambda s, x: s.drop(_transfer(s, s.records(x.pool, SOLD)[0], incoming=True)),
    ),
    "a share was not paid out": (
        Rule.PAYOUT_MISSING,
        lambda s, x: s.drop(_transfer(s, s.records(x.single, SOLD)[0], incoming=False)),
    ),
    "money left that nobody was due": (Rule.MONEY_UNEXPLAINED, _more_money_out),
    "a claim is larger than the due": (
        Rule.CLAIM,
        lambda s, _: s.word(s.events("Payments", "Claimed")[0], 1, lambda n: n + 1),
    ),
    "a claim is hidden": (
        Rule.MONEY_UNEXPLAINED,
        lambda s, _: s.drop(s.events("Payments", "Claimed")[-1]),
    ),
    "a settlement is smaller": (
        Rule.SETTLEMENT,
        lambda s, _: s.word(s.events("Payments", "Settled")[0], 2, lambda n: n - 1),
    ),
    "a credit is hidden": (
        Rule.WITHDRAWAL,
        lambda s, _: s.drop(s.events("Payments", "Credited")[0]),
    ),
    "a withdrawal is larger than the credit": (
        Rule.WITHDRAWAL,
        lambda s, _: s.word(s.events("Payments", "Withdrawn")[0], 0, lambda n: n + 1),
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_found_as_what_it_is(name: str, season: Season, truth: Story) -> None:
    rule, lie = LIES[name]
    story = truth.copy()
    lie(story, season)
    with Proxy(season.world.devnet.rpc_url, story.tamper()) as proxy:
        report = audited(season.world, proxy.url)
    assert {finding.rule for finding in report.findings} == {rule}, [f.en for f in report.findings]
