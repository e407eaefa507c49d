"""Musters: their lists, kept beside the events that begin and end them"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "musters",
        sa.Column("id", sa.String(length=100), primary_key=True, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("ended_seq", sa.Integer(), nullable=True),
        sa.Column("roll", sa.JSON(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("musters")
