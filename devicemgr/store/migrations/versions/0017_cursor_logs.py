"""A cursor for each memory of events of a device"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.rename_table("cursors", "cursors_before")
    op.create_table(
        "cursors",
        sa.Column("device_id", sa.String(length=36), nullable=False),
        sa.Column("log", sa.String(length=32), nullable=False, server_default=""),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "log", name="pk_cursors"),
    )
    op.execute("INSERT INTO cursors (device_id, log, serial) SELECT device_id, '', serial FROM cursors_before")
    op.drop_table("cursors_before")


def downgrade() -> None:
    op.rename_table("cursors", "cursors_after")
    op.create_table(
        "cursors",
        sa.Column("device_id", sa.String(length=36), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", name="pk_cursors"),
    )
    op.execute("INSERT INTO cursors (device_id, serial) SELECT device_id, serial FROM cursors_after WHERE log = ''")
    op.drop_table("cursors_after")
