"""The same cases at Solidity and at Python: whatever stands in both must be the same thing.

Everything is an `eth_call` of many cases at once, on harnesses that do nothing but call the libraries.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pytest
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from tests.world import GTIN_BOX, GTIN_EGGS, GTIN_OTHER, World, gtin14, person

from yuanliu import actions, epcis, identifiers, journal, members, money
from yuanliu.chain.deployment import Deployed, Deployment
from yuanliu.errors import YuanliuError
from yuanliu.records import BODIES, MAX_PAYLOAD, MAX_REASON, Kind, RecordError, decode, encode

if TYPE_CHECKING:
    from yuanliu.chain.bindings import Contract

pytestmark = pytest.mark.node

MANY: Final = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=set(Phase) - {Phase.shrink, Phase.explain},  # a list of cases would shrink for minutes
)
"""25 examples of up to 200 cases each."""

U64, U96, U128, U256 = (2**bits - 1 for bits in (64, 96, 128, 256))
EDGES: Final = (0, 1, 2, 3, 9_999, 10_000, 10_001, U64, U96, U128 - 1, U128)
AMOUNTS = st.one_of(st.sampled_from(EDGES), st.integers(0, 10**6), st.integers(0, U128))
ADDRESSES = st.one_of(
    st.sampled_from(["0x" + "00" * 20, "0x" + "ff" * 20]),
    st.binary(min_size=20, max_size=20).map(lambda data: "0x" + data.hex()),
)
WORDS = st.one_of(st.sampled_from([0, 1, U256]), st.integers(0, U256))


def cases(of: st.SearchStrategy[Any], least: int = 40) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, min_size=least, max_size=200)


class Harness:
    """One harness contract; `ask` gives the answers to all cases of a list."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._contract: Contract = world.create(name)

    def ask(self, function: str, cases: Sequence[object], *more: object) -> Any:  # noqa: ANN401 -- as the ABI says
        return self._world.ask(self._contract, function, list(cases), *more)


@pytest.fixture(scope="module")
def stage(founded: World) -> Iterator[World]:
    with founded.devnet.anchor():
        yield founded


@pytest.fixture(scope="module")
def split(stage: World) -> Harness:
    return Harness(stage, "SplitHarness")


@pytest.fixture(scope="module")
def trees(stage: World) -> Harness:
    return Harness(stage, "MembersHarness")


@pytest.fixture(scope="module")
def text(stage: World) -> Harness:
    return Harness(stage, "TextHarness")


# ------------------------------------------------------------------ money


@st.composite
def ratios(draw: st.DrawFn) -> money.Ratios:
    farmer = draw(
        st.one_of(st.sampled_from([3_000, 3_001, 9_999, 10_000]), st.integers(3_000, 10_000))
    )
    rest = 10_000 - farmer
    cooperative = draw(st.one_of(st.sampled_from([0, rest]), st.integers(0, rest)))
    return money.Ratios(farmer, cooperative, rest - cooperative)


@st.composite
def payments(draw: st.DrawFn) -> tuple[int, int, int, money.Ratios]:
    """Give amount, floor per unit, units, ratios; the floor never exceeds the amount."""
    amount = draw(AMOUNTS)
    units = draw(st.one_of(st.sampled_from([1, U64]), st.integers(1, 10_000)))
    highest = min(U96, amount // units)
    floor = draw(st.one_of(st.sampled_from([0, highest]), st.integers(0, highest)))
    return amount, floor, units, draw(ratios())


EXTREMES: Final = [
    (amount, floor, 1, money.Ratios(farmer, cooperative, 10_000 - farmer - cooperative))
    for amount in EDGES
    for floor in {0, min(amount, U96)}
    for farmer in (3_000, 10_000)
    for cooperative in {0, 10_000 - farmer}
]


def check_shares(split: Harness, listed: list[tuple[int, int, int, money.Ratios]]) -> None:
    asked = [
        (amount, floor * units, r.cooperative_bps, r.platform_bps)
        for amount, floor, units, r in listed
    ]
    answers = split.ask("sharesDown", asked)
    for case, answer in zip(listed, answers, strict=True):
        shares = money.split(*case)
        assert answer == {
            "farmers": shares.farmers,
            "cooperative": shares.cooperative,
            "platform": shares.platform,
        }, case
        assert sum(answer.values()) == case[0]


def test_extreme_payments_are_shared_alike(split: Harness) -> None:
    check_shares(split, EXTREMES)


@MANY
@given(listed=cases(payments()))
def test_payments_are_shared_alike(
    split: Harness, listed: list[tuple[int, int, int, money.Ratios]]
) -> None:
    check_shares(split, listed)


def test_each_small_payment_is_shared_alike(split: Harness) -> None:
    r = money.Ratios(3_334, 5_000, 1_666)
    check_shares(split, [(amount, floor, 1, r) for amount in range(60) for floor in range(amount)])


def test_an_amount_below_the_floor_is_shared_by_neither(split: Harness) -> None:
    with pytest.raises(YuanliuError, match="Panic"):
        split.ask("sharesDown", [(119, 120, 5_000, 1_666)])
    with pytest.raises(money.MoneyError, match="119"):
        money.split(119, 120, 1, money.Ratios(3_334, 5_000, 1_666))


@st.composite
def dues(draw: st.DrawFn) -> tuple[int, int, int]:
    total = draw(st.one_of(st.sampled_from([1, 2, 3, U64 - 1, U64]), st.integers(1, U64)))
    weight = draw(st.one_of(st.sampled_from([0, 1, total]), st.integers(0, total)))
    return draw(AMOUNTS), weight, total


def test_extreme_dues_are_alike(split: Harness) -> None:
    listed = [
        (receipts, weight, total)
        for receipts in EDGES
        for total in (1, 2, 3, 10_000, U64 - 1, U64)
        for weight in {0, 1, total // 2, total - 1, total}
    ]
    assert list(split.ask("dueDown", listed)) == [money.due(*case) for case in listed]


@MANY
@given(listed=cases(dues()))
def test_dues_are_alike(split: Harness, listed: list[tuple[int, int, int]]) -> None:
    assert list(split.ask("dueDown", listed)) == [money.due(*case) for case in listed]


# ------------------------------------------------------------------ trees

MEMBERS = st.one_of(
    ADDRESSES, st.binary(min_size=32, max_size=32), st.just(bytes(32)), st.just(b"\xff" * 32)
)
LEAVES = st.tuples(ADDRESSES, WORDS, WORDS, MEMBERS, WORDS)


@MANY
@given(listed=cases(LEAVES))
def test_leaves_are_alike(trees: Harness, listed: list[Any]) -> None:
    asked = [
        (host, batch, index, int(m, 16) if isinstance(m, str) else int.from_bytes(m), weight)
        for host, batch, index, m, weight in listed
    ]
    expected = [
        members.leaf(host, batch.to_bytes(32), index, members.Member(m, weight))
        for host, batch, index, m, weight in listed
    ]
    assert list(trees.ask("leaf", asked)) == expected


def test_roots_of_every_width_are_alike(trees: Harness) -> None:
    listed = [
        [keccak(width.to_bytes(2) + i.to_bytes(2)) for i in range(width)]
        for width in (*range(1, 67), 127, 128, 129, 255, 256)
    ]
    assert list(trees.ask("root", listed)) == [members.root(leaves) for leaves in listed]


@MANY
@given(
    listed=st.lists(
        st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40), max_size=20
    )
)
def test_roots_are_alike(trees: Harness, listed: list[list[bytes]]) -> None:
    assert list(trees.ask("root", listed)) == [members.root(leaves) for leaves in listed]


def test_equal_and_extreme_leaves_have_the_same_root(trees: Harness) -> None:
    low, high = bytes(32), b"\xff" * 32
    listed = [[low], [low, low], [high, low], [low, high], [high] * 3, [low, high, low, high, low]]
    assert list(trees.ask("root", listed)) == [members.root(leaves) for leaves in listed]


# ------------------------------------------------------------------ text


def accepts(check: Any, *arguments: object) -> bool:  # noqa: ANN401 -- any function
    try:
        check(*arguments)
    except YuanliuError:
        return False
    return True


SOMEWHERE = Deployment(
    format=1,
    chain_id=1,
    genesis="0x",
    block=0,
    deployer="0x",
    source_hash="",
    compiler={},
    contracts={
        name: Deployed("0x" + "11" * 20, "0x", "")
        for name in ("Actors", "Catalogue", "Deliveries", "Batches", "Payments", "DemoYuan")
    },
)
ACTOR = "0x" + "22" * 20


def padded(data: bytes, size: int) -> bytes:
    return data.ljust(size, b"\0")


def takes_lot(lot: str) -> bool:
    """Tell whether our programs let somebody sign a batch of this lot."""
    what = actions.Registration(gtin="06901234567892", lot=lot, units=1, mass_per_unit=1, price=1)
    when = datetime(2026, 4, 12, tzinfo=UTC)
    event = epcis.produced(
        when,
        epcis.Lot(what.gtin, "A", 1, "KGM"),
        place="https://example.org/field",
        step="growing",
        details={},
    )
    return accepts(actions.register, SOMEWHERE, what, [1], event)


def test_each_character_is_right_in_a_lot_for_both_or_for_neither(text: Harness) -> None:
    characters = [chr(i) for i in range(1, 256)]
    for pattern in ("{}", "A{}", "{}A", "A{}A"):
        lots = [pattern.format(character) for character in characters]
        asked = [padded(lot.encode("latin-1"), 20) for lot in lots]
        assert list(text.ask("isLot", asked)) == [
            accepts(identifiers.parse_lot, lot) and lot not in {".", ".."} for lot in lots
        ]


@MANY
@given(
    listed=cases(
        st.one_of(
            st.binary(min_size=20, max_size=20),
            st.text("AZaz09-./_%&", max_size=20).map(lambda lot: padded(lot.encode(), 20)),
            st.binary(max_size=20).map(lambda data: padded(data, 20)),
            st.sampled_from([bytes(20), b"A" * 20, padded(b".", 20), padded(b"..", 20)]),
            st.sampled_from([padded(b"...", 20), padded(b"A\0B", 20), b"\0" + b"A" * 19]),
        )
    )
)
def test_lots_are_right_for_both_or_for_neither(text: Harness, listed: list[bytes]) -> None:
    def readable(lot: bytes) -> bool:
        try:
            return identifiers.lot_text(lot) not in {".", ".."}
        except identifiers.IdentifierError:
            return False

    assert list(text.ask("isLot", listed)) == [readable(lot) for lot in listed]


def test_nobody_signs_a_lot_that_the_contracts_refuse(text: Harness) -> None:
    lots = [".", "..", "...", "A", "A" * 20, "A" * 21, "A B", "", "果", "a.b", "%2E", "/", "#"]
    asked = [padded(lot.encode()[:20], 20) for lot in lots]
    right = [
        found and len(lot.encode()) <= 20
        for lot, found in zip(lots, text.ask("isLot", asked), strict=True)
    ]
    assert [takes_lot(lot) for lot in lots] == right


def takes_code(code: str) -> bool:
    """Tell whether our programs find nothing wrong with a code's form; a number of a person they refuse besides."""
    try:
        actions.enrol(SOMEWHERE, ACTOR, actions.Role.FARMER, code, b"")
    except YuanliuError as error:
        return error.code == "privacy.personal_data"
    return True


def test_each_character_is_right_in_a_code_for_both_or_for_neither(text: Harness) -> None:
    characters = [chr(i) for i in range(1, 256)]
    for pattern in ("{}", "H{}", "{}H", "H{}1"):
        codes = [pattern.format(character) for character in characters]
        asked = [padded(code.encode("latin-1"), 32) for code in codes]
        assert list(text.ask("isCode", asked, 16)) == [takes_code(code) for code in codes]


@MANY
@given(listed=cases(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=18)))
@example(listed=["a@example.org", "13800138000"])
def test_codes_are_right_for_both_or_for_neither(text: Harness, listed: list[str]) -> None:
    asked = [padded(code.encode(), 32) for code in listed]
    assert list(text.ask("isCode", asked, 16)) == [takes_code(code) for code in listed]


def test_a_code_may_fill_a_whole_word(text: Harness) -> None:
    asked = [
        b"x" * 32,
        b"x" * 31 + b"\0",
        bytes(32),
        b"\0" + b"x" * 31,
        b"x" * 16 + b"\0" + b"x" * 15,
    ]
    assert list(text.ask("isCode", asked, 32)) == [True, True, False, False, False]


@MANY
@given(
    listed=cases(
        st.one_of(
            st.integers(0, U64),
            st.integers(0, 10**14 + 1000),
            st.integers(0, 10**13 - 1).map(gtin14),
            st.sampled_from([0, 1, 10**14 - 1, 10**14, U64, GTIN_EGGS, GTIN_EGGS + 1]),
        )
    )
)
def test_gtins_are_right_for_both_or_for_neither(text: Harness, listed: list[int]) -> None:
    assert list(text.ask("isGtin", listed)) == [
        accepts(identifiers.gtin_text, gtin) for gtin in listed
    ]


def test_each_wrong_check_digit_is_wrong_for_both(text: Harness) -> None:
    gtins = [GTIN_EGGS // 10 * 10 + digit for digit in range(10)]
    found = list(text.ask("isGtin", gtins))
    assert found == [accepts(identifiers.gtin_text, gtin) for gtin in gtins]
    assert sum(found) == 1


@pytest.mark.parametrize("size", [0, 1, 3, MAX_REASON - 1, MAX_REASON, MAX_REASON + 1, 600])
def test_a_reason_has_the_same_bounds(text: Harness, size: int) -> None:
    (right,) = text.ask("isReason", ["x" * size])
    assert right == accepts(actions.recall, SOMEWHERE, bytes(32), "x" * size)


def test_a_reasons_length_is_counted_in_bytes_by_both(text: Harness) -> None:
    reasons = ["农" * 170, "农" * 171, "农" * 170 + "xx", "农" * 170 + "xxx"]
    assert list(text.ask("isReason", reasons)) == [True, False, True, False]
    assert [accepts(actions.recall, SOMEWHERE, bytes(32), reason) for reason in reasons] == [
        True,
        False,
        True,
        False,
    ]


@MANY
@given(
    listed=cases(
        st.one_of(
            st.binary(max_size=6),
            st.binary(max_size=6).map(lambda data: b"{" + data + b"}"),
            st.sampled_from([b"", b"{", b"}", b"{}", b"}{", b"{ }", b"{}\n", b" {}"]),
        )
    )
)
def test_the_outside_of_a_payload_is_right_for_both_or_for_neither(
    text: Harness, listed: list[bytes]
) -> None:
    start = bytes([1, Kind.PRODUCTION]) + bytes(8 + 20 + 20)
    found = []
    for payload in listed:
        try:
            found.append(decode(start + payload).kind is Kind.PRODUCTION)
        except RecordError:
            found.append(False)
    assert list(text.ask("looksLikeJsonObject", listed)) == found


# ------------------------------------------------------------------ ids and heads


@settings(max_examples=60, deadline=None)
@given(
    cooperative=ADDRESSES,
    gtin=st.one_of(st.sampled_from([0, 1, U64]), st.integers(0, U64)),
    lot=st.text(sorted(identifiers.CHARACTER_SET_82), min_size=1, max_size=20),
)
def test_ids_are_alike(stage: World, cooperative: str, gtin: int, lot: str) -> None:
    found = stage.ask(stage.batches, "idOf", cooperative, gtin, identifiers.lot_bytes(lot))
    assert found.to_bytes(32) == journal.batch_id(cooperative, gtin, lot)


@pytest.fixture(scope="module")
def every_kind(stage: World) -> list[int]:
    """Let records of every kind be written; give the batches that they stand in."""
    w = stage
    coop, other = w.coop, w.retailer
    pooled = w.harvest(*((w.farmers[i % 6], 6_000, 10_000 - i) for i in range(300)))
    single = w.harvest((w.farmer, 60_000))
    mixed = w.transform([(pooled, 20), (single, 100)])
    w.act(coop, w.batches, "setPrice", single.id, U96)
    w.act(coop, w.batches, "setPrice", single.id, 300)
    w.record(w.farmer, single, 5)
    w.record(w.carrier, single, 7, b'{"a":"' + b"x" * (MAX_PAYLOAD - 8) + b'"}')
    w.act(w.carrier, w.batches, "anchor", single.id, b"\xff" * 32, 2**32 - 1, b"{}")
    first, second = (journal.record_hash(record) for record in w.records(single)[:2])
    w.act(coop, w.batches, "correct", single.id, first, second, b"{}")
    w.pay(single, 7)
    w.hand_over(coop, single, other, 5)
    number = w.offer(coop, single, other, 1)
    w.act(other, w.batches, "refuse", single.id, number, "破了 · broken")
    number = w.offer(coop, single, other, 1)
    w.act(coop, w.batches, "withdraw", single.id, number)
    w.inspect(single, conformant=False)
    w.act(w.regulator, w.batches, "release", single.id, "农" * 170)
    w.inspect(single, conformant=True)
    w.act(coop, w.batches, "recall", single.id, "x" * MAX_REASON)
    w.act(coop, w.batches, "liftRecall", single.id, "x")
    return [pooled.id, single.id, mixed.id]


def raw_entries(world: World, batch: int) -> list[tuple[bytes, bytes]]:
    """Give (previous head, record) of each log of a batch."""
    topic = "0x" + world.batches.topic("Recorded").hex()
    logs = world.node.logs(world.batches.address, [topic, f"0x{batch:064x}"], 0)
    return [
        (bytes(event.fields["previous"]), bytes(event.fields["record"]))
        for event in world.batches.events(logs)
    ]


def test_every_kind_of_record_is_read_and_written_byte_for_byte(
    stage: World, every_kind: list[int]
) -> None:
    seen = set()
    for batch in every_kind:
        for _, record in raw_entries(stage, batch):
            read = decode(record)
            assert encode(read) == record
            seen.add(read.kind)
    assert seen == set(BODIES)


def test_the_first_head_is_the_genesis_and_the_last_is_the_chains(
    stage: World, every_kind: list[int]
) -> None:
    for batch in every_kind:
        entries = raw_entries(stage, batch)
        address = stage.batches.address
        head = journal.genesis(31_337, address, batch.to_bytes(32))
        for previous, record in entries:
            assert previous == head
            head = journal.next_head(head, record)
        assert head == stage.ask(stage.batches, "headOf", batch)


def test_a_pools_members_are_read_from_its_records_as_the_contract_committed_them(
    stage: World, every_kind: list[int]
) -> None:
    for batch in (every_kind[0], every_kind[2]):
        records = [decode(record) for _, record in raw_entries(stage, batch)]
        chunks = members.chunks_of(records)
        total = sum(member.weight for chunk in chunks for member in chunk)
        for number, chunk in enumerate(chunks):
            leaves = members.chunk_leaves(stage.batches.address, batch.to_bytes(32), number, chunk)
            weight, root = stage.ask(stage.batches, "poolOf", batch, number)
            assert root == members.root(leaves)
            assert weight == total
    assert len(members.chunks_of(decode(r) for _, r in raw_entries(stage, every_kind[0]))) == 2


def test_numbers_of_products_differ_so_their_ids_do() -> None:
    owner = person("cooperative one").address
    ids = {journal.batch_id(owner, gtin, "A") for gtin in (GTIN_EGGS, GTIN_BOX, GTIN_OTHER)}
    assert len(ids) == 3
