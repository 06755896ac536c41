"""Tables of the farmers' PINs. Times are Unix seconds; secrets are hashed."""

from sqlalchemy import Column, Double, Index, LargeBinary, Table
from sqlmodel import Field

from yuanliu.desk.base import Desk


class FarmerPinRow(Desk, table=True):
    """The PIN that opens a farmer's page. `farmer` is his address, `issued_by` the actor that gave the first one."""

    __tablename__ = "farmer_pin"

    farmer: str = Field(primary_key=True, max_length=42)
    pin_hash: str = Field(max_length=255)
    must_change: bool
    issued_by: str = Field(max_length=42)
    issued: float = Field(sa_column=Column(Double, nullable=False))


class CardSessionRow(Desk, table=True):
    """A farmer's page that is open on some device. Of its token only the SHA-256 is here."""

    __tablename__ = "card_session"
    __table_args__ = (
        Index("card_session_token", "token_hash", unique=True),
        Index("card_session_farmer", "farmer"),
    )

    id: str = Field(primary_key=True, max_length=32)
    farmer: str = Field(max_length=42)
    token_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    created: float = Field(sa_column=Column(Double, nullable=False))
    seen: float = Field(sa_column=Column(Double, nullable=False))


FARMER_PIN: Table = Desk.metadata.tables["farmer_pin"]
CARD_SESSION: Table = Desk.metadata.tables["card_session"]
