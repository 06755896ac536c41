"""The outbox: intentions, their signers' numbering, the transactions that carry them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "attempt",
        sa.Column("hash", sa.String(length=66), nullable=False),
        sa.Column("dispatch", sa.String(length=32), nullable=False),
        sa.Column("max_fee", sa.String(length=78), nullable=False),
        sa.Column("priority_fee", sa.String(length=78), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("attempt_dispatch", "attempt", ["dispatch"], unique=False)
    op.create_table(
        "dispatch",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("deployment", sa.String(length=16), nullable=False),
        sa.Column("relayer", sa.String(length=42), nullable=False),
        sa.Column("account_nonce", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("gas", sa.BigInteger(), nullable=False),
        sa.Column("intentions", sa.JSON(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("settled", sa.Double(), nullable=True),
        sa.Column("block", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", sa.String(length=66), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "dispatch_nonce",
        "dispatch",
        ["deployment", "relayer", "account_nonce"],
        unique=True,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("dispatch_state", "dispatch", ["deployment", "relayer", "state"], unique=False)
    op.create_table(
        "intention",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("deployment", sa.String(length=16), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("idempotency_key", sa.String(length=200), nullable=False),
        sa.Column("body_digest", sa.String(length=128), nullable=False),
        sa.Column("act", sa.String(length=120), nullable=False),
        sa.Column("group_name", sa.String(length=64), nullable=True),
        sa.Column("signer", sa.String(length=42), nullable=False),
        sa.Column("target", sa.String(length=42), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("gas", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("updated", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("dispatch", sa.String(length=32), nullable=True),
        sa.Column("transaction_hash", sa.String(length=66), nullable=True),
        sa.Column("block", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", sa.String(length=66), nullable=True),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("error", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("intention_account", "intention", ["account", "id"], unique=False)
    op.create_index("intention_dispatch", "intention", ["dispatch"], unique=False)
    op.create_index("intention_group", "intention", ["group_name"], unique=False)
    op.create_index(
        "intention_key", "intention", ["deployment", "account", "idempotency_key"], unique=True
    )
    op.create_index(
        "intention_nonce",
        "intention",
        ["deployment", "signer", "nonce"],
        unique=True,
        sqlite_where=sa.text("state IN ('waiting', 'sent')"),
        postgresql_where=sa.text("state IN ('waiting', 'sent')"),
    )
    op.create_index("intention_turn", "intention", ["deployment", "state", "turn"], unique=False)
    op.create_table(
        "signer",
        sa.Column("deployment", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=42), nullable=False),
        sa.Column("next_nonce", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "address"),
    )


def downgrade() -> None:
    op.drop_table("signer")
    op.drop_table("intention")
    op.drop_table("dispatch")
    op.drop_table("attempt")
