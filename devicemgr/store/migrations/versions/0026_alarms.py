"""Alarms that are active or not acknowledged; those of conditions that stand begin with it"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# As domain.rules.alarms had them when this was written.
_PRIORITIES = {"fire_release": 1, "portal_forced": 2, "tamper": 2, "portal_held_open": 3}
_STANDING = """
insert into alarms (kind, subject, priority, active, since, count, seq, cause, device, escalated)
select c.kind, coalesce(min(p.name), d.name), :priority, 1, min(c.since), 1, 0, min(c.cause), d.name, 1
from conditions c join devices d on d.id = c.device_id
left join portals p on p.gate_id = d.id and p.channel = c.channel and c.kind != 'fire_release'
where c.kind = :kind group by c.kind, d.name
"""


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("kind", sa.String(length=64), primary_key=True, nullable=False),
        sa.Column("subject", sa.String(length=200), primary_key=True, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(length=300), nullable=False),
        sa.Column("device", sa.String(length=63), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=80), nullable=True),
        sa.Column("acknowledged_at", sa.String(length=32), nullable=True),
        sa.Column("comment", sa.String(length=500), nullable=True),
        sa.Column("escalated", sa.Boolean(), nullable=False),
    )
    for kind, priority in _PRIORITIES.items():
        op.get_bind().execute(sa.text(_STANDING), {"kind": kind, "priority": priority})


def downgrade() -> None:
    op.drop_table("alarms")
