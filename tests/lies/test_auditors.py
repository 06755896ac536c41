"""Lies that fit together so well that one batch's heads tell nothing, and what `yuanliu audit` says to them."""

from collections.abc import Iterator

import pytest
from tests.audit.conftest import audited
from tests.audit.season import NOTE, Season, Story, play
from tests.lies.lie import lie
from tests.lies.witnesses import both, noticed, verification
from tests.tampering import Proxy, Tamper, results
from tests.world import FLAGS, Batch, World

from yuanliu.audit import Rule
from yuanliu.chain.devnet import Devnet

pytestmark = [pytest.mark.node, pytest.mark.slow]

SOLD = 11


@pytest.fixture(scope="module")
def season() -> Iterator[Season]:
    """Play a season with everything in it; what a test does to its chain is taken back."""
    with Devnet(flags=FLAGS) as devnet:
        yield play(World(devnet))


def audit_finds(story: Story, *rules: Rule) -> None:
    """Let `yuanliu audit` name exactly these rules, through a node that tells this story."""
    with Proxy(story.w.devnet.rpc_url, story.tamper()) as proxy:
        report = audited(story.w, proxy.url)
    assert {finding.rule for finding in report.findings} == set(rules)
    noticed("yuanliu audit")


def lying(story: Story, batch: Batch) -> Tamper:
    """Let a node tell a story of one batch to whoever verifies it: its records, and the head that fits."""
    ((true, false),) = story.said.items()
    return both(
        results("eth_getLogs", lambda _: story.records(batch)),
        results("eth_call", lambda found: found.replace(true, false)),
    )


@lie(
    "Rewrite what somebody wrote, and serve the head that fits",
    "改写他人所写的内容，并提供与之相符的假哈希头",
    cheats="consumer",
    liars=("node operator", "platform"),
    happens=(
        "A node changes the words of an event, computes all heads anew, and answers with the last of them."
    ),
    noticed_by=("yuanliu audit",),
    how=(
        "it reads each transaction, makes its hash and its signatures anew, and compares what was signed with what"
        " the log says. `yuanliu verify`, which asks one node for records and head, sees that they agree: who must"
        " not be deceived asks two nodes, or audits."
    ),
)
def test_words_and_head_that_agree_in_a_lie(season: Season) -> None:
    story = Story(season)

    def nicer(record: bytearray) -> None:
        record[-len(NOTE) :] = NOTE.replace(b"quiet", b"super")

    story.rewrite(season.quiet, story.records(season.quiet)[-1], nicer)
    told = verification(season.world, season.quiet, lying(story, season.quiet))
    assert told.verdict.matches
    assert b"super" in told.history.records[-1].data
    elsewhere = verification(season.world, season.quiet, lambda _, ask: ask())
    assert elsewhere.verdict.head != told.verdict.head
    audit_finds(story, Rule.WORDS)


@lie(
    "Leave out what somebody signed, and serve the head that fits",
    "删去他人已签署的记录，并提供与之相符的假哈希头",
    cheats="consumer",
    liars=("node operator", "platform"),
    happens="A node leaves out the last event of a batch and answers with the head before it.",
    noticed_by=("yuanliu audit",),
    how=(
        "the transaction that carried the event still carries its signed request. If a node hides the whole"
        " transaction, the signer's next number on chain betrays it; only a node that lies about that as well, or an"
        " act that nobody relayed, needs a second node."
    ),
)
def test_an_event_that_was_signed_and_is_not_told(season: Season) -> None:
    story = Story(season)
    story.drop(story.records(season.quiet)[-1])
    story.rechain(season.quiet)
    told = verification(season.world, season.quiet, lying(story, season.quiet))
    assert told.verdict.matches
    audit_finds(story, Rule.WORDS)
    whole = Story(season)
    last = whole.records(season.quiet)[-1]
    whole.drop(*whole.beside(last))
    whole.rechain(season.quiet)
    audit_finds(whole, Rule.RELAY)


@lie(
    "Rewrite a figure of money, and serve the head that fits",
    "改写金额，并提供与之相符的假哈希头",
    cheats="auditor",
    liars=("node operator", "platform"),
    happens=(
        "A node tells of a sale for one fen less, computes all heads anew, and answers with the last of them."
    ),
    noticed_by=("yuanliu audit",),
    how=(
        "the buyer signed another amount; and each sale is price × units, each share follows from it, and the"
        " money's own log and balances have to agree: one figure cannot be changed alone."
    ),
)
def test_a_figure_and_head_that_agree_in_a_lie(season: Season) -> None:
    story = Story(season)
    amount = slice(110, 126)

    def less(record: bytearray) -> None:
        record[amount] = (int.from_bytes(record[amount]) - 1).to_bytes(16)

    story.rewrite(season.pool, story.records(season.pool, SOLD)[0], less)
    assert verification(season.world, season.pool, lying(story, season.pool)).verdict.matches
    audit_finds(story, Rule.WORDS)
    story.sign(story.records(season.pool, SOLD)[0], 7, lambda amount: amount - 1)
    audit_finds(story, Rule.SALE_AMOUNT)


@lie(
    "Hide a sale from the auditor, with everything that would betray it",
    "向审计隐瞒一笔销售并抹平痕迹",
    cheats="auditor",
    liars=("node operator", "platform"),
    happens="A node leaves out a sale's record and computes the batch's heads anew.",
    noticed_by=("yuanliu audit",),
    how="the buyer's signed order is in the transaction; and units and money moved without a sale that explains them.",
)
def test_a_sale_without_its_record(season: Season) -> None:
    story = Story(season)
    story.drop(story.records(season.checked, SOLD)[-1])
    story.rechain(season.checked)
    audit_finds(story, Rule.WORDS)


@lie(
    "Tell the auditor of a payout that was less",
    "向审计虚报付给农户的金额",
    cheats="farmer",
    liars=("node operator", "platform"),
    happens="A node tells of a claim with another amount than the farmer got.",
    noticed_by=("yuanliu audit",),
    how=(
        "each claim is computed again from the pool's receipts and the member's weight, to the fen."
    ),
)
def test_a_claim_with_another_amount(season: Season) -> None:
    story = Story(season)
    story.word(story.events("Payments", "Claimed")[0], 1, lambda amount: amount + 1)
    audit_finds(story, Rule.CLAIM)


@lie(
    "Take farmers' money out of the contract by force",
    "强行转走合约里农户的钱",
    cheats="farmer",
    liars=("token issuer", "node operator"),
    happens=(
        "Whoever controls the money's own contract moves the payments' contract's balance to himself."
    ),
    noticed_by=("yuanliu audit",),
    how=(
        "what left the contract is no share, claim or withdrawal, and the balance is less than what is owed. It"
        " is found, not prevented: the money is as good as its issuer."
    ),
)
def test_money_that_left_by_no_door(season: Season) -> None:
    world = season.world
    with world.devnet.anchor():
        take = world.yuan.call("transfer", world.outsider.address, 1)
        world.send(world.payments, take)
        report = audited(world)
    assert report.findings[0].rule is Rule.MONEY_UNEXPLAINED
    noticed("yuanliu audit")
