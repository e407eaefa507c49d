"""The latest time that was believed, one value: a clock that starts behind it was set back."""

from datetime import datetime

from devicemgr.errors import InvalidInput
from devicemgr.store.database import Database, Session, get_meta, set_meta
from devicemgr.text import parse_time, rfc3339

_KEY = "clock_mark"


def load(session: Session) -> datetime | None:
    """None when none was kept, or it is spoilt."""
    text = get_meta(session, _KEY)
    try:
        return parse_time(text) if text else None
    except InvalidInput:
        return None


def put(session: Session, mark: datetime) -> None:
    """Keep it with the transaction."""
    set_meta(session, _KEY, rfc3339(mark))


def save(database: Database, mark: datetime) -> None:
    """Keep it now."""
    with database.write(changes_site=False) as session:
        put(session, mark)
