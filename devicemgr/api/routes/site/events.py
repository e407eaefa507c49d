"""/events: the record, searched and followed."""

from dataclasses import replace
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from devicemgr.api.authorization import may, sees_duress, sees_names
from devicemgr.api.context import Caller, Ctx, Who
from devicemgr.api.conventions.models import ResponseBody, Time
from devicemgr.api.conventions.paging import link_next
from devicemgr.api.stream.follower import Follower
from devicemgr.api.stream.messages import DURESS
from devicemgr.api.stream.states import ROUTE_OF_PART
from devicemgr.domain.ledger_events import Reason
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.site import settings
from devicemgr.text import parse_end, parse_time, rfc3339

router = APIRouter(tags=["events"])

_MOST_SEQ = 2**63 - 1
MAX_KINDS = 50


class Event(ResponseBody):
    """One event of the record; docs/events.md lists all kinds with their details and reasons."""

    seq: int = Field(examples=[4711], description="Without gaps.")
    id: str = Field(json_schema_extra={"format": "uuid"})
    time: Time
    kind: str = Field(examples=["access_granted"])
    portal: str | None
    direction: str | None = Field(examples=["entry"])
    device: str | None
    person: str | None = Field(examples=["1024"], description="The badge; null once the person is erased.")
    person_name: str | None = Field(
        None, examples=["Aigul Serik"], description="The name that the person has now, for guards and admins."
    )
    reason: str | None = Field(description="Why access was denied.")
    request: str | None = Field(json_schema_extra={"format": "uuid"}, description="The same for one person's passage.")
    evidence: dict[str, Any] | None
    latency_ms: dict[str, Any] | None
    detail: dict[str, Any]
    actor: str | None = Field(examples=["operator:aigul"])


_STREAM: dict[str, Any] = {
    "description": "Messages by name: `event` (with `id`, its seq), `state`, `revision`, `resync`, each with JSON in "
    "`data`. Lines that begin with a colon are comments.",
    "content": {
        "text/event-stream": {
            "schema": {"type": "string"},
            "example": 'id: 4711\nevent: event\ndata: {"seq": 4711, "kind": "access_granted"}\n\n',
            "x-event-schema": {"$ref": "#/components/schemas/Event"},
        }
    },
}
Seq = Annotated[int | None, Query(ge=0, le=_MOST_SEQ)]


class _Seqs(NamedTuple):
    after: int | None
    before: int | None


def _seqs(
    after: Seq = None,
    before: Annotated[int | None, Query(ge=0, le=_MOST_SEQ, description="Events before this seq.")] = None,
) -> _Seqs:
    return _Seqs(after, before)


Kinds = Annotated[
    list[str] | None,
    Query(max_length=MAX_KINDS, description="Events of this kind; several times for several. `admin.*` is a group."),
]


def _filter(
    context: Ctx,
    seqs: Annotated[_Seqs, Depends(_seqs)],
    since: str | None = None,
    until: str | None = None,
    person: str | None = None,
    portal: str | None = None,
    kind: Kinds = None,
    reason: Annotated[Reason | None, Query(description="Events with this reason.")] = None,
) -> EventFilter:
    with context.site.database.read() as session:
        zone = settings.load(session).zone
    return EventFilter(
        since=rfc3339(parse_time(since, zone)) if since else None,
        until=rfc3339(parse_end(until, zone)) if until else None,
        badge=person,
        portal=portal,
        kinds=tuple(kind or ()),
        reason=reason,
        after=seqs.after,
        before=seqs.before,
    )


Wanted = Annotated[EventFilter, Depends(_filter)]


@router.get("/events", response_model=list[Event])
def list_events(
    context: Ctx,
    caller: Who,
    wanted: Wanted,
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 100,
    q: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=200,
            description="Events of people, portals and devices of the site whose badge or name contains this; people's "
            "names count for guards and admins.",
        ),
    ] = None,
) -> list[dict[str, Any]]:
    """List the newest events that match, oldest first; with `after`, the first ones behind that seq."""
    with context.site.database.read() as session:
        names = sees_names(caller)
        sought = replace(wanted, mention=q, knows_names=names, shows_duress=sees_duress(caller))
        found = events.find(session, sought, limit, names=names)
    if wanted.after is not None and len(found) == limit:
        link_next(request, response, str(found[-1]["seq"]))
    return found


@router.get("/events/stream", response_class=StreamingResponse, responses={200: _STREAM})
def stream_events(
    context: Ctx,
    caller: Who,
    wanted: Wanted,
    request: Request,
    last_event_id: Annotated[int | None, Header(ge=0, le=_MOST_SEQ)] = None,
) -> StreamingResponse:
    """Stream events as they are recorded, and states as they change (server-sent events).

    The id of an event's message is its seq; Last-Event-ID resumes behind it.
    """
    start = last_event_id if last_event_id is not None else wanted.after
    follower = Follower(
        request.app.state.broadcast,
        context,
        replace(wanted, knows_names=sees_names(caller), shows_duress=sees_duress(caller)),
        caller.holds,
        _parts(caller),
    )
    return StreamingResponse(follower.messages(start), media_type="text/event-stream")


def _parts(caller: Caller) -> frozenset[str]:
    """Return the parts of states that the caller may ask for by themselves."""
    parts = frozenset(part for part, path in ROUTE_OF_PART.items() if may(caller, "GET", path))
    return parts | {DURESS} if sees_duress(caller) else parts
