"""What a face is worth at a portal; templates listed from an index"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("portals", sa.Column("face", sa.String(length=8), nullable=False, server_default="grant"))
    op.add_column("portals", sa.Column("liveness", sa.String(length=12), nullable=False, server_default="off"))
    op.add_column("portals", sa.Column("frames", sa.Integer(), nullable=False, server_default="2"))
    op.create_index("ix_templates_model_person_id_id", "templates", ["model", "person_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_templates_model_person_id_id", "templates")
    op.drop_column("portals", "frames")
    op.drop_column("portals", "liveness")
    op.drop_column("portals", "face")
