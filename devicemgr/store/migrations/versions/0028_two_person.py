"""How many different people a portal opens for and who must be among them, and which levels escort visitors"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0031"
branch_labels = None
depends_on = None

_NAMES = ("people", "people_within", "people_exit", "confirm_by")


def upgrade() -> None:
    op.add_column("portals", sa.Column("people", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("portals", sa.Column("people_within", sa.Double(), nullable=False, server_default="10"))
    op.add_column("portals", sa.Column("people_exit", sa.Boolean(), nullable=False, server_default="0"))
    op.add_column("portals", sa.Column("confirm_by", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("levels", sa.Column("escorts", sa.Boolean(), nullable=False, server_default="0"))
    op.add_column("levels", sa.Column("escort_up_to", sa.Integer(), nullable=False, server_default="5"))


def downgrade() -> None:
    for name in ("escorts", "escort_up_to"):
        op.drop_column("levels", name)
    for name in _NAMES:
        op.drop_column("portals", name)
