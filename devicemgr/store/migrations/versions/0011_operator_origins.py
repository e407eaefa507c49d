"""Who made an operator, a password or a token"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("operators", sa.Column("created_by", sa.String(length=80), nullable=True))
    op.add_column("operators", sa.Column("password_reset", sa.String(length=32), nullable=True))
    op.add_column("operators", sa.Column("password_reset_by", sa.String(length=80), nullable=True))
    op.add_column("api_tokens", sa.Column("made_by", sa.String(length=80), nullable=True))
    with op.batch_alter_table("approvals") as table:
        table.alter_column("subject", existing_type=sa.String(length=64), type_=sa.String(length=200))


def downgrade() -> None:
    with op.batch_alter_table("approvals") as table:
        table.alter_column("subject", existing_type=sa.String(length=200), type_=sa.String(length=64))
    op.drop_column("api_tokens", "made_by")
    op.drop_column("operators", "password_reset_by")
    op.drop_column("operators", "password_reset")
    op.drop_column("operators", "created_by")
