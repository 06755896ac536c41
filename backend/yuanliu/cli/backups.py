"""Commands that save what only we know, and put it back."""

from pathlib import Path
from typing import Annotated

import typer

from yuanliu.cli.consoles import err, out

app = typer.Typer()


@app.command("backup")
def backup_(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet.")],
    *,
    attachments: Annotated[
        bool, typer.Option(help="Without them, where something else saves their folder.")
    ] = True,
) -> None:
    """Save the desk, the attachments and the deployment record, while the service runs.

    Exit code 1: it was saved, but attachments are lost or altered, which are named.
    """
    from yuanliu.desk import backups
    from yuanliu.settings import settings

    with err.status("Saving …"):
        made = backups.backup(settings(), folder, attachments=attachments)
    files = "no attachments" if made.attachments is None else f"{made.attachments:,} attachments"
    out.print(f"Saved to {folder}: the desk, {files}.", highlight=False)
    for name in made.damaged:
        err.print(f"[yellow]lost or altered[/]: attachment {name}", highlight=False, soft_wrap=True)
    if made.damaged:
        raise typer.Exit(1)


@app.command("restore")
def restore_(
    folder: Annotated[Path, typer.Argument(help="A folder that `yuanliu backup` made.")],
) -> None:
    """Put a backup back into an empty place. Nothing is written over; the service must not run there."""
    import datetime as dt

    from yuanliu.desk import backups
    from yuanliu.settings import settings

    with err.status("Putting back …"):
        made = backups.restore(settings(), folder)
    when = dt.datetime.fromtimestamp(made.made, dt.UTC).isoformat(timespec="seconds")
    out.print(f"Restored as of {when}; `yuanliu serve` goes on from there.", highlight=False)
