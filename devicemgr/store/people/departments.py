"""Departments: the texts by which people are grouped, and the levels that their people hold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session, object_session

from devicemgr.errors import Hint, NotFound
from devicemgr.store.tables import DepartmentLevelRow, PersonRow
from devicemgr.text import safe

_CACHED = "department_levels"


@dataclass(frozen=True, slots=True)
class Department:
    """A department, its levels, and how many people are in it."""

    name: str
    levels: tuple[str, ...]
    people: int


def levels_by_department(session: Session) -> Mapping[str, tuple[str, ...]]:
    """Return the levels of each department that has any, sorted; read once a transaction, as imports ask often."""
    cached: dict[str, tuple[str, ...]] | None = session.info.get(_CACHED)
    if cached is not None:
        return cached
    found: dict[str, tuple[str, ...]] = {}
    query = select(DepartmentLevelRow).order_by(DepartmentLevelRow.department, DepartmentLevelRow.level_name)
    for row in session.scalars(query):
        found[row.department] = (*found.get(row.department, ()), row.level_name)
    session.info[_CACHED] = found
    return found


def levels_of(row: PersonRow) -> list[str]:
    """Return the levels that a person holds by their department."""
    session = object_session(row)
    if session is None or row.department is None:
        return []
    return list(levels_by_department(session).get(row.department, ()))


def departments(session: Session) -> list[Department]:
    """Return all departments by name: those of people, and those that have levels."""
    count = select(PersonRow.department, func.count()).where(PersonRow.department.is_not(None))
    people = {name: number for name, number in session.execute(count.group_by(PersonRow.department)) if name}
    levels = levels_by_department(session)
    return [Department(name, levels.get(name, ()), people.get(name, 0)) for name in sorted({*people, *levels})]


def department(session: Session, name: str) -> Department:
    """Return a department; NotFound if no person is in it and it has no levels."""
    found = next((one for one in departments(session) if one.name == name), None)
    if found is None:
        raise NotFound(
            f"there is no department '{safe(name, 60)}'",
            code="department_not_found",
            facts={"name": safe(name, 60)},
            hint=Hint("list_departments"),
        )
    return found


def members(session: Session, name: str) -> list[tuple[str, str]]:
    """Return id and badge of a department's people, by badge."""
    query = select(PersonRow.id, PersonRow.badge).where(PersonRow.department == name).order_by(PersonRow.badge)
    return [(row.id, row.badge) for row in session.execute(query)]


def carrying(session: Session, level: str) -> list[str]:
    """Return the departments that have a level."""
    return [name for name, levels in levels_by_department(session).items() if level in levels]


def set_levels(session: Session, name: str, levels: Iterable[str]) -> None:
    """Replace a department's levels, which exist."""
    session.execute(delete(DepartmentLevelRow).where(DepartmentLevelRow.department == name))
    session.add_all(DepartmentLevelRow(department=name, level_name=level) for level in levels)
    session.flush()
    session.info.pop(_CACHED, None)


def rename(session: Session, name: str, new: str) -> None:
    """Move a department's people and levels to a new name, which no department has."""
    session.execute(update(PersonRow).where(PersonRow.department == name).values(department=new))
    changed = update(DepartmentLevelRow).where(DepartmentLevelRow.department == name)
    session.execute(changed.values(department=new))
    session.info.pop(_CACHED, None)
