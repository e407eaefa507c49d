"""Access levels, straight in the store."""

from collections.abc import Sequence

from devicemgr.store.database import Session
from devicemgr.store.site import access_levels
from devicemgr.store.tables import LevelRow


def cover(session: Session, level: LevelRow, portals: Sequence[str], schedule: str | None) -> None:
    """Let a level cover these portals under one schedule, or always."""
    access_levels.set_coverage(session, level, [(portal, schedule) for portal in portals])
