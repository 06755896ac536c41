"""Writes `docs/lies.md` from the tests: `python -m tests.lies.table`. Reads their source, and runs nothing."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.lies.lie import CHEATED, Lie

TESTS: Final = Path(__file__).parents[1]
DOCUMENT: Final = TESTS.parent / "docs" / "lies.md"
ORDER: Final = ("refused", "found", "in the open", "**not caught**")

HEAD: Final = """\
# The table of lies · 谎言一览

Ways to cheat those who rely on the record, each tried for real by the test that is named with it: against the contracts
on the bundled node, the service and its databases, and the commands. This file is written from those tests
(`python -m tests.lies.table`), and a test fails if it says anything else. Who is named as noticing it noticed it in the
test; nobody is named who did not.

这里列出可能的造假方式。每一条都由所列的测试真正尝试过；“谁发现”一栏只写测试中确实发现了的一方。本文件由测试生成。

| outcome · 结果 | means | lies |
|---|---|---|
"""

MEANINGS: Final = {
    "refused": "it does not come about: contracts or service refuse it, or it changes nothing · 被拒绝，无法得逞",
    "found": "it can be tried, and a program finds it without trusting whoever lies · 能被程序查出",
    "in the open": (
        "it stands on the public record with name and time; somebody has to look · 公开可见，须有人去看"
    ),
    "**not caught**": "the design does not catch it; said is what makes it harder or dearer · 设计上无法发现",
}

TAIL: Final = """\

## Who notices · 谁发现

| | |
|---|---|
| the contracts | refuse the transaction, whoever sends it by whatever way; or their arithmetic leaves no room for it |
| the service | refuses the request, or does not give out what was tampered with |
| `yuanliu verify` | reads one batch from any node and compares its records with the head that the contract keeps |
| `yuanliu audit` | recomputes everything from the chain alone |
| `yuanliu rebuild --check` | builds the copy anew from the chain and compares every table |
| the deployment check | before anything else: chain, first block and the code of each contract are those recorded |
| the follower | takes nothing from a node that does not lead from head to head |
| the store of attachments | hashes every file that it gives out |
| the reader's phone | recomputes the history in the browser |
| whoever reads the record | sees it on the public record: pages, API, or the log itself |
| whoever reads the page | is told by the platform's page, which has to be believed in this |
| the person concerned | sees it in what the record says of himself, or does not |

## What no software can do

A record proves who said what and when, and that nothing was left out, reordered or altered since. It does not prove
that what was said is true: a scale can be wrong, a sample can come from another field, and a label can be stuck on
other goods. Where that is so the table says **not caught**. What remains is that the author's name stays on it for
ever, that quantities bound what can be gained, and that several independent people would have to lie in agreement.

A single node is a single witness. Whoever must not be deceived asks two that do not know each other, or runs one.
"""


@dataclass(frozen=True)
class Row:
    """A lie and the test that tries it."""

    lie: Lie
    path: str
    test: str


def rows(tests: Path = TESTS) -> list[Row]:
    """Read every `@lie(…)` of the tests: by who is cheated, then by outcome, then as they stand in the files."""
    found = [row for path in sorted(tests.rglob("test_*.py")) for row in _in_file(path, tests)]
    cheated = list(CHEATED)
    return sorted(
        found, key=lambda row: (cheated.index(row.lie.cheats), ORDER.index(row.lie.outcome))
    )


def _in_file(path: Path, tests: Path) -> Iterator[Row]:
    source = path.read_text(encoding="utf-8")
    if "@lie(" not in source:
        return
    for node in ast.parse(source).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            if (
                isinstance(decorator, ast.Call)
                and isinstance(decorator.func, ast.Name)
                and decorator.func.id == "lie"
            ):
                named = {str(word.arg): ast.literal_eval(word.value) for word in decorator.keywords}
                plain = [ast.literal_eval(argument) for argument in decorator.args]
                place = path.relative_to(tests.parent).as_posix()
                yield Row(Lie(*plain, **named), place, node.name)


def document(listed: list[Row]) -> str:
    """Write the whole document."""
    parts = [HEAD]
    outcomes = [row.lie.outcome for row in listed]
    parts += [f"| {name} | {MEANINGS[name]} | {outcomes.count(name)} |\n" for name in ORDER]
    number = 0
    for cheated, title in CHEATED.items():
        parts.append(f"\n## Cheating {title}\n\n")
        parts.append(
            "| # | the lie | who could try | what happens | outcome | who notices, and how |\n"
        )
        parts.append("|---|---|---|---|---|---|\n")
        for row in listed:
            if row.lie.cheats == cheated:
                number += 1
                parts.append(_line(number, row))
    return "".join(parts) + TAIL


def _line(number: int, row: Row) -> str:
    told = row.lie
    file = row.path.removeprefix("tests/")
    test = f"[{row.test.removeprefix('test_').replace('_', ' ')}](../tests/{file})"
    who = ", ".join(_shown(name) for name in told.noticed_by) or "nobody"
    cells = (
        str(number),
        f"**{told.name}** · {told.zh}",
        ", ".join(told.liars),
        f"{told.happens} Test: {test}",
        told.outcome,
        f"**{who}**: {told.how}",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _shown(name: str) -> str:
    return f"`{name}`" if name.startswith("yuanliu ") else name


def main() -> None:
    """Write the document."""
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(document(rows()), encoding="utf-8")


if __name__ == "__main__":
    main()
