"""Facts on their way through the spill file into the chain, each exactly once.

How far the file was brought in is stored with the events themselves, in their transaction: a kill in the middle
repeats nothing, and a database that is set back to an older copy takes in again what it has lost by that.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from devicemgr.domain.ledger_chain import Entry, plain
from devicemgr.domain.ledger_events import Condition, Cursor, Fact
from devicemgr.domain.model import Direction
from devicemgr.ledger.spill_file import Record, Spill
from devicemgr.store.database import Session, get_meta, set_meta
from devicemgr.store.ledger import events
from devicemgr.text import rfc3339

log = logging.getLogger(__name__)

# What a follower of the ledger gets for a fact that is durable in the spill file, and has no place in the chain yet.
SPILLED = Entry(0, "", "")
_PIECE = 1000
_CURSOR = "spill_cursor"
_TEXTS = ("kind", "portal", "device", "person_id", "reason", "request", "actor")
_TABLES = ("evidence", "latency_ms", "detail")


def dump(fact: Fact, event_id: str) -> bytes:
    """Return a fact as the file holds it, under the id that its event will have."""
    fields: dict[str, object] = {"id": event_id, "time": rfc3339(fact.time)}
    fields |= {name: plain(value) for name in _TEXTS if (value := getattr(fact, name)) is not None}
    fields |= {name: plain(value) for name in _TABLES if (value := getattr(fact, name))}
    fields |= {"direction": str(fact.direction)} if fact.direction else {}
    fields |= {"cursor": list(fact.cursor)} if fact.cursor else {}
    fields |= {"condition": asdict(fact.condition)} if fact.condition else {}
    fields |= {"roll": plain(fact.roll)} if fact.roll else {}
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()


def load(payload: bytes) -> tuple[str, Fact]:
    """Return an event's id and its fact; ValueError or KeyError for what `dump` has not made."""
    fields = json.loads(payload)
    tables = {name: fields[name] for name in _TABLES if name in fields}
    cursor = fields.get("cursor")
    return fields["id"], Fact(
        time=datetime.fromisoformat(fields["time"]),
        direction=Direction(fields["direction"]) if "direction" in fields else None,
        cursor=Cursor(str(cursor[0]), int(cursor[1]), *(str(log) for log in cursor[2:3])) if cursor else None,
        condition=Condition(**fields["condition"]) if "condition" in fields else None,
        roll=fields.get("roll"),
        **{name: fields.get(name) for name in _TEXTS},
        **tables,
    )


def is_left(session: Session, spill: Spill) -> bool:
    """Return whether records wait in the file that are not in the chain yet."""
    return spill.last > _done(session, spill)


def bring_in(session: Session, spill: Spill, limit: int) -> int:
    """Chain the next `limit` records, in the caller's write transaction; how many there were."""
    records = spill.read(_done(session, spill), limit)
    if records:
        found = _loaded(records)
        events.append(session, [fact for _, fact in found], [event_id for event_id, _ in found])
        set_meta(session, _CURSOR, f"{spill.generation}:{records[-1].sequence}")
    return len(records)


def bring_in_all(session: Session, spill: Spill) -> int:
    """Bring in everything that is left; for callers who have time."""
    brought = 0
    while count := bring_in(session, spill, _PIECE):
        brought += count
    return brought


def _done(session: Session, spill: Spill) -> int:
    generation, _, sequence = (get_meta(session, _CURSOR) or "").partition(":")
    return int(sequence) if generation == spill.generation else 0


def _loaded(records: Sequence[Record]) -> list[tuple[str, Fact]]:
    found = []
    for record in records:
        try:
            found.append(load(record.payload))
        except (ValueError, KeyError, TypeError):
            log.critical("record %d of the spill file is of another program version, and is left out", record.sequence)
    return found
