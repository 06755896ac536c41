"""Tools that want other versions of our packages live in environments of their own, made when first asked for."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from yuanliu.settings import settings

LOCKS: Final = Path(__file__).resolve().parents[1] / "scripts"


def python_of(tool: str) -> Path:
    """The interpreter of a tool's environment, which is made anew if it is not there or another one was locked."""
    lock, folder = LOCKS / f"{tool}.lock", settings().data_dir / tool
    stamp, locked = folder / "installed", lock.read_text(encoding="utf-8")
    interpreter = folder / "bin" / "python"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != locked:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [str(interpreter), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*pip, "--require-hashes", "-r", lock], check=True)
        stamp.write_text(locked, encoding="utf-8")
    return interpreter
