"""What HR keeps of a person: kind, department, contact, employee number, host, note"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("kind", sa.String(length=12), nullable=False, server_default="staff"))
    op.add_column("people", sa.Column("department", sa.String(length=200), nullable=True))
    op.add_column("people", sa.Column("employee_id", sa.String(length=64), nullable=True))
    op.add_column("people", sa.Column("email", sa.String(length=254), nullable=True))
    op.add_column("people", sa.Column("phone", sa.String(length=40), nullable=True))
    op.add_column("people", sa.Column("note", sa.String(length=1000), nullable=True))
    op.add_column("people", sa.Column("host_id", sa.String(length=36), nullable=True))
    op.add_column("people", sa.Column("suspended_by", sa.String(length=12), nullable=True))


def downgrade() -> None:
    for column in ("suspended_by", "host_id", "note", "phone", "email", "employee_id", "department", "kind"):
        op.drop_column("people", column)
