"""Musters as they are kept beside their events, and how a running one is found again after a restart."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from devicemgr.domain.model import JsonValue
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.rules.musters.fold import Event, fold_all
from devicemgr.domain.rules.musters.roll import Found, Listed, Mark, Marking, Muster
from devicemgr.store.database import Session
from devicemgr.store.ledger import events, musters as rows
from devicemgr.text import rfc3339

_PIECE = 1000


def dump(muster: Muster) -> dict[str, JsonValue]:
    """Return a muster as its row holds it."""
    spilled: list[JsonValue] = [*sorted(muster.spilled)]
    return {
        "muster": muster.id,
        "zone": muster.zone,
        "drill": muster.is_drill,
        "started": rfc3339(muster.started),
        "by": muster.by,
        "because": muster.because,
        "people": {person: _listed_json(listed) for person, listed in muster.people.items()},
        "unnamed": muster.unnamed,
        "unnamed_out": muster.unnamed_out,
        "unnamed_in": muster.unnamed_in,
        "elsewhere": {person: rfc3339(since) for person, since in muster.elsewhere.items()},
        "after": muster.after,
        "spilled": spilled,
        "requests": dict(muster.requests),
        "ended": rfc3339(muster.ended) if muster.ended else None,
    }


def dump_ended(muster: Muster, zones: ZoneMap) -> dict[str, JsonValue]:
    """Return a muster that ends now as its row holds it: what became of everyone, and nothing of anyone else."""
    found: dict[str, JsonValue] = {name: str(muster.found(one, zones)) for name, one in muster.people.items()}
    return {**dump(muster), "found": found, "elsewhere": {}, "spilled": [], "requests": {}}


def _listed_json(listed: Listed) -> dict[str, JsonValue]:
    marks: list[JsonValue] = [[str(one.mark), one.by, rfc3339(one.at), one.reason] for one in listed.marks]
    entered = rfc3339(listed.entered) if listed.entered else None
    found: dict[str, JsonValue] = {"zone": listed.zone, "since": rfc3339(listed.since)}
    optional: dict[str, JsonValue] = {"marks": marks, "entered": entered, "late": listed.is_late}
    return found | {name: value for name, value in optional.items() if value}


def load(roll: Mapping[str, Any]) -> Muster:
    """Return the muster of a row."""
    return Muster(
        id=roll["muster"],
        zone=roll["zone"],
        is_drill=roll["drill"],
        started=datetime.fromisoformat(roll["started"]),
        by=roll["by"],
        because=roll["because"],
        people={person: _listed(stored) for person, stored in roll["people"].items()},
        unnamed=roll["unnamed"],
        unnamed_out=roll["unnamed_out"],
        unnamed_in=roll["unnamed_in"],
        elsewhere={person: datetime.fromisoformat(since) for person, since in roll["elsewhere"].items()},
        after=roll["after"],
        spilled=frozenset(roll["spilled"]),
        requests=dict(roll["requests"]),
        ended=datetime.fromisoformat(roll["ended"]) if roll["ended"] else None,
    )


def _listed(stored: Mapping[str, Any]) -> Listed:
    marks = tuple(
        Marking(Mark(mark), by, datetime.fromisoformat(at), reason) for mark, by, at, reason in stored.get("marks", ())
    )
    entered = stored.get("entered")
    return Listed(
        stored["zone"],
        datetime.fromisoformat(stored["since"]),
        marks,
        datetime.fromisoformat(entered) if entered else None,
        bool(stored.get("late")),
    )


def found_in(roll: Mapping[str, Any]) -> dict[str, Found]:
    """Return what became of each person of a muster that has ended."""
    return {person: Found(found) for person, found in roll.get("found", {}).items()}


def running(session: Session, zones: ZoneMap, through: int) -> list[Muster]:
    """Return the musters that have not ended, as the ledger says: their lists, and what it has up to `through`."""
    begun = [load(stored.roll) for stored in rows.running(session)]
    return [fold_all(muster, _bodies(session, muster.after, through), zones) for muster in begun]


def _bodies(session: Session, after: int, through: int) -> Iterator[Event]:
    while found := events.bodies_after(session, after, _PIECE):
        for seq, body in found:
            if seq > through:
                return
            after = seq
            yield json.loads(body)
