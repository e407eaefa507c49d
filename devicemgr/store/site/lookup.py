"""Look up a row by its name."""

from typing import TypeVar

from sqlalchemy.orm import Session

from devicemgr.errors import NotFound
from devicemgr.store.tables import (
    LevelRow,
    PortalRow,
    ScheduleRow,
)
from devicemgr.text import safe

Named = TypeVar("Named", PortalRow, ScheduleRow, LevelRow)


def find_named(session: Session, table: type[Named], what: str, name: str) -> Named:
    """Return the row whose primary key is `name`, or NotFound."""
    row = session.get(table, name)
    if row is None:
        raise NotFound(
            f"there is no {what} '{safe(name, 60)}'; `devicemgr {what} list` shows them",
            code=f"{what}_not_found",
            facts={"name": safe(name, 60)},
        )
    return row
