"""How often the codes of single pieces were scanned."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "scan",
        sa.Column("batch", sa.String(64), primary_key=True),
        sa.Column("serial", sa.String(20), primary_key=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=True),
    )


def downgrade() -> None:
    op.drop_table("scan")
