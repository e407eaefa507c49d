"""/people/import: many people at once, as rows of a table that the client has read."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field, ValidationError, field_validator

from devicemgr.api.authorization import require_people_change
from devicemgr.api.context import Caller, Ctx, Who
from devicemgr.api.conventions.models import RequestBody, ResponseBody
from devicemgr.api.routes.people.models import Badge, LevelNames
from devicemgr.errors import Hint, PlanHeld
from devicemgr.people.tables import apply
from devicemgr.people.tables.plan import Missing, Plan, Policy, make_plan
from devicemgr.people.tables.present import read_present
from devicemgr.people.tables.reader import MAX_ROWS

router = APIRouter(prefix="/people", tags=["people"])


class PersonRow(RequestBody):
    """One row of a table; a field that the table has no column for is absent, an empty one is removed."""

    line: int = Field(examples=[2], ge=0, description="Where the row stands, for messages.")
    badge: Badge
    name: str | None = Field(None, examples=["Aigul Serikova"])
    levels: LevelNames | None = None
    cards: list[str] | None = Field(None, examples=[["80:58400"]])
    valid_from: str | None = Field(None, examples=["2026-12-01"])
    valid_to: str | None = Field(None, examples=["2026-12-31"])
    suspended: str | None = Field(None, examples=["no"], description="yes or no; empty leaves it as it is.")
    kind: str | None = Field(None, examples=["staff"])
    department: str | None = Field(None, examples=["Warehouse"])
    employee_id: str | None = Field(None, examples=["E-1042"])
    email: str | None = Field(None, examples=["aigul@example.com"])
    phone: str | None = Field(None, examples=["+7 701 123 45 67"])
    note: str | None = None
    host: str | None = Field(None, examples=["1001"])
    escort: str | None = Field(None, examples=["no"], description="yes or no; empty leaves it as it is.")
    fault: str | None = Field(None, description="Why the client can't read the row; it only names its badge then.")


class PeopleTable(RequestBody):
    """The rows of a table; `plan` compares and changes nothing."""

    rows: list[PersonRow] = Field(max_length=MAX_ROWS)
    plan: bool = False
    update: bool = Field(False, description="Change people who are here with other values.")
    as_written: bool = Field(False, description="Badges with and without zeros in front are both right.")
    missing: Missing = Field(Missing.KEEP, description="What becomes of people whom the table does not name.")
    accept: str | None = Field(None, description="The `digest` of a plan that takes away from unusually many.")

    @field_validator("rows", mode="before")
    @classmethod
    def _one_by_one(cls, rows: Any) -> Any:
        """Check row by row: all at once, every other thread, those of the gates too, would wait half a second."""
        return [_checked(row) for row in rows] if isinstance(rows, list) and len(rows) <= MAX_ROWS else rows


def _checked(row: Any) -> Any:
    try:
        return PersonRow.model_validate(row)
    except ValidationError:
        return row  # refused with its place among the rows


class PersonChange(ResponseBody):
    """One change of one person; `fields` has the value before and after of each field."""

    badge: Badge
    name: str
    change: Literal["add", "edit", "suspend", "resume", "remove"]
    line: int | None = Field(description="Absent for people whom the table does not name.")
    fields: dict[str, list[Any]]


class RefusedRow(ResponseBody):
    """A row that was not taken, and why."""

    badge: str
    line: int | None
    code: str = Field(examples=["badge_twice"])
    why: str


class PeopleImported(ResponseBody):
    """What was changed, or by a plan would be."""

    applied: bool
    changes: list[PersonChange]
    refused: list[RefusedRow]
    unchanged: int
    unsure: str | None = Field(description="Why no one counts as missing, although some may be.")
    taken_away: int = Field(
        description="How many people would lose a level, a card, a part of their validity, or everything."
    )
    max_taken_away: int = Field(description="How many that may be without `accept`.")
    digest: str


@router.post("/import", response_model=PeopleImported)
def import_people(body: PeopleTable, context: Ctx, caller: Who) -> Response:
    """Make people what a table says; each change needs the role that it needs by itself, else nothing is changed.

    Each person is changed whole or not at all, a few at a time: after a failure the same table again does the rest.
    """
    with context.site.database.read() as session:
        present = read_present(session)
    rows = [row.model_dump(exclude_none=True) for row in body.rows]
    plan = make_plan(rows, present, Policy(update=body.update, as_written=body.as_written, missing=body.missing))
    require_rights(caller, plan)
    answer: dict[str, Any] = {
        "applied": not body.plan,
        "changes": [change.as_json() for change in plan.changes],
        "unchanged": plan.unchanged,
        "unsure": plan.unsure,
        "taken_away": plan.taken_away,
        "max_taken_away": plan.max_taken_away,
        "digest": plan.digest,
    }
    if body.plan:
        return _answer(answer | {"refused": apply.as_json(plan.refused)})
    _require_accepted(plan, body.accept)
    late = apply.apply_plan(context.site, context.runtime, caller.actor, plan)
    undone = {(one.badge, one.line) for one in late}
    answer["changes"] = [c for c in answer["changes"] if (c["badge"], c["line"]) not in undone]
    return _answer(answer | {"refused": apply.as_json([*plan.refused, *late])})


def _answer(document: Mapping[str, Any]) -> Response:
    """Return a document of PeopleImported, written piece by piece as its rows are checked one by one."""
    pieces = []
    for name, value in document.items():
        is_list = isinstance(value, list)
        text = f"[{','.join(json.dumps(one) for one in value)}]" if is_list else json.dumps(value)
        pieces.append(f"{json.dumps(name)}:{text}")
    return Response(f"{{{','.join(pieces)}}}", media_type="application/json")


def require_rights(caller: Caller, plan: Plan) -> None:
    """Raise NotAllowed unless the caller may make each change of a plan by its own route."""
    for change in plan.changes:
        require_people_change(caller, change.change, change.badge)
        for part in ("levels", "cards", "department"):
            if part in change.fields:
                require_people_change(caller, part, change.badge)


def _require_accepted(plan: Plan, accepted: str | None) -> None:
    """Raise PlanHeld for a plan that takes away from unusually many, unless an admin has accepted this very one."""
    if plan.taken_away > plan.max_taken_away and accepted != plan.digest:
        raise PlanHeld(
            f"{plan.taken_away} of {plan.people} people would lose rights, over {plan.max_taken_away} at once; nothing "
            "was changed: check the table",
            hint=Hint("accept_plan", digest=plan.digest),
        )
