"""The `yuanliu` command: thin. Each command imports what it needs, so that `--help` answers at once."""

import gc
import sys
from typing import Annotated, Final

import typer
from rich.markup import escape

from yuanliu import __version__
from yuanliu.cli import audit, backups, bench, chain, labels, operator, service, settings
from yuanliu.cli.consoles import err, out
from yuanliu.errors import YuanliuError

_YOUNG: Final = 50_000
"""How many new objects there are before Python looks for garbage: while it imports, there is none to find."""

app = typer.Typer(
    name="yuanliu",
    help="Yuanliu (源流): proof of origin and honest pay for farm goods.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(service.app)
app.add_typer(settings.app)
app.add_typer(backups.app)
app.add_typer(operator.app, name="operator")
app.add_typer(chain.app)
app.add_typer(labels.app)
app.add_typer(audit.app)
app.add_typer(bench.app, name="bench")


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


def main() -> None:
    """Run the command line; a refusal is printed with its code and hint, and sets the exit code."""
    gc.set_threshold(_YOUNG)
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
    finally:
        gc.freeze()  # otherwise Python looks through everything once more before it ends
