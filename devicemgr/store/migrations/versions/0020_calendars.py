"""Calendars, which schedules name among their holidays"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calendars",
        sa.Column("name", sa.String(length=63), primary_key=True, nullable=False),
        sa.Column("days", sa.JSON(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("calendars")
