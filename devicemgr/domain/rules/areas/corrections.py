"""Events by which an operator, or a time that was set, corrects what is recorded of people's places."""

from datetime import datetime

from devicemgr.domain.model import JsonValue
from devicemgr.text import rfc3339

WHEREABOUTS_RESET = "admin.whereabouts_reset"
OCCUPANCY_SET = "admin.occupancy_set"

Detail = dict[str, JsonValue]


def forgiven(place: str | None, reason: str) -> Detail:
    """Return the detail of a reset of one person (the event's person_id), who is at `place` now; None for unknown."""
    return {"place": place, "reason": reason}


def zone_reset(zone: str, reason: str) -> Detail:
    """Return the detail of a reset of everyone in a zone, and of its unnamed people."""
    return {"zone": zone, "reason": reason}


def all_reset(reason: str) -> Detail:
    """Return the detail of a reset of everyone."""
    return {"all": True, "reason": reason}


def forgotten(zone: str, before: datetime, *, is_daily: bool) -> Detail:
    """Return the detail of a reset of those who are recorded in a zone since `before` or earlier, by its settings."""
    return {"zone": zone, "before": rfc3339(before), "because": "forget_at" if is_daily else "forget_after"}


def counted(zone: str, count: int) -> Detail:
    """Return the detail of a number of people in a zone that a guard has counted."""
    return {"zone": zone, "count": count}
