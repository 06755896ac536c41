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
    _show: Annotated[
        bool,
        typer.Option("--version", help="Show the version and stop.", callback=_version, is_eager=True),
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
