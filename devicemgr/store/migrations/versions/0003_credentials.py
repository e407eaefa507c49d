"""What one must present at a portal; readers of a device by number; where a device's memory was read to"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("portals", sa.Column("require", sa.String(length=12), nullable=False, server_default="any"))
    op.execute("update portals set require = 'card+face' where face = 'card'")
    op.execute("update portals set require = 'card' where face = 'deny'")
    op.drop_column("portals", "face")
    with op.batch_alter_table("access_points") as table:
        table.add_column(sa.Column("channel", sa.Integer(), nullable=False, server_default="1"))
        table.drop_constraint("pk_access_points", type_="primary")
        table.create_primary_key("pk_access_points", ["portal_name", "direction", "device_id", "channel"])
    op.create_table(
        "cursors",
        sa.Column("device_id", sa.String(length=36), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", name="pk_cursors"),
    )


def downgrade() -> None:
    op.drop_table("cursors")
    with op.batch_alter_table("access_points") as table:
        table.drop_constraint("pk_access_points", type_="primary")
        table.drop_column("channel")
        table.create_primary_key("pk_access_points", ["portal_name", "direction", "device_id"])
    op.add_column("portals", sa.Column("face", sa.String(length=8), nullable=False, server_default="grant"))
    op.execute("update portals set face = 'card' where require = 'card+face'")
    op.execute("update portals set face = 'deny' where require in ('card', 'card+pin')")
    op.drop_column("portals", "require")
