"""Sources of people, and whom each of them keeps"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sources",
        sa.Column("name", sa.String(length=63), primary_key=True, nullable=False),
        sa.Column("stated", sa.JSON(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
    )
    op.add_column("people", sa.Column("source", sa.String(length=63), nullable=True))
    op.add_column("people", sa.Column("source_id", sa.String(length=200), nullable=True))
    op.add_column("people", sa.Column("missing_since", sa.String(length=32), nullable=True))
    op.create_index("ix_people_source", "people", ["source"])


def downgrade() -> None:
    op.drop_index("ix_people_source", "people")
    for column in ("missing_since", "source_id", "source"):
        op.drop_column("people", column)
    op.drop_table("sources")
