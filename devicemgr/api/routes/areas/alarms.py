"""/alarms: what is wrong, who has taken note of it, and what was wrong before."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from devicemgr.api.authorization import sees_duress, sees_names
from devicemgr.api.context import Ctx, Who
from devicemgr.api.conventions.models import RequestBody, ResponseBody, Time
from devicemgr.api.routes.site.events import Event
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.rules.alarms import ALARM_KINDS
from devicemgr.domain.rules.duress.veil import is_alarm_of_duress
from devicemgr.site.areas import alarms
from devicemgr.store.ledger import alarms as rows, events

router = APIRouter(prefix="/alarms", tags=["alarms"])

_OF_ALARMS = (*ALARM_KINDS, Kind.ALARM_ENDED, Kind.ALARM_ACKNOWLEDGED, Kind.ALARM_ESCALATED)


class AlarmAcknowledgment(RequestBody):
    """What the operator found; required for some kinds."""

    comment: str = Field("", max_length=500, examples=["wind, door closed by hand"])
    seq: int | None = Field(
        None,
        ge=1,
        description="The `seq` of the alarm that was seen: 409 if it has begun again, or was acknowledged since.",
    )


class Acknowledged(ResponseBody):
    """Who took note of the alarm, and when."""

    by: str = Field(examples=["operator:aigul"])
    at: Time
    comment: str


class Alarm(ResponseBody):
    """An alarm that is active, or over and not acknowledged yet."""

    id: str = Field(examples=["portal_forced:main"])
    kind: str = Field(examples=["portal_forced"], description="The kind of the event that began it.")
    subject: str = Field(examples=["main"], description="The portal, device, zone or other thing that it is about.")
    device: str | None
    priority: int = Field(description="From 1, the most urgent, to 5.")
    state: Literal["active", "over"]
    acknowledged: Acknowledged | None
    needs_comment: bool = Field(description="It is not acknowledged without a comment.")
    escalated: bool = Field(description="No one had acknowledged it in time.")
    count: int = Field(description="How often it has begun since it was listed.")
    since: Time
    seq: int = Field(description="The event of its last beginning.")
    cause: str


@router.get("", response_model=list[Alarm])
def list_alarms(context: Ctx, caller: Who) -> list[dict[str, Any]]:
    """List alarms, the most urgent first: those that are active, and those that no one has acknowledged.

    Duress signals are among them for those who may know of them alone.
    """
    with context.site.database.read() as session:
        return [alarms.alarm_json(alarm) for alarm in rows.listed(session, with_duress=sees_duress(caller))]


@router.get("/history", response_model=list[Event])
def list_history(
    context: Ctx,
    caller: Who,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    alarm: Annotated[str | None, Query(max_length=300, description="The id of one alarm, also of the past.")] = None,
) -> list[dict[str, Any]]:
    """List the newest events of alarms, oldest first: beginnings, ends, acknowledgments, escalations."""
    shows_duress = sees_duress(caller)
    if alarm is not None and is_alarm_of_duress(alarm) and not shows_duress:
        raise alarms.not_listed(alarm)
    with context.site.database.read() as session:
        if alarm is not None:
            return rows.history(session, alarm, limit, names=sees_names(caller), shows_duress=shows_duress)
        return events.newest_of_kinds(session, _OF_ALARMS, limit, names=sees_names(caller), shows_duress=shows_duress)


# The id of a fire panel's input has a slash.
@router.post("/{alarm:path}/acknowledge", response_model=Alarm)
def acknowledge(alarm: str, body: AlarmAcknowledgment, context: Ctx, caller: Who) -> dict[str, Any]:
    """Take note of an alarm; no door changes by that. One that is acknowledged already stays as it is."""
    if is_alarm_of_duress(alarm) and not sees_duress(caller):
        raise alarms.not_listed(alarm)
    with context.change(caller, changes_site=False) as work:
        return alarms.alarm_json(alarms.acknowledge(work, alarm, body.comment, body.seq))
