"""All comparisons with the field, and the document that is made of them: `docs/benchmarks.md`."""

import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from yuanliu.bench import field_computing, field_following, field_gas, field_rows
from yuanliu.bench.field import Comparison
from yuanliu.bench.field_rivals import RivalUnavailable

Said = Callable[[str], None]

PARTS: Final[dict[str, Callable[[Said], Iterator[Comparison]]]] = {
    "gas": field_gas.compare,
    "computing": lambda said: field_computing.compare(said=said),
    "following": lambda said: field_following.compare(said=said),
    "rows": lambda said: field_rows.compare(said=said),
}
"""Each compares one kind of work; its module's docstring is the method."""

_METHODS: Final = {
    "Gas": field_gas,
    "Events and links": field_computing,
    "Follower and audit": field_following,
    "Look-ups": field_rows,
}

_HEAD: Final = """\
# Beside the field · 与同类软件的比较

Written by `./scripts/bench field --write`. Ours and theirs were measured in the same run on the same machine, one after
the other; the ratio says how many times better ours is (for gas: how many times less). *Limit* is what no program
could better for this work here, and what part of it we reach. Rivals are installed on demand from locks with hashes
(`scripts/rivals.lock`, `scripts/rivals/package-lock.json`, `hardhat-free-devnet/rivals/package-lock.json`); none is
part of the product.

"""


def measure(
    parts: Sequence[str] = tuple(PARTS), said: Said = lambda _: None, failed: Said = lambda _: None
) -> Iterator[Comparison]:
    """Measure these parts; `failed` hears which one could not be and why."""
    for name in parts:
        try:
            yield from PARTS[name](said)
        except RivalUnavailable as error:
            failed(f"{name}: {error}")


def document(compared: Sequence[Comparison], machine: str) -> str:
    """Write the whole document."""
    lines = [_HEAD, machine, "\n\n"]
    lines.append("| what | ours | the other | theirs | ratio | limit | reached |\n")
    lines.append("|---|---:|---|---:|---:|---:|---:|\n")
    lines += [_row(each) for each in compared]
    lines.append("\n## What to know of each · 说明\n\n")
    lines += [
        f"- **{each.what}**: the limit is: {each.limit_is}."
        f"{' ' + each.note[0].upper() + each.note[1:] + '.' if each.note else ''}\n"
        for each in compared
    ]
    lines.append("\n## Method · 方法\n")
    for title, module in _METHODS.items():
        text = (module.__doc__ or "").strip().replace("\n\n", "\n")
        lines.append(f"\n**{title}.** {text}\n")
    return "".join(lines)


def _row(each: Comparison) -> str:
    theirs = "not measured" if each.theirs is None else f"{each.theirs:,.0f}"
    ratio = "" if each.ratio is None else f"**{each.ratio:.2g} ×**"
    if each.ratio is not None and each.ratio >= 10:  # noqa: PLR2004 -- two digits
        ratio = f"**{each.ratio:,.0f} ×**"
    cells = (
        each.what,
        f"{each.ours:,.0f} {each.unit}",
        each.rival,
        theirs,
        ratio,
        f"{each.limit:,.0f}",
        f"{each.of_limit:.0%}" if each.of_limit >= 0.01 else f"{each.of_limit:.1%}",  # noqa: PLR2004
    )
    return "| " + " | ".join(cells) + " |\n"


def machine() -> str:
    """Describe the machine, and how busy it is with other things at this moment."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    busy = os.getloadavg()[0]
    return (
        f"Machine: {names[0] if names else platform.machine()}, {os.cpu_count()} cores, {pages:.0f} GB,"
        f" {platform.system()}, Python {sys.version.split()[0]}. Measured {datetime.now(UTC):%Y-%m-%d}; load average"
        f" {busy:.1f} when it began: what else runs lowers all figures by the clock and makes them uneven. CPU seconds"
        " depend on it much less; events and links are by CPU seconds too."
    )
