"""/events: the record, searched and followed."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from devicemgr.api.authorization import sees_names
from devicemgr.api.context import Context, Ctx, Who
from devicemgr.api.conventions.models import ResponseBody, Time
from devicemgr.api.conventions.paging import link_next
from devicemgr.store.ledger import events
from devicemgr.store.ledger.events import EventFilter
from devicemgr.store.site import settings
from devicemgr.text import parse_end, parse_time, rfc3339

router = APIRouter(tags=["events"])

_PAGE = 500
_POLL_SECONDS = 0.2
_HEARTBEAT_SECONDS = 15.0
_LOOK_SECONDS = 2.0
_MOST_SEQ = 2**63 - 1


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
    "description": "Messages of `id` (the event's seq), `event` (its kind) and `data` (the event as JSON). Comments "
    "such as `: waiting` keep the connection open.",
    "content": {
        "text/event-stream": {
            "schema": {"type": "string"},
            "example": 'id: 4711\nevent: access_granted\ndata: {"seq": 4711, "kind": "access_granted"}\n\n',
            "x-event-schema": {"$ref": "#/components/schemas/Event"},
        }
    },
}
Seq = Annotated[int | None, Query(ge=0, le=_MOST_SEQ)]


def _filter(
    context: Ctx,
    since: str | None = None,
    until: str | None = None,
    person: str | None = None,
    portal: str | None = None,
    kind: str | None = None,
    after: Seq = None,
) -> EventFilter:
    with context.site.database.read() as session:
        zone = settings.load(session).zone
    return EventFilter(
        since=rfc3339(parse_time(since, zone)) if since else None,
        until=rfc3339(parse_end(until, zone)) if until else None,
        badge=person,
        portal=portal,
        kind=kind,
        after=after,
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
        found = events.find(session, replace(wanted, mention=q, knows_names=names), limit, names=names)
    if wanted.after is not None and len(found) == limit:
        link_next(request, response, str(found[-1]["seq"]))
    return found


@router.get("/events/stream", response_class=StreamingResponse, responses={200: _STREAM})
def stream_events(
    context: Ctx, caller: Who, wanted: Wanted, last_event_id: Annotated[int | None, Header(ge=0, le=_MOST_SEQ)] = None
) -> StreamingResponse:
    """Stream events as they are recorded (server-sent events; the id is the seq, Last-Event-ID resumes)."""
    start = last_event_id if last_event_id is not None else wanted.after
    start = _head(context) if start is None else start
    return StreamingResponse(
        _stream(context, replace(wanted, knows_names=sees_names(caller)), start, caller.holds),
        media_type="text/event-stream",
    )


def _head(context: Context) -> int:
    with context.site.database.read() as session:
        return events.head(session)[0]


async def _stream(
    context: Context, wanted: EventFilter, position: int, holds: Callable[[], bool]
) -> AsyncIterator[str]:
    """Until the end of the daemon, or of the session or token; an open stream is no use of a session."""
    quiet, looked = 0.0, time.monotonic()
    while not context.runtime.stopping:
        if time.monotonic() - looked >= _LOOK_SECONDS:
            if not await run_in_threadpool(holds):
                return
            looked = time.monotonic()
        page = await run_in_threadpool(_page, context, wanted, position)
        for event in page:
            position = event["seq"]
            yield f"id: {position}\nevent: {event['kind']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
        if page:
            quiet = 0.0
            continue
        if quiet % _HEARTBEAT_SECONDS < _POLL_SECONDS:
            yield ": waiting\n\n"
        await asyncio.sleep(_POLL_SECONDS)
        quiet += _POLL_SECONDS


def _page(context: Context, wanted: EventFilter, position: int) -> list[dict[str, Any]]:
    fields = {name: getattr(wanted, name) for name in EventFilter.__slots__}
    with context.site.database.read() as session:
        return events.find(session, EventFilter(**fields | {"after": position}), _PAGE, names=wanted.knows_names)
