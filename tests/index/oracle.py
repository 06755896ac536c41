"""What queries say, held against what the contracts say at the same block."""

from collections import Counter

from sqlalchemy import Connection
from tests.world import World

from yuanliu import members
from yuanliu.index import queries
from yuanliu.records import Kind

HELD, DERIVED = 2, 8


def check(db: Connection, world: World) -> int:
    """Assert that everything agrees; give how many batches there were."""
    found = queries.batches(db, limit=1_000)
    assert {int.from_bytes(batch.id) for batch in found} == world._all_batches()
    for batch in found:
        _batch(db, world, batch)
    _states(db, world, found)
    _people(db, world)
    _deliveries(db, world)
    _money(db, world)
    return len(found)


def _batch(db: Connection, world: World, batch: queries.Batch) -> None:
    state = world.state(int.from_bytes(batch.id))
    farmer = state["farmer"] if int(state["farmer"], 16) else None
    assert (batch.cooperative, batch.terms, batch.price, batch.units, batch.total_weight) == (
        state["cooperative"],
        state["terms"],
        state["price"],
        state["units"],
        state["totalWeight"],
    )
    assert (batch.milligrams_per_unit, batch.farmer, batch.head) == (
        state["massPerUnit"],
        farmer,
        state["head"],
    )
    assert batch.held == bool(state["flags"] & HELD)
    assert batch.derived == bool(state["flags"] & DERIVED)
    number = int.from_bytes(batch.id)
    clear = world.simulate(world.outsider, world.batches, "refresh", number)
    assert batch.recalled == (not int.from_bytes(clear))
    own = [recall for recall in batch.recalls if recall.batch == batch.id]
    by = world.ask(world.batches, "recalledBy", number)
    assert [recall.by for recall in own] == ([by] if int(by, 16) else [])
    assert queries.batch(db, batch.id) == batch
    assert queries.find_batch(db, batch.gtin, batch.lot) == batch

    records = queries.records(db, batch.id)
    assert [record.data for record in records] == world.records(number)
    assert len(records) == batch.records
    assert records[-1].head == batch.head
    assert queries.record(db, batch.id, batch.records - 1) == records[-1]

    parents = world.ask(world.batches, "parentsOf", number)
    direct = [relative for relative in queries.ancestors(db, batch.id) if relative.depth == 1]
    assert {relative.batch for relative in direct} == {parent.to_bytes(32) for parent in parents}

    _page(db, batch, records)

    holders = queries.holders(db, batch.id)
    burnt = sum(
        link.milligrams for link in queries.lineage(db, batch.id).links if link.parent == batch.id
    )
    assert sum(h.units for h in holders) == batch.units - burnt // batch.milligrams_per_unit
    for holding in holders:
        assert holding.units == world.held(number, holding.owner)
        assert holding in queries.holdings(db, holding.owner)
    assert batch.for_sale == world.held(number, batch.cooperative)
    for offer in queries.offers(db, batch=batch.id, limit=1_000):
        told = world.ask(world.batches, "offerOf", number, offer.number)
        assert (told["from"], told["to"]) == (offer.sender, offer.receiver)
        assert told["units"] == (0 if offer.answer else offer.units)
    open_ = queries.offers(db, batch=batch.id, open_only=True, limit=1_000)
    assert sum(offer.units for offer in open_) == world.held(number, world.batches)
    _pool(db, world, batch)


def _page(db: Connection, batch: queries.Batch, records: tuple[queries.Record, ...]) -> None:
    """What the public page asks, worked out from what was compared with the contracts already."""
    told = [record for record in records if record.kind != Kind.SOLD]
    assert list(queries.steps(db, batch.id)) == told
    assert list(queries.steps(db, batch.id, limit=2)) == told[-2:]
    paid = queries.payments(db, batch=batch.id, limit=1_000)
    sales = queries.sales(db, batch.id)
    assert (sales.count, sales.units, sales.amount) == (
        len(paid),
        sum(each.units for each in paid),
        sum(each.amount for each in paid),
    )
    assert [sales.farmers, sales.cooperative, sales.platform] == [
        sum(getattr(each, name) for each in paid) for name in ("farmers", "cooperative", "platform")
    ]
    assert (sales.first, sales.last) == ((paid[-1].time, paid[0].time) if paid else (None, None))
    up = queries.ancestors(db, batch.id)
    arrows = {
        (link.child, link.parent, link.milligrams) for link in queries.lineage(db, batch.id).links
    }
    family = {batch.id} | {each.batch for each in up}
    tree = queries.ancestry(db, batch.id, limit=10_000)
    assert {(each.child, each.batch, each.milligrams) for each in tree} == {
        arrow for arrow in arrows if arrow[0] in family
    }
    assert {each.batch for each in tree if each.recalled} | {batch.id} >= {
        recall.batch for recall in batch.recalls
    }
    below = [each.lot for each in queries.descendants(db, batch.id) if each.depth == 1]
    assert sorted(queries.made_into(db, batch.id)) == sorted(below)
    makings = queries.makings(db, sorted(family))
    assert set(makings) == family
    assert makings[batch.id] in {record.data for record in records}
    farmers = {
        share
        for id_ in family
        for chunk in queries.members_of(db, id_)
        for share in (member.member for member in chunk)
        if isinstance(share, str)
    }
    assert queries.farmers_of(db, batch.id) == len(farmers)
    for address, signer in queries.signers(db, {record.actor for record in records}).items():
        actor = queries.actor(db, address)
        assert actor is not None
        assert (signer.code, signer.roles) == (actor.code, actor.roles)


def _pool(db: Connection, world: World, batch: queries.Batch) -> None:
    number = int.from_bytes(batch.id)
    chunks = queries.members_of(db, batch.id)
    pool = queries.pool(db, batch.id)
    assert (pool is None) == (batch.farmer is not None)
    if pool is None:
        assert world.pool(number) == (0, 0)
        return
    assert (pool.received, pool.paid) == world.pool(number)
    shares = queries.member_shares(db, batch.id)
    assert sum(share.paid for share in shares) == pool.paid
    for share in shares:
        chunk, place = divmod(share.index, members.CHUNK)
        leaves = members.chunk_leaves(world.batches.address.lower(), batch.id, chunk, chunks[chunk])
        member = share.member
        step = (
            number,
            share.index,
            int(member, 16) if isinstance(member, str) else int.from_bytes(member),
            share.weight,
            list(members.proof(leaves, place)),
        )
        assert share.due - share.paid == world.ask(world.payments, "dueOf", step)


def _states(db: Connection, world: World, found: tuple[queries.Batch, ...]) -> None:
    for state, expected in (
        (queries.State.HELD, [b for b in found if b.held]),
        (queries.State.RECALLED, [b for b in found if b.recalled]),
        (queries.State.ON_SALE, [b for b in found if b.for_sale and not b.held and not b.recalled]),
    ):
        assert queries.batches(db, state=state, limit=1_000) == tuple(expected)
    mine = queries.batches(db, cooperative=world.coop.address, limit=1_000)
    assert mine == tuple(b for b in found if b.cooperative == world.coop.address)
    paged, after = list[queries.Batch](), None
    while page := queries.batches(db, after=after, limit=2):
        paged += page
        after = page[-1].place
    assert tuple(paged) == found


def _people(db: Connection, world: World) -> None:
    for actor in queries.actors(db, limit=1_000):
        told = world.ask(world.actors, "actorOf", actor.address)
        assert (actor.key, actor.roles, actor.suspended, actor.enroller, actor.enrolled) == (
            told["key"],
            told["roles"],
            told["suspended"],
            told["enroller"],
            told["enrolledAt"],
        )
        assert actor.code.encode().ljust(16, b"\0") == told["code"]
        if actor.suspended:
            assert actor.suspended_by == told["suspendedBy"]
        assert actor.payout == world.ask(world.actors, "payoutOf", actor.address)
        recovery = world.ask(world.actors, "recoveryOf", actor.address)
        assert (actor.recovery_key or "0x" + "00" * 20) == recovery["key"]
        assert queries.actor_by_code(db, actor.enroller, actor.code) == actor
        assert queries.actor_of_key(db, actor.key) == actor
        for clerk in actor.clerks:
            assert world.ask(world.actors, "keyOf", clerk) == (actor.address, 1)
            assert queries.actor_of_key(db, clerk) == actor
    for product in queries.products(db):
        told = world.ask(world.catalogue, "productOf", int(product.gtin))
        assert (product.cooperative, product.in_force or 0) == (
            told["cooperative"],
            told["inForce"],
        )
        assert product.unit.encode() == told["unit"]
        for terms in queries.terms_of(db, product.gtin):
            given, gtin = world.ask(world.catalogue, "termsOf", terms.id)
            assert gtin == int(product.gtin)
            assert (terms.token, terms.farmer_bps, terms.floor_per_unit, terms.platform_payee) == (
                given["token"],
                given["farmerBps"],
                given["floorPerUnit"],
                given["platformPayee"],
            )
            assert queries.terms(db, terms.id) == terms
        told = world.ask(world.catalogue, "termsAuthorityOf", product.cooperative)
        assert queries.terms_authority(db, product.cooperative) == told
    assert queries.tokens(db) == (world.yuan.address.lower(),)


def _deliveries(db: Connection, world: World) -> None:
    for delivery in queries.deliveries(db, limit=1_000):
        told = world.ask(world.deliveries, "deliveryOf", delivery.cooperative, delivery.receipt)
        assert (delivery.farmer, delivery.grams, delivery.grade_bps, delivery.terms) == (
            told["farmer"],
            told["grams"],
            told["gradeBps"],
            told["terms"],
        )
        status = 3 if delivery.voided else 2 if delivery.batch else 1
        assert status == told["status"]
        assert queries.delivery(db, delivery.cooperative, delivery.receipt) == delivery


def _money(db: Connection, world: World) -> None:
    """Whoever began with nothing has what reached it."""
    reached: Counter[str] = Counter()
    owned: Counter[str] = Counter()
    paged, after = list[queries.Payout](), None
    while page := queries.payouts(db, after=after, limit=7):
        paged += page
        after = (page[-1].place, page[-1].sub)
    assert paged == list(queries.payouts(db, limit=1_000))
    assert len({(p.place, p.sub) for p in paged}) == len(paged)
    for payout in paged:
        reached[payout.receiver] += payout.amount
        owned[payout.owner] += payout.amount
    for receiver, amount in reached.items():
        assert world.money(receiver) == amount, receiver
    for owner, amount in owned.items():
        own = queries.payouts(db, owner=owner, limit=1_000)
        assert sum(payout.amount for payout in own) == amount
    for actor in queries.actors(db, limit=1_000):
        credits_ = queries.credits_of(db, actor.address)
        assert sum(credit.amount for credit in credits_) == world.credit(actor.address)
    paid = queries.payments(db, limit=1_000)
    for payment in paid:
        assert payment.amount == payment.farmers + payment.cooperative + payment.platform
        assert queries.payment(db, payment.block, payment.log_index) == payment
        assert payment in queries.payments_of_transaction(db, payment.transaction)
        assert payment in queries.payments_of_order(db, payment.payer, payment.order)
        assert world.ask(world.payments, "isPaid", payment.payer, payment.order)
    sold: Counter[bytes] = Counter()
    for payment in paid:
        sold[payment.batch] += payment.units
    for id_, units in sold.items():
        batch = queries.batch(db, id_)
        assert batch is not None
        assert batch.sold == units
        kinds = [record.kind for record in queries.records(db, id_)]
        assert kinds.count(Kind.SOLD) == len(queries.payments(db, batch=id_, limit=1_000))
