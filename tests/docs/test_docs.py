"""What the documents promise is there, and what is there is in the documents."""

import os
import re
import shlex
from collections import Counter
from pathlib import Path
from typing import Final

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup

from yuanliu.chain.artifacts import load_artifact
from yuanliu.chain.deployment import CONTRACTS
from yuanliu.cli import app
from yuanliu.settings import Settings, settings

ROOT: Final = settings().project_dir
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE: Final = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
INTERFACES: Final = sorted((ROOT / "contracts" / "interfaces").glob("*.sol"))

_BLOCK: Final = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\]\((?!https?:|#)([^)#]+)")
_ERROR: Final = re.compile(r"((?:^\s*///[^\n]*\n)*)^\s*error (\w+)\(", re.MULTILINE)


def commands(group: TyperGroup | None = None) -> dict[str, TyperCommand | TyperGroup]:
    """Give the commands of a group, or all of `yuanliu`."""
    found = group or typer.main.get_command(app)
    assert isinstance(found, TyperGroup)
    listed = found.commands
    assert all(isinstance(command, TyperCommand | TyperGroup) for command in listed.values())
    return listed  # type: ignore[return-value]  # as asserted


def command_lines() -> list[str]:
    """Give the lines of the README's code blocks that run our command."""
    lines = (line.strip() for block in _BLOCK.findall(README) for line in block.splitlines())
    return [line for line in lines if line.startswith(".venv/bin/yuanliu")]


# ------------------------------------------------------------------ commands


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_is_in_the_readme(name: str) -> None:
    assert re.search(rf"`yuanliu {name}\b", README), f"the README does not name `yuanliu {name}`"


def test_every_subcommand_is_in_the_readme() -> None:
    for name, group in commands().items():
        if isinstance(group, TyperGroup):
            (row,) = re.findall(rf"^\| `yuanliu {name} .*$", README, re.MULTILINE)
            named = row.split("|")[1]
            for sub in commands(group):
                assert re.search(rf"\b{sub}\b", named), f"`yuanliu {name} {sub}`"


def test_the_readme_shows_our_command_at_work() -> None:
    assert command_lines()


@pytest.mark.parametrize("line", command_lines())
def test_every_command_line_of_the_readme_is_one(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command: TyperCommand | TyperGroup | None = None
    while command is None or isinstance(command, TyperGroup):
        known_commands = commands(command)
        assert words, f"{line}: a subcommand is missing"
        assert words[0] in known_commands, f"{line}: there is no {words[0]}"
        command = known_commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known, line


def test_every_command_that_the_documents_name_exists() -> None:
    for text in (README, ARCHITECTURE):
        for name in re.findall(r"`(?:\.venv/bin/)?yuanliu ([a-z]+)", text):
            assert name in commands(), name


def test_every_script_that_the_documents_name_can_be_run() -> None:
    named = set(re.findall(r"\./scripts/([a-z-]+)", README + ARCHITECTURE))
    assert {"demo", "test"} <= named
    for name in named:
        assert os.access(ROOT / "scripts" / name, os.X_OK), name


# ------------------------------------------------------------------ settings


def rows(text: str) -> set[str]:
    """Give the settings named in the first column of a table."""
    first = (line.split("|")[1] for line in text.splitlines() if line.startswith("|"))
    return {name for cell in first for name in re.findall(r"`(YUANLIU_[A-Z_]+)`", cell)}


def test_the_table_of_settings_is_complete_and_names_no_other() -> None:
    fields = {f"YUANLIU_{name.upper()}" for name in Settings.model_fields}
    assert rows(README) == fields


def test_every_setting_that_is_named_anywhere_exists() -> None:
    fields = {f"YUANLIU_{name.upper()}" for name in Settings.model_fields}
    sources = [*ROOT.glob("*.md"), *(ROOT / "backend").rglob("*.py")]
    for path in (*sources, ROOT / "hardhat-free-devnet" / "README.md"):
        named = set(re.findall(r"\bYUANLIU_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")))
        assert named <= fields, f"{path.name}: {named - fields}"


# ------------------------------------------------------------------ contracts


def errors() -> list[tuple[Path, str, str]]:
    """Give every custom error of the interfaces: file, documentation, name."""
    return [
        (path, doc, name)
        for path in INTERFACES
        for doc, name in _ERROR.findall(path.read_text(encoding="utf-8"))
    ]


def test_every_errors_name_is_its_own_and_says_whose_it_is() -> None:
    found = errors()
    assert len(found) > 50
    twice = [name for name, count in Counter(name for _, _, name in found).items() if count > 1]
    assert not twice
    for path, _, name in found:
        assert name.startswith(f"{path.stem.removeprefix('I')}_"), f"{path.name}: {name}"


def test_every_error_says_when_it_is_thrown() -> None:
    silent = [name for _, doc, name in errors() if "Thrown " not in doc]
    assert not silent


def test_no_two_errors_are_told_apart_by_less_than_four_bytes() -> None:
    selectors: dict[str, str] = {}
    for name in CONTRACTS:
        for selector, signature in load_artifact(name).errors.items():
            assert selectors.setdefault(selector, signature) == signature


def powers() -> set[tuple[str, str]]:
    """Give (contract, function) of the table of powers; a function without a contract is the one before's."""
    table = ARCHITECTURE.partition("\n## Powers\n")[2].partition("\n## ")[0]
    named = set()
    for row in re.findall(r"^\| (`[^|]*)\|", table, re.MULTILINE):
        contract = ""
        for word in re.findall(r"`([\w.]+)`", row):
            first, dot, second = word.partition(".")
            contract, function = (first, second) if dot else (contract, first)
            named.add((contract, function))
    return named


def test_the_table_of_powers_names_every_function_that_writes_and_no_other() -> None:
    writing = {
        (name, entry["name"])
        for name in CONTRACTS
        if name != "DemoYuan"
        for entry in load_artifact(name).abi
        if entry["type"] == "function" and entry["stateMutability"] in {"nonpayable", "payable"}
    }
    assert writing - powers() == set(), "who may call these?"
    assert powers() - writing == set(), "these are no functions that write"


# ------------------------------------------------------------------ files


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"])
def test_every_link_to_a_file_leads_there(name: str) -> None:
    for target in _LINK.findall((ROOT / name).read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), f"{name}: {target}"


def test_every_room_of_the_package_has_its_place_in_the_architecture() -> None:
    package = ROOT / "backend" / "yuanliu"
    rooms = {
        path.stem
        for path in package.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    small = {"__init__", "errors", "settings"}
    missing = {room for room in rooms - small if not re.search(rf"\b{room}\b", ARCHITECTURE)}
    assert not missing
