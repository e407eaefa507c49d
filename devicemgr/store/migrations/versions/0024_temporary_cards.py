"""The end of a temporary card, the card that it stands in for, and what replaced a card"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_COLUMNS = {"until": 32, "substitute": 200, "replaced_by": 200}


def upgrade() -> None:
    for column, length in _COLUMNS.items():
        op.add_column("credentials", sa.Column(column, sa.String(length=length), nullable=True))


def downgrade() -> None:
    for column in reversed(_COLUMNS):
        op.drop_column("credentials", column)
