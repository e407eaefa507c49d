"""What would be decided, and what an opening has done to a zone's limit."""

from datetime import datetime
from typing import Any

from devicemgr.domain.model import Direction, Factor
from devicemgr.domain.rules.areas.facts import Facts
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.decision.supposition import suppose
from devicemgr.domain.rules.policy import Explanation, explain
from devicemgr.errors import Hint, NotFound


def explained(
    rules: Snapshot,
    facts: Facts,
    person_id: str,
    portal: str,
    direction: Direction,
    times: tuple[datetime, ...],
    factors: frozenset[Factor],
) -> list[Explanation]:
    """Return what every check says of a person who presents these factors; NotFound for who or what is not known."""
    person = rules.people.get(person_id)
    if person is None:
        raise NotFound("this person is not known", hint=Hint("list_people"))
    if portal not in rules.portals:
        raise NotFound(f"there is no portal '{portal}'", hint=Hint("list_portals"))
    return explain(suppose(person, portal, direction, times, factors), rules, facts)


def overfilled(facts: Facts, rules: Snapshot, portal: str, direction: Direction) -> dict[str, Any]:
    """Return the zone that one more person through a portal overfills, with its count; nothing where none is.

    To be called before the portal is opened: the person would be counted twice afterwards.
    """
    zones = rules.zone_map
    sides = zones.sides(portal, direction)
    for name in zones.entered(*sides) if sides else ():
        limit, people = zones.zones[name].max_people, facts.count(name, zones) + 1
        if limit is not None and people > limit:
            return {"occupancy": {"zone": name, "count": people, "max": limit}}
    return {}
