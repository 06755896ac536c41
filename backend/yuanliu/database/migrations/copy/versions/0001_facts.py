"""The COPY tables: facts keyed by the place of their log, and the events drawn from them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:  # noqa: PLR0915 -- one table after the other
    op.create_table(
        "actor",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("actor", sa.LargeBinary(length=20), nullable=False),
        sa.Column("enroller", sa.LargeBinary(length=20), nullable=False),
        sa.Column("roles", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("signer", sa.LargeBinary(length=20), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("tx", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("actor_actor", "actor", ["actor"], unique=True)
    op.create_index("actor_code", "actor", ["enroller", "code"], unique=True)
    op.create_table(
        "actor_change",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("actor", sa.LargeBinary(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("by", sa.LargeBinary(length=20), nullable=True),
        sa.Column("key", sa.LargeBinary(length=20), nullable=True),
        sa.Column("old_key", sa.LargeBinary(length=20), nullable=True),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("ready_at", sa.BigInteger(), nullable=True),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("tx", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("actor_change_actor", "actor_change", ["actor", "kind", "place"], unique=False)
    op.create_index("actor_change_key", "actor_change", ["key"], unique=False)
    op.create_table(
        "answer",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("answer_number", "answer", ["batch", "number"], unique=True)
    op.create_table(
        "batch",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("cooperative", sa.LargeBinary(length=20), nullable=False),
        sa.Column("gtin", sa.BigInteger(), nullable=False),
        sa.Column("lot", sa.String(length=20), nullable=False),
        sa.Column("terms", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("milligrams_per_unit", sa.BigInteger(), nullable=False),
        sa.Column("loss", sa.BigInteger(), nullable=True),
        sa.Column("transformation", sa.BigInteger(), nullable=True),
        sa.Column("price", sa.CHAR(length=29), nullable=False),
        sa.Column("total_weight", sa.BigInteger(), nullable=False),
        sa.Column("farmer", sa.LargeBinary(length=20), nullable=True),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("tx", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("batch_cooperative", "batch", ["cooperative", "place"], unique=False)
    op.create_index("batch_farmer", "batch", ["farmer"], unique=False)
    op.create_index("batch_id", "batch", ["id"], unique=True)
    op.create_index("batch_lot", "batch", ["gtin", "lot"], unique=False)
    op.create_table(
        "block",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "claim",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("member", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("amount", sa.CHAR(length=29), nullable=False),
        sa.Column("receiver", sa.LargeBinary(length=20), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("tx", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("claim_batch", "claim", ["batch", "position", "place"], unique=False)
    op.create_index("claim_member", "claim", ["member", "place"], unique=False)
    op.create_index("claim_tx", "claim", ["tx"], unique=False)
    op.create_table(
        "credit",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("token", sa.LargeBinary(length=20), nullable=False),
        sa.Column("owner", sa.LargeBinary(length=20), nullable=False),
        sa.Column("amount", sa.CHAR(length=78), nullable=False),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("tx", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("credit_batch", "credit", ["batch", "place"], unique=False)
    op.create_index("credit_owner", "credit", ["owner", "place"], unique=False)
    op.create_index("credit_tx", "credit", ["tx"], unique=False)
    op.create_table(
        "cursor",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("genesis", sa.LargeBinary(length=32), nullable=False),
        sa.Column("contract", sa.LargeBinary(length=20), nullable=False),
        sa.Column("first_block", sa.BigInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "delivery",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("cooperative", sa.LargeBinary(length=20), nullable=False),
        sa.Column("receipt", sa.BigInteger(), nullable=False),
        sa.Column("farmer", sa.LargeBinary(length=20), nullable=False),
        sa.Column("gtin", sa.BigInteger(), nullable=False),
        sa.Column("grams", sa.BigInteger(), nullable=False),
        sa.Column("grade_bps", sa.Integer(), nullable=False),
        sa.Column("price_per_kg", sa.CHAR(length=29), nullable=False),
        sa.Column("terms", sa.BigInteger(), nullable=False),
        sa.Column("signer", sa.LargeBinary(length=20), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("tx", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("delivery_cooperative", "delivery", ["cooperative", "place"], unique=False)
    op.create_index("delivery_farmer", "delivery", ["farmer", "place"], unique=False)
    op.create_index("delivery_receipt", "delivery", ["cooperative", "receipt"], unique=True)
    op.create_table(
        "delivery_entered",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("cooperative", sa.LargeBinary(length=20), nullable=False),
        sa.Column("receipt", sa.BigInteger(), nullable=False),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("delivery_entered_batch", "delivery_entered", ["batch"], unique=False)
    op.create_index(
        "delivery_entered_receipt", "delivery_entered", ["cooperative", "receipt"], unique=True
    )
    op.create_table(
        "delivery_voided",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("cooperative", sa.LargeBinary(length=20), nullable=False),
        sa.Column("receipt", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.Column("signer", sa.LargeBinary(length=20), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("tx", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index(
        "delivery_voided_receipt", "delivery_voided", ["cooperative", "receipt"], unique=True
    )
    op.create_table(
        "event",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("sub", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=True),
        sa.Column("type", sa.String(length=20), nullable=True),
        sa.Column("action", sa.String(length=7), nullable=True),
        sa.Column("event_time", sa.BigInteger(), nullable=True),
        sa.Column("record_time", sa.BigInteger(), nullable=False),
        sa.Column("biz_step", sa.Text(), nullable=True),
        sa.Column("disposition", sa.Text(), nullable=True),
        sa.Column("read_point", sa.Text(), nullable=True),
        sa.Column("biz_location", sa.Text(), nullable=True),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("fault", sa.String(length=60), nullable=True),
        sa.Column("document", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("place", "sub"),
        sqlite_with_rowid=False,
    )
    op.create_index("event_batch", "event", ["batch", "place"], unique=False)
    op.create_index("event_event_id", "event", ["event_id"], unique=False)
    op.create_index("event_hash", "event", ["hash"], unique=False)
    op.create_index("event_step", "event", ["biz_step", "event_time"], unique=False)
    op.create_index("event_time", "event", ["event_time", "place", "sub"], unique=False)
    op.create_table(
        "event_thing",
        sa.Column(
            "name", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False
        ),
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("sub", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("name", "place", "sub"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lineage",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("sub", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("child", sa.LargeBinary(length=32), nullable=False),
        sa.Column("parent", sa.LargeBinary(length=32), nullable=False),
        sa.Column("milligrams", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("place", "sub"),
        sqlite_with_rowid=False,
    )
    op.create_index("lineage_child", "lineage", ["child", "parent", "milligrams"], unique=False)
    op.create_index("lineage_parent", "lineage", ["parent", "child", "milligrams"], unique=False)
    op.create_table(
        "member",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("sub", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("member", sa.LargeBinary(), nullable=False),
        sa.Column("weight", sa.BigInteger(), nullable=False),
        sa.Column("receipt", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("place", "sub"),
        sqlite_with_rowid=False,
    )
    op.create_index("member_member", "member", ["member", "batch"], unique=False)
    op.create_index("member_position", "member", ["batch", "position"], unique=False)
    op.create_table(
        "move",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("sub", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sender", sa.LargeBinary(length=20), nullable=False),
        sa.Column("receiver", sa.LargeBinary(length=20), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("place", "sub"),
        sqlite_with_rowid=False,
    )
    op.create_index("move_batch", "move", ["batch"], unique=False)
    op.create_index("move_receiver", "move", ["receiver", "batch"], unique=False)
    op.create_index("move_sender", "move", ["sender", "batch"], unique=False)
    op.create_table(
        "offer",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("sender", sa.LargeBinary(length=20), nullable=False),
        sa.Column("receiver", sa.LargeBinary(length=20), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("tx", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("offer_number", "offer", ["batch", "number"], unique=True)
    op.create_index("offer_receiver", "offer", ["receiver", "place"], unique=False)
    op.create_index("offer_sender", "offer", ["sender", "place"], unique=False)
    op.create_table(
        "price",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("price", sa.CHAR(length=29), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("price_batch", "price", ["batch", "place"], unique=False)
    op.create_table(
        "product",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("gtin", sa.BigInteger(), nullable=False),
        sa.Column("cooperative", sa.LargeBinary(length=20), nullable=False),
        sa.Column("unit", sa.String(length=3), nullable=False),
        sa.Column("by", sa.LargeBinary(length=20), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("tx", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("product_cooperative", "product", ["cooperative", "place"], unique=False)
    op.create_index("product_gtin", "product", ["gtin"], unique=True)
    op.create_table(
        "record",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.LargeBinary(length=20), nullable=False),
        sa.Column("signer", sa.LargeBinary(length=20), nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=False),
        sa.Column("head", sa.LargeBinary(length=32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("tx", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("record_number", "record", ["batch", "number"], unique=True)
    op.create_table(
        "safety",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("conformant", sa.Boolean(), nullable=True),
        sa.Column("actor", sa.LargeBinary(length=20), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("safety_batch", "safety", ["batch", "place"], unique=False)
    op.create_index("safety_kind", "safety", ["kind", "conformant", "batch"], unique=False)
    op.create_table(
        "sale",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("payer", sa.LargeBinary(length=20), nullable=False),
        sa.Column("order_ref", sa.LargeBinary(length=32), nullable=False),
        sa.Column("buyer", sa.LargeBinary(length=20), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.CHAR(length=39), nullable=False),
        sa.Column("farmers", sa.CHAR(length=39), nullable=False),
        sa.Column("cooperative", sa.CHAR(length=39), nullable=False),
        sa.Column("platform", sa.CHAR(length=39), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("tx", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("sale_batch", "sale", ["batch", "place"], unique=False)
    op.create_index("sale_buyer", "sale", ["buyer", "place"], unique=False)
    op.create_index("sale_order", "sale", ["payer", "order_ref"], unique=False)
    op.create_index("sale_tx", "sale", ["tx"], unique=False)
    op.create_table(
        "settlement",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("received", sa.CHAR(length=29), nullable=False),
        sa.Column("amount", sa.CHAR(length=29), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("tx", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("settlement_batch", "settlement", ["batch", "chunk", "place"], unique=False)
    op.create_index("settlement_tx", "settlement", ["tx"], unique=False)
    op.create_table(
        "terms",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("gtin", sa.BigInteger(), nullable=False),
        sa.Column("cooperative", sa.LargeBinary(length=20), nullable=False),
        sa.Column("token", sa.LargeBinary(length=20), nullable=False),
        sa.Column("farmer_bps", sa.Integer(), nullable=False),
        sa.Column("cooperative_bps", sa.Integer(), nullable=False),
        sa.Column("platform_bps", sa.Integer(), nullable=False),
        sa.Column("cooperative_payee", sa.LargeBinary(length=20), nullable=False),
        sa.Column("floor_per_unit", sa.CHAR(length=29), nullable=False),
        sa.Column("platform_payee", sa.LargeBinary(length=20), nullable=False),
        sa.Column("authority", sa.LargeBinary(length=20), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("tx", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("terms_gtin", "terms", ["gtin", "place"], unique=False)
    op.create_index("terms_id", "terms", ["id"], unique=True)
    op.create_table(
        "terms_authority",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("cooperative", sa.LargeBinary(length=20), nullable=False),
        sa.Column("authority", sa.LargeBinary(length=20), nullable=False),
        sa.Column("by", sa.LargeBinary(length=20), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("tx", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index(
        "terms_authority_cooperative", "terms_authority", ["cooperative", "place"], unique=False
    )
    op.create_table(
        "token",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("token", sa.LargeBinary(length=20), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("by", sa.LargeBinary(length=20), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("tx", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("token_token", "token", ["token", "place"], unique=False)
    op.create_table(
        "withdrawal",
        sa.Column(
            "place",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("token", sa.LargeBinary(length=20), nullable=False),
        sa.Column("owner", sa.LargeBinary(length=20), nullable=False),
        sa.Column("amount", sa.CHAR(length=78), nullable=False),
        sa.Column("receiver", sa.LargeBinary(length=20), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("tx", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index("withdrawal_owner", "withdrawal", ["owner", "place"], unique=False)
    op.create_index("withdrawal_tx", "withdrawal", ["tx"], unique=False)
