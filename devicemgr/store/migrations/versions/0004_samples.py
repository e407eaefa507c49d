"""Kept samples; templates of several models side by side"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "samples",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("consent_id", sa.String(length=36), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("photo_mac", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["consent_id"], ["consents.id"], name="fk_samples_consent_id"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_samples_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_samples"),
        sa.UniqueConstraint("person_id", "photo_mac", name="uq_samples_person_id_photo_mac"),
    )
    op.create_index("ix_samples_person_id", "samples", ["person_id"])
    with op.batch_alter_table("templates") as table:
        table.drop_constraint("uq_templates_person_id_photo_mac", type_="unique")
        table.create_unique_constraint("uq_templates_person_id_photo_mac_model", ["person_id", "photo_mac", "model"])


def downgrade() -> None:
    with op.batch_alter_table("templates") as table:
        table.drop_constraint("uq_templates_person_id_photo_mac_model", type_="unique")
        table.create_unique_constraint("uq_templates_person_id_photo_mac", ["person_id", "photo_mac"])
    op.drop_table("samples")
