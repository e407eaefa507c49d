"""Use cases of departments: give them levels, which all of their people hold, rename and remove them."""

from collections.abc import Iterable

from devicemgr.domain.rules.person_details import check_detail
from devicemgr.errors import AlreadyExists, Hint, InvalidInput, RequestError
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.people import departments as rows
from devicemgr.store.people.departments import Department
from devicemgr.store.site import access_levels
from devicemgr.text import counted


def checked_name(name: str) -> str:
    """Return the name of a department as people have it."""
    found = check_detail("department", name)
    if not found:
        raise InvalidInput("a department has a name; give it as people have it")
    return found


def set_levels(work: UnitOfWork, name: str, levels: Iterable[str]) -> Department:
    """Make these the levels of a department; its people hold them from now on, and beside them what is their own.

    The department need not have people yet. Raises NotFound for an unknown level.
    """
    name, wanted = checked_name(name), tuple(sorted(set(levels)))
    for level in wanted:
        access_levels.level(work.session, level)
    before = rows.levels_by_department(work.session).get(name, ())
    if wanted != before:
        members = rows.members(work.session, name)
        rows.set_levels(work.session, name, wanted)
        detail = {"department": name, "people": len(members)}
        old, new = list(before), list(wanted)
        work.record("admin.department_edited", detail, before={"levels": old}, after={"levels": new})
        work.record_each(
            "admin.department_levels_changed",
            [person for person, _ in members],
            before={"department_levels": old},
            after={"department_levels": new},
        )
    return Department(name, wanted, len(rows.members(work.session, name)))


def rename(work: UnitOfWork, name: str, new: str) -> Department:
    """Give a department another name, for all of its people; they keep its levels.

    Raises AlreadyExists if there is a department of the new name: its levels would be another's.
    """
    found, new = rows.department(work.session, checked_name(name)), checked_name(new)
    if new == found.name:
        return found
    if any(one.name == new for one in rows.departments(work.session)):
        raise AlreadyExists(f"department '{new}' exists; to join them, move the people there")
    rows.rename(work.session, found.name, new)
    work.record("admin.department_renamed", {"department": new, "from": found.name, "people": found.people})
    return rows.department(work.session, new)


def remove(work: UnitOfWork, name: str) -> Department:
    """Remove a department without people, with its levels; RequestError while people are in it."""
    found = rows.department(work.session, checked_name(name))
    if found.people:
        raise RequestError(
            f"{counted(found.people, 'person is', 'people are')} in department '{found.name}'; move them first",
            hint=Hint("clear_department", name=found.name) if found.levels else None,
        )
    set_levels(work, found.name, ())
    return found
