"""The file that the bundled node keeps its chain in: whole, of one moment, and with one first block."""

import gzip
import json
import re
from pathlib import Path
from typing import Any, Final

from yuanliu.chain.node import Node

_PARENTS: Final = "0x0000f90827f1c53a10cb7a02335b175320002935"
_RING: Final = 8191
_ACCOUNTS: Final = '"accounts":'
_HEAD: Final = re.compile(r'"best_block_number":(\d+)')


def mend(state: Path, last: Path, broken: Path) -> str:
    """Make sure that the node starts on a whole state; say in words if something was lost.

    `last` is what the node wrote by itself when it was asked to end. It counts if it is whole and not older.
    """
    said, saved = "", _read(state)
    ended = _read(last)
    if ended is not None and (saved is None or _height(ended) >= _height(saved)):
        last.replace(state)
        saved = ended
    elif last.exists():
        last.unlink()
        said = "what the node wrote at its end was broken or old: the chain goes on from what was saved"
    if saved is not None:
        _keep_one_genesis(saved, state)
    elif state.exists():
        state.replace(broken)
        said = f"the state file was broken: the chain begins anew (the broken file is kept as {broken})"
    return said


def is_whole(state: Path) -> bool:
    """Tell whether the file holds a chain, all of it as it was at one moment."""
    return _read(state) is not None


def _read(state: Path) -> dict[str, Any] | None:
    """Give what the file holds if it is a chain, all of it as it was at one moment."""
    try:
        text = state.read_text(encoding="utf-8")
        found: dict[str, Any] = json.loads(text)
        return found if "blocks" in found and is_of_one_moment(text) else None
    except (FileNotFoundError, ValueError, TypeError):
        return None


def is_of_one_moment(text: str) -> bool:
    """Tell whether the accounts of a dump are those after its highest block.

    The node writes down its blocks first and its accounts after them, and makes blocks in between: under load the
    accounts of every other dump knew of payments that were in no block of it. Each block begins by storing its parent's
    hash, that of block n in slot n mod 8191 of a system contract (EIP-2935). So nothing may have stored the highest
    block's: its slot is empty, or holds the parent's hash of another block here. Costs a tenth of reading all the JSON;
    raises `ValueError` where there is none.
    """
    start, head = text.find(_ACCOUNTS), _HEAD.search(text)
    if start < 0 or head is None:
        return True  # another node's file: nothing is known
    accounts, _ = json.JSONDecoder().raw_decode(text, start + len(_ACCOUNTS))
    slot = f"0x{int(head[1]) % _RING:064x}"
    stored = accounts.get(_PARENTS, {}).get("storage", {}).get(slot)
    return stored is None or f'"parentHash":"{stored}"' in text


def save(node: Node, state: Path) -> bool:
    """Put the node's state in a file, at once and whole, if it is of one moment; tell whether.

    It is sure to be while nobody makes blocks. Raises `ChainUnreachable` or `RpcError`.
    """
    told = bytes.fromhex(str(node.request("anvil_dumpState")).removeprefix("0x"))
    text = gzip.decompress(told).decode()
    if not is_of_one_moment(text):
        return False
    partial = state.with_suffix(".tmp")
    partial.write_text(text, encoding="utf-8")
    partial.replace(state)
    return True


def _height(found: dict[str, Any]) -> int:
    return max((_number(block, "number") for block in found["blocks"]), default=0)


def _keep_one_genesis(found: dict[str, Any], state: Path) -> None:
    """Drop the first blocks that are not this chain's.

    The node makes a first block at each start, before it reads its state, and writes it out with the others, in no
    order; the last one it reads counts. So the chain would get another genesis hash by its second restart or a later
    one. The true one is the oldest.
    """
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
