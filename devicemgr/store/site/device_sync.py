"""What devices hold, as far as it is known here: rows by device and key."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from devicemgr.domain.desired_state import Record, State
from devicemgr.store.device_tables import HoldingRow
from devicemgr.store.people.people import now_text
from devicemgr.store.tables import DeviceRow, PersonRow

_CHUNK = 500


def records(session: Session, device_id: str) -> dict[str, Record]:
    """Return all that is recorded of a device, by key."""
    columns = (
        HoldingRow.key,
        HoldingRow.person_id,
        HoldingRow.state,
        HoldingRow.digest,
        HoldingRow.seen,
        HoldingRow.face,
        HoldingRow.error,
    )
    found = session.execute(select(*columns).where(HoldingRow.device_id == device_id))
    return {row[0]: Record(row[0], row[1], State(row[2]), *row[3:]) for row in found}


def save(session: Session, device_id: str, changed: Sequence[Record]) -> None:
    """Add or replace what is recorded of some keys."""
    drop(session, device_id, [record.key for record in changed])
    at = now_text()
    rows = [
        {
            "device_id": device_id,
            "key": r.key,
            "person_id": r.person_id,
            "state": str(r.state),
            "digest": r.digest,
            "seen": r.seen,
            "face": r.face,
            "error": r.error[:300] if r.error else None,
            "at": at,
        }
        for r in changed
    ]
    if rows:
        session.execute(insert(HoldingRow), rows)


def drop(session: Session, device_id: str, keys: Sequence[str]) -> None:
    """Forget some keys, which the device no longer holds."""
    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        session.execute(delete(HoldingRow).where(HoldingRow.device_id == device_id, HoldingRow.key.in_(chunk)))


def devices_with_records(session: Session) -> list[tuple[str, str]]:
    """Return (id, name) of the devices that hold, or shall hold, people."""
    query = select(DeviceRow.id, DeviceRow.name).join(HoldingRow, HoldingRow.device_id == DeviceRow.id).distinct()
    return [(row.id, row.name) for row in session.execute(query.order_by(DeviceRow.name))]


def counts(session: Session) -> dict[str, dict[str, int]]:
    """By device's name, how many keys are in which state.

    `revoked` says how many people are still to be removed, `incomplete` how many that are held lack something that
    does not fit.
    """
    found: dict[str, dict[str, int]] = {}
    people = func.count(HoldingRow.person_id.distinct())
    query = select(DeviceRow.name, HoldingRow.state, func.count(), people, func.count(HoldingRow.error))
    joined = query.join(DeviceRow, HoldingRow.device_id == DeviceRow.id)
    for name, state, keys, ids, errors in session.execute(joined.group_by(DeviceRow.name, HoldingRow.state)):
        entry = found.setdefault(name, {str(s): 0 for s in State} | {"revoked": 0, "incomplete": 0})
        entry[state] = keys
        if state == State.TO_REMOVE:
            entry["revoked"] = ids
        if state == State.HELD:
            entry["incomplete"] = errors
    return found


def failures(session: Session, device_id: str, limit: int) -> list[dict[str, Any]]:
    """Return the first keys that a device refused, or could not be rid of, with the reason; JSON-ready."""
    query = (
        select(HoldingRow.key, HoldingRow.state, HoldingRow.error, HoldingRow.at, PersonRow.badge)
        .outerjoin(PersonRow, PersonRow.id == HoldingRow.person_id)
        .where(HoldingRow.device_id == device_id, HoldingRow.error.is_not(None))
    )
    return [
        {"key": row.key, "badge": row.badge, "state": row.state, "error": row.error, "at": row.at}
        for row in session.execute(query.order_by(HoldingRow.key).limit(limit))
    ]


def people_of(session: Session, device_id: str) -> tuple[list[str], set[str]]:
    """Return the ids of the people whom a device holds, or may; and which of them are not erased."""
    query = select(HoldingRow.person_id, PersonRow.id).outerjoin(PersonRow, PersonRow.id == HoldingRow.person_id)
    found = session.execute(query.where(HoldingRow.device_id == device_id).distinct()).all()
    return sorted(row[0] for row in found), {row[0] for row in found if row[1] is not None}


def places_of(session: Session, person_ids: Iterable[str]) -> Mapping[str, list[str]]:
    """By person's id, the names of the devices that hold them, or may."""
    found: dict[str, list[str]] = {person_id: [] for person_id in person_ids}
    query = select(HoldingRow.person_id, DeviceRow.name).join(DeviceRow, HoldingRow.device_id == DeviceRow.id)
    ids = list(found)
    for start in range(0, len(ids), _CHUNK):
        chosen = query.where(HoldingRow.person_id.in_(ids[start : start + _CHUNK])).distinct()
        for row in session.execute(chosen.order_by(DeviceRow.name)):
            found[row.person_id].append(row.name)
    return found
