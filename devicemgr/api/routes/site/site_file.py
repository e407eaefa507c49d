"""/site: all of a site's set-up as one file, put in force in one transaction."""

import base64
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from devicemgr.api.authorization import require_site_change
from devicemgr.api.context import Caller, Context, Ctx, Who
from devicemgr.api.conventions.models import RequestBody, ResponseBody
from devicemgr.api.conventions.revisions import IfMatch, set_etag
from devicemgr.api.rights.feeds import require_feed
from devicemgr.api.rights.site_changes import (
    ACTION,
    pause_unseen_outlets,
    require_rights_of_sources,
    require_roles,
    two_admin_changes,
)
from devicemgr.api.routes.site.calendars import ChangedDay
from devicemgr.api.routes.site.site_replay import PlannedReplay, ReplayAnswer
from devicemgr.domain.rules.hours.hours_preview import changed_days
from devicemgr.errors import ApprovalNeeded, InvalidInput, PlanOutdated
from devicemgr.people import erasure_events
from devicemgr.security import approvals
from devicemgr.site import site_entries, site_file
from devicemgr.site.hours.entries import read_new
from devicemgr.site.hours.feeds import Feed
from devicemgr.site.hours.schedule_plan import change_json
from devicemgr.site.plans import entries as plan_entries
from devicemgr.site.plans.service import MAX_PLANS
from devicemgr.site.site_changes import SiteChanges
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.database import Session, revision
from devicemgr.store.site import access_levels as schedule_rows, devices as device_store

router = APIRouter(prefix="/site", tags=["site"])

# What is not in the file when there is none.
_LEFT_OUT = (
    *("model", "profiles", "calendars", "zones", "interlocks", "threats", "departments", "sources", "plans", "outlets"),
)


class SiteFile(RequestBody):
    """A site's file; `plan` checks everything and changes nothing, `prune` removes what the file does not name.

    With the `digest` of a plan, the file is applied only as it was planned.
    With a plan, `replay` judges the recorded requests of so many days or hours by it; `people` lists whose.
    """

    toml: str = Field(examples=['[portals.main]\ngate = "gate-1"\n'])
    plan: bool = False
    prune: bool = False
    replay: str = Field("", max_length=20, examples=["30d"], description="How far back; who may read events may ask.")
    people: bool = False
    digest: str = Field("", max_length=64, description="That of a plan: 409 unless file and site are still the same.")
    pictures: dict[str, str] = Field(
        {}, max_length=MAX_PLANS, description="Pictures of plans, in base64, by the names of their plans."
    )


class SiteExport(ResponseBody):
    """The site's file as text, and its tables."""

    toml: str
    site: dict[str, Any]


class SiteChange(ResponseBody):
    """One difference between the site and the file; `fields` has the value before and after of each field."""

    kind: str = Field(examples=["portals"])
    name: str = Field(examples=["main"])
    change: Literal["add", "edit", "remove"]
    fields: dict[str, list[Any]]


class UnnamedEntry(ResponseBody):
    """Something that the site has and the file does not name."""

    kind: str
    name: str


class MissingPicture(ResponseBody):
    """A picture that the file names and that is neither here nor sent."""

    name: str = Field(examples=["ground"])
    picture: str = Field(examples=["plan-ground.png"])
    sha256: str | None


class SiteApplied(ResponseBody):
    """What was changed, or by a plan would be."""

    applied: bool
    changes: list[SiteChange]
    not_in_file: list[UnnamedEntry]
    digest: str = Field(description="Names this plan: the file, `prune` and the revision that it was compared with.")
    two_admins: list[str] = Field(description="Settings that two admins must agree on.")
    hours: list[ChangedDay] = Field(
        [], description="By a plan: the hours that schedules would be open, and closed, in the next 90 days."
    )
    without_password: list[str] = Field(description="Devices whose password must still be given.")
    without_picture: list[MissingPicture] = Field(
        [], description="Pictures of plans that were not sent; their plans keep what they have."
    )
    replay: ReplayAnswer | None = Field(None, description="What recorded requests would come to by the plan.")


_TOML = "application/toml"


@router.get(
    "",
    response_model=SiteExport,
    responses={200: {"content": {_TOML: {"schema": {"type": "string"}}}, "description": "The site, or its file."}},
)
def export_site(
    context: Ctx,
    _: Who,
    response: Response,
    form: Annotated[Literal["json", "toml"], Query(alias="format", description="`toml` is the file alone.")] = "json",
) -> dict[str, Any] | Response:
    """Export the site's file: settings, schedules, profiles, devices, portals and levels; no people, no secrets."""
    with context.site.database.read() as session:
        set_etag(response, session)
        found = site_entries.current(session)
    document = {table: content for table, content in found.items() if content or table not in _LEFT_OUT}
    text = site_file.text_of(document)
    if form == "toml":
        headers = {"Content-Disposition": 'attachment; filename="site.toml"', "ETag": response.headers["ETag"]}
        return Response(text, headers=headers, media_type=_TOML)
    return {"toml": text, "site": document}


class _Planned(Exception):
    """Ends the transaction of a plan, so that nothing of it is stored."""


@router.post("/apply", response_model=SiteApplied)
def apply_site(body: SiteFile, context: Ctx, caller: Who, match: IfMatch) -> dict[str, Any]:
    """Make the site what the file says, atomically; each change needs the role that it needs by itself.

    A plan can be replayed on the requests that are on record, which needs the right to read events.
    """
    replay = PlannedReplay(context, caller, body.replay, body.people) if body.replay else None
    if replay is not None:
        replay.check(is_plan=body.plan)
    wanted = site_entries.checked(context.site, site_file.parse(body.toml))
    readings = read_new(context.site, wanted.get("calendars", {}), partial(_require_calendar, caller))
    pictures = plan_entries.resolve(context.site, wanted.get("plans", {}), _opened(body.pictures))
    answer: dict[str, Any] = {"without_picture": pictures.missing}
    try:
        with (
            plan_entries.written(context.site, pictures.found, is_plan=body.plan) as new,
            context.change(caller) as work,
        ):
            match.require(work.session)
            answer |= _answer(work.session, caller, wanted, body)
            # Only for a plan: a schedule that can't be read must not keep a file from mending it.
            before = schedule_rows.schedule_models(work.session) if body.plan else {}
            if replay is not None:
                replay.take_present(work.session)
            _apply(work, caller, SiteChanges(work, wanted, erasure_events.left_facts, readings, new), answer)
            pause_unseen_outlets(work, caller, answer["changes"], wanted)
            if replay is not None:
                replay.take_planned(work.session)
            if body.plan:
                after = schedule_rows.schedule_models(work.session)
                answer["hours"] = [change_json(change) for change in changed_days(before, after, datetime.now(UTC))]
                raise _Planned
    except _Planned:
        return answer | ({"replay": replay.answer()} if replay is not None else {})
    except ApprovalNeeded:
        # The request for approval must outlive the transaction that it stopped.
        _ask(context, caller, answer)
    context.site.database.forget()
    return answer


def _opened(pictures: dict[str, str]) -> dict[str, bytes]:
    try:
        return {name: base64.b64decode(text, validate=True) for name, text in pictures.items()}
    except ValueError as error:
        raise InvalidInput("a picture of a plan is not in base64; send it again") from error


def _answer(session: Session, caller: Caller, wanted: site_file.Document, body: SiteFile) -> dict[str, Any]:
    """Return what would be done; NotAllowed when the caller may not do all of it, and PlanOutdated for another plan."""
    digest = site_file.plan_digest(revision(session), body.toml, prune=body.prune)
    if body.digest not in ("", digest):
        raise PlanOutdated("the site or the file has changed since this was planned; plan again, and look at the plan")
    before = site_entries.current(session)
    changes = site_file.changes(before, wanted, prune=body.prune)
    require_roles(caller, changes)
    require_rights_of_sources(caller, changes, wanted)
    return {
        "applied": not body.plan,
        "changes": changes,
        "digest": digest,
        "not_in_file": [] if body.prune else site_file.unnamed(before, wanted),
        "two_admins": two_admin_changes(session, caller, changes),
    }


def _require_calendar(caller: Caller, name: str, feed: Feed, stored: Feed | None) -> None:
    """Raise NotAllowed, before anything is read, unless the caller may let this calendar follow that feed."""
    require_site_change(caller, "calendars", "edit" if stored else "add", name)
    require_feed(caller, feed, stored)


def _apply(work: UnitOfWork, caller: Caller, changes: SiteChanges, answer: dict[str, Any]) -> None:
    """Make the changes within the transaction; a plan needs no approval."""
    if answer["two_admins"] and answer["applied"]:
        subject = ", ".join(answer["two_admins"])
        if not approvals.use_up(work.site, work.session, caller.actor, ACTION, subject):
            raise ApprovalNeeded("two admins must agree on this")
    changes.apply(answer["changes"])
    answer["without_password"] = _without_password(work.session)


def _ask(context: Context, caller: Caller, answer: dict[str, Any]) -> None:
    approvals.ask(context.site, caller.actor, ACTION, ", ".join(answer["two_admins"]))


def _without_password(session: Session) -> list[str]:
    """Return the devices with a user name whose password must still be given."""
    return [row.name for row in device_store.devices(session) if row.username and row.sealed_password is None]
