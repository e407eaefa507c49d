"""Zones, interlocks, the zones that portals join, waivers of levels, and where people are"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "zones",
        sa.Column("name", sa.String(length=63), primary_key=True, nullable=False),
        sa.Column("parent", sa.String(length=63), sa.ForeignKey("zones.name", name="fk_zones_parent"), nullable=True),
        sa.Column("rules", sa.JSON(), nullable=False),
    )
    op.create_table(
        "interlocks",
        sa.Column("name", sa.String(length=63), primary_key=True, nullable=False),
        sa.Column("portals", sa.JSON(), nullable=False),
        sa.Column("settle_seconds", sa.Double(), nullable=False),
    )
    op.create_table(
        "whereabouts",
        sa.Column("person_id", sa.String(length=36), primary_key=True, nullable=False),
        sa.Column("zone", sa.String(length=63), nullable=True),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("how", sa.String(length=12), nullable=False),
    )
    op.create_table(
        "zone_counts",
        sa.Column("zone", sa.String(length=63), primary_key=True, nullable=False),
        sa.Column("extra", sa.Integer(), nullable=False),
    )
    for name in ("outside", "inside"):
        op.add_column("portals", sa.Column(name, sa.String(length=63), nullable=True))
    op.add_column("portals", sa.Column("egress", sa.Boolean(), nullable=False, server_default="0"))
    op.add_column("levels", sa.Column("waives", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("levels", "waives")
    for name in ("egress", "inside", "outside"):
        op.drop_column("portals", name)
    for name in ("zone_counts", "whereabouts", "interlocks", "zones"):
        op.drop_table(name)
