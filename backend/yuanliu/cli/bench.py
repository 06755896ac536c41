"""Commands that measure."""

import os
import platform
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from yuanliu.cli.consoles import err, out

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yuanliu.bench.index import Figure

app = typer.Typer(help="Measure gas and speed.", no_args_is_help=True)


@app.command("gas")
def bench_gas(
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Write contracts/gas-snapshot.json.")
    ] = False,
) -> None:
    """Measure the gas of each scenario on a chain of its own, beside the committed figures."""
    from yuanliu.bench import gas
    from yuanliu.settings import settings

    snapshot = settings().project_dir / "contracts" / "gas-snapshot.json"
    with err.status("Measuring gas …") as status:
        measured = gas.measure(said=lambda name: status.update(f"Measuring {name} …"))
        compared = gas.measure_rivals(said=lambda name: status.update(f"Measuring {name} …"))
    committed = gas.load(snapshot)
    table = Table("scenario", "gas", "committed", "limit", box=None)
    for name, used in measured.items():
        limit = gas.LIMITS.get(name)
        table.add_row(
            name,
            f"{used:,}",
            f"{committed[name]:,}" if name in committed else "new",
            f"{limit:,}" if limit else "",
        )
    for name, used in compared.items():
        table.add_row(f"[dim]{name}[/]", f"[dim]{used:,}[/]")
    out.print(table)
    if not compared:
        out.print("For PaymentSplitter and EAS beside them: ./scripts/bench gas")
    if write:
        gas.save(snapshot, measured)
        out.print(f"Written to {snapshot}.", highlight=False, soft_wrap=True)


@app.command("epcis")
def bench_epcis(
    *,
    events: Annotated[int, typer.Option("--events", min=6, help="Events in a round.")] = 12_000,
) -> None:
    """Measure how many EPCIS events a second one core validates and hashes."""
    from yuanliu.bench import epcis

    table = Table("step", "events/s", "asked for", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    with err.status("Measuring …") as status:
        for figure in epcis.measure(
            events, said=lambda name: status.update(f"Measuring: {name} …")
        ):
            style = "" if not figure.target or figure.per_second >= figure.target else "bold red"
            asked = f"{figure.target:,}" if figure.target else ""
            table.add_row(figure.name, f"{figure.per_second:,}", asked, style=style)
    out.print(table)
    out.print(
        f"{events:,} different events of six acts, {epcis.average_bytes(events)} bytes each on average;"
        " one thread, best of three rounds.",
        highlight=False,
        soft_wrap=True,
    )


@app.command("index")
def bench_index(
    *,
    logs: Annotated[int, typer.Option("--logs", min=1_000, help="Logs on the chain.")] = 50_000,
    events: Annotated[
        int, typer.Option("--events", min=30_000, help="Events in the copy that is asked.")
    ] = 1_000_000,
) -> None:
    """Measure the index: logs a second from scratch, look-ups of a batch, a long lineage."""
    from yuanliu.bench import index

    with err.status("Measuring …") as status:
        _show(index.measure(logs, events, said=lambda what: status.update(f"{what} …")))


@app.command("api")
def bench_api(
    *,
    events: Annotated[int, typer.Option("--events", min=100, help="Events in a round.")] = 4_000,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="The best one counts.")] = 3,
    invented: Annotated[
        int, typer.Option("--invented", min=60_000, help="Events in the copy beforehand.")
    ] = 1_000_000,
) -> None:
    """Measure the service over HTTP: signed events to indexed rows, look-ups among a million, lineage, memory."""
    from yuanliu.bench import api

    with err.status("Measuring …") as status:
        _show(api.measure(events, invented, rounds, said=lambda what: status.update(f"{what} …")))
    out.print(api.METHOD, highlight=False, soft_wrap=True)


@app.command("outbox")
def bench_outbox(
    *,
    events: Annotated[int, typer.Option("--events", min=100, help="Events sent.")] = 5_000,
) -> None:
    """Measure how many events a second pass the outbox, from submission to done, without HTTP and index."""
    from yuanliu.bench import outbox

    with err.status("Measuring …"):
        _show(outbox.figures(outbox.measure(events)))


@app.command("labels")
def bench_labels(
    *,
    count: Annotated[int, typer.Option("--labels", min=10, max=10_000)] = 1_000,
) -> None:
    """Measure how many labels a second are printed, each with a serial of its own."""
    from yuanliu.bench import labels

    with err.status("Measuring …") as status:
        _show(labels.measure(count, said=lambda what: status.update(f"{what} …")))


@app.command("field")
def bench_field(
    parts: Annotated[
        list[str] | None,
        typer.Argument(help="gas, computing, following, rows; all if none is named."),
    ] = None,
    *,
    write: Annotated[bool, typer.Option("--write", help="Write docs/benchmarks.md.")] = False,
) -> None:
    """Measure ourselves beside the best-known others: gas, EPCIS, links, follower, audit, look-ups."""
    from yuanliu.bench import field_report
    from yuanliu.settings import settings

    unknown = set(parts or ()) - set(field_report.PARTS)
    if unknown or (write and parts):
        raise typer.BadParameter(f"any of {', '.join(field_report.PARTS)}; with --write: all")
    machine, missing = field_report.machine(), list[str]()
    with err.status("Measuring …") as status:
        compared = list(
            field_report.measure(
                parts or tuple(field_report.PARTS),
                said=lambda what: status.update(f"Measuring: {what} …"),
                failed=missing.append,
            )
        )
    table = Table("what", "ours", "theirs", "ratio", "limit", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for each in compared:
        theirs = "" if each.theirs is None else f"{each.theirs:,.0f}"
        ratio = "" if each.ratio is None else f"{each.ratio:,.2f}"
        ours = f"{each.ours:,.0f} {each.unit}"
        table.add_row(f"{each.what} | {each.rival}", ours, theirs, ratio, f"{each.limit:,.0f}")
    out.print(table)
    for each in compared:
        out.print(f"{each.what}: {each.note}", highlight=False, soft_wrap=True)
    for why in missing:
        out.print(f"Not measured: {why}", style="bold red", highlight=False, soft_wrap=True)
    if write and not missing:
        document = settings().project_dir / "docs" / "benchmarks.md"
        document.write_text(field_report.document(compared, machine), encoding="utf-8")
        out.print(f"Written to {document}.", highlight=False, soft_wrap=True)
    if missing:
        raise typer.Exit(1)


@app.command("audit")
def bench_audit(
    *,
    payments: Annotated[
        int, typer.Option("--payments", min=100, help="Payments on the chain.")
    ] = 100_000,
) -> None:
    """Measure an audit of so many payments, beside what the node itself needs to give them."""
    from yuanliu.bench import audit

    with err.status("Measuring …") as status:
        _show(audit.measure(payments, said=lambda what: status.update(f"{what} …")))


def _show(figures: "Iterable[Figure]") -> None:
    """Show measured figures as a table; what is not as asked for is red."""
    before = os.getloadavg()[0]
    table = Table("figure", "measured", "asked for", "ratio", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for figure in figures:
        asked = f"{figure.asked:,.0f} {figure.unit}" if figure.asked else ""
        style = "" if figure.is_met else "bold red"
        ratio = f"{figure.ratio:.2f}" if figure.ratio else ""
        table.add_row(figure.name, f"{figure.value:,.1f} {figure.unit}", asked, ratio, style=style)
    out.print(table)
    out.print(
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; load {before:.1f} before,"
        f" {os.getloadavg()[0]:.1f} after. Ratios from 1 on are what was asked for.",
        highlight=False,
        soft_wrap=True,
    )
