"""Levels that people hold themselves: for good, or from and to a time or for a number of uses."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from devicemgr.domain.model import Grant
from devicemgr.domain.rules.grants import is_to_count, state_of
from devicemgr.errors import Hint, NotFound
from devicemgr.store.database import clock_of
from devicemgr.store.tables import LevelRow, PersonLevelRow, PersonRow
from devicemgr.text import parse_time, safe

LIMITS = ("valid_from", "valid_to", "uses")


@dataclass(frozen=True, slots=True)
class GrantTerm:
    """From and before when a level is held, as times are stored, and for how many uses; None is no limit."""

    valid_from: str | None = None
    valid_to: str | None = None
    uses: int | None = None

    @property
    def is_limited(self) -> bool:
        """Return True unless the level is held for good."""
        return self != FOR_GOOD


FOR_GOOD = GrantTerm()


def grant_of(row: PersonRow, level: str) -> PersonLevelRow | None:
    """Return a person's own grant of a level; None if there is none."""
    return next((grant for grant in row.grants if grant.level_name == level), None)


def term_of(grant: PersonLevelRow) -> GrantTerm:
    """Return the limits of a grant."""
    return GrantTerm(grant.valid_from, grant.valid_to, grant.uses)


def lasting(row: PersonRow) -> list[str]:
    """Return the levels that a person holds for good, without those of the department."""
    return [grant.level_name for grant in row.grants if not term_of(grant).is_limited]


def limited(row: PersonRow) -> list[PersonLevelRow]:
    """Return a person's grants for a time or a number of uses, also those that are over."""
    return [grant for grant in row.grants if term_of(grant).is_limited]


def held(row: PersonRow, now: datetime) -> list[str]:
    """Return the levels of a person's own that count or will count: not those that are over."""
    return [grant.level_name for grant in row.grants if not is_over(grant, now)]


def is_over(grant: PersonLevelRow, now: datetime) -> bool:
    """Return True for a grant that has expired or is used up."""
    return not is_to_count(model(grant), now)


def counts_or_will(at: str) -> ColumnElement[bool]:
    """Return the condition of grants that are not over at a time."""
    return and_(
        or_(PersonLevelRow.valid_to.is_(None), PersonLevelRow.valid_to > at),
        or_(PersonLevelRow.uses_left.is_(None), PersonLevelRow.uses_left > 0),
    )


def model(grant: PersonLevelRow) -> Grant:
    """Return a grant as the rules see it."""
    start, end = _time(grant.valid_from), _time(grant.valid_to)
    return Grant(grant.level_name, start, end, grant.uses, grant.uses_left)


def _time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None


def models(session: Session) -> tuple[dict[str, set[str]], dict[str, list[Grant]]]:
    """Return by person's id the levels held for good, and the other grants; read as plain columns."""
    whose = (PersonLevelRow.person_id, PersonLevelRow.level_name)
    times = (PersonLevelRow.valid_from, PersonLevelRow.valid_to)
    uses = (PersonLevelRow.uses, PersonLevelRow.uses_left)
    for_good: dict[str, set[str]] = {}
    others: dict[str, list[Grant]] = {}
    for row in session.execute(select(*whose, *times, *uses).order_by(*whose)):
        if row.valid_from is None and row.valid_to is None and row.uses is None:
            for_good.setdefault(row.person_id, set()).add(row.level_name)
        else:
            grant = Grant(row.level_name, _time(row.valid_from), _time(row.valid_to), row.uses, row.uses_left)
            others.setdefault(row.person_id, []).append(grant)
    return for_good, others


def set_level(session: Session, row: PersonRow, level: str, *, held: bool) -> bool:
    """Grant a level for good or revoke it; return False if nothing changed; NotFound for an unknown level.

    A grant with limits that is not over stays as it is.
    """
    require_level(session, level)
    found = grant_of(row, level)
    if held:
        is_new = found is None or is_over(found, clock_of(session).now())
        return is_new and put(session, row, level, FOR_GOOD)
    if found is None:
        return False
    row.grants.remove(found)
    session.flush()
    return True


def require_level(session: Session, level: str) -> None:
    """Raise NotFound for an unknown level."""
    if session.get(LevelRow, level) is None:
        raise NotFound(f"there is no level '{safe(level, 60)}'", hint=Hint("list_levels"))


def put(session: Session, row: PersonRow, level: str, term: GrantTerm) -> bool:
    """Grant a level with these limits, all uses left, in place of others; return False if it is so already."""
    found = grant_of(row, level)
    if found is not None and term_of(found) == term and found.uses_left == term.uses:
        return False
    if found is None:
        found = PersonLevelRow(person_id=row.id, level_name=level)
        row.grants.append(found)
    found.valid_from, found.valid_to, found.uses = term.valid_from, term.valid_to, term.uses
    found.uses_left, found.used_up = term.uses, None
    session.flush()
    return True


def count_over(session: Session, before: str) -> int:
    """Return how many grants were over at `before`."""
    return session.scalar(select(func.count()).select_from(PersonLevelRow).where(_was_over(before))) or 0


def _was_over(before: str) -> ColumnElement[bool]:
    return or_(PersonLevelRow.valid_to <= before, PersonLevelRow.used_up <= before)


def remove_over(session: Session, before: str, level: str | None = None) -> int:
    """Remove grants that were over at `before`, of one level if it is named; return how many."""
    over = _was_over(before)
    wanted = over if level is None else and_(over, PersonLevelRow.level_name == level)
    return len(session.execute(delete(PersonLevelRow).where(wanted).returning(PersonLevelRow.person_id)).all())


def grants_json(row: PersonRow, now: datetime) -> list[dict[str, Any]]:
    """Return a person's grants with limits, as `person show` prints them."""
    return [
        {"level": grant.level_name, **limits_json(grant), "state": str(state_of(model(grant), now))}
        for grant in limited(row)
    ]


def limits_json(grant: PersonLevelRow) -> dict[str, Any]:
    """Return the limits of a grant, and what is left of its uses."""
    return {name: getattr(grant, name) for name in (*LIMITS, "uses_left")}


def rights_of_grants(rows: Iterable[PersonLevelRow]) -> Sequence[Mapping[str, Any]]:
    """Return grants with limits as the record keeps them."""
    return [{"level": grant.level_name, **limits_json(grant)} for grant in rows]
