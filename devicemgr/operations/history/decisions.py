"""Why a decision was made: what every check says by the rights and the whereabouts of then, and what is not known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.rules.areas.facts import Facts
from devicemgr.domain.rules.areas.interlock import groups_of
from devicemgr.domain.rules.decision.snapshot import NO_PERSON, Snapshot
from devicemgr.domain.rules.past.history import PEOPLE, SETTINGS, Missing
from devicemgr.domain.rules.past.recorded import request_of
from devicemgr.domain.rules.policy import Explanation, explain
from devicemgr.operations.history.snapshots import Past, snapshot_at
from devicemgr.operations.history.whereabouts import whereabouts_at
from devicemgr.store.database import Session
from devicemgr.store.ledger import events

_OF_PLACES = frozenset({Reason.ANTI_PASSBACK, Reason.OCCUPANCY})
# What these read is in the record only where they refused.
_OF_THE_MOMENT = frozenset({"interlock", "second_person_required", "escort_required"})


@dataclass(frozen=True, slots=True)
class Then:
    """What the checks said by the rights of then; empty for a person or portal that was not known."""

    checks: Sequence[Explanation]
    rights: Snapshot
    unknown: Sequence[str]


def explain_then(session: Session, event: dict[str, Any], present: Snapshot | None = None) -> Then:
    """Explain a recorded decision, given as its body; `present` are the rights of this session, where known."""
    past = snapshot_at(session, event["seq"], present)
    rights, person, portal = past.snapshot, event["person_id"] or "", event["portal"] or ""
    if person not in rights.people or portal not in rights.portals:
        return Then((), rights, list(_gaps(past, person, portal)))
    where = whereabouts_at(session, event["seq"] - 1, rights.zone_map)
    facts = Facts() if where is None else Facts(where)
    unknown = list(_gaps(past, person, portal))
    checks = explain(request_of(event, rights), rights, facts)
    if where is None:
        unknown.append("who was where then: that takes too long to work out")
        checks = [_unread(check) if check.reason in _OF_PLACES else check for check in checks]
    elif rights.zones and (oldest := events.oldest(session) or 1) > 1:
        unknown.append(f"who was where before event {oldest}, the oldest that is kept")
    if any(groups_of(portal, rights)):
        unknown.append("how the other portals of the interlock stood then, but for what the refusal says")
    if rights.portals[portal].people > 1 or rights.people[person].escort:
        unknown.append("who else was present then")
    checks = [_unread(check) if str(check.check.reason) in _OF_THE_MOMENT else check for check in checks]
    return Then(checks, rights, unknown)


def _unread(one: Explanation) -> Explanation:
    """Return a check that could not be made: what it reads is not known of then."""
    return one._replace(objected=False, violated=False, rule=None, facts={})


def _gaps(past: Past, person: str, portal: str) -> Iterator[str]:
    """Yield, as far as it bears on a person at a portal, what is not known of the rights of then."""
    if past.removed_before is not None:
        yield f"what was changed before event {past.removed_before}, the oldest that is kept"
    rights = past.snapshot
    levels = rights.people.get(person, NO_PERSON).levels
    for one in past.missing:
        is_other = (one.thing.kind == PEOPLE and one.thing.name != person) or (
            one.thing.kind == "portals" and one.thing.name != portal
        )
        if not is_other and (one.thing.kind != "levels" or one.thing.name in levels):
            yield f"{_named(one)}: event {one.seq} does not say what it was"


def _named(one: Missing) -> str:
    thing = {
        PEOPLE: "the person",
        SETTINGS: "the site",
        "gallery": "the faces",
        "grants": "the grants that were over and were removed",
        "restore": f"the {one.thing.name} that did not come back with a backup",
    }.get(one.thing.kind, f"{one.thing.kind.removesuffix('s')} {one.thing.name}")
    return f"{one.field} of {thing}" if one.field else thing
