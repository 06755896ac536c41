"""The bill of materials names every locked package once, with its hash; the audit never takes silence for a pass."""

import json
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from yuanliu.settings import settings

ROOT: Final = settings().project_dir

UNHASHED: Final = frozenset(
    f"@foundry-rs/anvil-{system}"
    for system in ("darwin-amd64", "darwin-arm64", "linux-arm64", "win32-amd64")
)
"""The development node of other systems: the lock was made where they could not be had; see `docs/security.md`."""


def bill() -> dict[str, Any]:
    done = subprocess.run([ROOT / "scripts" / "sbom"], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_bill_names_every_locked_package_with_its_hashes() -> None:
    made = bill()
    assert made == bill(), "the same locks, the same bill"
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    by_ref = {each["bom-ref"]: each for each in made["components"]}
    assert len(by_ref) == len(made["components"])
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = set(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", lock, re.MULTILINE))
    python = {(c["name"], c["version"]) for c in made["components"] if "pypi" in c["purl"]}
    assert python == pins
    for each in made["components"]:
        hashes = each.get("hashes") or each.get("externalReferences", [{}])[0].get("hashes", [])
        assert hashes or each["name"] in UNHASHED, each["name"]
        assert all(re.fullmatch("[0-9a-f]{40,128}", one["content"]) for one in hashes)
    node = json.loads((ROOT / "hardhat-free-devnet/package-lock.json").read_text(encoding="utf-8"))
    assert len(by_ref) == len(pins) + len({k for k in node["packages"] if k})
    assert set(made["dependencies"][0]["dependsOn"]) == by_ref.keys()


@pytest.mark.parametrize(
    ("says", "code"),
    [
        ({"dependencies": [{"name": "a", "version": "1", "vulns": []}]}, 0),
        ({"dependencies": [{"name": "a", "skip_reason": "not found"}]}, 3),
        ({"dependencies": []}, 3),
        (None, 3),
        (
            {
                "dependencies": [
                    {"name": "b", "skip_reason": "not found"},
                    {"name": "a", "version": "1", "vulns": [{"id": "X-1", "fix_versions": ["2"]}]},
                ]
            },
            1,
        ),
    ],
    ids=["nothing known", "skipped", "empty", "no answer", "known"],
)
def test_an_audit_that_could_not_ask_says_so(
    tmp_path: Path, says: dict[str, Any] | None, code: int
) -> None:
    """The script, with a pip-audit that says what a service, or none, would make it say."""
    scripts, home = tmp_path / "scripts", tmp_path / ".yuanliu" / "environments" / "pip-audit"
    (home / "bin").mkdir(parents=True)
    scripts.mkdir()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    python = Path(sys.executable)
    for place in (home, tmp_path / ".venv"):
        (place / "bin" / "python").symlink_to(python)
    (tmp_path / ".venv" / "bin" / "uv").symlink_to("/bin/false")  # all is installed
    for name in ("audit-dependencies", "environment", "pip-audit.lock"):
        (scripts / name).write_bytes((ROOT / "scripts" / name).read_bytes())
    (home / "installed.lock").write_bytes((scripts / "pip-audit.lock").read_bytes())
    fake = home / "bin" / "pip-audit"
    fake.write_text(f"#!/bin/sh\ncat <<'END'\n{'' if says is None else json.dumps(says)}\nEND\n")
    for path in (fake, scripts / "audit-dependencies", scripts / "environment"):
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    done = subprocess.run([scripts / "audit-dependencies"], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert ("NOT CHECKED" in done.stderr) == (code == 3)
    assert ("X-1" in done.stdout) == (code == 1)
