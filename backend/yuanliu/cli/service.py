"""Commands on the service and its databases: serve, stop, demo, migrate, rebuild."""

import time
from typing import Annotated

import typer
from rich.console import Console

from yuanliu.cli.consoles import err, out

app = typer.Typer()


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
    address = None if check else config.address
    if address:
        report.invite(shown, address, done)
    report.operator(shown, done)
    if as_json:
        told = report.as_json(done, seconds, address)
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))


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
