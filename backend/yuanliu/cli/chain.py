"""Commands on contracts and chain: compile, devnet, deploy, verify."""

import sys
import time
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from yuanliu.cli.consoles import err, out
from yuanliu.errors import YuanliuError

app = typer.Typer()


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
