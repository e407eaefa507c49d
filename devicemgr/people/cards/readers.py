"""Which configured readers can read a card."""

from typing import NamedTuple

from devicemgr.domain.model import Capability
from devicemgr.errors import NotFound
from devicemgr.site.site import Site
from devicemgr.store.database import Session
from devicemgr.store.site import devices, portals


class Reader(NamedTuple):
    """A device at which cards are shown, the portals it stands at, and whether it can read a certain card."""

    device: str
    kind: str
    portals: list[str]
    reads: bool


def that_read(session: Session, site: Site, number: str) -> list[Reader]:
    """Return all configured readers, and whether each can read a card with this stored number."""
    places: dict[str, list[str]] = {}
    for portal in map(portals.portal_model, portals.portals(session)):
        for point in portal.access_points:
            places.setdefault(point.device, []).append(portal.name)
    found = []
    for row in devices.devices(session):
        try:
            driver = site.parts.catalog.get(row.driver)
        except NotFound:
            continue
        if driver.capabilities & {Capability.READER, Capability.CONSOLE}:
            reads = driver.reads_card is None or driver.reads_card(row.options, number)
            found.append(Reader(row.name, row.driver, sorted(set(places.get(row.name, ()))), reads))
    return found
