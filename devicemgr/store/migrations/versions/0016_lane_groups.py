"""Lanes side by side"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("portals", sa.Column("lane_group", sa.String(length=63), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("portals", "lane_group")
