"""What the ledger says of an erasure on devices: an event a place, and one record when the last place is done."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from devicemgr.events import Fact
from devicemgr.store import holdings, ledger_rows
from devicemgr.store.database import Session
from devicemgr.text import rfc3339

ON_DEVICE = "admin.person_erased_on_device"
FACE_ON_DEVICE = "admin.face_erased_on_device"
COMPLETED = "admin.erasure_completed"
_HERE = "admin.person_erased"


def facts(session: Session, device: str, erased: Sequence[str]) -> list[Fact]:
    """For erased people whose last key on `device` has been read back as gone, after its row was dropped."""
    if not erased:
        return []
    now = datetime.now(UTC)
    left = holdings.places_of(session, erased)
    found = []
    for person_id in erased:
        if device in left[person_id]:
            continue
        found.append(Fact(ON_DEVICE, now, device=device, person_id=person_id))
        if not left[person_id]:
            places = [*_places(session, person_id), {"place": device, "at": rfc3339(now)}]
            found.append(Fact(COMPLETED, now, person_id=person_id, detail={"places": places}))
    return found


def _places(session: Session, person_id: str) -> list[Any]:
    """Where the person was erased before, and when."""
    bodies = ledger_rows.of_person(session, person_id, (_HERE, ON_DEVICE))
    return [{"place": body["device"] or "this site's database", "at": body["time"]} for body in bodies]


def face_facts(device: str, people: Sequence[str]) -> list[Fact]:
    """For people whose face sample has been taken off `device`, and who stay on it."""
    now = datetime.now(UTC)
    return [Fact(FACE_ON_DEVICE, now, device=device, person_id=person_id) for person_id in people]
