"""/departments: how people are grouped, and the levels that each group holds."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from devicemgr.api.context import Ctx, Who
from devicemgr.api.conventions.models import Removed, RequestBody, ResponseBody
from devicemgr.api.conventions.paging import Paged
from devicemgr.api.conventions.revisions import IfMatch, set_etag
from devicemgr.domain.rules.person_details import MAX_DEPARTMENT
from devicemgr.site.groups import departments
from devicemgr.store.database import Session
from devicemgr.store.people import departments as rows
from devicemgr.store.people.departments import Department as Found

router = APIRouter(prefix="/departments", tags=["people"])


class DepartmentReplace(RequestBody):
    """All levels of a department."""

    levels: list[str] = Field(examples=[["kitchen"]])


class DepartmentUpdate(RequestBody):
    """What to change of a department; a field that is not given stays."""

    levels: list[str] | None = Field(None, examples=[["kitchen"]])
    new_name: str | None = Field(None, max_length=MAX_DEPARTMENT, examples=["Canteen"])


class Department(ResponseBody):
    """A department, the levels that its people hold by it, and how many they are."""

    name: str = Field(examples=["Kitchen"])
    levels: list[str] = Field(examples=[["kitchen"]])
    people: int


class DepartmentDetails(Department):
    """A department and the badges of its people."""

    badges: list[str] = Field(examples=[["1042"]])


@router.get("", response_model=list[Department])
def list_departments(context: Ctx, _: Who, page: Paged, response: Response) -> list[dict[str, Any]]:
    """List departments by name: those that people are in, and those that have levels."""
    with context.site.database.read() as session:
        set_etag(response, session)
        found = page.cut(rows.departments(session), key=lambda one: one.name, text=lambda one: (one.name,))
        return [_as_json(one) for one in found]


@router.get("/{name:path}", response_model=DepartmentDetails)
def show_department(name: str, context: Ctx, _: Who, response: Response) -> dict[str, Any]:
    """Show one department, and who is in it."""
    with context.site.database.read() as session:
        set_etag(response, session)
        return _details(session, rows.department(session, departments.checked_name(name)))


@router.put("/{name:path}", response_model=DepartmentDetails)
def replace_department(
    name: str, body: DepartmentReplace, context: Ctx, caller: Who, precondition: IfMatch
) -> dict[str, Any]:
    """Make these the levels of a department: all its people hold them at once, and no others by it.

    The department need not have people yet.
    """
    with context.change(caller) as work:
        precondition.require(work.session)
        return _details(work.session, departments.set_levels(work, name, body.levels))


@router.patch("/{name:path}", response_model=DepartmentDetails)
def edit_department(
    name: str, body: DepartmentUpdate, context: Ctx, caller: Who, precondition: IfMatch
) -> dict[str, Any]:
    """Change the levels of a department, or its name for all of its people."""
    with context.change(caller) as work:
        precondition.require(work.session)
        found = rows.department(work.session, departments.checked_name(name))
        if body.levels is not None:
            found = departments.set_levels(work, found.name, body.levels)
        if body.new_name is not None:
            found = departments.rename(work, found.name, body.new_name)
        return _details(work.session, found)


@router.delete("/{name:path}", response_model=Removed)
def remove_department(name: str, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Remove a department without people, with its levels."""
    with context.change(caller) as work:
        precondition.require(work.session)
        return {"name": departments.remove(work, name).name, "removed": True}


def _as_json(found: Found) -> dict[str, Any]:
    return {"name": found.name, "levels": list(found.levels), "people": found.people}


def _details(session: Session, found: Found) -> dict[str, Any]:
    return _as_json(found) | {"badges": [badge for _, badge in rows.members(session, found.name)]}
