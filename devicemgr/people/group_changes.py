"""Use cases that change many people at once, all or none: newcomers, levels and suspensions of a list of people."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from devicemgr.domain.model import PersonKind
from devicemgr.errors import Hint, InvalidInput, NotFound
from devicemgr.people.level_grants import grant_level, require_own, set_level
from devicemgr.people.service import set_suspended
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.database import Session
from devicemgr.store.people import departments, grants, newcomers, people
from devicemgr.store.people.grants import FOR_GOOD, GrantTerm
from devicemgr.store.people.newcomers import Newcomer
from devicemgr.store.site import access_levels
from devicemgr.store.tables import PersonRow
from devicemgr.text import safe

_MAX_NAMED = 10


@dataclass(frozen=True, slots=True)
class GroupChange:
    """The badges of those who were changed, and of those who were so already."""

    changed: list[str]
    unchanged: list[str]


def add_people(work: UnitOfWork, added: Sequence[Newcomer]) -> None:
    """Add people by checked values, and record each as `service.add_person` does; raises as `newcomers.add_all`."""
    by_department = departments.levels_by_department(work.session)
    for person_id, one in zip(newcomers.add_all(work.session, added), added, strict=True):
        rights = {
            "valid_from": one.valid_from,
            "valid_to": one.valid_to,
            "suspended": False,
            "levels": sorted(one.levels),
            **_rights_of_department(by_department.get(one.details.get("department") or "", ())),
            "cards": len(one.cards),
            "pin": False,
            "consent": None,
            **({"kind": kind} if (kind := one.details.get("kind") or PersonKind.STAFF) != PersonKind.STAFF else {}),
            **({"escort": True} if one.escort else {}),
        }
        work.record("admin.person_added", {"levels": list(one.levels)}, person_id=person_id, after=rights)


def _rights_of_department(levels: Sequence[str]) -> dict[str, list[str]]:
    return {"department_levels": list(levels)} if levels else {}


def badges_in(session: Session, department: str) -> list[str]:
    """Return the badges of a department; NotFound if no person is in it."""
    wanted = " ".join(department.split())
    badges = [badge for _, badge in departments.members(session, wanted)]
    if not badges:
        raise NotFound(f"no person is in department '{safe(wanted, 60)}'", hint=Hint("list_departments"))
    return badges


def set_level_of(
    work: UnitOfWork, badges: Sequence[str], level: str, *, held: bool, term: GrantTerm = FOR_GOOD
) -> GroupChange:
    """Grant a level to several people, or revoke it; NotFound for the level and for each unknown badge."""
    access_levels.level(work.session, level)  # NotFound
    to_change: list[str] = []
    others: list[str] = []
    for row in _people(work.session, badges):
        found = grants.grant_of(row, level)
        if not held:
            require_own(row, level)
        is_so = found is not None and grants.term_of(found) == term if held else found is None
        (others if is_so else to_change).append(row.badge)
    for badge in to_change:
        if held:
            grant_level(work, badge, level, term)
        else:
            set_level(work, badge, level, held=False)
    return GroupChange(to_change, others)


def set_suspended_of(work: UnitOfWork, badges: Sequence[str], *, suspended: bool) -> GroupChange:
    """Suspend several people, or end their suspension; NotFound for each unknown badge."""
    to_change: list[str] = []
    others: list[str] = []
    for row in _people(work.session, badges):
        (others if row.suspended == suspended else to_change).append(row.badge)
    for badge in [*to_change, *others]:  # a suspension by hand takes the place of one by a table
        set_suspended(work, badge, suspended=suspended)
    return GroupChange(to_change, others)


def _people(session: Session, badges: Iterable[str]) -> list[PersonRow]:
    """Return the people in their order, each once; NotFound names all badges that no person has."""
    found = {badge: people.find(session, badge) for badge in badges}
    unknown = [badge for badge, row in found.items() if row is None]
    if unknown:
        named = ", ".join(safe(badge, 60) for badge in unknown[:_MAX_NAMED])
        more = f" and {len(unknown) - _MAX_NAMED} more" if len(unknown) > _MAX_NAMED else ""
        raise NotFound(f"no person has badge {named}{more}; nothing was changed", hint=Hint("list_people"))
    if not found:
        raise InvalidInput("name at least one badge")
    return list({row.id: row for row in found.values() if row is not None}.values())
