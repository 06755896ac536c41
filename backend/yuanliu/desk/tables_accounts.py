"""Tables of the accounts and of the attachments. Times are Unix seconds; secrets are hashed or encrypted."""

from sqlalchemy import BigInteger, Column, Double, Index, LargeBinary, Table, Text
from sqlmodel import Field

from yuanliu.desk.base import Desk


class AccountRow(Desk, table=True):
    """Who may sign in. `party` is the actor it acts for, `manager` the one that made it.

    `key_address` is its own key, `keystore` that key encrypted.

    `next_…` is a key that is being brought in on the chain by its owner, and not in force yet; `proposed_…` one that
    others proposed for him, with the one-time password that opens it then.
    """

    __tablename__ = "account"
    __table_args__ = (
        Index("account_login", "login", unique=True),
        Index("account_key", "key_address", unique=True),
        Index("account_manager", "manager", "login"),
    )

    id: str = Field(primary_key=True, max_length=32)
    login: str = Field(max_length=64)
    display_name: str = Field(max_length=64)
    kind: str = Field(max_length=16)
    party: str | None = Field(default=None, max_length=42)
    manager: str | None = Field(default=None, max_length=42)
    key_address: str = Field(max_length=42)
    keystore: str = Field(sa_column=Column(Text, nullable=False))
    next_key_address: str | None = Field(default=None, max_length=42)
    next_keystore: str | None = Field(default=None, sa_column=Column(Text))
    proposed_key_address: str | None = Field(default=None, max_length=42)
    proposed_keystore: str | None = Field(default=None, sa_column=Column(Text))
    proposed_password_hash: str | None = Field(default=None, max_length=255)
    password_hash: str = Field(max_length=255)
    must_change_password: bool
    disabled: bool
    created: float = Field(sa_column=Column(Double, nullable=False))
    last_sign_in: float | None = Field(default=None, sa_column=Column(Double))


class LockoutRow(Desk, table=True):
    """Failed sign-ins of a login since the last good one, whether or not there is such an account."""

    __tablename__ = "lockout"

    login: str = Field(primary_key=True, max_length=64)
    failures: int
    last: float = Field(sa_column=Column(Double, nullable=False))
    until: float = Field(sa_column=Column(Double, nullable=False))


class SignInRow(Desk, table=True):
    """One attempt to sign in. `address` is the visitor's, cut to its network."""

    __tablename__ = "sign_in"
    __table_args__ = (
        Index("sign_in_address", "address", "time"),
        Index("sign_in_login", "login", "time"),
    )

    id: int | None = Field(default=None, primary_key=True)
    time: float = Field(sa_column=Column(Double, nullable=False))
    login: str = Field(max_length=64)
    address: str = Field(max_length=45)
    outcome: str = Field(max_length=16)


class SessionRow(Desk, table=True):
    """One sign-in that lasts. `wrapped_key` opens with the token, of which only the SHA-256 is here."""

    __tablename__ = "session"
    __table_args__ = (
        Index("session_token", "token_hash", unique=True),
        Index("session_account", "account"),
    )

    id: str = Field(primary_key=True, max_length=32)
    account: str = Field(max_length=32)
    token_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    wrapped_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created: float = Field(sa_column=Column(Double, nullable=False))
    seen: float = Field(sa_column=Column(Double, nullable=False))


class ApiTokenRow(Desk, table=True):
    """A machine's way in. `scopes` are words with spaces between, `wrapped_key` opens with the secret."""

    __tablename__ = "api_token"
    __table_args__ = (Index("api_token_account", "account"),)

    id: str = Field(primary_key=True, max_length=16)
    account: str = Field(max_length=32)
    label: str = Field(max_length=64)
    secret_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    wrapped_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    scopes: str = Field(sa_column=Column(Text, nullable=False))
    created: float = Field(sa_column=Column(Double, nullable=False))
    expires: float = Field(sa_column=Column(Double, nullable=False))
    last_used: float | None = Field(default=None, sa_column=Column(Double))
    revoked: float | None = Field(default=None, sa_column=Column(Double))


class AttachmentRow(Desk, table=True):
    """What a stored file is; `name` and `account` are those of its first upload."""

    __tablename__ = "attachment"
    __table_args__ = (Index("attachment_account", "account", "created"),)

    sha256: str = Field(primary_key=True, max_length=64)
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    media_type: str = Field(max_length=64)
    name: str = Field(max_length=120)
    account: str = Field(max_length=32)
    created: float = Field(sa_column=Column(Double, nullable=False))


ACCOUNT: Table = Desk.metadata.tables["account"]
LOCKOUT: Table = Desk.metadata.tables["lockout"]
SIGN_IN: Table = Desk.metadata.tables["sign_in"]
SESSION: Table = Desk.metadata.tables["session"]
API_TOKEN: Table = Desk.metadata.tables["api_token"]
ATTACHMENT: Table = Desk.metadata.tables["attachment"]
