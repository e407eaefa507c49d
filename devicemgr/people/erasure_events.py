"""Events of an erasure on devices: one for each place, and a final one when the last place is done.

A device that was given up (`device remove --forget`) may hold people for good, and one that can't report whether a
face is gone may hold that: each is an event for each person, and the final event of such an erasure names the device.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from devicemgr.domain.ledger_events import Fact
from devicemgr.store.database import Session
from devicemgr.store.ledger import events
from devicemgr.store.site import device_sync
from devicemgr.text import rfc3339

ON_DEVICE = "admin.person_erased_on_device"
FACE_ON_DEVICE = "admin.face_erased_on_device"
COMPLETED = "admin.erasure_completed"
INCOMPLETE = "admin.erasure_incomplete"
LEFT = "admin.person_left_on_device"
UNVERIFIED = "admin.person_unverified_on_device"
FACE_UNVERIFIED = "admin.face_unverified_on_device"
_HERE = "admin.person_erased"


def facts(session: Session, device: str, erased: Sequence[str], unverified: str | None = None) -> list[Fact]:
    """Return the events of erased people whose last key on `device` is gone, after its row was dropped.

    It was read back as gone, unless `unverified` says what the device can't report.
    """
    if not erased:
        return []
    now = datetime.now(UTC)
    left = device_sync.places_of(session, erased)
    found = []
    for person_id in erased:
        if device in left[person_id]:
            continue
        if unverified is None:
            places, unsure = [{"place": device, "at": rfc3339(now)}], []
            found.append(Fact(ON_DEVICE, now, device=device, person_id=person_id))
        else:
            places, unsure = [], [device]
            found.append(Fact(UNVERIFIED, now, device=device, person_id=person_id, detail={"cause": unverified}))
        if not left[person_id]:
            found.append(_ended(session, person_id, now, places, [], unsure))
    return found


def left_facts(session: Session, device: str, people: Sequence[str], here: Collection[str]) -> list[Fact]:
    """Return the events of people on a device that is given up now; `here` are those who are not erased."""
    now = datetime.now(UTC)
    elsewhere = device_sync.places_of(session, people)
    found = []
    for person_id in people:
        found.append(Fact(LEFT, now, device=device, person_id=person_id))
        if person_id not in here and not set(elsewhere[person_id]) - {device}:
            found.append(_ended(session, person_id, now, [], [device]))
    return found


def ended_here(session: Session, person_id: str) -> list[Fact]:
    """Return the final event of a person who is erased now and whom no known device holds."""
    left = _devices(session, person_id, LEFT)
    if not left or device_sync.places_of(session, [person_id])[person_id]:
        return []
    return [_ended(session, person_id, datetime.now(UTC), [], [])]


def _ended(
    session: Session, person_id: str, now: datetime, places: list[Any], left: list[str], unsure: Sequence[str] = ()
) -> Fact:
    """Return the final event: each place and time, and devices that still hold the person or can't report it."""
    left = sorted({*left, *_devices(session, person_id, LEFT)})
    faces = _faces_unverified(session, person_id) - {place["place"] for place in places}
    unverified = sorted({*unsure, *_devices(session, person_id, UNVERIFIED), *faces})
    detail: dict[str, Any] = {"places": [*_places(session, person_id), *places]}
    if left:
        detail["left_on"] = list(left)
    if unverified:
        detail["unverified_on"] = list(unverified)
    return Fact(INCOMPLETE if left or unverified else COMPLETED, now, person_id=person_id, detail=detail)


def _places(session: Session, person_id: str) -> list[Any]:
    """Return where the person was erased before, and when."""
    bodies = events.of_person(session, person_id, (_HERE, ON_DEVICE))
    return [{"place": body["device"] or "this site's database", "at": body["time"]} for body in bodies]


def _devices(session: Session, person_id: str, kind: str) -> set[str]:
    return {body["device"] for body in events.of_person(session, person_id, (kind,))}


def _faces_unverified(session: Session, person_id: str) -> set[str]:
    """Return devices that can't report a withdrawn face, and have not been read back since."""
    unsure: set[str] = set()
    for body in events.of_person(session, person_id, (FACE_UNVERIFIED, FACE_ON_DEVICE, ON_DEVICE)):
        if body["kind"] == FACE_UNVERIFIED:
            unsure.add(body["device"])
        else:
            unsure.discard(body["device"])
    return unsure


def face_facts(device: str, people: Sequence[str], unverified: Sequence[str] = ()) -> list[Fact]:
    """Return the events of people whose face sample was removed from `device`; `unverified`: it can't report it."""
    now = datetime.now(UTC)
    gone = [Fact(FACE_ON_DEVICE, now, device=device, person_id=person_id) for person_id in people]
    return gone + [Fact(FACE_UNVERIFIED, now, device=device, person_id=person_id) for person_id in unverified]
