"""The `yuanliu` command: thin. Each command imports what it needs, so that `--help` answers at once."""

import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from yuanliu import __version__
from yuanliu.errors import YuanliuError

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
