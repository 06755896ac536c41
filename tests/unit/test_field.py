"""Comparisons with others: how ratios are read, what the document says, and that the rivals are pinned."""

import json
from typing import Final

import pytest

from yuanliu.bench import field_report
from yuanliu.bench.field import Comparison
from yuanliu.bench.field_rivals import RivalUnavailable, run
from yuanliu.settings import settings

ROOT: Final = settings().project_dir


def compared(unit: str, ours: float, theirs: float | None, limit: float) -> Comparison:
    return Comparison("a work", ours, "somebody", theirs, limit, "the node", unit, "it depends")


def test_more_is_better_but_of_gas_less() -> None:
    speed = compared("events/s", 100, 25, 400)
    assert (speed.ratio, speed.of_limit) == (4, 0.25)
    gas = compared("gas", 50, 200, 40)
    assert (gas.ratio, gas.of_limit) == (4, 0.8)
    assert compared("gas", 50, None, 40).ratio is None


def test_the_document_hides_neither_a_defeat_nor_what_could_not_be_measured() -> None:
    lost, missing = compared("rows/s", 10, 40, 80), compared("logs/s", 10, None, 80)
    said = field_report.document([lost, missing], "a machine")
    assert "| a work | 10 rows/s | somebody | 40 | **0.25 ×** | 80 | 12% |" in said
    assert "| a work | 10 logs/s | somebody | not measured |  | 80 | 12% |" in said
    assert "It depends." in said


def test_a_part_that_cannot_be_measured_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise RivalUnavailable("no network")

    monkeypatch.setitem(field_report.PARTS, "gas", broken)
    why: list[str] = []
    assert list(field_report.measure(["gas"], failed=why.append)) == []
    assert why == ["gas: no network"]


def test_a_rival_that_fails_says_why() -> None:
    with pytest.raises(RivalUnavailable, match="out of order"):
        run(["sh", "-c", "echo out of order >&2; exit 3"])
    with pytest.raises(RivalUnavailable, match="nowhere"):
        run(["/nowhere/at/all", "x"])


def test_the_document_that_is_kept_describes_the_method_of_today() -> None:
    kept = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    today = field_report.document([], "").partition("## Method")[2]
    assert kept.partition("## Method")[2] == today, "measure anew: yuanliu bench field --write"
    for work in (
        "gas: a payment",
        "EPCIS events",
        "Digital Links",
        "followed",
        "audited",
        "look-ups",
    ):
        assert f"| {work}" in kept or f" {work}" in kept, work


def test_the_rivals_are_pinned_by_hash_and_to_no_registry() -> None:
    lock = json.loads((ROOT / "scripts/rivals/package-lock.json").read_text(encoding="utf-8"))
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert len(packages) > 100
    assert not [name for name, each in packages.items() if "resolved" in each]
    assert not [name for name, each in packages.items() if not each.get("integrity", "")]
    python = (ROOT / "scripts" / "rivals.lock").read_text(encoding="utf-8")
    assert "://" not in python
    pinned = [line for line in python.splitlines() if line and not line.startswith(" ")]
    assert all("==" in line for line in pinned)
