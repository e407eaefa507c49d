"""The smallest site at which somebody may enter."""

from sqlalchemy.orm import Session

from devicemgr.domain.model import DeviceConfig, Direction
from devicemgr.site.site import Site
from devicemgr.store.people import consents, people
from devicemgr.store.site import devices as device_store, portals as portal_store
from devicemgr.store.tables import ConsentRow, LevelRow, PersonRow, PortalRow
from tests.support.levels import cover


def furnish(session: Session, site: Site) -> tuple[PersonRow, ConsentRow]:
    """A portal `lobby` with the gate `arm` and the camera `cam`; Anna (A1) consented and may enter."""
    for name in ("cam", "arm"):
        device_store.add_device(session, site.vault, DeviceConfig("", name, "fake_gate", "x"))
    gate = device_store.device(session, "arm")
    row = PortalRow(name="lobby", gate_id=gate.id, channel=1, fail="secure", release_seconds=5.0, mode="normal")
    session.add(row)
    session.flush()
    portal_store.set_access_points(session, row, Direction.ENTRY, ["cam"])
    level = LevelRow(name="staff")
    session.add(level)
    session.flush()
    cover(session, level, ["lobby"], None)
    person = people.add(session, "A1", "Anna", None, None)
    consent, _ = consents.give(session, person, "form 1")
    people.set_level(session, person, "staff", held=True)
    return person, consent
