"""Files on servers that calendars follow, and what was last read of them"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_COLUMNS = ("feed", "reading", "by_hand")


def upgrade() -> None:
    for column in _COLUMNS:
        op.add_column("calendars", sa.Column(column, sa.JSON(), nullable=True))


def downgrade() -> None:
    for column in reversed(_COLUMNS):
        op.drop_column("calendars", column)
