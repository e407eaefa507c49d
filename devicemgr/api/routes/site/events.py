"""/events and the audit of the ledger."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from devicemgr.api.context import Context, Ctx, Who
from devicemgr.store.ledger import events
from devicemgr.store.ledger.events import EventFilter
from devicemgr.text import parse_time, rfc3339

router = APIRouter(tags=["events"])

_PAGE = 500
_POLL_SECONDS = 0.2
_HEARTBEAT_SECONDS = 15.0
_LOOK_SECONDS = 2.0
_MOST_SEQ = 2**63 - 1
Seq = Annotated[int | None, Query(ge=0, le=_MOST_SEQ)]


def _filter(
    since: str | None = None,
    until: str | None = None,
    person: str | None = None,
    portal: str | None = None,
    kind: str | None = None,
    after: Seq = None,
) -> EventFilter:
    return EventFilter(
        since=rfc3339(parse_time(since)) if since else None,
        until=rfc3339(parse_time(until)) if until else None,
        badge=person,
        portal=portal,
        kind=kind,
        after=after,
    )


Wanted = Annotated[EventFilter, Depends(_filter)]


@router.get("/events")
def list_events(
    context: Ctx, _: Who, wanted: Wanted, limit: Annotated[int, Query(ge=1, le=100_000)] = 100
) -> list[dict[str, Any]]:
    """The newest events that match, oldest first; with `after`, the first ones behind that seq."""
    with context.site.database.read() as session:
        return events.find(session, wanted, limit)


@router.get("/events/stream")
def stream_events(
    context: Ctx, caller: Who, wanted: Wanted, last_event_id: Annotated[int | None, Header(ge=0, le=_MOST_SEQ)] = None
) -> StreamingResponse:
    """Events as they are recorded (server-sent events; the id is the seq, Last-Event-ID resumes)."""
    start = last_event_id if last_event_id is not None else wanted.after
    return StreamingResponse(
        _stream(context, wanted, _head(context) if start is None else start, caller.holds),
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
        return events.find(session, EventFilter(**fields | {"after": position}), _PAGE)
