"""Use cases of levels that people hold: grant them for good, for a time or for a number of uses, and revoke them."""

from typing import Any

from devicemgr.errors import Hint, InvalidInput, RequestError
from devicemgr.people.consents import rights_of
from devicemgr.people.sources import guard
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.database import Session, clock_of
from devicemgr.store.people import departments, grants, people
from devicemgr.store.people.grants import FOR_GOOD, GrantTerm
from devicemgr.store.site import settings
from devicemgr.store.tables import PersonRow
from devicemgr.text import parse_end, parse_time, rfc3339

MAX_USES = 10_000


def term(session: Session, valid_from: str | None, valid_to: str | None, uses: int | None) -> GrantTerm:
    """Return checked limits of a grant; times are RFC 3339 or local dates, an end as a date includes that day."""
    zone = settings.load(session).zone
    start = rfc3339(parse_time(valid_from, zone)) if valid_from else None
    end = rfc3339(parse_end(valid_to, zone)) if valid_to else None
    if start is not None and end is not None and start >= end:
        raise InvalidInput("the grant ends before it begins; check its begin and its end")
    if end is not None and end <= rfc3339(clock_of(session).now()):
        raise InvalidInput("the grant would be over already; give a later end")
    if uses is not None and not 1 <= uses <= MAX_USES:
        raise InvalidInput(f"a grant has 1 to {MAX_USES} uses")
    return GrantTerm(start, end, uses)


def set_level(work: UnitOfWork, badge: str, level: str, *, held: bool) -> PersonRow:
    """Grant a level to a person for good, or revoke it; NotFound for an unknown level.

    A grant for a time or a number of uses stays as it is until it is over. Raises RequestError for a level to be
    revoked that the person holds by their department alone.
    """
    row = people.get(work.session, badge)
    before = rights_of(row)
    if not held:
        require_own(row, level)
    if people.set_level(work.session, row, level, held=held):
        guard.require_grantable(work, row, level)
        kind = "admin.level_granted" if held else "admin.level_revoked"
        work.record(kind, {"level": level}, person_id=row.id, before=before, after=rights_of(row))
    return row


def grant_level(work: UnitOfWork, badge: str, level: str, wanted: GrantTerm = FOR_GOOD) -> PersonRow:
    """Grant a level with exactly these limits, in place of those before; all its uses are left again.

    Raises RequestError for limits to what the person holds for good: that takes away, and is revoked first.
    """
    row = people.get(work.session, badge)
    grants.require_level(work.session, level)
    found, before = grants.grant_of(row, level), rights_of(row)
    if found is not None and wanted.is_limited and grants.term_of(found) == FOR_GOOD:
        raise RequestError(
            f"{row.badge} holds level '{level}' for good; revoke it first, then grant it with limits",
            hint=Hint("revoke_level", badge=row.badge, level=level),
        )
    if grants.put(work.session, row, level, wanted):
        guard.require_grantable(work, row, level)
        detail: dict[str, Any] = {"level": level}
        detail |= {name: getattr(wanted, name) for name in grants.LIMITS} if wanted.is_limited else {}
        work.record("admin.level_granted", detail, person_id=row.id, before=before, after=rights_of(row))
    return row


def require_own(row: PersonRow, level: str) -> None:
    """Raise RequestError if a person holds a level by their department alone: that is not revoked of one person."""
    if level in departments.levels_of(row) and grants.grant_of(row, level) is None:
        raise RequestError(
            f"{row.badge} holds level '{level}' by department '{row.department}', not as their own",
            hint=Hint("edit_department", name=row.department),
        )
