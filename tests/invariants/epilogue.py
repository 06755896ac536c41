"""The liveness epilogue: from wherever a run ended, every farmer can be paid in full.

The tokens behave again (nobody can pay with one that does not), and a farmer whose payout address refuses money names
another: he can, suspended or not. Then anybody settles every pool, products before what they were made from.
"""

from collections import defaultdict
from fractions import Fraction

from tests.invariants.arena import Arena
from tests.invariants.ghost_money import Money
from tests.world import ZERO

_Amounts = dict[tuple[str, str], Fraction]


def pay_every_farmer(a: Arena) -> None:
    """Settle everything and hold the farmers' money against exact fractions."""
    g = a.ghost
    _cure(a)
    anyone = a.world.outsider.address
    for address, actor in list(g.actors.items()):
        if g.payout_of(address) == g.bank:
            assert a.do(actor.key, "Actors", "redirectPayout", actor.key)
    children_first = reversed(list(g.batches))
    for batch in children_first:
        for chunk, listed in enumerate(g.batches[batch].chunks):
            if any(g.due(batch, chunk * 256 + i) for i in range(len(listed))):
                assert a.do(anyone, "Payments", "settle", batch, chunk, listed)
    for token, owner in list(g.credits):
        if owner in g.actors:
            assert a.do(anyone, "Payments", "withdraw", token, owner)
    a.check()
    for batch in g.pools:
        assert not any(g.due(batch, index) for index in g.indices(batch))
        assert g.carried(batch) <= g.batches[batch].members - 1
    assert not [owner for _, owner in g.credits if owner in g.actors]
    _against_fractions(g)


def _cure(a: Arena) -> None:
    contracts = a.contracts
    for address, token in a.ghost.tokens.items():
        calls = [contracts[token.name].call("setBlocked", who, False) for who in token.blocked]
        calls += [contracts[token.name].call("setTold", who, False) for who in token.told]
        if token.paused:
            calls.append(contracts[token.name].call("unpause"))
        if token.refuses_in or token.refuses_out:
            calls.append(contracts[token.name].call("refuse", False, False))
        if token.fee_bps:
            calls.append(contracts[token.name].call("setFee", 0))
        for call in calls:
            a.send(a.world.issuer.address, address, call.data)
        token.cure()


def _against_fractions(g: Money) -> None:
    """Nobody got more than the exact amount, nor less by more than what his pools carry."""
    exact: _Amounts = defaultdict(Fraction)
    carried: _Amounts = defaultdict(Fraction)
    short: dict[int, Fraction] = defaultdict(Fraction)
    for batch in reversed(list(g.batches)):
        b = g.batches[batch]
        if batch not in g.pools:
            continue
        pool = g.pools[batch]
        assert 0 <= pool.exact - pool.received <= short[batch]
        for index in g.indices(batch):
            member, weight = b.chunks[index // 256][index % 256]
            part = Fraction(weight, b.weight)
            lost = short[batch] * part + 1
            farmer = g.batches[member].farmer if b.derived else "0x" + member.to_bytes(20).hex()
            if farmer == ZERO:
                short[member] += lost
                continue
            exact[g.token_of(b), farmer] += pool.exact * part
            carried[g.token_of(b), farmer] += lost
    for key, amount in exact.items():
        pooled = g.paid[key] - g.paid_at_once[key]
        assert amount - carried[key] < pooled <= amount
