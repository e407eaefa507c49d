"""Profiles, and what is known of setting devices up by them"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "profiles",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("stated", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_profiles"),
    )
    op.create_table(
        "provisionings",
        sa.Column("device_id", sa.String(length=36), nullable=False),
        sa.Column("profile", sa.String(length=63), nullable=False),
        sa.Column("phase", sa.String(length=12), nullable=False),
        sa.Column("step", sa.String(length=60), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name="fk_provisionings_device_id_devices"),
        sa.PrimaryKeyConstraint("device_id", name="pk_provisionings"),
    )
    op.create_table(
        "device_secrets",
        sa.Column("device_id", sa.String(length=36), nullable=False),
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("phase", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name="fk_device_secrets_device_id_devices"),
        sa.PrimaryKeyConstraint("device_id", "user", name="pk_device_secrets"),
    )
    op.add_column("devices", sa.Column("profile", sa.String(length=63), nullable=True))


def downgrade() -> None:
    op.drop_column("devices", "profile")
    op.drop_table("device_secrets")
    op.drop_table("provisionings")
    op.drop_table("profiles")
