"""How what is recorded of a device's keys changes with what it should hold, before anything is sent to it. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from devicemgr.domain.desired_state import Desired, Record, State, Wanted, digest
from devicemgr.domain.ports.device import Holding

FACE_UNVERIFIED = "the face was taken off it, and whether it is gone cannot be verified; look at it there"


def marks(records: Mapping[str, Record], desired: Desired, is_put_off: Callable[[str], bool]) -> Sequence[Record]:
    """Return the records that differ from those that there are."""
    changed = [
        record.revoked() for key, record in records.items() if key not in desired.wanted and key not in desired.unfit
    ]
    for key, want in desired.wanted.items():
        changed += _wanted(key, want, records.get(key), desired, is_put_off)
    for key, (person_id, why) in desired.unfit.items():
        old = records.get(key) or Record(key, person_id, State.FAILED)
        if old.digest is not None or old.state is State.TO_REMOVE:
            changed.append(old.revoked())  # what was put before is unfit now, and goes first
        else:
            changed.append(replace(old, person_id=person_id, state=State.FAILED, error=why))
    return [record for record in changed if record != records.get(record.key)]


def seen(records: Mapping[str, Record], found: Mapping[str, Holding]) -> dict[str, Record]:
    """Return the records of what the device tells for the first time since it was put: how it tells it."""
    known = {key: records[key] for key in found if key in records}
    return {
        key: replace(record, seen=digest(found[key]))
        for key, record in known.items()
        if record.digest is not None and record.seen is None
    }


def _wanted(
    key: str, want: Wanted, old: Record | None, desired: Desired, is_put_off: Callable[[str], bool]
) -> Iterator[Record]:
    if old is None:
        yield Record(key, want.person_id, State.PENDING)
    elif old.person_id != want.person_id:
        yield old.revoked()  # the device is rid of the one before first, so that their erasure can be verified
    elif old.digest != digest(want.holding) and not is_put_off(key):
        yield old.again()
    elif old.state is State.HELD:
        is_unverified = want.holding.face is None and old.face is not None
        yield replace(old, error=desired.missing.get(key) or (FACE_UNVERIFIED if is_unverified else None))
