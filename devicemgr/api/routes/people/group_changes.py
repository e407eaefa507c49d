"""Levels and suspensions of many people at once, all or none."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from devicemgr.api.context import Ctx, Who
from devicemgr.api.conventions.models import RequestBody, ResponseBody
from devicemgr.api.routes.people.models import GrantLimits
from devicemgr.errors import InvalidInput
from devicemgr.people import group_changes, level_grants
from devicemgr.people.group_changes import GroupChange

router = APIRouter(tags=["people"])

_MAX_BADGES = 20_000


class HoldersChange(GrantLimits):
    """People by badge, or a whole department, and whether they hold the level from now on, for good or with limits."""

    badges: list[str] = Field([], max_length=_MAX_BADGES, examples=[["1042", "1043"]])
    department: str | None = Field(None, max_length=200, examples=["Kitchen"])
    held: bool


class SuspensionsChange(RequestBody):
    """People by badge, and whether they are suspended from now on."""

    badges: list[str] = Field(min_length=1, max_length=_MAX_BADGES, examples=[["1042", "1043"]])
    suspended: bool


class GroupChanged(ResponseBody):
    """Badges of those whose rights changed, and of those who stood so already."""

    changed: list[str] = Field(examples=[["1042"]])
    unchanged: list[str] = Field(examples=[["1043"]])


@router.post("/levels/{name}/holders", response_model=GroupChanged)
def change_holders(name: str, body: HoldersChange, context: Ctx, caller: Who) -> dict[str, Any]:
    """Grant a level to several people, or revoke it; all or none."""
    if bool(body.badges) == (body.department is not None):
        raise InvalidInput("name either badges or a department")
    with context.change(caller) as work:
        badges = body.badges or group_changes.badges_in(work.session, body.department or "")
        term = level_grants.term(work.session, body.valid_from, body.valid_to, body.uses)
        if term.is_limited and not body.held:
            raise InvalidInput("only a grant has limits; revoke without them")
        return _as_json(group_changes.set_level_of(work, badges, name, held=body.held, term=term))


@router.post("/people/suspensions", response_model=GroupChanged)
def change_suspensions(body: SuspensionsChange, context: Ctx, caller: Who) -> dict[str, Any]:
    """Suspend several people, or end their suspension; all or none."""
    with context.change(caller) as work:
        return _as_json(group_changes.set_suspended_of(work, body.badges, suspended=body.suspended))


def _as_json(found: GroupChange) -> dict[str, Any]:
    return {"changed": found.changed, "unchanged": found.unchanged}
