"""The command that shows the settings: those in force, or the table of all of them for the documents."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from yuanliu.cli.consoles import out

app = typer.Typer()


@app.command("settings")
def settings_(
    *,
    table: Annotated[
        bool, typer.Option("--table", help="All settings and what they mean, as Markdown.")
    ] = False,
) -> None:
    """Show the settings in force. Secrets are not shown, only whether they are set."""
    if table:
        typer.echo(described())
        return
    from pydantic import SecretStr

    from yuanliu.settings import settings

    for name, value in settings():
        shown: object = value
        if isinstance(value, SecretStr):
            shown = "(set)"
        elif isinstance(value, dict):
            shown = ", ".join(value)
        elif isinstance(value, tuple):
            shown = ",".join(value)
        given = "" if value is None else str(shown)
        out.print(f"YUANLIU_{name.upper()}={given}", highlight=False, soft_wrap=True, markup=False)


def described() -> str:
    """Write every setting, its default and its meaning as a table in Markdown, from the settings themselves."""
    from yuanliu.settings import Settings

    lines = ["| setting | default | meaning |", "|---|---|---|"]
    defaults: dict[str, Any] = {"project_dir": Path()}
    for name, field in Settings.model_fields.items():
        if name not in defaults:
            defaults[name] = field.get_default(call_default_factory=True, validated_data=defaults)
        meaning = re.sub(r"\s+", " ", field.description or "").replace("|", "\\|")
        lines.append(f"| `YUANLIU_{name.upper()}` | {_written(defaults[name])} | {meaning} |")
    return "\n".join(lines)


def _written(default: object) -> str:
    if default is None or default == {}:
        return ""
    if isinstance(default, tuple):
        default = ",".join(default)
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"
