"""Changes one thing in the code that shares money or keeps history, and sees whether a test notices.

A mutant is one line of one file with one operator, constant or condition changed, or one statement left out. Its code
is put in the place of the true one on a chain that was founded once, and it is killed if the machine of
`tests/invariants` finds a difference within some hundred acts. What the machine lets live, the tests of `SUITE` try in
a copy of the checkout. `scripts/mutate --list` names all; `--every N --from K` tries each N-th, beginning with K;
`--resume` takes over what an earlier run found about the same contracts.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eth_abi.abi import encode
from tests.invariants.arena import Arena
from tests.invariants.machine import Trade
from tests.world import FLAGS

from yuanliu.chain import compiler
from yuanliu.chain.artifacts import load_artifact
from yuanliu.chain.deployment import Founders, _arguments
from yuanliu.chain.devnet import Devnet
from yuanliu.settings import settings

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

SUITE: Final = (
    "tests/invariants/test_finer.py",
    "tests/contracts/test_payments.py",
    "tests/contracts/test_pools.py",
    "tests/contracts/test_batches.py",
    "tests/contracts/test_every_refusal.py",
)
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

EXPLAINED: Final[Mapping[tuple[str, str], str]] = {
    (PAYMENTS, "if (gasleft() <= Tokens.PUSH_RESERVE)"): (
        "differs where exactly the reserve is left, to the unit of gas; the reserve is rounded up"
    ),
    (PAYMENTS, "if (claimers >> i | 1 != 0)"): (
        "reads 0 for a member who never claimed, instead of knowing it: dearer and the same"
    ),
    (PAYMENTS, "if (false) return (0, pool.token);"): (
        "marks receipts as claimed of which nothing was due: rounded down they are the same as those before"
    ),
    (PAYMENTS, "return own >= settled ? own : settled;"): "where both are equal, so is the answer",
    (PAYMENTS, "farmers[i] = member >= type(uint160).max ?"): (
        "the greatest address goes through `_farmerOf`, which gives it back"
    ),
}
"""Mutants that do no harm, by file and how the line begins afterwards, and why."""

SAME: Final = "same code"
"""The compiler makes the very code of the original from it."""


@dataclass(frozen=True)
class Mutant:
    """One change."""

    file: str
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.before.strip()}  →  {self.after.strip() or '(left out)'}"

    @property
    def explained(self) -> str:
        """Why it may live, if that is known."""
        after = self.after.strip()
        reasons = [
            why
            for (file, begins), why in EXPLAINED.items()
            if file == self.file and after.startswith(begins)
        ]
        return next(iter(reasons), "")

    def text(self) -> str:
        """The changed file."""
        lines = (ROOT / self.file).read_text(encoding="utf-8").splitlines()
        assert lines[self.line - 1] == self.before
        lines[self.line - 1] = self.after
        return "\n".join(lines) + "\n"


def mutants() -> list[Mutant]:
    """Name every change."""
    return list(dict.fromkeys(mutant for file in FILES for mutant in _of(file)))


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


# ---------------------------------------------------------------------- compiling

SERVE: Final = """
const solc = require("solc"), fs = require("node:fs");
require("node:readline").createInterface({ input: process.stdin }).on("line", (job) => {
  const answer = Buffer.from(solc.compile(job).replaceAll("\\n", " ") + "\\n");
  for (let sent = 0; sent < answer.length; ) {
    try {
      sent += fs.writeSync(1, answer, sent);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
});
"""
"""The pinned compiler, kept running: it takes half the time when it is warm."""


class Codes(dict[str, str]):
    """Creation code by contract; empty if the compiler refuses."""


class Solc:
    """A compiler that stays. It leaves out the hash of the sources, so that equal code is equal bytes."""

    def __init__(self) -> None:
        compiler.find_compiler()  # puts the Node of ./scripts/setup on PATH
        self.sources, _ = compiler.read_sources()
        self._process = subprocess.Popen(
            ["node", "-e", SERVE],
            cwd=settings().devnet_dir,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def codes(self, units: tuple[str, ...], changed: Mapping[str, str]) -> Codes:
        job = {
            "language": "Solidity",
            "sources": {u: {"content": text} for u, text in {**self.sources, **changed}.items()},
            "settings": dict(compiler.COMPILER_SETTINGS)
            | {
                "metadata": {"appendCBOR": False},
                "outputSelection": {unit: {"*": ["evm.bytecode.object"]} for unit in units},
            },
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        output: dict[str, Any] = json.loads(self._process.stdout.readline())
        if any(found["severity"] == "error" for found in output.get("errors", [])):
            return Codes()
        return Codes(
            (name, "0x" + contract["evm"]["bytecode"]["object"])
            for unit in units
            for name, contract in output["contracts"][unit].items()
        )


# ---------------------------------------------------------------------- trying


class Stage:
    """One chain, founded with the true code, where mutants take its place one after the other."""

    def __init__(self, devnet: Devnet) -> None:
        self.arena = Trade.arena = Arena(devnet)
        deployment = self.arena.world.deployment
        addresses = {name: one.address for name, one in deployment.contracts.items()}
        self._arguments = _arguments(addresses, Founders(platform="", regulator=""))

    def close(self) -> None:
        self.arena.close()

    def plays(self, codes: Mapping[str, str]) -> str:
        """Let the machine act upon this code; say what it found, or nothing."""
        arena = self.arena
        for counter in (arena.succeeded, arena.refused, arena.kinds, arena.reasons):
            counter.clear()
        try:
            for run in range(RUNS):
                trade = Trade()
                self._put(codes)
                for seed in range(ACTS):
                    trade.act(seed=run * 10_000 + seed)
                trade.teardown()
        except Exception as error:  # noqa: BLE001 -- whatever differs kills
            where = traceback.extract_tb(error.__traceback__)[-1]
            return (str(error).strip().splitlines() or [where.line or where.name])[0][:120]
        return ""

    def _put(self, codes: Mapping[str, str]) -> None:
        for name, creation in codes.items():
            constructor = next(e for e in load_artifact(name).abi if e["type"] == "constructor")
            kinds = [field["type"] for field in constructor["inputs"]]
            data = creation + encode(kinds, self._arguments[name]).hex()
            code = self.arena.request("eth_call", {"data": data}, "latest")
            address = self.arena.world.deployment.contracts[name].address
            self.arena.request("anvil_setCode", address, code)


def copy(folder: Path) -> None:
    """Copy what a mutant needs; the packages of npm are shared."""
    ignore = shutil.ignore_patterns("node_modules", "__pycache__")
    for name in ("backend", "contracts", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    shutil.copytree(ROOT / "hardhat-free-devnet", folder / "hardhat-free-devnet", ignore=ignore)
    shutil.copyfile(ROOT / "pyproject.toml", folder / "pyproject.toml")
    modules = Path("hardhat-free-devnet") / "node_modules"
    (folder / modules).symlink_to(ROOT / modules)
    if (ROOT / ".yuanliu" / "cache").exists():
        shutil.copytree(ROOT / ".yuanliu" / "cache", folder / ".yuanliu" / "cache")


def suite(folder: Path, codes: Mapping[str, str]) -> str:
    """Run the tests of `SUITE` upon this code in the copy; name the one that failed, or nothing."""
    artifacts = Path("backend/yuanliu/artifacts")
    for name, code in codes.items():
        path = folder / artifacts / f"{name}.json"
        artifact: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        artifact["bytecode"] = code
        path.write_text(json.dumps(artifact), encoding="utf-8")
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"}
    environment |= {"PYTHONPATH": f"{folder / 'backend'}:{folder}", "HOME": str(Path.home())}
    command = [sys.executable, "-m", "pytest", "-xqq", "--tb=line", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [*command, *SUITE], cwd=folder, env=environment, capture_output=True, text=True
        )
    finally:
        for name in codes:
            shutil.copyfile(ROOT / artifacts / f"{name}.json", folder / artifacts / f"{name}.json")
    if done.returncode == 0:
        return ""
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    return failed[1] if failed else (done.stdout + done.stderr).strip()[-200:]


class Trial:
    """All that trying takes."""

    def __init__(self, stage: Stage, solc: Solc, folder: Path) -> None:
        self.stage, self.solc, self.folder = stage, solc, folder
        copy(folder)
        self.true = {units: solc.codes(units, {}) for units in dict.fromkeys(FILES.values())}
        for codes in self.true.values():
            if found := stage.plays(codes) or suite(folder, codes):
                sys.exit(f"the code is wrong as it is: {found}")

    def compiled(self, mutant: Mutant) -> Codes:
        return self.solc.codes(FILES[mutant.file], {mutant.file: mutant.text()})

    def verdict(self, mutant: Mutant, codes: Codes) -> str:
        """`stillborn` (no compiler takes it), `same code`, `killed` (and by what), `explained` or `SURVIVED`."""
        if not codes:
            return "stillborn"
        true = self.true[FILES[mutant.file]]
        changed = {name: code for name, code in codes.items() if code != true[name]}
        if not changed:
            return SAME
        if found := self.stage.plays(changed) or suite(self.folder, changed):
            return f"killed: {found}"
        return f"explained: {mutant.explained}" if mutant.explained else "SURVIVED"


# ---------------------------------------------------------------------- telling


class Notes:
    """What earlier runs found about the contracts as they are."""

    def __init__(self, sources: Mapping[str, str], *, resume: bool) -> None:
        self._path = settings().data_dir / "mutants.json"
        self._of = hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest()
        known = json.loads(self._path.read_bytes()) if resume and self._path.exists() else {}
        self.verdicts: dict[str, str] = known.get(self._of, {})

    def add(self, mutant: Mutant, verdict: str) -> None:
        self.verdicts[str(mutant)] = verdict
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({self._of: self.verdicts}, indent=1, ensure_ascii=False)
        self._path.write_text(text, encoding="utf-8")

    def lasting(self, mutant: Mutant) -> str:
        """A verdict that another test cannot change."""
        known = self.verdicts.get(str(mutant), "")
        return known if known.startswith(("killed", "stillborn", SAME)) else ""


def main() -> None:
    parser = argparse.ArgumentParser(description="Change the code and see whether a test notices.")
    parser.add_argument("--list", action="store_true", help="name the mutants and end")
    parser.add_argument("--resume", action="store_true", help="leave out what is known as killed")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="try each N-th only")
    parser.add_argument(
        "--from", type=int, default=0, metavar="K", dest="first", help="begin there"
    )
    given = parser.parse_args()
    chosen = mutants()[given.first :: given.every]
    if given.list:
        print(*chosen, sep="\n")  # noqa: T201 -- a program's output
        return
    verdicts = tried(chosen, resume=given.resume)
    counted = Counter(what.partition(":")[0] for what in verdicts.values())
    alive = [str(mutant) for mutant, what in verdicts.items() if what == "SURVIVED"]
    report = {"mutants": len(verdicts), **counted, "survived": alive}
    print(json.dumps(report, indent=2, ensure_ascii=False))  # noqa: T201 -- a program's output
    sys.exit(1 if alive else 0)


def tried(chosen: list[Mutant], *, resume: bool) -> dict[Mutant, str]:
    """Try mutants in turn; while one is tried the next ones are compiled."""
    verdicts: dict[Mutant, str] = {}
    with (
        tempfile.TemporaryDirectory() as name,
        closing(Solc()) as solc,
        Devnet(flags=(*FLAGS, "--disable-code-size-limit")) as devnet,
        closing(Stage(devnet)) as stage,
        ThreadPoolExecutor(1) as pool,
    ):
        notes = Notes(solc.sources, resume=resume)
        trial = Trial(stage, solc, Path(name))
        coming: dict[Mutant, Future[Codes]] = {
            mutant: pool.submit(trial.compiled, mutant)
            for mutant in chosen
            if not notes.lasting(mutant)
        }
        try:
            for mutant in chosen:
                what = notes.lasting(mutant)
                if not what:
                    what = trial.verdict(mutant, coming.pop(mutant).result())
                    notes.add(mutant, what)
                verdicts[mutant] = what
                print(f"{what:60} {mutant}", flush=True)  # noqa: T201 -- a program's output
        finally:
            pool.shutdown(cancel_futures=True)
    return verdicts


if __name__ == "__main__":
    main()
