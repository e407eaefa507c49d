"""The time that was reached, as it was kept last: a clock that starts behind it was set back.

Beside it stands in which run of the computer it was kept, and how far it was ahead of CLOCK_MONOTONIC: in the same run
the time that was reached is known exactly, whatever the clock shows.
"""

import json
import time

from devicemgr.clock.ntp import boot_id
from devicemgr.domain.trusted_clock import BEHIND_S, Kept, WallClock
from devicemgr.errors import InvalidInput
from devicemgr.store.database import Database, Session, get_meta, set_meta
from devicemgr.text import parse_time, rfc3339

_KEY, _RUN_KEY = "clock_mark", "clock_run"


def load(session: Session) -> Kept | None:
    """Return None if nothing was kept, or it is damaged."""
    text = get_meta(session, _KEY)
    try:
        mark = parse_time(text) if text else None
    except InvalidInput:
        return None
    if mark is None:
        return None
    run, offset = _run(session)
    # Time went by since the mark, so that an offset that says otherwise belongs to another CLOCK_MONOTONIC.
    if offset is None or run != boot_id() or time.monotonic() + offset < mark.timestamp() - BEHIND_S:
        return Kept(mark, restarted=run is not None)
    return Kept(mark, offset)


def _run(session: Session) -> tuple[str | None, float | None]:
    """Return the computer's run in which the mark was kept, and the offset; None for a mark of 0.1.0."""
    text = get_meta(session, _RUN_KEY)
    try:
        found = json.loads(text) if text else None
        return (str(found["boot"]), float(found["offset"])) if found else (None, None)
    except (ValueError, KeyError, TypeError):
        return None, None


def put(session: Session, offset: float) -> None:
    """Keep a line, as seconds ahead of CLOCK_MONOTONIC, with the transaction."""
    at = WallClock(wall=lambda: time.monotonic() + offset).mark
    set_meta(session, _KEY, rfc3339(at))
    set_meta(session, _RUN_KEY, json.dumps({"boot": boot_id(), "offset": offset}))


def save(database: Database, clock: WallClock) -> None:
    """Keep the clock's line now."""
    with database.write(changes_site=False) as session:
        put(session, clock.offset)
