"""How the database holds what a log says."""

Row = tuple[object, ...]
"""A row of a table, in the order of its columns, as the database holds it."""


def money(value: int, digits: int) -> str:
    """Write money as the database holds it: decimal text of fixed width."""
    return str(value).zfill(digits)
