"""Who can be the host of a visit: found by a part of the name or badge, with the levels that they can give."""

import unicodedata
from dataclasses import dataclass

from devicemgr.domain.model import PersonKind
from devicemgr.domain.rules.validity import Validity
from devicemgr.store.database import Session, clock_of
from devicemgr.store.people import departments, grants, people
from devicemgr.store.site import access_levels
from devicemgr.store.tables import PersonRow
from devicemgr.text import rfc3339

MAX_HOSTS = 20


@dataclass(frozen=True, slots=True)
class Host:
    """A member of staff who can have visitors, and the levels that they hold and visitors may be given."""

    badge: str
    name: str
    levels: tuple[str, ...]


def find_hosts(session: Session, text: str) -> list[Host]:
    """Return up to MAX_HOSTS people of staff who are valid now, by name; case and accents count for nothing.

    Those whose name or badge begins with the text come first.
    """
    now, wanted = clock_of(session).now(), _folded(text)
    found = [
        (not _begins(folded, wanted), folded, person.id)
        for person in people.search(session, rfc3339(now), state=Validity.ACTIVE)
        if wanted in (folded := _folded(f"{person.name} {person.badge}"))
    ]
    given = {level.name for level in access_levels.levels(session) if level.visitors}
    hosts: list[Host] = []
    for *_, person_id in sorted(found):
        row = session.get_one(PersonRow, person_id)
        if row.kind == PersonKind.VISITOR:
            continue
        held = {*grants.held(row, now), *departments.levels_of(row)}
        hosts.append(Host(row.badge, row.name, tuple(sorted(held & given))))
        if len(hosts) == MAX_HOSTS:
            break
    return hosts


def _begins(folded: str, wanted: str) -> bool:
    return any(word.startswith(wanted) for word in folded.split())


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.casefold())
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())
