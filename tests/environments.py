"""Tools that want other versions of our packages live in environments of their own, made when first asked for."""

import subprocess
from pathlib import Path
from typing import Final

SCRIPT: Final = Path(__file__).resolve().parents[1] / "scripts" / "environment"


def python_of(tool: str) -> Path:
    """The interpreter of a tool's environment, with the versions of `scripts/{tool}.lock`."""
    made = subprocess.run([SCRIPT, tool], check=True, stdout=subprocess.PIPE, text=True)
    return Path(made.stdout.strip())
