"""Indices for what the public asks: payments and payouts of a time, farmers by the code on a card."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_MONEY = ("sale", "claim", "settlement")


def upgrade() -> None:
    op.create_index("actor_card", "actor", ["code"])
    for table in _MONEY:
        op.create_index(f"{table}_time", table, ["time", "place"])


def downgrade() -> None:
    for table in _MONEY:
        op.drop_index(f"{table}_time", table)
    op.drop_index("actor_card", "actor")
