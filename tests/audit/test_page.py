"""The auditor's page, one file opened from disk in a real browser: what it finds is what the Python audit finds.

One browser, one page and one season; a lie is told by answering what the page asks of an endpoint.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
import requests
from eth_account import Account
from eth_utils.crypto import keccak
from playwright.sync_api import Page, Request, Route
from tests import p256
from tests.audit import test_honest
from tests.audit.conftest import audited
from tests.audit.season import Season, Story
from tests.audit.test_lies import LIES
from tests.audit.test_state import CODES, SLOTS, changed_slot
from tests.contracts.test_payments import authorize
from tests.journeys.browser import DESK_EN, PHONE_ZH, Look, Visitor, chromium, violations, visitor
from tests.tampering import Tamper
from tests.world import GTIN_EGGS, World

from yuanliu import money
from yuanliu.audit import Report, Rule
from yuanliu.cli import main
from yuanliu.settings import settings
from yuanliu.web.pages import audit_page, frame

pytestmark = [pytest.mark.node, pytest.mark.slow]

LIAR: Final = "http://127.0.0.1:1/liar"
"""An endpoint where no node is: what is asked there, the test answers."""

MOST_BLOCKS: Final = 40

_OPEN: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "*",
    "Content-Type": "application/json",
}
_JUDGE: Final = """async ([url, record, said]) => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const asked = {
    node: new yuanliu.Node(url), deployment: yuanliu.readDeployment(JSON.parse(record)), data,
    scope: yuanliu.readScope(said), step: async () => {},
  };
  const result = await yuanliu.audit(asked);
  const shown = ({ rule, expected, found, transaction }) => ({ rule, expected, found, transaction });
  const purse = ([token, { came, went, owed, gifts }]) => [token, ...[came, went, owed, gifts].map(String)];
  return { findings: result.findings.map(shown), elsewhere: result.elsewhere.map(({ rule }) => rule),
    counts: result.scene.counts, money: [...result.scene.purses].map(purse) };
}"""


@dataclass
class Auditor:
    """Somebody with the file on his disk."""

    visitor: Visitor
    page: Page
    season: Season
    record: str
    tell: Tamper | None = None
    """What the liar answers."""

    @property
    def node(self) -> str:
        return self.season.world.devnet.rpc_url

    def answer(self, route: Route, request: Request) -> None:
        """Answer for the liar."""
        if request.method == "OPTIONS":
            route.fulfill(status=204, headers=_OPEN)
            return
        body = request.post_data or ""

        def ask() -> Any:  # noqa: ANN401 -- JSON
            return requests.post(self.node, body, headers=_OPEN, timeout=120).json()

        assert self.tell is not None
        told = self.tell(json.loads(body), ask)
        route.fulfill(status=200, headers=_OPEN, body=json.dumps(told))

    def judge(self, story: Story | None = None, scope: str = "") -> Any:  # noqa: ANN401 -- JSON
        """Let the page's own audit run, without its form."""
        self.tell = story.tamper() if story else None
        return self.page.evaluate(_JUDGE, [LIAR if self.tell else self.node, self.record, scope])

    def judge_world(self, world: World) -> Any:  # noqa: ANN401 -- JSON
        """Let it run on another chain."""
        record = json.dumps(asdict(world.deployment))
        return self.page.evaluate(_JUDGE, [world.devnet.rpc_url, record, ""])

    def check(self, scope: str = "", *, endpoint: str = "", second: str = "") -> str:
        """Fill in the form and wait for the verdict; give its word."""
        self.page.evaluate("document.getElementById('asking').open = true")
        self.page.fill("#scope", scope)
        self.page.fill("#endpoint", endpoint or self.node)
        self.page.fill("#second", second)
        self.page.click("#start")
        self.page.wait_for_selector("#verdict[data-verdict]", timeout=120_000)
        return self.page.get_attribute("#verdict", "data-verdict") or ""

    def taken(self) -> Any:  # noqa: ANN401 -- JSON
        """Save the result as JSON and read it."""
        with self.page.expect_download() as download:
            self.page.click("#result .no-print button:first-child")
        return json.loads(Path(download.value.path()).read_text(encoding="utf-8"))


def _refusal(id_: object, message: str) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": id_, "error": {"code": -32_600, "message": message}}


@pytest.fixture(scope="module")
def auditor(season: Season, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Auditor]:
    folder = tmp_path_factory.mktemp("auditor")
    file, record = folder / audit_page.FILE_NAME, folder / "deployment.json"
    season.world.deployment.save(record)
    file.write_text(audit_page.page(season.world.deployment), encoding="utf-8")
    with chromium() as browser:
        who = visitor(browser, "auditor", DESK_EN, "http://127.0.0.1")
        who.context.set_default_timeout(120_000)
        page = who.page(file.as_uri())
        made = Auditor(who, page, season, record.read_text(encoding="utf-8"))
        who.context.route(f"{LIAR}**", made.answer)
        yield made
        who.end()


@pytest.fixture(scope="module")
def report(season: Season) -> Report:
    return audited(season.world)


# ---------------------------------------------------------------------- the file


def test_the_file_is_whole_and_always_the_same(season: Season) -> None:
    made = audit_page.page(season.world.deployment)
    assert made == audit_page.page(season.world.deployment)
    assert made != audit_page.page()
    assert "src=" not in made.replace("script-src", "").replace("style-src", "")
    assert all(word not in made for word in ("href=", "url(", "@import"))
    assert '"missing":[]' in made  # each rule of the Python audit is in it
    written = {path.stem for path in (frame.STATIC / "js" / "auditor").glob("*.js")}
    assert written == {each.partition("/")[2] for each in audit_page.SCRIPTS if "auditor/" in each}


def test_the_command_writes_it(
    season: Season, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, file = tmp_path / "deployment.json", tmp_path / "page.html"
    season.world.deployment.save(record)

    def run(*arguments: object) -> int:
        monkeypatch.setattr("sys.argv", ["yuanliu", "audit", "--page", *map(str, arguments)])
        try:
            main()
        except SystemExit as end:
            return int(str(end.code or 0))
        return 0

    assert run(file, "--deployment", record) == 0
    assert file.read_text(encoding="utf-8") == audit_page.page(season.world.deployment)
    monkeypatch.setenv("YUANLIU_DATA_DIR", str(tmp_path / "nothing"))
    settings.cache_clear()
    try:
        assert run(file) == 0
    finally:
        settings.cache_clear()
    assert file.read_text(encoding="utf-8") == audit_page.page()
    assert run(tmp_path / "none" / "page.html", "--deployment", record) == 2
    assert run(file, "--deployment", tmp_path / "none.json") == 2


# ---------------------------------------------------------------------- arithmetic


def test_hashes_and_signatures_are_those_of_the_libraries(auditor: Auditor) -> None:
    """Keccak-256 about the length of its block, signers recovered, P-256 verified; and no other message is taken."""
    page = auditor.page
    texts = [secrets.token_bytes(size) for size in (*range(0, 300, 7), 135, 136, 137, 271, 272)]
    hashed = page.evaluate(
        "(all) => all.map((each) => yuanliu.words.keccakOf(each))", ["0x" + t.hex() for t in texts]
    )
    assert hashed == ["0x" + keccak(each).hex() for each in texts]
    cases, right = [], []
    for number in range(300):
        account, digest = Account.create(), secrets.token_bytes(32)
        signed = account.unsafe_sign_hash(digest)
        asked = digest if number % 3 else secrets.token_bytes(32)
        cases.append([asked.hex(), f"{signed.r:064x}{signed.s:064x}{signed.v:02x}"])
        right.append((str(account.address).lower(), bool(number % 3)))
    found = page.evaluate(
        "(all) => all.map(([digest, signature]) => yuanliu.recoverHex(`0x${digest}`, signature))",
        cases,
    )
    assert all(
        (is_ == address) is genuine for is_, (address, genuine) in zip(found, right, strict=True)
    )
    key = p256.key("an auditor's test")
    digests = [secrets.token_bytes(32) for _ in range(20)]
    signatures = [(digest, key.sign(digest)) for digest in digests]
    signatures += [(digests[0], signature) for _, signature in signatures[1:]]
    verified = page.evaluate(
        """([key, all]) => all.map(([digest, signature]) => {
          const n = (hex, from, to) => BigInt(`0x${hex.slice(from, to)}`);
          const [r, s, x, y] = [signature, key].flatMap((hex) => [n(hex, 0, 64), n(hex, 64)]);
          return yuanliu.signedP256(n(digest), r, s, x, y);
        })""",
        [key.public.hex(), [[digest.hex(), signature.hex()] for digest, signature in signatures]],
    )
    assert verified == [True] * 20 + [False] * 19


def test_payments_are_split_as_by_the_python_twin(auditor: Auditor) -> None:
    random = Random(7)
    cases, right = [], []
    for _ in range(300):
        farmer = random.randint(3_000, 10_000)
        cooperative = random.randint(0, 10_000 - farmer)
        bps = farmer, cooperative, 10_000 - farmer - cooperative
        units, floor = random.randint(1, 10**6), random.randint(0, 10 ** random.randint(1, 20))
        amount = floor * units + random.randint(0, 10 ** random.randint(1, 25))
        shares = money.split(amount, floor, units, money.Ratios(*bps))
        cases.append([str(each) for each in (amount, floor, units, *bps)])
        right.append([str(shares.farmers), str(shares.cooperative), str(shares.platform)])
    found = auditor.page.evaluate(
        """(all) => all.map((each) => {
          const [amount, floor, units, ...bps] = each.map(BigInt);
          return yuanliu.split(amount, floor, units, bps).shares.map(String);
        })""",
        cases,
    )
    assert found == right


# ---------------------------------------------------------------------- honest


def test_an_honest_season_is_clean_and_its_sums_are_the_audits(
    auditor: Auditor, report: Report
) -> None:
    w = auditor.season.world
    assert auditor.check(second=auditor.node) == "clean"
    assert "Nothing is wrong" in auditor.page.inner_text("#verdict")
    said = auditor.taken()
    assert (said["findings"], said["elsewhere"], said["nodes_differ"]) == ([], [], None)
    assert (said["block"], said["block_hash"]) == (report.block, report.block_hash)
    for name in ("deliveries", "batches", "payments", "terms", "recalls", "records", "signatures"):
        assert said["counts"][name] == report.counts[name]
    assert said["money"] == report.as_json()["money"]
    names = {"farmers": "farmers", "cooperative": "cooperatives", "platform": "platforms"}
    for name, known in names.items():
        assert sum(int(each["chain"][name]) for each in said["payments"]) == report.shares[known]
        assert all(each["chain"][name] == each["recomputed"][name] for each in said["payments"])
    due = sum(int(each["due"]) for each in said["farmers"])
    assert 0 <= report.shares["farmers"] - due < 20  # what cannot be divided
    by_address = {each["address"]: each for each in said["farmers"]}
    member = by_address[w.farmers[5].address.lower()]
    assert int(member["due"]) - int(member["paid"]) > 100_000  # through the box that was made of it
    assert int(by_address[w.farmers[3].address.lower()]["paid"]) == 2 * 541


def _authorised(world: World) -> None:
    batch = world.harvest()
    order = world.order(world.line(batch, 2), buyer=world.buyer)
    arguments = authorize(world, world.buyer, order, 600)
    world.act(world.outsider, world.payments, "payWithAuthorization", *arguments)
    asked: Callable[[World], Report] = vars(test_honest)["audited"]
    assert asked(world).findings == ()


HONEST: Final[dict[str, Callable[[World], None]]] = {
    "anything at random": lambda world: test_honest.test_a_random_history_has_no_findings(world, 1),
    "by signature": test_honest.test_payments_by_signature_are_heard,
    "said oddly": test_honest.test_odd_ways_to_say_something_are_understood,
    "keys and wallets": test_honest.test_keys_without_an_account_and_wallets_are_heard,
    "gifts": test_honest.test_what_is_given_by_mistake_is_told_and_is_no_finding,
    "a ballot": test_honest.test_a_contract_wallet_acts_by_its_own_rules,
    "an authorisation": _authorised,
    "by a stranger's contract": test_honest.test_a_payment_through_a_strangers_contract_is_heard,
}


@pytest.mark.parametrize("name", HONEST)
def test_every_honest_history_is_clean_here_too(
    name: str, auditor: Auditor, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the test of the Python audit asks that one, the page is asked the same."""
    asked = []

    def both(world: World) -> Report:
        report, found = audited(world), auditor.judge_world(world)
        asked.append(found["counts"])
        assert found["findings"] == [], found
        for count in ("payments", "records", "signatures"):
            assert found["counts"].get(count, 0) == report.counts[count]
        assert found["counts"].get("wallets", 0) == report.notes.get("wallets", 0)
        right = [
            (m.token, str(m.came), str(m.went), str(m.owed), str(m.gifts)) for m in report.money
        ]
        assert sorted(map(tuple, found["money"])) == sorted(right)
        return report

    monkeypatch.setattr(test_honest, "audited", both)
    HONEST[name](world)
    if name == "keys and wallets":
        assert asked[0]["asked"] == 1  # the wallet; the P-256 key's signature is checked here
    assert asked


def test_a_poor_node_is_enough(auditor: Auditor) -> None:
    """One that takes no batches, gives logs of few blocks only, and no times beside them."""
    spans: list[int] = []

    def poor(request: Any, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 -- JSON
        if isinstance(request, list):
            return _refusal(None, "batches are not supported")
        if request["method"] != "eth_getLogs":
            return ask()
        asked = request["params"][0]
        spans.append(int(asked["toBlock"], 16) - int(asked["fromBlock"], 16) + 1)
        if spans[-1] > MOST_BLOCKS:
            return _refusal(request["id"], "query exceeds the range of blocks")
        told = ask()
        for log in told["result"]:
            del log["blockTimestamp"]
        return told

    auditor.tell = poor
    single = "0x" + auditor.season.single.id.to_bytes(32).hex()
    assert auditor.check(single, endpoint=LIAR) == "clean"
    assert max(spans) > MOST_BLOCKS
    assert auditor.taken()["counts"]["payments"] == 8


def test_a_batch_a_lot_and_a_cooperative_can_be_checked_alone(auditor: Auditor) -> None:
    season, w = auditor.season, auditor.season.world
    box = "0x" + season.box.id.to_bytes(32).hex()
    assert auditor.check(box) == "clean"
    said = auditor.taken()
    assert len(said["batches"]) == 3  # with what it was made from
    assert said["counts"]["transactions_checked"] < 60
    lots = {each["id"]: each["lot"] for each in said["batches"]}
    assert auditor.check(f"https://example.org/01/{GTIN_EGGS:014d}/10/{lots[box]}?x=1") in {
        "clean",
        "unknown",  # the box is of another product
    }
    assert auditor.check(w.coop.address) == "clean"
    assert len(auditor.taken()["batches"]) == 9
    assert auditor.check("NOBODY") == "unknown"
    assert auditor.check("0x12") == "scope"
    pool = "0x" + season.pool.id.to_bytes(32).hex()
    story = Story(season)
    story.drop(story.records(season.checked)[1])
    found = auditor.judge(story, pool)
    assert (found["findings"], found["elsewhere"]) == ([], [Rule.JOURNAL_BROKEN])


# ---------------------------------------------------------------------- lies


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_found_as_what_it_is(name: str, auditor: Auditor, truth: Story) -> None:
    rule, lie = LIES[name]
    story = truth.copy()
    lie(story, auditor.season)
    found = auditor.judge(story)["findings"]
    assert {finding["rule"] for finding in found} == {rule}, found


@pytest.mark.parametrize("name", [*SLOTS, *CODES])
def test_changed_state_and_code_is_found_as_what_it_is(name: str, auditor: Auditor) -> None:
    season = auditor.season
    if name in SLOTS:
        rule = SLOTS[name][0]
        with changed_slot(name, season):
            found = auditor.judge()["findings"]
    else:
        rule, change = CODES[name]
        with season.world.devnet.anchor():
            change(season)
            found = auditor.judge()["findings"]
    assert {finding["rule"] for finding in found} == {rule}, found


def test_findings_come_first_and_say_where(auditor: Auditor, truth: Story) -> None:
    rule, lie = LIES["a share is shifted to the cooperative"]
    story = truth.copy()
    lie(story, auditor.season)
    auditor.tell = story.tamper()
    assert auditor.check(endpoint=LIAR) == "findings"
    page = auditor.page
    first = page.inner_text("#result section:first-child")
    assert rule in first
    assert "0x" in first
    assert page.locator(".twin.mismatch").count() == 2
    auditor.visitor.shot(page, "findings")
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    assert violations(page) == []
    assert auditor.check(endpoint=auditor.node, second=LIAR) == "nodes-differ"
    assert "eth_getLogs" in page.inner_text("#verdict")


def test_what_cannot_be_checked_is_said(auditor: Auditor) -> None:
    page = auditor.page
    assert auditor.check(endpoint="http://127.0.0.1:9") == "unreachable"
    auditor.visitor.expect_fault("ERR_CONNECTION_REFUSED|ERR_UNSAFE_PORT|Failed to load")
    page.click("#record summary")
    page.fill("#pasted", "{}")
    assert auditor.check() == "deployment"
    record = json.loads(auditor.record)
    page.fill("#pasted", json.dumps(record | {"genesis": "0x" + "11" * 32}))
    assert auditor.check() == "wrong_genesis"
    page.fill("#pasted", json.dumps(record | {"chain_id": 5}))
    assert auditor.check() == "wrong_chain"
    page.fill("#pasted", "")
    assert auditor.check() == "clean"


def test_a_page_without_addresses_takes_the_record_as_a_file(
    auditor: Auditor, tmp_path: Path
) -> None:
    bare, record = tmp_path / "page.html", tmp_path / "deployment.json"
    bare.write_text(audit_page.page(), encoding="utf-8")
    record.write_text(auditor.record, encoding="utf-8")
    page = auditor.visitor.page(bare.as_uri())
    reader = Auditor(auditor.visitor, page, auditor.season, auditor.record)
    assert reader.check() == "no_deployment"
    page.set_input_files("#file", record)
    assert reader.check() == "clean"
    page.close()


@pytest.mark.parametrize("look", [PHONE_ZH, Look("1280", 1280, 900, "zh-CN", dark=True)], ids=str)
def test_it_reads_well_on_a_phone_and_in_the_dark(auditor: Auditor, look: Look) -> None:
    browser = auditor.visitor.context.browser
    assert browser is not None
    who = visitor(browser, "auditor", look, "http://127.0.0.1")
    reader = Auditor(who, who.page(auditor.page.url), auditor.season, auditor.record)
    assert reader.check() == "clean"
    assert "没有发现问题" in reader.page.inner_text("#verdict")
    who.check(reader.page, "clean")
    reader.page.click("#language")
    assert "Nothing is wrong" in reader.page.inner_text("#verdict")
    assert reader.page.get_attribute("html", "lang") == "en"
    who.end()
