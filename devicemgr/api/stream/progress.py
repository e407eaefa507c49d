"""Long work whose caller follows it: its progress and its result as messages of a stream (server-sent events)."""

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from devicemgr.api.problems import answer_to, problem
from devicemgr.errors import DevicemgrError

MEDIA_TYPE = "text/event-stream"
DESCRIPTION: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "With `Accept: text/event-stream`: messages `progress` with `done` and `total`, then one "
        "`result` with the answer, or one `problem` with the error's document. Closing the connection ends the work.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}

OnProgress = Callable[[int, int], None]
"""Hears of how much is done, of how much; raises Cancelled once no one waits any more."""

_LOOK_S = 0.25

log = logging.getLogger(__name__)


class Cancelled(Exception):
    """No one waits for the work any more."""


def is_wanted(request: Request) -> bool:
    """Return True if the caller wants messages and not the answer alone."""
    return MEDIA_TYPE in request.headers.get("accept", "")


def streamed(work: Callable[[OnProgress], Any], is_stopping: Callable[[], bool]) -> StreamingResponse:
    """Answer with the progress of `work`, which runs on a thread, and at last with what it returns."""
    return StreamingResponse(_messages(work, is_stopping), media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})


async def _messages(work: Callable[[OnProgress], Any], is_stopping: Callable[[], bool]) -> AsyncIterator[str]:
    is_over, latest = threading.Event(), (0, 0)

    def note(done: int, total: int) -> None:
        nonlocal latest
        if is_over.is_set():
            raise Cancelled
        latest = done, total

    running = asyncio.create_task(run_in_threadpool(_ending, work, note))
    shown = None
    try:
        while not running.done() and not is_stopping():
            if latest != shown:
                shown = latest
                yield _message("progress", {"done": shown[0], "total": shown[1]})
            await asyncio.wait({running}, timeout=_LOOK_S)
        if running.done() and (message := running.result()) is not None:
            yield message
    finally:
        is_over.set()


def _ending(work: Callable[[OnProgress], Any], note: OnProgress) -> str | None:
    """Return the last message; None where no one waits for it."""
    try:
        return _message("result", work(note))
    except Cancelled:
        return None
    except DevicemgrError as error:
        return _message("problem", json.loads(bytes(answer_to(error).body)))
    except Exception as error:
        log.error("work that was followed failed unexpectedly", exc_info=error)
        failed = problem(500, "internal", "the program failed unexpectedly; its log holds the cause")
        return _message("problem", json.loads(bytes(failed.body)))


def _message(name: str, data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
