"""One client of the stream: first what it has missed, from the database, then what is new, as it comes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from starlette.concurrency import run_in_threadpool

from devicemgr.api.context import Context
from devicemgr.api.stream.broadcast import Broadcast, Message, Subscriber
from devicemgr.api.stream.messages import WAITING, EventMessage, StateMessage, alive_text, resync_text
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter, matches

_PAGE = 500
# A client shows a state as present while it hears from the daemon; the desk's limit is 5 s.
_ALIVE_SECONDS = 2.0
# A session that ends by time, and roles that another process has changed, end the stream this soon.
_LOOK_SECONDS = 15.0


class Follower:
    """For the client's event loop; `holds` says whether the caller still may, `parts` which states it sees."""

    def __init__(
        self,
        broadcast: Broadcast,
        context: Context,
        wanted: EventFilter,
        holds: Callable[[], bool],
        parts: frozenset[str],
    ) -> None:
        self._broadcast = broadcast
        self._context = context
        self._wanted = wanted
        self._holds = holds
        self._parts = parts
        self._position = 0

    async def messages(self, start: int | None) -> AsyncIterator[str]:
        """Yield messages behind seq `start`, or new ones, until the daemon, the session or the token ends.

        An open stream is no use of a session.
        """
        subscriber = Subscriber(asyncio.get_running_loop(), self._accepts)
        try:
            head = await run_in_threadpool(self._broadcast.begin, subscriber)
            self._position = head if start is None else start
            # What happens once the client has this line is sent to it.
            yield WAITING
            async for text in self._missed():
                yield text
            async for text in self._live(subscriber):
                yield text
        finally:
            self._broadcast.leave(subscriber)

    async def _live(self, subscriber: Subscriber) -> AsyncIterator[str]:
        looked = time.monotonic()
        while not self._context.runtime.stopping:
            if subscriber.take_doubt() or time.monotonic() - looked >= _LOOK_SECONDS:
                if not await run_in_threadpool(self._holds):
                    return
                looked = time.monotonic()
            for message in subscriber.take():
                text = self._text(message)
                if text is not None:
                    yield text
                    self._broadcast.note_sent(message)
            if subscriber.take_lag():
                yield resync_text(self._position)
                yield self._text(self._broadcast.present()) or alive_text()
                async for text in self._missed():
                    yield text
            elif not await subscriber.wait(_ALIVE_SECONDS):
                yield alive_text()

    async def _missed(self) -> AsyncIterator[str]:
        """Yield what the database holds behind the last event that was sent."""
        is_full = True
        while is_full and not self._context.runtime.stopping:
            page = await run_in_threadpool(self._page)
            is_full = len(page) == _PAGE
            for event in page:
                self._position = event["seq"]
                message = EventMessage(event)
                yield message.named if self._wanted.knows_names else message.unnamed

    def _accepts(self, message: Message) -> bool:
        """Return True for what the client wants; on the broadcast's thread."""
        return not isinstance(message, EventMessage) or matches(self._shown(message).event, self._wanted)

    def _shown(self, message: EventMessage) -> EventMessage:
        return message if self._wanted.shows_duress else message.veiled

    def _text(self, message: Message) -> str | None:
        if isinstance(message, StateMessage):
            return message.text(self._parts)
        if isinstance(message, str):
            return message
        if message.seq <= self._position:
            return None  # it was among those that the database gave
        self._position = message.seq
        shown = self._shown(message)
        return shown.named if self._wanted.knows_names else shown.unnamed

    def _page(self) -> list[dict[str, Any]]:
        wanted = replace(self._wanted, after=self._position)
        with self._context.site.database.read() as session:
            return events.find(session, wanted, _PAGE, names=wanted.knows_names)
