"""Shows the story: for people on a terminal of 80 columns, for programs as one JSON document."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from yuanliu import identifiers
from yuanliu.demo.cases import CASES, GRADED, Case
from yuanliu.demo.performance import Performance
from yuanliu.demo.story import Result, Step
from yuanliu.money import format_yuan
from yuanliu.serve.service import Chain

_WIDTH: Final = 80
_PER_CENT: Final = 100
_BPS_TO_PER_CENT: Final = 100


def begin(console: Console, rpc_url: str, chain: Chain) -> None:
    """Print which chain the story is played on."""
    deployment = chain.deployment
    console.print(
        f"Chain {deployment.chain_id} at {rpc_url}, contracts from block"
        f" {deployment.block}{' (new)' if chain.fresh else ''}.",
        highlight=False,
    )


class Teller:
    """Prints each step as it is mined, under the heading of its case. `status` hears what is under way."""

    def __init__(self, console: Console, status: Callable[[str], None]) -> None:
        self._console = console
        self._status = status
        self._told: set[str] = set()

    def __call__(self, step: Step) -> None:
        """Print one step: who signed it, what it was, its transaction and gas."""
        if step.case not in self._told:
            self._told.add(step.case)
            self._announce(next((each for each in (*CASES, GRADED) if each.key == step.case), None))
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"  {step.actor:<15}", style="cyan")
        line.append(f"{step.title:<42.42}")
        line.append(f" {step.transaction[:10]}…", style="dim")
        line.append(f"{step.gas:>8,}", style="dim")
        self._console.print(line)
        self._status(f"{step.case}: {step.title} …")

    def _announce(self, case: Case | None) -> None:
        title = "Set-up (once)" if case is None else f"{case.name} · {case.name_zh}"
        self._console.print(f"\n[bold]{title}[/]")


def conclude(console: Console, result: Result) -> None:
    """Print how a case ended: the journal's verdict and who received what, and why."""
    verdict = result.verification.verdict
    count = len(result.verification.history.records)
    word = "[bold green]matches[/]" if verdict.matches else "[bold red]differs[/]"
    console.print(
        f"\n  Journal: {word} the chain ({count} records, head {verdict.head.hex()[:12]}…)"
    )
    console.print(f"  Batch:   {identifiers.digital_link_path(result.case.gtin, result.lot)}")
    console.print(_shares(result))


def total(console: Console, results: Sequence[Result], seconds: float) -> None:
    """Print the sums over all cases, and that they were checked."""
    paid = sum(result.sold.amount for result in results)
    received = [result.received for result in results]
    farmers = sum(shares.farmers for shares in received)
    cooperative = sum(shares.cooperative for shares in received)
    platform = sum(shares.platform for shares in received)
    console.print(
        f"\n[bold]Totals checked[/] against journal, Python twin and balances:\n"
        f"  ¥{format_yuan(farmers)} farmers + ¥{format_yuan(cooperative)} cooperative"
        f" + ¥{format_yuan(platform)} platform = ¥{format_yuan(paid)} paid",
        highlight=False,
    )
    first = results[0]
    console.print(
        f"\nCheck one yourself, from the chain alone ({seconds:.1f} s so far):\n"
        f"  .venv/bin/yuanliu verify {identifiers.digital_link_path(first.case.gtin, first.lot)}",
        highlight=False,
    )


def invite(console: Console, address: str, done: Performance) -> None:
    """Print where to look, and the sign-ins to try."""
    console.print(f"\n[bold]Running on {address}[/]", highlight=False)
    for result in done.results:
        path = identifiers.digital_link_path(result.case.gtin, result.lot)
        console.print(f"  {address}{path}", highlight=False, soft_wrap=True)
    for path in ("/coop", "/audit", "/api/v1/docs"):
        console.print(f"  {address}{path}", highlight=False)
    console.print("\nSign-ins to try (public; a devnet's only):")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for each in done.sign_ins:
        table.add_row(each.login, each.password, str(each.kind))
    console.print(table)
    console.print("\nStop it with `.venv/bin/yuanliu stop` and `.venv/bin/yuanliu devnet down`.")


def operator(console: Console, done: Performance) -> None:
    """Print the operator's one-time password, if his account was made now: nobody can show it later."""
    if done.operator is not None:
        console.print(
            f"\nOperator, shown this once: {done.operator.login} / {done.operator.password}",
            highlight=False,
        )


def as_json(done: Performance, seconds: float, address: str | None) -> dict[str, Any]:
    """Give the whole story as one JSON document; amounts in fen, `events` is the number of records.

    `address` is where the service runs; `operator` is shown this once, if his account was made now.
    """
    return {
        "cases": [_case(result) for result in done.results],
        "deployment": dataclasses.asdict(done.deployment),
        "seconds": round(seconds, 3),
        "address": address,
        "sign_ins": [
            {"login": each.login, "password": each.password, "kind": str(each.kind)}
            for each in done.sign_ins
        ],
        "operator": done.operator and dataclasses.asdict(done.operator),
    }


def _case(result: Result) -> dict[str, Any]:
    return {
        "name": result.case.key,
        "batch": "0x" + result.verification.batch.hex(),
        "link": identifiers.digital_link_path(result.case.gtin, result.lot),
        "units": result.sold.units,
        "amount_fen": result.sold.amount,
        "floor_fen": result.explanation.floor,
        "shares_fen": {
            "farmer": result.sold.farmers,
            "cooperative": result.sold.cooperative,
            "platform": result.sold.platform,
        },
        "journal": "matches" if result.verification.verdict.matches else "differs",
        "events": len(result.verification.history.records),
        "transactions": list(result.transactions),
    }


def _shares(result: Result) -> Table:
    case, told = result.case, result.explanation
    amount = result.sold.amount
    margin = format_yuan(told.margin)
    table = Table(width=_WIDTH, box=None, pad_edge=True, show_edge=False, padding=(0, 1))
    table.add_column("who", min_width=11)
    table.add_column("¥", justify="right", min_width=9)
    table.add_column("share", justify="right", min_width=6)
    table.add_column("why")
    rows = (
        (
            "farmer",
            told.shares.farmers,
            (
                f"floor {case.sold} × {format_yuan(case.floor)}"
                f" + {_per_cent(case.ratios.farmer_bps)} of the margin {margin}"
                f" + rounding {format_yuan(told.remainder)}"
            ),
        ),
        (
            "cooperative",
            told.shares.cooperative,
            f"{_per_cent(case.ratios.cooperative_bps)} of the margin {margin}",
        ),
        (
            "platform",
            told.shares.platform,
            f"{_per_cent(case.ratios.platform_bps)} of the margin {margin}",
        ),
    )
    for who, share, why in rows:
        table.add_row(who, format_yuan(share), f"{_PER_CENT * share / amount:.1f} %", why)
    table.add_row(
        "[bold]paid[/]",
        f"[bold]{format_yuan(amount)}[/]",
        "100.0 %",
        f"{case.sold} × {format_yuan(case.price)}",
    )
    return table


def _per_cent(bps: int) -> str:
    whole, rest = divmod(bps, _BPS_TO_PER_CENT)
    return f"{whole} %" if rest == 0 else f"{whole}.{rest:02d} %"
