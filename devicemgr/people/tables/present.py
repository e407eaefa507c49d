"""Everyone who is here, as a table of people compares with: plain values, read in a few queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from devicemgr.domain.rules.person_details import FIELDS as DETAILS
from devicemgr.people.cards.cells import CardCell
from devicemgr.store.database import Session, clock_of
from devicemgr.store.people import people, sources
from devicemgr.store.people.departments import levels_by_department
from devicemgr.store.people.sources import Managed
from devicemgr.store.site import settings
from devicemgr.store.visits import rows as visits
from devicemgr.text import rfc3339

_PLAIN = ("badge", "name", "valid_from", "valid_to", "suspended", "escort", *DETAILS)


@dataclass(frozen=True, slots=True)
class PresentPerson:
    """A person's values by the names of a table's columns.

    `suspended_by` is what ends a suspension by itself, and `source` the source that keeps the person, by `source_id`.
    `limited` are levels held for a time or a number of uses: no table gives or takes them. Who is here for a visit
    (`is_visit`) is missing in no table.
    """

    values: Mapping[str, Any]
    suspended_by: str | None = None
    source: str | None = None
    source_id: str | None = None
    limited: frozenset[str] = frozenset()
    is_visit: bool = False

    @property
    def badge(self) -> str:
        """The badge."""
        return str(self.values["badge"])


@dataclass(frozen=True, slots=True)
class PresentPeople:
    """Everyone by badge, whose each card is, which levels there are, and the zone in which the site means dates.

    `managed` has by source what it keeps of its people.
    """

    by_badge: Mapping[str, PresentPerson]
    cards: Mapping[str, str]
    levels: frozenset[str]
    zone: tzinfo | None
    managed: Mapping[str, Managed]
    at: str = ""
    """Now, as times are stored."""
    department_levels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The levels that people hold by their department."""


def read_present(session: Session) -> PresentPeople:
    """Return everyone who is here now."""
    found, at = {}, rfc3339(clock_of(session).earliest())
    cards: dict[str, str] = {}
    visiting = visits.badges(session)
    for row in people.table_rows(session):
        values = {name: row[name] for name in _PLAIN}
        values |= {"levels": row["levels"], "cards": [str(CardCell(*card)) for card in row["cards"]]}
        limited = frozenset(row["limited"])
        of_source = (row["suspended_by"], row["source"], row["source_id"])
        found[row["badge"]] = PresentPerson(values, *of_source, limited, row["badge"] in visiting)
        # A temporary card that has ended may be given to another.
        kept = [card.number for card in row["cards"] if card.is_blocked or card.until is None or card.until > at]
        cards |= dict.fromkeys(kept, row["badge"])
    zone, managed, levels = settings.load(session).zone, sources.managed(session), people.level_names(session)
    return PresentPeople(found, cards, levels, zone, managed, at, levels_by_department(session))
