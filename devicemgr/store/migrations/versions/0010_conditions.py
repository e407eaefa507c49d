"""Lasting states of devices: fire inputs, forced doors, open cases; filled with the fires of the events so far"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "conditions",
        sa.Column("device_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("input", sa.String(length=64), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.Column("cause", sa.String(length=300), nullable=False),
        sa.Column("lasting", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "kind", "channel", "input", name="pk_conditions"),
    )
    _take_over_fires(op.get_bind())


def _take_over_fires(connection: sa.Connection) -> None:
    """Version 0.1.0 kept fire inputs as events only: the latest one of each device that says which state it is in."""
    active: dict[str, str | None] = {}
    query = sa.text("SELECT body FROM events WHERE kind = 'fire_release' ORDER BY seq")
    for (body,) in connection.execute(query):
        event = json.loads(body)
        state = event.get("detail", {}).get("active")
        if isinstance(state, bool):
            active[event["device"]] = event["time"] if state else None
    ids = {name: device_id for device_id, name in connection.execute(sa.text("SELECT id, name FROM devices"))}
    insert = sa.text(
        "INSERT INTO conditions (device_id, kind, channel, input, since, cause, lasting) "
        "VALUES (:device_id, 'fire_release', 0, '', :since, '', 1)"
    )
    for name, since in active.items():
        if since is not None and name in ids:
            connection.execute(insert, {"device_id": ids[name], "since": since})


def downgrade() -> None:
    op.drop_table("conditions")
