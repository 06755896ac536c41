import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.commands import Ended, run

from yuanliu.chain import artifacts, compiler
from yuanliu.errors import YuanliuError
from yuanliu.settings import Settings

CHECKOUT = Settings().project_dir
DEVNET_DIR = CHECKOUT / "hardhat-free-devnet"
SHIM = DEVNET_DIR / "solc-json"
HEADER = "// SPDX-License-Identifier: Apache-2.0\npragma solidity ^0.8.30;\n"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for what was compiled: the same source is compiled once for all tests, unless they say `force`."""
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture
def project(tmp_path: Path, compiled: Path) -> Settings:
    """Give the settings of an empty project that uses the real compiler and libraries."""
    (tmp_path / "contracts").mkdir()
    return Settings(project_dir=tmp_path, devnet_dir=DEVNET_DIR, data_dir=compiled)


def write(project: Settings, name: str, body: str) -> None:
    path = project.project_dir / "contracts" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + body, encoding="utf-8")


def script(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def run_cli(project: Settings, *arguments: str) -> Ended:
    return run(
        *arguments,
        YUANLIU_PROJECT_DIR=str(project.project_dir),
        YUANLIU_DEVNET_DIR=str(project.devnet_dir),
        YUANLIU_DATA_DIR=str(project.data_dir),
    )


# --- which compiler -------------------------------------------------------------------------------


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of py-solc-x's own, empty."""
    folder = tmp_path / "solcx"
    folder.mkdir()
    monkeypatch.setenv("SOLCX_BINARY_PATH", str(folder))
    return folder


def test_pinned_version_is_that_of_package_json() -> None:
    pinned = json.loads((DEVNET_DIR / "package.json").read_bytes())["dependencies"]["solc"]
    assert pinned == compiler.SOLC_VERSION


def test_a_path_in_the_settings_comes_first(tmp_path: Path, installed: Path) -> None:
    script(installed / f"solc-v{compiler.SOLC_VERSION}", f'exec "{SHIM}" "$@"')
    mine = script(tmp_path / "my-solc", f'exec "{SHIM}" "$@"')
    found = compiler.find_compiler(Settings(solc=mine))
    assert (found.origin, found.path) == ("settings", mine)


def test_a_compiler_that_py_solc_x_has_comes_second(installed: Path) -> None:
    native = script(installed / f"solc-v{compiler.SOLC_VERSION}", f'exec "{SHIM}" "$@"')
    found = compiler.find_compiler(Settings())
    assert (found.origin, found.path) == ("py-solc-x", native)


@pytest.mark.usefixtures("installed")
def test_the_pinned_npm_compiler_comes_third() -> None:
    found = compiler.find_compiler(Settings())
    assert (found.origin, found.path) == ("npm", SHIM)
    assert found.version.startswith(f"{compiler.SOLC_VERSION}+commit.")


def test_another_version_that_py_solc_x_has_is_not_taken(installed: Path) -> None:
    script(installed / "solc-v0.8.20", "echo 'Version: 0.8.20+commit.a1b79de6.Linux.g++'")
    assert compiler.find_compiler(Settings()).origin == "npm"


@pytest.mark.usefixtures("installed")
def test_no_compiler_anywhere_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(YuanliuError) as refusal:
        compiler.find_compiler(Settings(devnet_dir=tmp_path))
    assert refusal.value.code == "compiler.missing"
    assert "scripts/setup" in refusal.value.hint


def test_another_version_in_the_settings_is_refused(tmp_path: Path) -> None:
    old = script(tmp_path / "solc", "echo 'Version: 0.8.20+commit.a1b79de6.Linux.g++'")
    with pytest.raises(YuanliuError) as refusal:
        compiler.find_compiler(Settings(solc=old))
    assert refusal.value.code == "compiler.wrong_version"
    assert refusal.value.fields["found"] == "0.8.20+commit.a1b79de6"


@pytest.mark.parametrize("body", ["exit 3", "echo no version here"])
def test_a_program_that_is_no_compiler_is_refused(tmp_path: Path, body: str) -> None:
    with pytest.raises(YuanliuError) as refusal:
        compiler.find_compiler(Settings(solc=script(tmp_path / "solc", body)))
    assert refusal.value.code == "compiler.unusable"


def test_a_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(YuanliuError) as refusal:
        compiler.find_compiler(Settings(solc=tmp_path / "nowhere"))
    assert refusal.value.code == "compiler.unusable"


# --- the small executable ---------------------------------------------------------------------------


def test_shim_answers_version_in_the_form_of_solc() -> None:
    said = subprocess.run([SHIM, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[0].startswith("solc, the solidity compiler")
    assert said.stdout.splitlines()[1].startswith(f"Version: {compiler.SOLC_VERSION}+commit.")
    assert said.stderr == ""


def test_shim_writes_everything_to_a_slow_reader() -> None:
    source = HEADER + "contract Big { bytes public constant DATA = hex'" + "ab" * 20_000 + "'; }"
    job = {
        "language": "Solidity",
        "sources": {"Big.sol": {"content": source}},
        "settings": {"outputSelection": {"*": {"*": ["*"], "": ["ast"]}}},
    }
    reader = "import sys, time; time.sleep(2); sys.stdout.write(sys.stdin.read())"
    command = (
        f'"{SHIM}" --standard-json --allow-paths . --base-path . | "{sys.executable}" -c "{reader}"'
    )
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout) > 256 * 1024
    assert "Big" in json.loads(done.stdout)["contracts"]["Big.sol"]


def test_shim_refuses_what_it_does_not_know() -> None:
    done = subprocess.run([SHIM, "--bin", "x.sol"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Usage:" in done.stderr


# --- compiling ------------------------------------------------------------------------------------


def test_a_syntax_error_is_shown_with_file_line_and_caret(project: Settings) -> None:
    write(project, "Broken.sol", "contract Broken {\n    uint256 x = ;\n}\n")
    done = run_cli(project, "compile")
    assert done.returncode == 1
    assert "error [compiler.rejected]" in done.stderr
    assert "contracts/Broken.sol:4:17" in done.stderr
    assert "uint256 x = ;" in done.stderr
    assert any(line.strip(" |") == "^" for line in done.stderr.splitlines())


def test_an_artifact_holds_what_a_caller_needs(project: Settings) -> None:
    write(
        project,
        "Thing.sol",
        """
        contract Thing {
            struct Pair { uint256 left; address[] right; }
            error Thing_Refused(Pair[2] pairs);
            event Done(uint256 indexed id);
            uint256 public immutable number;
            constructor(uint256 number_) { number = number_; }
            function act(Pair[2] calldata pairs) external { emit Done(1); revert Thing_Refused(pairs); }
        }
        """,
    )
    artifact = compiler.compile_contracts(project).artifacts["Thing"]
    assert artifact.source == "contracts/Thing.sol"
    assert artifact.method_identifiers.keys() == {"act((uint256,address[])[2])", "number()"}
    assert list(artifact.errors.values()) == ["Thing_Refused((uint256,address[])[2])"]
    assert list(artifact.events.values()) == ["Done(uint256)"]
    assert artifact.immutable_references
    assert 0 < artifact.size < artifact.init_size
    assert artifacts.Artifact.from_json(artifact.to_json()) == artifact


def test_compiling_again_gives_the_same_bytes(project: Settings) -> None:
    write(project, "A.sol", "contract A { uint256 public x; }")
    first = compiler.compile_contracts(project).files()
    elsewhere = project.project_dir / "elsewhere"
    shutil.copytree(project.project_dir / "contracts", elsewhere / "contracts")
    moved = Settings(project_dir=elsewhere, devnet_dir=DEVNET_DIR)
    assert compiler.compile_contracts(moved, force=True).files() == first


def test_the_cache_gives_what_the_compiler_gave(project: Settings, tmp_path: Path) -> None:
    own = project.model_copy(update={"data_dir": tmp_path})
    write(own, "A.sol", "contract A { uint256 public x; }")
    assert compiler.compile_contracts(own) == compiler.compile_contracts(own)
    assert len(list((tmp_path / "cache" / "solc").glob("*.json"))) == 1


def test_mocks_are_kept_out_of_the_artifacts(project: Settings) -> None:
    write(project, "A.sol", "contract A { uint256 public x; }")
    alone = compiler.compile_contracts(project)
    write(
        project, "mocks/B.sol", 'import {A} from "../A.sol"; contract B is A { uint256 public y; }'
    )
    both = compiler.compile_contracts(project)
    assert both.files() == alone.files()
    assert both.mocks.keys() == {"B"}


def test_warnings_are_those_of_our_own_files(project: Settings) -> None:
    write(project, "A.sol", "contract A { function f() external pure { uint256 unused; } }")
    (warning,) = compiler.compile_contracts(project).warnings
    assert "contracts/A.sol" in warning
    assert "Unused local variable" in warning


def test_a_missing_import_is_named_with_its_importer(project: Settings) -> None:
    write(project, "A.sol", 'import {B} from "./deep/B.sol"; contract A is B {}')
    with pytest.raises(YuanliuError) as refusal:
        compiler.compile_contracts(project)
    assert refusal.value.code == "compiler.import_missing"
    assert refusal.value.fields == {
        "importer": "contracts/A.sol",
        "import": "contracts/deep/B.sol",
    }


def test_a_folder_without_contracts_is_refused(project: Settings) -> None:
    with pytest.raises(YuanliuError) as refusal:
        compiler.compile_contracts(project)
    assert refusal.value.code == "compiler.no_sources"


def test_two_contracts_of_one_name_are_refused(project: Settings) -> None:
    write(project, "A.sol", "contract Same { uint256 public x; }")
    write(project, "B.sol", "contract Same { uint256 public y; }")
    with pytest.raises(YuanliuError) as refusal:
        compiler.compile_contracts(project)
    assert refusal.value.code == "compiler.duplicate_name"


def test_code_that_no_chain_takes_is_refused(
    project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compiler.CODE_SIZE_LIMIT == 0x6000  # EIP-170
    write(project, "A.sol", "contract A { uint256 public x; }")
    size = compiler.compile_contracts(project).artifacts["A"].size
    monkeypatch.setattr(compiler, "CODE_SIZE_LIMIT", size)
    compiler.compile_contracts(project)
    monkeypatch.setattr(compiler, "CODE_SIZE_LIMIT", size - 1)
    with pytest.raises(YuanliuError) as refusal:
        compiler.compile_contracts(project)
    assert refusal.value.code == "compiler.too_large"
    assert refusal.value.fields == {"name": "A", "size": size, "limit": size - 1}


# --- the committed artifacts ------------------------------------------------------------------------


def test_a_changed_source_is_noticed(project: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "artifacts"
    write(project, "A.sol", "contract A { uint256 public x; }")
    compiler.write_artifacts(compiler.compile_contracts(project), folder)
    assert compiler.up_to_date(project, folder)
    assert compiler.differences(compiler.compile_contracts(project), folder) == []

    write(project, "A.sol", "contract A { uint256 public y; }")
    assert not compiler.up_to_date(project, folder)
    assert compiler.differences(compiler.compile_contracts(project), folder) == [
        "A.json",
        "manifest.json",
    ]


def test_a_tampered_artifact_is_noticed(project: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "artifacts"
    write(project, "A.sol", "contract A { uint256 public x; }")
    compilation = compiler.compile_contracts(project)
    compiler.write_artifacts(compilation, folder)
    path = folder / "A.json"
    path.write_text(path.read_text().replace("0x60", "0x61", 1))
    assert not compiler.up_to_date(project, folder)
    assert compiler.differences(compilation, folder) == ["A.json"]


def test_artifacts_of_contracts_that_are_gone_are_removed(
    project: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "artifacts"
    folder.mkdir()
    (folder / "Gone.json").write_text("{}")
    write(project, "A.sol", "contract A { uint256 public x; }")
    compiler.write_artifacts(compiler.compile_contracts(project), folder)
    assert {path.name for path in folder.iterdir()} == {"A.json", "manifest.json"}


def test_check_fails_and_names_what_does_not_match(project: Settings) -> None:
    write(project, "Other.sol", "contract Other { uint256 public x; }")
    done = run_cli(project, "compile", "--check")
    assert done.returncode == 1
    assert "error [compiler.artifacts_differ]" in done.stderr
    assert "Other.json" in done.stderr


def test_the_committed_artifacts_match_the_contracts() -> None:
    assert compiler.up_to_date(), "run `yuanliu compile`"
