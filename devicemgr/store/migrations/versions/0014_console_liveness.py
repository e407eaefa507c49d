"""What becomes of a console's face that comes without liveness"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "portals", sa.Column("console_liveness", sa.String(length=8), nullable=False, server_default="require")
    )


def downgrade() -> None:
    op.drop_column("portals", "console_liveness")
