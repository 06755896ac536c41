"""The command for auditors: everything the contracts ever did, judged anew from the chain alone."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yuanliu.cli.consoles import err, out
from yuanliu.errors import YuanliuError

if TYPE_CHECKING:
    from yuanliu.audit import Report
    from yuanliu.audit.signing import Signature

app = typer.Typer()

_WRITTEN = (".json", ".html", ".pdf", ".txt")


@app.command("audit")
def audit_(  # noqa: PLR0913 -- one for each option
    *,
    rpc: Annotated[
        str | None, typer.Option("--rpc", help="JSON-RPC endpoint; else that of the settings.")
    ] = None,
    deployment_file: Annotated[
        Path | None,
        typer.Option("--deployment", help="Deployment record; else that of the settings."),
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output", "-o", help="Write the report: .json, .html, .pdf or .txt; may be repeated."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The JSON report on stdout.")] = False,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", help="File with the auditor's private key (hex, or a keystore) to sign with."
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", help="File to go on from next time; made if it is not there."),
    ] = None,
    finality: Annotated[
        int,
        typer.Option(
            "--finality", min=0, help="Blocks below the head that a checkpoint leaves out."
        ),
    ] = 64,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, help="Seconds to wait for one answer of the node.")
    ] = 60.0,
    page: Annotated[
        Path | None,
        typer.Option(
            "--page",
            help="Only write the auditor's page: one HTML file that does the same in a browser.",
        ),
    ] = None,
    verify_report: Annotated[
        Path | None,
        typer.Option("--verify-report", help="Only check the signature of a JSON report."),
    ] = None,
) -> None:
    """Audit everything the contracts ever did, from the chain alone: no trust in our server or database.

    Exit code 0: nothing is wrong. 1: something is, and what. 2: the audit could not be done.
    """
    if verify_report is not None:
        _verify(verify_report)
        return
    if page is not None:
        _write_page(page, deployment_file)
        return
    wanted = output or []
    for path in wanted:
        if path.suffix.lower() not in _WRITTEN:
            raise typer.BadParameter(f"{path}: one of {', '.join(_WRITTEN)}", param_hint="--output")
    started = time.monotonic()
    report, signature = _audited(rpc, deployment_file, key, checkpoint, finality, timeout)
    for path in wanted:
        _write(path, report, signature)
    from yuanliu.audit import showing, signing

    if as_json:
        typer.echo(signing.written(report, signature), nl=False)
    else:
        style = "bold green" if report.is_clean else "bold red"
        said = showing.text(report, signature)
        out.print(said, markup=False, highlight=False, soft_wrap=True)
        out.print(
            f"[{style}]{showing.verdict(report)}[/] ({time.monotonic() - started:.1f} s)",
            highlight=False,
        )
    if not report.is_clean:
        raise typer.Exit(1)


def _write_page(path: Path, deployment_file: Path | None) -> None:
    """Write the auditor's page, with the deployment's addresses in it if there is a record of one."""
    from yuanliu.chain.deployment import Deployment
    from yuanliu.settings import settings
    from yuanliu.web.pages import audit_page

    found = deployment_file or settings().deployment_file
    record = None
    if deployment_file is not None or found.exists():
        try:
            record = Deployment.load(found)
        except YuanliuError as error:
            error.exit_code = 2
            raise
    _save(path, audit_page.page(record).encode())
    held = "no addresses: its reader hands in the deployment record" if record is None else found
    out.print(f"{path}, with {held}", highlight=False, soft_wrap=True, markup=False)


def _audited(
    rpc: str | None,
    deployment_file: Path | None,
    key: Path | None,
    checkpoint: Path | None,
    finality: int,
    timeout: float,
) -> "tuple[Report, Signature | None]":
    from contextlib import closing

    from rich.progress import Progress

    from yuanliu import audit
    from yuanliu.audit import signing
    from yuanliu.chain.deployment import Deployment
    from yuanliu.chain.rawlogs import RawNode
    from yuanliu.settings import settings

    config = settings()
    try:
        deployment = Deployment.load(deployment_file or config.deployment_file)
        password = None
        if key is not None and signing.is_keystore(key):
            password = typer.prompt("Password of the auditor's key", hide_input=True, err=True)
        signer = None if key is None else signing.load_key(key, password)
    except YuanliuError as error:
        error.exit_code = 2
        raise
    with (
        Progress(console=err, transient=True) as bar,
        closing(RawNode(rpc or config.rpc_url, timeout=timeout)) as node,
    ):
        task = bar.add_task("Reading the chain", total=None)

        def show(progress: audit.Progress) -> None:
            done = progress.block - deployment.block
            total = max(progress.head - deployment.block, 1)
            said = f"{progress.logs:,} logs, {progress.payments:,} payments"
            if progress.comparing:
                said = "Comparing the state"
            bar.update(task, description=said, completed=done, total=total)

        report = audit.audit(node, deployment, checkpoint=checkpoint, finality=finality, said=show)
    return report, None if signer is None else signing.sign(report, signer)


def _write(path: Path, report: "Report", signature: "Signature | None") -> None:
    from yuanliu.audit import showing, signing

    kind = path.suffix.lower()
    if kind == ".pdf":
        data = showing.pdf(report, signature)
    else:
        text = {".json": signing.written, ".html": showing.html, ".txt": showing.text}[kind]
        data = text(report, signature).encode()
    _save(path, data)


def _save(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise YuanliuError(
            "audit.output_unwritable",
            f"{path} cannot be written: {error.strerror}",
            hint="name a file in a folder that exists and may be written to",
            fields={"path": str(path)},
            exit_code=2,
        ) from error


def _verify(path: Path) -> None:
    from yuanliu.audit import signing

    found = signing.check(path)
    out.print(f"verdict: {found.verdict}; SHA-256 {found.sha256}", highlight=False, soft_wrap=True)
    if found.signer is not None:
        out.print(f"[bold green]signed[/] by {found.signer}", highlight=False, soft_wrap=True)
        return
    said = "the signature is not genuine" if found.is_signed else "the report is not signed"
    out.print(f"[bold red]{said}[/]", highlight=False)
    raise typer.Exit(1)
