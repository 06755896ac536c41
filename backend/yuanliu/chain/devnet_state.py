"""The file that the bundled node keeps its chain in: whole, and with one first block, before the node starts on it."""

import json
import shutil
from pathlib import Path
from typing import Any


def mend(state: Path, copy: Path, broken: Path) -> str:
    """Make sure that the node starts on a whole state file; say in words if that took the copy."""
    said = ""
    if not is_whole(state):
        was_there = state.exists()
        if was_there:
            state.replace(broken)
        if is_whole(copy):
            shutil.copyfile(copy, state)
            what = "was broken (killed in the middle of a dump)" if was_there else "was missing"
            said = f"the state file {what}; the last good copy was taken instead"
        elif was_there:
            said = (
                "the state file was broken and there was no good copy: the chain begins anew "
                f"(the broken file is kept as {broken})"
            )
    if state.exists():
        _keep_one_genesis(state)
    return said


def is_whole(state: Path) -> bool:
    """Tell whether the file holds a chain."""
    try:
        return "blocks" in json.loads(state.read_bytes())
    except (FileNotFoundError, ValueError, TypeError):
        return False


def _keep_one_genesis(state: Path) -> None:
    """Drop the first blocks that are not this chain's.

    The node makes a first block at each start, before it reads its state, and writes it out with the others, in no
    order; the last one it reads counts. So the chain would get another genesis hash by its second restart or a later
    one. The true one is the oldest.
    """
    found: dict[str, Any] = json.loads(state.read_bytes())
    first = [block for block in found["blocks"] if _number(block, "number") == 0]
    if len(first) <= 1:
        return
    oldest = min(first, key=lambda block: _number(block, "timestamp"))
    others = [block for block in found["blocks"] if _number(block, "number") != 0]
    found["blocks"] = [oldest, *others]
    beside = state.with_suffix(".tmp")
    beside.write_text(json.dumps(found), encoding="utf-8")
    beside.replace(state)


def _number(block: dict[str, Any], field: str) -> int:
    return int(block["header"][field], 16)
