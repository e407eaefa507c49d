"""Assign the card that a person shows at a reader: it opens nothing, and its number stands in no event and no log."""

import threading
from dataclasses import dataclass, field
from typing import Any

from devicemgr.domain.model import Capability
from devicemgr.domain.rules.cards.formats import formats_of
from devicemgr.errors import Hint, InvalidInput
from devicemgr.people import service
from devicemgr.people.cards import temporary
from devicemgr.people.cards.temporary import Term
from devicemgr.site.runtime import Runtime
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.people import people
from devicemgr.store.site import devices


@dataclass(frozen=True, slots=True)
class Place:
    """A reader of a device, and for how many seconds to wait; `cancelled` once the client disconnects."""

    device: str
    channel: int
    seconds: float
    cancelled: threading.Event = field(default_factory=threading.Event)


def assign(site: Site, runtime: Runtime, actor: str, badge: str, place: Place, term: Term) -> dict[str, Any]:
    """Assign the next card that is shown at a place to a person; return what the assignment of a number does."""
    with site.database.read() as session:
        temporary.checked(session, people.get(session, badge), term)
        row = devices.device(session, place.device)
        if not site.parts.catalog.get(row.driver).capabilities & {Capability.READER, Capability.CONSOLE}:
            raise InvalidInput(f"{place.device} reads no cards; name a reader", hint=Hint("list_devices"))
    names = runtime.await_card(place.device, place.channel, place.seconds, place.cancelled)
    with unit_of_work(site, actor, changes_site=False) as work:
        # In a transaction of its own: the card was taken from the entrance, whatever becomes of the assignment.
        person = people.get(work.session, badge)
        work.record("admin.card_shown", {"at": f"{place.device}:{place.channel}"}, person_id=person.id)
    with unit_of_work(site, actor, runtime) as work:
        person = service.assign_number(work, badge, names[0], unblock=True, term=term)
        return service.assigned_json(person, names[0], formats_of(names[0]))
