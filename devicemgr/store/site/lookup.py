"""Look up a row by its name."""

from typing import TypeVar

from sqlalchemy.orm import Session

from devicemgr.errors import Hint, NotFound
from devicemgr.store.outlets.tables import OutletRow
from devicemgr.store.tables import (
    CalendarRow,
    LevelRow,
    PortalRow,
    ScheduleRow,
    SourceRow,
)
from devicemgr.store.zone_tables import InterlockRow, PlanRow, ThreatRow, ZoneRow
from devicemgr.text import safe

_HINTS = {
    "portal": Hint("list_portals"),
    "schedule": Hint("list_schedules"),
    "level": Hint("list_levels"),
    "calendar": Hint("list_calendars"),
    "zone": Hint("list_zones"),
    "interlock": Hint("list_interlocks"),
    "threat": Hint("list_threats"),
    "source": Hint("list_sources"),
    "plan": Hint("list_plans"),
    "outlet": Hint("list_outlets"),
}

Named = TypeVar(
    "Named",
    PortalRow,
    ScheduleRow,
    LevelRow,
    CalendarRow,
    ZoneRow,
    InterlockRow,
    ThreatRow,
    SourceRow,
    PlanRow,
    OutletRow,
)


def find_named(session: Session, table: type[Named], what: str, name: str) -> Named:
    """Return the row whose primary key is `name`, or NotFound."""
    row = session.get(table, name)
    if row is None:
        raise NotFound(
            f"there is no {what} '{safe(name, 60)}'",
            code=f"{what}_not_found",
            facts={"name": safe(name, 60)},
            hint=_HINTS[what],
        )
    return row
