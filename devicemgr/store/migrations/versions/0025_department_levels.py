"""Levels that all people of a department hold"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "department_levels",
        sa.Column("department", sa.String(length=200), nullable=False),
        sa.Column("level_name", sa.String(length=63), nullable=False),
        sa.ForeignKeyConstraint(["level_name"], ["levels.name"], name=op.f("fk_department_levels_level_name")),
        sa.PrimaryKeyConstraint("department", "level_name", name=op.f("pk_department_levels")),
    )


def downgrade() -> None:
    op.drop_table("department_levels")
