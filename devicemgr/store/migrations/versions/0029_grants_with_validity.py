"""Grants of levels for a time or a number of uses, and people who need an escort"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("escort", sa.Boolean(), nullable=False, server_default="0"))
    op.add_column("person_levels", sa.Column("valid_from", sa.String(length=32), nullable=True))
    op.add_column("person_levels", sa.Column("valid_to", sa.String(length=32), nullable=True))
    op.add_column("person_levels", sa.Column("uses", sa.Integer(), nullable=True))
    op.add_column("person_levels", sa.Column("uses_left", sa.Integer(), nullable=True))
    op.add_column("person_levels", sa.Column("used_up", sa.String(length=32), nullable=True))


def downgrade() -> None:
    for name in ("used_up", "uses_left", "uses", "valid_to", "valid_from"):
        op.drop_column("person_levels", name)
    op.drop_column("people", "escort")
