"""Rows of sources, and the people whom each of them keeps."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from devicemgr.store.site.lookup import find_named
from devicemgr.store.tables import PersonRow, SourceRow

BY_SOURCE = "source"
"""What `people.suspended_by` says of those whom their source has suspended."""


@dataclass(frozen=True, slots=True)
class Managed:
    """What a source keeps of its people: these fields, and these levels alone."""

    source: str
    fields: frozenset[str]
    levels: frozenset[str]


def actor_of(name: str) -> str:
    """Return who changes people for a source, as the record names it."""
    return f"source:{name}"


def source(session: Session, name: str) -> SourceRow:
    """Return the source of that name, or NotFound."""
    return find_named(session, SourceRow, "source", name)


def sources(session: Session) -> Sequence[SourceRow]:
    """Return all sources by name."""
    return session.scalars(select(SourceRow).order_by(SourceRow.name)).all()


def managed(session: Session) -> dict[str, Managed]:
    """Return by source what it keeps of its people: the columns of the table that it was synchronized with last."""
    return {
        row.name: Managed(
            row.name, frozenset(row.state.get("fields", ())), frozenset(row.stated.get("map", {}).values())
        )
        for row in sources(session)
    }


def managed_of(session: Session, row: PersonRow) -> Managed | None:
    """Return what a source keeps of this person; None for a person without one."""
    return managed(session).get(row.source) if row.source is not None else None


def levels_mapped(session: Session) -> dict[str, str]:
    """Return the levels that sources grant, each with the name of one of them."""
    return {level: row.name for row in sources(session) for level in row.stated.get("map", {}).values()}


def counts(session: Session) -> dict[str, int]:
    """Return how many people each source keeps."""
    query = select(PersonRow.source, func.count()).where(PersonRow.source.is_not(None)).group_by(PersonRow.source)
    return {str(name): count for name, count in session.execute(query)}


def set_state(row: SourceRow, **values: Any) -> None:
    """Store parts of a source's state; None removes one."""
    row.state = {name: value for name, value in {**row.state, **values}.items() if value is not None}


def assign(session: Session, name: str, ids: Mapping[str, str]) -> None:
    """Give people, by their badges, to a source, with their ids in it."""
    rows = session.execute(select(PersonRow.id, PersonRow.badge, PersonRow.source, PersonRow.source_id)).all()
    changed = [
        {"id": row.id, "source": name, "source_id": ids[row.badge]}
        for row in rows
        if row.badge in ids and (row.source, row.source_id) != (name, ids[row.badge])
    ]
    if changed:
        session.execute(update(PersonRow), changed)


def mark_missing(session: Session, name: str, named: Collection[str], at: str | None) -> None:
    """Note that a source does not name some of its people since `at`, None if that is not certain.

    `named` are the badges and ids of those whom it names now.
    """
    columns = (PersonRow.id, PersonRow.badge, PersonRow.source_id, PersonRow.missing_since)
    changed = [
        {"id": row.id, "missing_since": None if is_named else at}
        for row in session.execute(select(*columns).where(PersonRow.source == name)).all()
        if (row.missing_since is None) != (is_named := row.badge in named or row.source_id in named)
    ]
    if changed:
        session.execute(update(PersonRow), changed)


def release(session: Session, name: str) -> int:
    """Leave a source's people to the site, as they are; return how many."""
    people = session.scalars(select(PersonRow).where(PersonRow.source == name)).all()
    for row in people:
        row.source = row.source_id = row.missing_since = None
        row.suspended_by = None if row.suspended_by == BY_SOURCE else row.suspended_by
    session.flush()
    return len(people)


def missing_before(session: Session, name: str, at: str) -> list[str]:
    """Return the badges of those whom a source suspended and has not named since `at` or before."""
    query = select(PersonRow.badge).where(
        PersonRow.source == name,
        PersonRow.suspended_by == BY_SOURCE,
        PersonRow.missing_since.is_not(None),
        PersonRow.missing_since <= at,
    )
    return list(session.scalars(query.order_by(PersonRow.badge)))


def source_json(session: Session, row: SourceRow) -> dict[str, Any]:
    """Return what `source show` prints: what was stated, and how the last run ended."""
    state = row.state
    return {
        "name": row.name,
        "people": counts(session).get(row.name, 0),
        **{part: state.get(part) for part in ("last", "held", "failed", "unsure")},
        "fields": state.get("fields", []),
    }
