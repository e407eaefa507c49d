"""When a level counts that a person holds for a time or for a number of uses.

A use is one entry: it is counted down when the passage is recorded, and until then the grant's opening holds it.
Leaving takes none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Grant, Person
from devicemgr.domain.rules.validity import has_begun, has_ended


class GrantState(StrEnum):
    """Whether a grant counts now, and if not, why."""

    ACTIVE = "active"
    NOT_YET = "not-yet"
    EXPIRED = "expired"
    USED_UP = "used-up"


def state_of(grant: Grant, at: datetime) -> GrantState:
    """Return the state of a grant at a time; one that has ended is expired, whatever is left of its uses."""
    if has_ended(grant.valid_to, at):
        return GrantState.EXPIRED
    if grant.uses_left is not None and grant.uses_left <= 0:
        return GrantState.USED_UP
    return GrantState.ACTIVE if has_begun(grant.valid_from, at) else GrantState.NOT_YET


def is_to_count(grant: Grant, at: datetime) -> bool:
    """Return True for a grant that counts at a time, or will later."""
    return state_of(grant, at) in (GrantState.ACTIVE, GrantState.NOT_YET)


def levels_at(person: Person, times: Sequence[datetime]) -> frozenset[str]:
    """Return the levels that a person holds at each of `times`."""
    if not person.grants:
        return person.levels
    return person.levels | {
        grant.level for grant in person.grants if all(state_of(grant, at) is GrantState.ACTIVE for at in times)
    }


def takes_use(body: Mapping[str, Any]) -> bool:
    """Return True for an event by which a person has passed: a passage, or a release that no gate senses."""
    if not body.get("person_id") or not body.get("request"):
        return False
    if body.get("kind") == Kind.PORTAL_UNLOCKED:
        return (body.get("detail") or {}).get("senses_passage") is False
    return body.get("kind") == Kind.PASSAGE_COMPLETED


def levels_for_devices(person: Person, times: Sequence[datetime], *, alone: bool) -> frozenset[str]:
    """Return the levels that a device holds a person for; one that decides `alone` counts no uses and gets none."""
    kept = tuple(grant for grant in person.grants if grant.uses is None) if alone else person.grants
    return levels_at(replace(person, grants=kept), times) if person.grants else person.levels


def ending_with(person: Person, levels: Iterable[str]) -> Person:
    """Return a person whose validity ends with the last of these levels, for a device that may be away by then."""
    if not person.grants:
        return person
    ends = {grant.level: grant.valid_to for grant in person.grants if grant.level not in person.levels}
    found = [ends.get(level) for level in levels]
    last = max((end for end in found if end is not None), default=None)
    if last is None or None in found or (person.valid_to is not None and person.valid_to <= last):
        return person
    return replace(person, valid_to=last)


def with_levels_at(
    person: Person, times: Sequence[datetime], held_uses: Mapping[str, int], *, is_leaving: bool
) -> Person:
    """Return a person with the levels that count for a request at `times`, and what is left of the uses.

    `held_uses` are uses of levels that openings hold which are not recorded as passages yet. To leave takes none, so
    what is used up counts for it.
    """
    if not person.grants:
        return person
    own = (grant for grant in person.grants if grant.level not in person.levels)
    grants = tuple(_without(grant, held_uses.get(grant.level, 0)) for grant in own)
    counting = (replace(grant, uses_left=None) for grant in grants) if is_leaving else grants
    return replace(person, levels=levels_at(replace(person, grants=tuple(counting)), times), grants=grants)


def _without(grant: Grant, held: int) -> Grant:
    return grant if grant.uses_left is None or not held else replace(grant, uses_left=max(0, grant.uses_left - held))
