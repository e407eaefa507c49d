"""When a card was blocked, such as a lost one, and why"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("credentials", sa.Column("blocked", sa.String(length=32), nullable=True))
    op.add_column("credentials", sa.Column("blocked_reason", sa.String(length=200), nullable=True))


def downgrade() -> None:
    for column in ("blocked_reason", "blocked"):
        op.drop_column("credentials", column)
