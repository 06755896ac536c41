"""Slither on our contracts: each finding of high or medium impact is put right, or explained beside the code.

An explanation is a comment on the line before: `// slither-disable-next-line <detector> -- <reason>`. Slither wants an
older web3 than ours, so it lives in an environment of its own, locked in `scripts/slither.lock`.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import solcx
from tests.environments import python_of

from yuanliu.chain import compiler

ROOT = Path(__file__).resolve().parents[2]
RUNNER = Path(__file__).with_name("slither_runner.py")
DISABLED = re.compile(r"//\s*slither-disable[a-z-]*\s*(?P<checks>[a-zA-Z0-9_,-]*)(?P<reason>.*)")


@pytest.fixture(scope="module")
def python() -> Path:
    return python_of("slither")


def parsed(sources: dict[str, str]) -> dict[str, Any]:
    """The compiler's output without code, which is what takes long."""
    job = {
        "language": "Solidity",
        "sources": {unit: {"content": text} for unit, text in sources.items()},
        "settings": {
            "evmVersion": compiler.COMPILER_SETTINGS["evmVersion"],
            "outputSelection": {"*": {"*": ["abi"], "": ["ast"]}},
        },
    }
    output: dict[str, Any] = solcx.compile_standard(job, solc_binary=compiler.find_compiler().path)
    return output


def findings(python: Path, folder: Path, sources: dict[str, str]) -> list[dict[str, str]]:
    for unit, text in sources.items():
        path = folder / unit
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    given = {"version": compiler.SOLC_VERSION, "output": parsed(sources)}
    (folder / "given.json").write_text(json.dumps(given), encoding="utf-8")
    done = subprocess.run(
        [python, RUNNER, folder / "given.json"],
        cwd=folder,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["contracts"] >= len([u for u in sources if u.startswith("contracts/")]) // 2
    listed: list[dict[str, str]] = answer["findings"]
    return listed


def ours(listed: list[dict[str, str]]) -> list[str]:
    """Findings that name one of our files first; OpenZeppelin's are theirs."""
    return [
        f"{found['impact']}: {found['check']}: {found['description']}"
        for found in listed
        if re.findall(r"\((\S+\.sol)#", found["description"])[0].startswith("contracts/")
    ]


@pytest.mark.slow
def test_slither_finds_nothing_of_high_or_medium_impact_that_is_not_explained(
    python: Path, tmp_path: Path
) -> None:
    sources, _ = compiler.read_sources()
    assert ours(findings(python, tmp_path, sources)) == []


@pytest.mark.slow
def test_slither_does_find_what_is_wrong(python: Path, tmp_path: Path) -> None:
    sources = {
        "contracts/Wrong.sol": """// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

contract Wrong {
    mapping(address owner => uint256) private _credits;

    function withdraw() external {
        (bool success,) = msg.sender.call{value: _credits[msg.sender]}("");
        require(success);
        _credits[msg.sender] = 0;
    }
}
"""
    }
    assert any(
        found.startswith("High: reentrancy-eth")
        for found in ours(findings(python, tmp_path, sources))
    )


def test_each_explanation_gives_a_reason() -> None:
    for path in (ROOT / "contracts").rglob("*.sol"):
        for found in DISABLED.finditer(path.read_text(encoding="utf-8")):
            assert found["checks"], path
            assert re.fullmatch(r" -- \S.{8,}", found["reason"]), (path, found[0])
