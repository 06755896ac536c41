"""The command that prints labels without a browser."""

from pathlib import Path
from typing import Annotated

import typer

from yuanliu.cli.consoles import out

app = typer.Typer()


@app.command("labels")
def labels_(
    link: Annotated[str, typer.Argument(help="The lot's Digital Link: /01/GTIN/10/LOT.")],
    output: Annotated[Path, typer.Argument(help="The PDF to write.", dir_okay=False)],
    *,
    paper: Annotated[str, typer.Option("--format", help="Label format.")] = "roll-40x60",
    count: Annotated[int, typer.Option("--count", min=1, max=10_000)] = 24,
    first: Annotated[int, typer.Option("--from", min=1, help="Number of the first piece.")] = 1,
    serials: Annotated[bool, typer.Option(help="Each piece its own serial.")] = True,
) -> None:
    """Print labels of a lot as PDF: code, lot, serial and names, as the service prints them."""
    from yuanliu import digital_link
    from yuanliu.database import Family, open_database, require_current
    from yuanliu.desk.pieces import Pieces
    from yuanliu.errors import YuanliuError
    from yuanliu.index import queries as q
    from yuanliu.index.reading import reading
    from yuanliu.paper.label_formats import format_named
    from yuanliu.paper.labels import labels
    from yuanliu.settings import settings
    from yuanliu.web import printing

    config = settings()
    chosen = format_named(paper)
    asked = digital_link.parse_digital_link(config.public_url + link if link[:1] == "/" else link)
    copy, desk = (open_database(config, family) for family in (Family.COPY, Family.DESK))
    try:
        for engine, family in ((copy, Family.COPY), (desk, Family.DESK)):
            require_current(engine, family)
        with reading(copy) as db:
            found = q.find_batch(db, str(asked.gtin), asked.lot or "")
            if found is None:
                raise YuanliuError(
                    "batch.unknown",
                    f"nothing is known of {asked.path}",
                    hint="compare the link with the lot's page",
                    fields={"link": asked.path},
                )
            goods = printing.goods(
                db, config.public_url, found, printing.LabelOrder.model_validate({})
            )
        numbers: list[str | None] = [None] * count
        if serials:
            numbers = [*Pieces(desk).serials(found.id, first, count, pieces=found.units)]
    finally:
        copy.dispose()
        desk.dispose()
    output.write_bytes(labels(goods, numbers, chosen))
    out.print(f"Written: {count} labels, {output}", highlight=False, soft_wrap=True)
