"""Changes one thing in the code that shares money or keeps history, and sees whether a test notices.

A mutant is one line of one file with one operator, constant or condition changed, or one statement left out. It is
compiled in a copy of the checkout, and killed if the machine of `tests/invariants` finds a difference within some
hundred acts. `scripts/mutate --list` names all; `--every N --from K` tries each N-th, beginning with K.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAYMENTS: Final = "contracts/Payments.sol"
BATCHES: Final = "contracts/Batches.sol"
FILES: Final = {
    "contracts/libraries/Split.sol": (PAYMENTS, BATCHES),
    "contracts/libraries/Members.sol": (PAYMENTS, BATCHES),
    "contracts/batches/Journal.sol": (BATCHES,),
    PAYMENTS: (PAYMENTS,),
}
"""What is changed, and what it ends up in."""

FINER: Final = "tests/invariants/test_finer.py"
"""Tests of what the machine is too coarse to see."""

ACTS: Final = 250
RUNS: Final = 3

SWAPS: Final = (
    (r" \+ ", " - "),
    (r" - ", " + "),
    (r" \* ", " + "),
    (r" / ", " * "),
    (r" % ", " / "),
    (r" \+= ", " -= "),
    (r" \+= ", " = "),
    (r" -= ", " += "),
    (r" == ", " != "),
    (r" != ", " == "),
    (r" > ", " >= "),
    (r" < ", " <= "),
    (r" > ", " < "),
    (r" < ", " > "),
    (r" && ", " || "),
    (r" \|\| ", " && "),
    (r" \| ", " & "),
    (r" & ", " | "),
    (r" >> ", " << "),
    (r"\btrue\b", "false"),
    (r"\bgt\(", "lt("),
    (r"\blt\(", "gt("),
    (r"\biszero\((\w+)\)", r"\1"),
    (r"\b10_000\b", "10_001"),
    (r"\b256\b", "255"),
    (r"\b64\b", "63"),
    (r"(?<![\w.])0(?![\w.])", "1"),
    (r"(?<![\w.])1(?![\w.])", "2"),
    (r"\bif \((.+)\) (revert|return|continue)", r"if (!(\1)) \2"),
    (r"\bif \((.+)\) (revert|return|continue)", r"if (false) \2"),
)
LEFT_OUT: Final = re.compile(
    r"^\s+(?!return|revert|emit|using|if|else|uint|bytes|address|mapping|function)[\w\[\].]+.*;\s*$"
)
"""A statement that can be left out: an assignment or a call."""

CHECK: Final = f"""
import sys
from contextlib import closing
from random import Random
from tests.invariants.arena import Arena
from tests.invariants.machine import Trade
from tests.world import FLAGS
from yuanliu.chain.devnet import Devnet

with Devnet(flags=FLAGS) as devnet, closing(Arena(devnet)) as Trade.arena:
    for run in range({RUNS}):
        trade = Trade()
        for seed in range({ACTS}):
            trade.act(seed=run * 10_000 + seed)
        trade.teardown()

import pytest

sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", {FINER!r}]))
"""


@dataclass(frozen=True)
class Mutant:
    """One change."""

    file: str
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.before.strip()}  →  {self.after.strip() or '(left out)'}"


def mutants() -> list[Mutant]:
    """Name every change."""
    return [mutant for file in FILES for mutant in _of(file)]


def _of(file: str) -> Iterator[Mutant]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        code = line.partition("//")[0]
        if not code.strip() or code.lstrip().startswith(("import", "///", "pragma", "*", "/*")):
            continue
        for pattern, replacement in SWAPS:
            for found in re.finditer(pattern, code):
                changed = found.expand(replacement)
                yield Mutant(
                    file, number, line, code[: found.start()] + changed + code[found.end() :]
                )
        if LEFT_OUT.match(code):
            yield Mutant(file, number, line, "")


def copy(folder: Path) -> None:
    """Copy what a mutant needs; the packages of npm are shared."""
    ignore = shutil.ignore_patterns("node_modules", "__pycache__")
    for name in ("backend", "contracts", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    shutil.copytree(ROOT / "hardhat-free-devnet", folder / "hardhat-free-devnet", ignore=ignore)
    modules = Path("hardhat-free-devnet") / "node_modules"
    (folder / modules).symlink_to(ROOT / modules)
    if (ROOT / ".yuanliu" / "cache").exists():
        shutil.copytree(ROOT / ".yuanliu" / "cache", folder / ".yuanliu" / "cache")


COMPILE: Final = """
import json, sys
import solcx
from yuanliu.chain import artifacts, compiler

sources, _ = compiler.read_sources()
job = {
    "language": "Solidity",
    "sources": {unit: {"content": text} for unit, text in sources.items()},
    "settings": dict(compiler.COMPILER_SETTINGS)
    | {"outputSelection": {unit: {"*": ["evm.bytecode.object"]} for unit in sys.argv[1:]}},
}
output = solcx.compile_standard(job, solc_binary=compiler.find_compiler().path)
for unit in sys.argv[1:]:
    for name, contract in output["contracts"][unit].items():
        path = artifacts.ARTIFACTS_DIR / (name + ".json")
        artifact = json.loads(path.read_text(encoding="utf-8"))
        artifact["bytecode"] = "0x" + contract["evm"]["bytecode"]["object"]
        path.write_text(json.dumps(artifact), encoding="utf-8")
"""


def run(code: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy."""
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"}
    environment |= {"PYTHONPATH": f"{folder / 'backend'}:{folder}", "HOME": str(Path.home())}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def verdict(mutant: Mutant, folder: Path) -> str:
    """Try a mutant: `stillborn` (no compiler takes it), `killed` (and by what) or `SURVIVED`."""
    path = folder / mutant.file
    original = path.read_text(encoding="utf-8")
    lines = original.splitlines(keepends=True)
    assert lines[mutant.line - 1].rstrip("\n") == mutant.before
    lines[mutant.line - 1] = mutant.after + "\n"
    path.write_text("".join(lines), encoding="utf-8")
    try:
        if run(COMPILE, folder, *FILES[mutant.file]).returncode:
            return "stillborn"
        done = run(CHECK, folder)
    finally:
        path.write_text(original, encoding="utf-8")
        for name in ("Payments", "Batches"):
            artifact = Path("backend/yuanliu/artifacts") / f"{name}.json"
            shutil.copyfile(ROOT / artifact, folder / artifact)
    if done.returncode == 0:
        return "SURVIVED"
    said = (done.stderr or done.stdout).strip().splitlines() or [""]
    return f"killed: {said[-1][:120]}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Change the code and see whether a test notices.")
    parser.add_argument("--list", action="store_true", help="name the mutants and end")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="try each N-th only")
    parser.add_argument(
        "--from", type=int, default=0, metavar="K", dest="first", help="begin there"
    )
    given = parser.parse_args()
    chosen = mutants()[given.first :: given.every]
    if given.list:
        print(*chosen, sep="\n")  # noqa: T201 -- a program's output
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy(folder)
        if (done := run(CHECK, folder)).returncode:
            sys.exit(f"the code is wrong as it is:\n{done.stderr}")
        verdicts: list[tuple[Mutant, str]] = []
        for mutant in chosen:
            verdicts.append((mutant, verdict(mutant, folder)))
            print(f"{verdicts[-1][1]:60} {mutant}", flush=True)  # noqa: T201 -- a program's output
    alive = [str(mutant) for mutant, what in verdicts if what == "SURVIVED"]
    born = [what for _, what in verdicts if what != "stillborn"]
    report = {"mutants": len(verdicts), "born": len(born), "killed": len(born) - len(alive)}
    print(json.dumps(report | {"survived": alive}, indent=2, ensure_ascii=False))  # noqa: T201 -- a program's output
    sys.exit(1 if alive else 0)


if __name__ == "__main__":
    main()
