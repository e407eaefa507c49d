"""Consents that end, with the notice that was read; a key for each person's part of backups"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("consents", sa.Column("notice", sa.String(length=64), nullable=True))
    op.add_column("consents", sa.Column("until", sa.String(length=32), nullable=True))
    op.add_column("consents", sa.Column("expired", sa.String(length=32), nullable=True))
    op.add_column("people", sa.Column("backup_key", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("people", "backup_key")
    for name in ("expired", "until", "notice"):
        op.drop_column("consents", name)
