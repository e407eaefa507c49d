"""Threats, those in force, and the free times of portals"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "threats",
        sa.Column("name", sa.String(length=63), primary_key=True, nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
    )
    op.create_table(
        "threats_in_force",
        sa.Column("name", sa.String(length=63), primary_key=True, nullable=False),
        sa.Column("scope", sa.JSON(), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=True),
        sa.Column("freed", sa.JSON(), nullable=False),
    )
    op.add_column("portals", sa.Column("free", sa.String(length=63), nullable=True))
    op.add_column("portals", sa.Column("free_after", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("portals", "free_after")
    op.drop_column("portals", "free")
    op.drop_table("threats_in_force")
    op.drop_table("threats")
