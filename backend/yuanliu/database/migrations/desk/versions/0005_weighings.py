"""What the crates of deliveries weighed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "weighing",
        sa.Column("cooperative", sa.String(42), primary_key=True),
        sa.Column("receipt", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("tare_grams", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("weighing")
