"""Keys proposed in the place of an owner's own, each locked with the one-time password that opens nothing before."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("proposed_key_address", sa.String(42), nullable=True))
    op.add_column("account", sa.Column("proposed_keystore", sa.Text(), nullable=True))
    op.add_column("account", sa.Column("proposed_password_hash", sa.String(255), nullable=True))


def downgrade() -> None:
    op.drop_column("account", "proposed_password_hash")
    op.drop_column("account", "proposed_keystore")
    op.drop_column("account", "proposed_key_address")
