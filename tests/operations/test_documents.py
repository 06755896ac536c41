"""The operator's documents name what is there, and the table of settings is the settings'."""

import ast
import re
from typing import Final

import pytest
from prometheus_client import REGISTRY

import yuanliu.web.app  # noqa: F401 -- it registers its figures
from yuanliu.cli.settings import described
from yuanliu.settings import Settings, settings

ROOT: Final = settings().project_dir
DOCUMENTS: Final = ("operations.md", "security.md")


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_the_table_of_settings_is_what_the_settings_say() -> None:
    table = text("operations.md").partition("<!-- settings -->\n")[2].partition("<!-- /settings")[0]
    assert table.strip() == described(), "write it anew: yuanliu settings --table"
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_test_file_setting_and_figure_that_is_named_exists(name: str) -> None:
    said = text(name)
    for path in re.findall(r"`((?:tests|scripts|contracts|docs)/[\w./-]+)`", said):
        assert (ROOT / path).exists(), path
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", said):
        assert (ROOT / "docs" / target).exists(), target
    named = set(re.findall(r"\bYUANLIU_[A-Z_]*[A-Z]\b", said))
    assert named <= {f"YUANLIU_{field.upper()}" for field in Settings.model_fields}
    figures = set(re.findall(r"`(yuanliu_[a-z_]+?)(?:_total)?(?:\{[^`]*)?`", said))
    known = {metric.name for metric in REGISTRY.collect()}
    assert figures <= known, figures - known


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_test_that_is_named_by_its_name_exists(name: str) -> None:
    for path, test in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text(name)):
        assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), (path, test)


CALLS_OUT: Final = {
    "httpx",
    "requests",
    "urllib3",
    "urllib.request",
    "http.client",
    "minio",
    "aiohttp",
}


def test_only_chain_store_and_starter_call_out() -> None:
    """Nothing that answers a visitor can fetch an address: whoever calls out is named here, with what he calls."""
    callers = set()
    package = ROOT / "backend" / "yuanliu"
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(
                name == out or name.startswith(f"{out}.") for name in names for out in CALLS_OUT
            ):
                callers.add(path.relative_to(package).as_posix())
    benches = {name for name in callers if name.startswith(("bench/", "demo/"))}
    assert callers - benches == {
        "chain/line.py",  # the node of the settings
        "desk/blobs.py",  # the store of the settings
        "serve/detached.py",  # our own service on this machine
    }
