"""Proofs of our contracts' code for all inputs, from every state, by symbolic execution (halmos).

What is proved is written in Solidity, beside this file: see `Proof.sol`. What a list or a text is asked for has one
element or 65 bytes; everything else is any value. Halmos wants an older z3 than ours, so it lives in an environment of
its own, locked in `scripts/halmos.lock`, and it needs no Foundry: it reads what our compiler wrote.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from tests.environments import python_of

from yuanliu.chain import compiler
from yuanliu.chain.artifacts import load_artifact
from yuanliu.settings import settings

HERE: Final = Path(__file__).parent
RUNNER: Final = HERE / "halmos_runner.py"
UNITS: Final = [f"tests/symbolic/{path.name}" for path in sorted(HERE.glob("*.sol"))]
CONTRACTS: Final = ("Actors", "Catalogue", "Deliveries", "Batches", "Payments")
"""What is tried: the code that is committed, which is what is deployed."""

OUTPUTS: Final = (
    "abi",
    "devdoc",
    "evm.bytecode.object",
    "evm.deployedBytecode.object",
    "evm.methodIdentifiers",
)
HOLDS: Final = 0
REFUTED: Final = 1
"""Halmos's own words for a test that passed, and for one that it found an input against."""

CUT_SHORT: Final = {"prove_a_key_stands_for_one_actor"}
"""Proofs that follow a loop over stored things, a cooperative's clerks, once at most."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What halmos says of each proof, by name."""
    folder, python = tmp_path_factory.mktemp("halmos"), python_of("halmos")
    lay_out(folder)
    command: list[str | Path] = [python, RUNNER, "--root", folder, "--match-test", "^(prove|find)_"]
    command += ["--default-array-lengths", "1", "--default-bytes-lengths", "65"]
    command += [
        "--solver-timeout-assertion",
        "10m",
        "--early-exit",
        "--no-status",
        "--json-output",
        folder / "results.json",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert (folder / "results.json").exists(), done.stdout + done.stderr
    found = json.loads((folder / "results.json").read_text(encoding="utf-8"))["test_results"]
    return {
        result["name"].partition("(")[0]: result
        for contract in found.values()
        for result in contract
    }


def lay_out(folder: Path) -> None:
    """Write the proofs and our contracts as Foundry would have left them."""
    sources = compiler._closure(UNITS, settings())
    job = {
        "language": "Solidity",
        "sources": {unit: {"content": text} for unit, text in sources.items()},
        "settings": {
            "evmVersion": compiler.COMPILER_SETTINGS["evmVersion"],
            "optimizer": {"enabled": True, "runs": 1},
            "outputSelection": {unit: {"*": list(OUTPUTS), "": ["ast"]} for unit in UNITS},
        },
    }
    cache = settings().data_dir / "cache" / "solc"
    output = compiler._run(compiler.find_compiler(), job, cache, force=False)
    for unit, contracts in output["contracts"].items():
        for name, found in contracts.items():
            evm = found["evm"]
            write(
                folder,
                unit,
                name,
                {
                    "abi": found["abi"],
                    "bytecode": code(evm["bytecode"]["object"]),
                    "deployedBytecode": code(evm["deployedBytecode"]["object"]),
                    "methodIdentifiers": evm["methodIdentifiers"],
                    "ast": output["sources"][unit]["ast"],
                    "devdoc": found["devdoc"],
                },
            )
    for name in CONTRACTS:
        artifact = load_artifact(name)
        definition = {"nodeType": "ContractDefinition", "name": name, "contractKind": "contract"}
        write(
            folder,
            artifact.source,
            name,
            {
                "abi": artifact.abi,
                "bytecode": code(artifact.bytecode),
                "deployedBytecode": code(artifact.deployed_bytecode),
                "methodIdentifiers": artifact.method_identifiers,
                "ast": {"absolutePath": artifact.source, "nodes": [definition]},
            },
        )


def code(hexes: str) -> dict[str, Any]:
    return {"object": f"0x{hexes.removeprefix('0x')}", "linkReferences": {}}


def write(folder: Path, unit: str, name: str, artifact: dict[str, Any]) -> None:
    path = folder / "out" / Path(unit).name / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {
        "compiler": {"version": compiler.SOLC_VERSION},
        "output": {"devdoc": artifact.get("devdoc", {})},
    }
    path.write_text(json.dumps(artifact | {"metadata": metadata}), encoding="utf-8")


def named(results: dict[str, dict[str, Any]], beginning: str) -> dict[str, dict[str, Any]]:
    return {name: result for name, result in results.items() if name.startswith(beginning)}


def failed(results: dict[str, dict[str, Any]]) -> dict[str, int]:
    """What does not hold, or was not found out, and halmos's word for it."""
    return {name: r["exitcode"] for name, r in results.items() if r["exitcode"] != HOLDS}


@pytest.mark.slow
def test_every_proof_holds(results: dict[str, dict[str, Any]]) -> None:
    proofs = named(results, "prove_")
    assert failed(proofs) == {}
    assert {name for name, result in proofs.items() if result["num_bounded_loops"]} == CUT_SHORT


@pytest.mark.slow
def test_every_wrong_sentence_is_refuted(results: dict[str, dict[str, Any]]) -> None:
    wrong = named(results, "find_")
    assert failed(wrong) == dict.fromkeys(wrong, REFUTED)
    assert len(wrong) >= 4


@pytest.mark.slow
def test_nothing_that_is_written_was_left_out(results: dict[str, dict[str, Any]]) -> None:
    written = {
        name
        for path in HERE.glob("*.t.sol")
        for name in re.findall(r"function ((?:prove|find)_\w+)", path.read_text(encoding="utf-8"))
    }
    assert written == set(results)
