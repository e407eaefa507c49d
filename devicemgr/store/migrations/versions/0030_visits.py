"""Visits, portals that collect visitors' cards, and levels that visitors are not given"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "visits",
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("levels", sa.JSON(), nullable=False),
        sa.Column("created", sa.String(length=32), nullable=False),
        sa.Column("arrived", sa.String(length=32), nullable=True),
        sa.Column("inside", sa.Boolean(), nullable=False),
        sa.Column("overdue", sa.String(length=32), nullable=True),
        sa.Column("ended", sa.String(length=32), nullable=True),
        sa.Column("how", sa.String(length=16), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_visits_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_visits")),
    )
    op.create_index(op.f("ix_visits_ended"), "visits", ["ended"])
    op.add_column("portals", sa.Column("collects_cards", sa.Boolean(), nullable=False, server_default="0"))
    op.add_column("levels", sa.Column("visitors", sa.Boolean(), nullable=False, server_default="1"))


def downgrade() -> None:
    op.drop_column("levels", "visitors")
    op.drop_column("portals", "collects_cards")
    op.drop_table("visits")
