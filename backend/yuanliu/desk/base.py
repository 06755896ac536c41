"""The base of every table of the desk."""

from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class Desk(SQLModel, registry=registry()):
    """A table of the desk: it stands in a metadata of its own, apart from the copy's."""
