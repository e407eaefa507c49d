"""Where a portal may have free times, and where not: looked at when all of a change is in its place."""

from devicemgr.errors import Hint, InvalidInput
from devicemgr.store.database import Session
from devicemgr.store.site import portals, zones
from devicemgr.store.tables import LevelRow, PortalRow, ScheduleRow
from devicemgr.text import safe


def require_fitting(session: Session) -> None:
    """Raise InvalidInput for a portal whose free times name what is not there, or that must never be free."""
    for row in portals.portals(session):
        if row.free_after and row.free is None:
            raise InvalidInput(
                f"portal '{row.name}' has free_after and no free: name the schedule of its free times",
                hint=Hint("list_schedules"),
            )
        if row.free is None:
            continue
        if session.get(ScheduleRow, row.free) is None:
            raise InvalidInput(
                f"portal '{row.name}' is free by schedule '{safe(row.free, 60)}', which is not there",
                hint=Hint("list_schedules"),
            )
        for level in row.free_after:
            if session.get(LevelRow, level) is None:
                raise InvalidInput(
                    f"portal '{row.name}' is free after level '{safe(level, 60)}', which is not there",
                    hint=Hint("list_levels"),
                )
        if why := why_never_free(session, row):
            raise InvalidInput(f"portal '{row.name}' can't have free times: {why}", code="free_not_possible")


def why_never_free(session: Session, row: PortalRow) -> str | None:
    """Return why a portal can't be free by a schedule; None where it can."""
    if groups := zones.interlocks_of(session, row.name):
        return f"it is in interlock '{groups[0]}', of whose portals at most one is not shut"
    if row.people >= 2:
        return f"it lets people in only together (people = {row.people}), and a free portal lets in anyone"
    return None


def portals_free_by(session: Session, schedule: str) -> list[str]:
    """Return the names of the portals that are free by a schedule."""
    return [row.name for row in portals.portals(session) if row.free == schedule]


def portals_free_after(session: Session, level: str) -> list[str]:
    """Return the names of the portals whose free times begin with a level."""
    return [row.name for row in portals.portals(session) if level in row.free_after]
