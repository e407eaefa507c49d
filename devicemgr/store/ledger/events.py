"""The ledger's rows: appended, searched, walked; never changed."""

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, delete, exists, false, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from devicemgr.domain.ledger_chain import GENESIS, Entry, body_of, canonical, link
from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.rules.duress.veil import ABOUT_ALARMS, veiled
from devicemgr.store.areas import threats
from devicemgr.store.database import APPENDED
from devicemgr.store.device_tables import CursorRow
from devicemgr.store.ledger import alarms, grant_uses, musters
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.many_rows import insert_rows, listed
from devicemgr.store.site import conditions
from devicemgr.store.tables import DeviceRow, EventRow, PersonRow, PortalRow
from devicemgr.text import badge_key, rfc3339

# The kind under which an event is shown to those who may not know of duress, as duress.veil.veiled_kind has it.
_VEILED_KIND = case(
    (and_(EventRow.kind == Kind.DURESS_SIGNALLED, EventRow.request.is_not(None)), str(Kind.PIN_VERIFIED)),
    (EventRow.kind == Kind.DURESS_SIGNALLED, str(Kind.DEVICE_REPORTED)),
    (
        and_(
            EventRow.kind.in_(ABOUT_ALARMS),
            func.json_extract(EventRow.body, "$.detail.alarm") == str(Kind.DURESS_SIGNALLED),
        ),
        str(Kind.PIN_VERIFIED),
    ),
    else_=EventRow.kind,
)

# What the hashed body says again beside it, for searching.
_COLUMNS = ("time", "kind", "portal", "person_id", "request")


def head(session: Session) -> tuple[int, str]:
    """Return the last seq and hash; (0, GENESIS) when empty."""
    row = session.execute(select(EventRow.seq, EventRow.hash).order_by(EventRow.seq.desc()).limit(1)).first()
    return (row.seq, row.hash) if row else (0, GENESIS)


def append(session: Session, facts: Sequence[Fact], ids: Sequence[str] | None = None) -> list[Entry]:
    """Chain `facts` onto the ledger inside the caller's write transaction, under `ids` or new ones."""
    seq, previous = head(session)
    entries, rows, bodies = [], [], []
    for fact, event_id in zip(facts, ids or [str(uuid.uuid4()) for _ in facts], strict=True):
        seq += 1
        fields = body_of(fact, seq, event_id)
        body = canonical(fields)
        previous = link(previous, body)
        entries.append(Entry(seq, body, previous))
        rows.append({name: fields[name] for name in _COLUMNS} | {"seq": seq, "body": body, "hash": previous})
        if fact.cursor is not None:
            session.merge(CursorRow(device_id=fact.cursor.device_id, log=fact.cursor.log, serial=fact.cursor.serial))
        conditions.store(session, fact)
        alarms.store(session, fields)
        threats.store(session, fields)
        bodies.append(fields)
        if fact.roll is not None:
            musters.store(session, fact, seq)
    session.flush()
    insert_rows(session, EventRow, rows)
    grant_uses.count_down(session, bodies)
    session.info.setdefault(APPENDED, []).extend(entries)
    return entries


def cursor(session: Session, device_id: str) -> int | None:
    """Return the serial of the last event of a device that is recorded; None for a device without one."""
    return cursors(session, device_id).get("")


def cursors(session: Session, device_id: str) -> dict[str, int]:
    """Return the serial of the last recorded event of each of a device's memories, by the memory's name."""
    query = select(CursorRow.log, CursorRow.serial).where(CursorRow.device_id == device_id)
    return {row.log: row.serial for row in session.execute(query)}


def bodies_after(session: Session, seq: int, limit: int) -> list[tuple[int, str]]:
    """Return seq and body of the oldest `limit` events behind `seq`."""
    query = select(EventRow.seq, EventRow.body).where(EventRow.seq > seq).order_by(EventRow.seq).limit(limit)
    return [(row.seq, row.body) for row in session.execute(query)]


def walk(session: Session, after: int = 0, batch: int = 1000) -> Iterator[Row[Any]]:
    """seq, body, hash and the columns for searching of events behind `after`, in order, `batch` in memory at a time."""
    columns = (EventRow.seq, EventRow.body, EventRow.hash, *(getattr(EventRow, name) for name in _COLUMNS))
    query = select(*columns).where(EventRow.seq > after)
    yield from session.execute(query.order_by(EventRow.seq).execution_options(yield_per=batch))


def has_any_after(session: Session, seq: int, beginnings: Sequence[str]) -> bool:
    """Return True if an event of a kind that begins so stands behind `seq`."""
    kinds = or_(*(EventRow.kind.startswith(one, autoescape=True) for one in beginnings))
    return session.scalar(select(EventRow.seq).where(EventRow.seq > seq, kinds).limit(1)) is not None


def remove_oldest(session: Session, through: int, most: int) -> int:
    """Delete the first `most` events up to seq `through`, for retention only; how many went."""
    first: int | None = session.scalar(select(func.min(EventRow.seq)))
    if first is None or first > through:
        return 0
    last = min(through, first + most - 1)
    session.execute(delete(EventRow).where(EventRow.seq <= last))
    musters.remove_through(session, last)
    return last - first + 1


def hash_of(session: Session) -> Callable[[int], str | None]:
    """Leads from an event's seq to its hash; 0 is before the first."""
    return lambda seq: GENESIS if seq == 0 else session.scalar(select(EventRow.hash).where(EventRow.seq == seq))


def columns_agree(row: Row[Any], body: Mapping[str, Any]) -> bool:
    """Return True when the columns for searching say what the hashed body says."""
    return tuple(row[3:]) == tuple(body.get(name) for name in _COLUMNS)


def find(session: Session, wanted: EventFilter, limit: int, *, names: bool = False) -> list[dict[str, Any]]:
    """Return the newest `limit` events that match (the oldest with `after`), oldest first, as INTERFACES.

    The record holds no names: with `names`, each event has the one that its person has now as `person_name`.
    """
    query = _conditions(select(EventRow.body), wanted)
    if wanted.mention is not None:
        query = query.where(_mentions(session, wanted))
    if wanted.after is not None:
        bodies = list(session.scalars(query.order_by(EventRow.seq).limit(limit)))
    else:
        bodies = list(session.scalars(query.order_by(EventRow.seq.desc()).limit(limit)))[::-1]
    found = [json.loads(body) for body in bodies]
    return _with_badges(session, found if wanted.shows_duress else list(map(veiled, found)), names=names)


def _is_of_kind(column: ColumnElement[str] | InstrumentedAttribute[str], wanted: str) -> ColumnElement[bool]:
    return column.startswith(wanted[:-1], autoescape=True) if wanted.endswith("*") else column == wanted


def _conditions(query: Select[str], wanted: EventFilter) -> Select[str]:
    if wanted.since:
        query = query.where(EventRow.time >= wanted.since)
    if wanted.until:
        query = query.where(EventRow.time < wanted.until)
    if wanted.portal:
        query = query.where(EventRow.portal == wanted.portal)
    query = _of_seqs(query, wanted)
    if kinds := wanted.all_kinds:
        is_wanted = or_(*(_is_of_kind(EventRow.kind, kind) for kind in kinds))
        if wanted.shows_duress:
            query = query.where(is_wanted)
        else:  # the first condition lets the index by kind be used
            is_veiled = EventRow.kind.in_((Kind.DURESS_SIGNALLED, *ABOUT_ALARMS))
            shown = or_(*(_is_of_kind(_VEILED_KIND, kind) for kind in kinds))
            query = query.where(or_(is_wanted, is_veiled), shown)
    if wanted.reason:
        # The text is looked for first, which takes a fraction of the time of reading a body as JSON.
        has_text = func.instr(EventRow.body, f'"reason":"{wanted.reason}"') > 0
        query = query.where(has_text, func.json_extract(EventRow.body, "$.reason") == wanted.reason)
    if wanted.request:
        query = query.where(EventRow.request == wanted.request)
    if wanted.badge:
        person = select(PersonRow.id).where(PersonRow.badge == badge_key(wanted.badge)).scalar_subquery()
        query = query.where(EventRow.person_id == person)
    return query


def _of_seqs(query: Select[str], wanted: EventFilter) -> Select[str]:
    if wanted.after is not None:
        query = query.where(EventRow.seq > wanted.after)
    if wanted.before is not None:
        query = query.where(EventRow.seq < wanted.before)
    return query


# Administrative facts name what was changed in their detail.
_DEVICE_PLACES = ("$.device", "$.detail.device")
_PORTAL_PLACES = ("$.detail.portal", "$.detail.portal.name")


def _mentions(session: Session, sought: EventFilter) -> ColumnElement[bool]:
    """Return the condition of events about a person, portal or device that `sought.mention` names.

    Events hold no names, so those of the site are searched; people who were erased are not found.
    """
    wanted = (sought.mention or "").strip().casefold()

    def keys(*columns: Any) -> list[str]:
        rows = session.execute(select(*columns))
        return [key for key, *texts in rows if any(wanted in text.casefold() for text in texts)]

    people = keys(PersonRow.id, PersonRow.badge, *([PersonRow.name] if sought.knows_names else []))
    devices = keys(DeviceRow.name, DeviceRow.name.label("text"))
    portals = keys(PortalRow.name, PortalRow.name.label("text"))
    places: list[tuple[Any, list[str]]] = [(EventRow.person_id, people), (EventRow.portal, portals)]
    places += [(func.json_extract(EventRow.body, place), devices) for place in _DEVICE_PLACES]
    places += [(func.json_extract(EventRow.body, place), portals) for place in _PORTAL_PLACES]
    # Bodies are read for the name of a device or portal only; a text that names nothing costs no walk over all events.
    return or_(false(), *(place.in_(listed(found)) for place, found in places if found))


def _with_badges(session: Session, bodies: list[dict[str, Any]], *, names: bool) -> list[dict[str, Any]]:
    people = named(session, {body["person_id"] for body in bodies if body["person_id"]})
    for body in bodies:
        badge, name = people.get(body.pop("person_id") or "", (None, None))
        body["person"] = badge
        if names:
            body["person_name"] = name
    return bodies


def named(session: Session, ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return badge and name by the random ids of events; those of people who were erased are left out."""
    wanted = sorted(set(ids))
    people: dict[str, tuple[str, str]] = {}
    for chunk_start in range(0, len(wanted), 500):
        chunk = wanted[chunk_start : chunk_start + 500]
        rows = session.execute(select(PersonRow.id, PersonRow.badge, PersonRow.name).where(PersonRow.id.in_(chunk)))
        people.update({row.id: (row.badge, row.name) for row in rows})
    return people


def of_person(session: Session, person_id: str, kinds: Sequence[str]) -> list[dict[str, Any]]:
    """Events of `kinds` about a person, erased ones too, in order."""
    query = select(EventRow.body).where(EventRow.person_id == person_id, EventRow.kind.in_(kinds))
    return [json.loads(body) for body in session.scalars(query.order_by(EventRow.seq))]


def of_kinds(session: Session, kinds: Sequence[str]) -> list[dict[str, Any]]:
    """Return all events of kinds that are rare, in order."""
    query = select(EventRow.body).where(EventRow.kind.in_(kinds)).order_by(EventRow.seq)
    return [json.loads(body) for body in session.scalars(query)]


def body(session: Session, seq: int) -> dict[str, Any] | None:
    """Return an event as it is recorded, its person by random id; None if it is not there."""
    found = session.scalar(select(EventRow.body).where(EventRow.seq == seq))
    return None if found is None else json.loads(found)


def bodies_between(
    session: Session, after: int, through: int, kinds: Sequence[str], limit: int
) -> list[tuple[int, dict[str, Any]]]:
    """Return the oldest `limit` events of these kinds behind `after`, up to `through`, with their seqs."""
    query = select(EventRow.seq, EventRow.body).where(EventRow.seq > after, EventRow.seq <= through)
    # Without a name for the index SQLite would sort all events of these kinds.
    query = query.where(EventRow.kind.in_(kinds)).order_by(EventRow.seq).limit(limit)
    return [(row.seq, json.loads(row.body)) for row in session.execute(query)]


def of_kinds_after(session: Session, kinds: Sequence[str], seq: int) -> Iterator[dict[str, Any]]:
    """Yield the events of these kinds behind `seq`, the newest first."""
    query = select(EventRow.body).where(EventRow.seq > seq, EventRow.kind.in_(kinds)).order_by(EventRow.seq.desc())
    return map(json.loads, session.scalars(query.execution_options(yield_per=1000)))


def of_kinds_since(session: Session, kinds: Sequence[str], since: datetime) -> list[dict[str, Any]]:
    """Return the events of these kinds whose time is `since` or later, in order."""
    query = select(EventRow.body).where(EventRow.time >= rfc3339(since), EventRow.kind.in_(kinds))
    return [json.loads(body) for body in session.scalars(query.order_by(EventRow.seq))]


def oldest(session: Session) -> int | None:
    """Return the seq of the oldest event that is kept; None without any."""
    return session.scalar(select(func.min(EventRow.seq)))


def before_time(session: Session, time: str) -> int:
    """Return the seq right before the first event from a time on (RFC 3339); the last seq where there is none."""
    first = session.scalar(select(func.min(EventRow.seq)).where(EventRow.time >= time))
    return head(session)[0] if first is None else first - 1


def time_of(session: Session, seq: int) -> str | None:
    """Return when the newest event up to `seq` was."""
    query = select(EventRow.time).where(EventRow.seq <= seq).order_by(EventRow.seq.desc()).limit(1)
    return session.scalar(query)


def newest_of_kinds(
    session: Session, kinds: Sequence[str], limit: int, *, names: bool = False, shows_duress: bool = False
) -> list[dict[str, Any]]:
    """Return the newest `limit` events of these kinds, oldest first, as `find` does; those of duress if it may."""
    query = select(EventRow.body).where(EventRow.kind.in_(kinds)).order_by(EventRow.seq.desc()).limit(limit)
    if not shows_duress:
        query = query.where(EventRow.kind == _VEILED_KIND)
    found = [json.loads(body) for body in list(session.scalars(query))[::-1]]
    return _with_badges(session, found if shows_duress else list(map(veiled, found)), names=names)


def newest_by_portal(session: Session, kind: str) -> dict[str, dict[str, Any]]:
    """Return by portal the body of its newest event of a kind."""
    newest = select(func.max(EventRow.seq)).where(EventRow.kind == kind).group_by(EventRow.portal)
    bodies = session.scalars(select(EventRow.body).where(EventRow.seq.in_(newest)))
    return {body["portal"]: body for body in map(json.loads, bodies) if body["portal"]}


def counts_by_portal(session: Session, kind: str, since: str) -> dict[str, int]:
    """Return how many events of `kind` there are from `since` on (RFC 3339), by portal."""
    query = select(EventRow.portal, func.count()).where(EventRow.kind == kind, EventRow.time >= since)
    found = session.execute(
        query.where(EventRow.portal.is_not(None)).group_by(EventRow.portal).order_by(EventRow.portal)
    )
    return {str(portal): count for portal, count in found}


def unconfirmed(
    session: Session, kinds: Sequence[str], outcomes: Sequence[str], after: int = 0
) -> list[dict[str, Any]]:
    """Events of `kinds` behind seq `after` with whose request no event of a kind in `outcomes` was ever recorded."""
    outcome = aliased(EventRow)
    settled = exists().where(outcome.request == EventRow.request, outcome.kind.in_(outcomes))
    wanted = (EventRow.seq > after, EventRow.kind.in_(kinds), EventRow.request.is_not(None))
    query = select(EventRow.body).where(*wanted, ~settled).order_by(EventRow.seq)
    return [json.loads(body) for body in session.scalars(query)]
