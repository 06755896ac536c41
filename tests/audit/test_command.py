"""The auditor's command: exit codes, the forms of the report, its signature, and going on from a checkpoint."""

import json
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pypdfium2
import pytest
from tests.audit.conftest import audited
from tests.audit.season import Season, Story
from tests.tampering import Proxy
from tests.world import World

from yuanliu import audit
from yuanliu.audit import Rule, signing
from yuanliu.audit.rules import WORDS
from yuanliu.chain import keys
from yuanliu.chain.rawlogs import RawNode
from yuanliu.cli import main
from yuanliu.errors import YuanliuError

pytestmark = [pytest.mark.node, pytest.mark.slow]
KEY = "0x" + "11" * 32


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in this process: starting another takes longer than the audit."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["yuanliu", "audit", *map(str, arguments)])
        capfd.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        captured = capfd.readouterr()
        return Done(int(str(code or 0)), captured.out, captured.err)

    return call


@pytest.fixture(scope="module")
def record(season: Season, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("audit") / "deployment.json"
    season.world.deployment.save(path)
    return path


def test_a_report_is_written_in_every_form_and_signed(
    run: Run, season: Season, record: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    files = [tmp_path / f"report.{kind}" for kind in ("json", "html", "pdf", "txt")]
    outputs = [part for file in files for part in ("--output", file)]
    url = season.world.devnet.rpc_url
    done = run("--rpc", url, "--deployment", record, "--key", key, *outputs)
    assert (done.returncode, done.stderr.strip()) == (0, "")
    signer = str(keys.from_private_key(KEY).address).lower()
    document = json.loads(files[0].read_text())
    sha256 = document["sha256"]
    assert document["report"]["verdict"] == "clean"
    assert document["signature"]["signer"] == signer
    page = files[1].read_text()
    assert sha256 in page
    assert "<svg" in page
    assert "<script" not in page
    assert "http://" not in page
    printed = pypdfium2.PdfDocument(files[2])[0].get_textpage().get_text_bounded()
    assert signer in printed.replace("\r\n", "")
    assert sha256 in files[3].read_text()
    checked = run("--verify-report", files[0])
    assert (checked.returncode, signer in checked.stdout) == (0, True)
    document["report"]["counts"]["payments"] += 1
    files[0].write_text(json.dumps(document))
    assert run("--verify-report", files[0]).returncode == 1
    assert run("--verify-report", files[1]).returncode == 2


def test_findings_are_told_and_end_with_1(
    run: Run, season: Season, truth: Story, record: Path, tmp_path: Path
) -> None:
    story = truth.copy()
    story.drop(story.records(season.quiet)[-1])
    with Proxy(season.world.devnet.rpc_url, story.tamper()) as proxy:
        done = run("--rpc", proxy.url, "--deployment", record, "--json", "-o", tmp_path / "a.pdf")
    assert done.returncode == 1
    (finding,) = json.loads(done.stdout)["report"]["findings"]
    assert finding["rule"] == "journal-head"
    assert finding["batch"] == "0x" + season.quiet.id.to_bytes(32).hex()
    assert "哈希头" in finding["zh"]


def test_what_cannot_be_audited_ends_with_2(
    run: Run, season: Season, record: Path, tmp_path: Path
) -> None:
    url = season.world.devnet.rpc_url
    nowhere = run("--rpc", "http://127.0.0.1:1", "--deployment", record)
    assert (nowhere.returncode, "chain.unreachable" in nowhere.stderr) == (2, True)
    missing = run("--rpc", url, "--deployment", tmp_path / "none.json")
    assert (missing.returncode, "deployment.none" in missing.stderr) == (2, True)
    other = json.loads(record.read_text()) | {"genesis": "0x" + "ab" * 32}
    (tmp_path / "other.json").write_text(json.dumps(other))
    mismatch = run("--rpc", url, "--deployment", tmp_path / "other.json")
    assert (mismatch.returncode, "deployment.mismatch" in mismatch.stderr) == (2, True)
    (tmp_path / "notes.txt").write_text("not a checkpoint, and not to be overwritten")
    strange = run("--rpc", url, "--deployment", record, "--checkpoint", tmp_path / "notes.txt")
    assert (strange.returncode, "audit.checkpoint_unusable" in strange.stderr) == (2, True)
    assert (tmp_path / "notes.txt").read_text().startswith("not a checkpoint")
    assert run("--rpc", url, "--deployment", record, "-o", tmp_path / "a.doc").returncode == 2
    assert run("--rpc", url, "--deployment", record, "--key", tmp_path / "none").returncode == 2


def test_an_audit_goes_on_from_its_checkpoint_and_says_the_same(
    world: World, tmp_path: Path
) -> None:
    path, node = tmp_path / "audit.sqlite", RawNode(world.devnet.rpc_url)
    batch = world.harvest((world.farmer, 6_000), (world.farmers[1], 6_000))
    world.pay(batch, 3)
    audit.audit(node, world.deployment, checkpoint=path, finality=2)
    reached = _reached(path)
    assert reached == world.node.block_number() - 2
    world.pay(batch, 5)
    world.claim(world.step(batch, 0))
    asked: list[int] = []
    report = audit.audit(
        node,
        world.deployment,
        checkpoint=path,
        finality=2,
        said=lambda progress: asked.append(progress.block),
    )
    assert min(asked) > reached
    whole = audited(world)
    assert report.findings == whole.findings == ()
    ours, theirs = report.as_json(), whole.as_json()
    assert ours == theirs
    _spoil(path)
    with pytest.raises(YuanliuError) as refused:
        audit.audit(node, world.deployment, checkpoint=path)
    assert (refused.value.code, refused.value.exit_code) == ("audit.checkpoint_unusable", 2)
    node.close()


def _reached(path: Path) -> int:
    with sqlite3.connect(path) as db:
        found: int = db.execute("SELECT value FROM meta WHERE name = 'block'").fetchone()[0]
    db.close()
    return found


def _spoil(path: Path) -> None:
    """Put something into a checkpoint that would run a program if it were trusted."""
    evil = b"cos\nsystem\n(S'false'\ntR."
    with sqlite3.connect(path) as db:
        db.execute("UPDATE batch SET v = ?", (evil,))
    db.close()


def test_a_checkpoint_of_a_chain_that_went_back_is_refused(world: World, tmp_path: Path) -> None:
    path, node = tmp_path / "audit.sqlite", RawNode(world.devnet.rpc_url)
    with world.devnet.anchor():
        world.harvest()
        audit.audit(node, world.deployment, checkpoint=path, finality=0)
    with pytest.raises(YuanliuError) as refused:
        audit.audit(node, world.deployment, checkpoint=path, finality=0)
    assert (refused.value.code, refused.value.exit_code) == ("audit.chain_went_back", 2)
    node.close()


def test_every_rule_has_words_and_a_code_of_its_own() -> None:
    assert set(WORDS) == set(Rule)
    assert len({words.zh for words in WORDS.values()}) == len(Rule)


def test_a_signature_is_of_the_sentence_that_wallets_show(season: Season) -> None:
    report = audited(season.world)
    key = keys.from_private_key(KEY)
    signed = signing.sign(report, key)
    assert signed.signer == str(key.address).lower()
    assert report.sha256() in signing.sentence(report.sha256())
    assert audited(season.world).text() == report.text()
