"""Homes of older versions."""

from pathlib import Path

from alembic import command

from devicemgr.store.database import Database, _alembic


def migrate_back(path: Path, version: str) -> None:
    """Bring a database back to an older version, by the migrations' own way back."""
    database = Database.open(path)
    with database.engine.connect() as connection, connection.begin():
        command.downgrade(_alembic(connection), version)
    database.close()
