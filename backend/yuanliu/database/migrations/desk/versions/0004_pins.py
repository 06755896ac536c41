"""PINs of the farmers' cards."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "farmer_pin",
        sa.Column("farmer", sa.String(42), primary_key=True),
        sa.Column("pin_hash", sa.String(255), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("issued_by", sa.String(42), nullable=False),
        sa.Column("issued", sa.Double(), nullable=False),
    )
    op.create_table(
        "card_session",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("farmer", sa.String(42), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("seen", sa.Double(), nullable=False),
    )
    op.create_index("card_session_token", "card_session", ["token_hash"], unique=True)
    op.create_index("card_session_farmer", "card_session", ["farmer"])


def downgrade() -> None:
    op.drop_table("card_session")
    op.drop_table("farmer_pin")
