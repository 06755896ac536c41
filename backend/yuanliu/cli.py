"""The `yuanliu` command: thin. Each command imports what it needs, so that `--help` answers at once."""

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from yuanliu import __version__
from yuanliu.errors import YuanliuError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yuanliu.bench.index import Figure

app = typer.Typer(
    name="yuanliu",
    help="Yuanliu (源流): proof of origin and honest pay for farm goods.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

out = Console()
"""What a command answers: stdout."""

err = Console(stderr=True)
"""What a command says about itself (progress, warnings, errors): stderr."""


def _version(show: bool) -> None:  # noqa: FBT001 -- Typer's callback signature
    if show:
        out.print(f"yuanliu {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    _show: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and stop.", callback=_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Yuanliu (源流): proof of origin and honest pay for farm goods."""


@app.command("compile")
def compile_(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only tell whether the artifacts match the sources.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Compile even if nothing has changed.")
    ] = False,
) -> None:
    """Compile contracts/ into the artifacts that are part of the package."""
    from yuanliu.chain import compiler

    started = time.monotonic()
    if not (check or force) and compiler.up_to_date():
        out.print("Artifacts are up to date with contracts/.")
        return
    found = compiler.find_compiler()
    with err.status(f"Compiling with Solidity {found.version} ({found.origin}) …"):
        result = compiler.compile_contracts(force=check or force)
    for warning in result.warnings:
        err.print(escape(warning), style="yellow", highlight=False, soft_wrap=True)
    seconds = time.monotonic() - started
    if check:
        if changed := compiler.differences(result):
            raise YuanliuError(
                "compiler.artifacts_differ",
                f"{len(changed)} committed artifacts do not match contracts/: {', '.join(changed)}",
                hint="run `yuanliu compile` and commit backend/yuanliu/artifacts",
                fields={"files": changed},
            )
        out.print(f"{len(result.artifacts)} artifacts match contracts/ ({seconds:.1f} s).")
        return
    changed = compiler.write_artifacts(result)
    table = Table("contract", "source", "bytes", "of limit", box=None)
    for column in table.columns[2:]:
        column.justify = "right"
    for name, artifact in sorted(result.artifacts.items()):
        if artifact.size:
            share = artifact.size / compiler.CODE_SIZE_LIMIT
            style = "yellow" if share > 0.9 else ""  # noqa: PLR2004 -- nine tenths: near the limit
            source = artifact.source.removeprefix("contracts/")
            table.add_row(name, source, f"{artifact.size:,}", f"{share:.0%}", style=style)
    out.print(table)
    out.print(f"{len(result.artifacts)} contracts, {len(changed)} files written, {seconds:.1f} s.")


devnet_app = typer.Typer(
    help="Start, find, stop and reset the bundled development chain.", no_args_is_help=True
)
app.add_typer(devnet_app, name="devnet")


@devnet_app.command("up")
def devnet_up() -> None:
    """Start the devnet, or find the one that runs."""
    from yuanliu.chain import devnet

    with err.status("Starting the devnet …"):
        state = devnet.up()
    if state.recovery:
        err.print(f"[yellow]warning[/]: {escape(state.recovery)}", highlight=False, soft_wrap=True)
    verb = "Devnet is up" if state.outcome == "started" else "Devnet already runs"
    out.print(
        f"{verb} at {state.rpc_url} (chain id {state.chain_id}, block {state.block}, pid {state.pid}).",
        highlight=False,
        soft_wrap=True,
    )


@devnet_app.command("down")
def devnet_down() -> None:
    """Stop the devnet; its chain is kept for the next start."""
    from yuanliu.chain import devnet

    stopped = devnet.down()
    out.print("Devnet stopped; its chain is kept." if stopped else "Devnet is not running.")


@devnet_app.command("status")
def devnet_status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Show whether the devnet runs and answers; exit code 0 if it does, 1 if not."""
    import dataclasses
    import json

    from yuanliu.chain import devnet

    state = devnet.status()
    answers = state.running and state.block is not None
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(state), default=str))
    elif answers:
        out.print(
            f"Devnet runs at {state.rpc_url} (chain id {state.chain_id}, block {state.block}, pid {state.pid}; "
            f"{state.state_bytes:,} bytes of state in {state.data_dir}).",
            highlight=False,
            soft_wrap=True,
        )
    elif state.running:
        out.print(f"Devnet runs (pid {state.pid}) but does not answer at {state.rpc_url}.")
    else:
        out.print("Devnet is not running.")
    if not answers:
        raise typer.Exit(1)


@devnet_app.command("reset")
def devnet_reset(
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget the devnet's whole chain and start an empty one."""
    from yuanliu.chain import devnet

    if not yes and sys.stdin.isatty():
        typer.confirm("Forget everything on the devnet's chain?", abort=True)
    with err.status("Starting an empty devnet …"):
        state = devnet.reset()
    out.print(f"Devnet is empty, at {state.rpc_url} (pid {state.pid}).", highlight=False)


@app.command("deploy")
def deploy_(
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Deploy anew even if a record exists.")
    ] = False,
) -> None:
    """Deploy the contracts to the chain in the settings and write the deployment record."""
    from yuanliu.chain import launch
    from yuanliu.settings import settings

    config = settings()
    with err.status("Deploying the contracts …") as status:
        done = launch.deployment(
            config, replace=replace, said=lambda name: status.update(f"Deploying {name} …")
        )
    verb = "Deployed" if done.fresh else "Already deployed, and as recorded,"
    out.print(
        f"{verb} on chain {done.deployment.chain_id} from block {done.deployment.block}; "
        f"record: {config.deployment_file}",
        highlight=False,
        soft_wrap=True,
    )
    table = Table("contract", "address", box=None)
    for name, contract in done.deployment.contracts.items():
        table.add_row(name, contract.address)
    out.print(table)


@app.command("serve")
def serve_(
    *,
    part: Annotated[
        str,
        typer.Option(
            "--part", help="all; http: answer only; worker: follow the chain and relay only."
        ),
    ] = "all",
) -> None:
    """Run the service until Ctrl-C: follower, relayer and HTTP, and a devnet if no other chain is set.

    It logs to stderr, one JSON object a line.
    """
    from yuanliu.serve import service
    from yuanliu.settings import settings

    if part not in list(service.Part):
        raise typer.BadParameter(f"one of {', '.join(service.Part)}", param_hint="--part")
    service.run(
        settings(),
        service.Part(part),
        said=lambda what: out.print(what, highlight=False, soft_wrap=True, markup=False),
    )


@app.command("stop")
def stop_() -> None:
    """End the service that the demo left running. The devnet goes on: see `yuanliu devnet down`."""
    from yuanliu.serve import detached
    from yuanliu.settings import settings

    stopped = detached.stop(settings())
    out.print("Service stopped." if stopped else "The service is not running.")


@app.command("demo")
def demo_(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="End everything again that was started here.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Play three real sales from harvest to shared money, prove each, and leave the service running to look at."""
    import json

    from yuanliu.demo import performance, report
    from yuanliu.settings import settings

    started = time.monotonic()
    config = settings()
    shown = Console(quiet=True) if as_json else out
    with err.status("Starting …") as status:
        done = performance.perform(
            config,
            performance.Audience(
                status=status.update,
                began=lambda chain: report.begin(shown, config.rpc_url, chain),
                step=report.Teller(shown, status.update),
                ended=lambda result: report.conclude(shown, result),
            ),
            leave_running=not check,
        )
    seconds = time.monotonic() - started
    report.total(shown, done.results, seconds)
    if not check:
        report.invite(shown, f"http://{config.host}:{config.port}", done)
    if as_json:
        typer.echo(json.dumps(report.as_json(done, seconds), ensure_ascii=False, indent=2))


@app.command("verify")
def verify_(
    batch: Annotated[
        str, typer.Argument(help="Batch id (64 hex digits) or Digital Link (/01/GTIN/10/LOT).")
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Check a batch's history against the chain alone.

    Exit code 0: matches. 1: differs, and where. 2: the chain cannot be reached. 3: there is nothing to compare: no
    such batch, no deployment record, or one of another chain.
    """
    import json

    from yuanliu import verify
    from yuanliu.chain.deployment import Deployment
    from yuanliu.chain.node import Node
    from yuanliu.settings import settings

    config = settings()
    node = Node(config.rpc_url)
    with err.status("Reading the chain …"):
        try:
            deployment = Deployment.load(config.deployment_file)
            deployment.check(node)
            found = verify.verify(node, deployment, verify.find_batch(node, deployment, batch))
        except YuanliuError as error:
            if error.exit_code == 1:  # which would mean that the batch differs
                error.exit_code = 3
            raise
    verdict = found.verdict
    count = len(found.history.records)
    if as_json:
        document = {
            "batch": "0x" + found.batch.hex(),
            "verdict": "matches" if verdict.matches else "differs",
            "records": count,
            "head": "0x" + verdict.head.hex(),
            "head_on_chain": "0x" + verdict.head_on_chain.hex(),
            "where": [str(fault) for fault in verdict.faults],
        }
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
    elif verdict.matches:
        out.print(f"[bold green]matches[/] the chain: {count} records, head {verdict.head.hex()}")
    else:
        out.print(f"[bold red]differs[/] from the chain, head {verdict.head_on_chain.hex()}:")
        for fault in verdict.faults:
            out.print(f"  {escape(str(fault))}", highlight=False, soft_wrap=True)
    if not verdict.matches:
        raise typer.Exit(1)


@app.command("migrate")
def migrate_() -> None:
    """Bring the tables of both databases, the copy and the desk, to what this version needs."""
    from yuanliu.database import Family, open_database, upgrade
    from yuanliu.settings import settings

    for family in Family:
        engine = open_database(settings(), family)
        upgrade(engine, family)
        engine.dispose()
    out.print("The tables are up to date.")


@app.command("rebuild")
def rebuild_(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only tell whether the copy equals a rebuilt one.")
    ] = False,
) -> None:
    """Build the copy of the chain anew, from the chain alone. With --check: exit code 1 if it differs."""
    from rich.progress import Progress

    from yuanliu.chain.deployment import Deployment
    from yuanliu.chain.node import Node
    from yuanliu.index import follower, rebuild
    from yuanliu.settings import settings

    config = settings()
    deployment = Deployment.load(config.deployment_file)
    deployment.check(Node(config.rpc_url))
    with Progress(console=err, transient=True) as bar:
        task = bar.add_task("Reading the chain", total=None)

        def show(status: follower.FollowerStatus) -> None:
            said = f"{status.logs:,} logs, block {status.block:,} of {status.head:,}"
            done, total = status.block - deployment.block, status.head - deployment.block
            bar.update(task, description=said, completed=done, total=max(total, 1))

        if check:
            found = rebuild.compare(config, deployment, progress=show)
            said = f"All {found.tables} tables equal a rebuild at block {found.block:,}."
        else:
            built = rebuild.rebuild(config, deployment, progress=show)
            said = f"Rebuilt from {built.logs:,} logs, up to block {built.block:,}."
    out.print(said, highlight=False)


bench_app = typer.Typer(help="Measure gas and speed.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")


@bench_app.command("gas")
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


@bench_app.command("epcis")
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


@bench_app.command("index")
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


@bench_app.command("api")
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


@bench_app.command("outbox")
def bench_outbox(
    *,
    events: Annotated[int, typer.Option("--events", min=100, help="Events sent.")] = 5_000,
) -> None:
    """Measure how many events a second pass the outbox, from submission to done, without HTTP and index."""
    from yuanliu.bench import outbox

    with err.status("Measuring …"):
        _show(outbox.figures(outbox.measure(events)))


def _show(figures: "Iterable[Figure]") -> None:
    """Show measured figures as a table; what is not as asked for is red."""
    table = Table("figure", "measured", "asked for", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for figure in figures:
        asked = f"{figure.asked:,.0f} {figure.unit}" if figure.asked else ""
        style = "" if figure.is_met else "bold red"
        table.add_row(figure.name, f"{figure.value:,.1f} {figure.unit}", asked, style=style)
    out.print(table)


def main() -> None:
    """Run the command line; a refusal is printed with its code and hint, and sets the exit code."""
    try:
        app()
    except YuanliuError as error:
        err.print(
            f"[bold red]error[/] \\[{escape(error.code)}]: {escape(error.message)}",
            highlight=False,
            soft_wrap=True,
        )
        if error.hint:
            err.print(f"[cyan]hint[/]: {escape(error.hint)}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
