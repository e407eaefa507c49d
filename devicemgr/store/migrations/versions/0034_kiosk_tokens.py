"""Kiosk tokens: of displays, which only show, from one address"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("api_tokens") as table:
        table.add_column(sa.Column("kiosk", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("address", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM api_tokens WHERE kiosk")  # an older version would let them change things
    with op.batch_alter_table("api_tokens") as table:
        table.drop_column("address")
        table.drop_column("kiosk")
