"""What would let a person in: a sentence for each check that refused."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import Explanation
from devicemgr.domain.rules.schedules import find_zone, spans

DAYS_AHEAD = 90

Facts = Mapping[str, Any]


def advise(
    explanations: Iterable[Explanation], snapshot: Snapshot, portal: str, at: datetime, *, names_levels: bool
) -> list[str]:
    """Return what would help, in the order of the checks; levels that the person lacks only where `names_levels`."""
    found = []
    for one in explanations:
        if one.objected:
            found.append(_SENTENCES.get(one.reason, _nothing)(one, snapshot, portal, at, names_levels))
    return [text for text in dict.fromkeys(found) if text]


def next_opening(snapshot: Snapshot, schedules: Iterable[str], at: datetime) -> tuple[datetime, str] | None:
    """Return when one of the schedules opens next, as its zone shows it, and its name; None within 90 days."""
    found = []
    for name in schedules:
        schedule = snapshot.schedules.get(name)
        zone = find_zone(schedule.timezone) if schedule is not None else None
        if schedule is not None and zone is not None:
            times = spans([schedule], at, at + timedelta(days=DAYS_AHEAD))
            found += [(opens.astimezone(zone), name) for opens, _ in times[:1]]
    return min(found, default=None)


def _nothing(*_: object) -> str:
    return ""


def _texts(one: Explanation, name: str) -> list[str]:
    stated = one.facts.get(name)
    return [str(item) for item in stated] if isinstance(stated, list) else []


def _levels(one: Explanation, _: Snapshot, portal: str, __: datetime, names_levels: bool) -> str:
    if (host := one.facts.get("host")) is not None:
        return f"a host who can answer for the visitor: theirs is {str(host).replace('_', ' ')}"
    grants = one.facts.get("grants")
    if isinstance(grants, list) and grants and isinstance(grants[0], dict):
        return _grant(grants[0])
    names = _texts(one, "levels_of_portal")
    if not names:
        return f"a level that covers portal {portal}: there is none yet"
    return f"a level that covers portal {portal}" + (f": {' or '.join(names)}" if names_levels else "")


def _grant(found: Mapping[str, Any]) -> str:
    """Return what would let in a person whose grant of a level does not count now."""
    level = found["level"]
    match found["state"]:
        case "not-yet":
            return f"come when the grant of level {level} has begun ({_utc(found['valid_from'])})"
        case "expired":
            return f"a new grant of level {level}, which ended {_utc(found['valid_to'])}"
        case "used-up":
            return f"more uses of level {level}: none is left, or one is held by an opening"
    return f"a grant of level {level} that counts at both times"


def _utc(stated: object) -> str:
    return f"{datetime.fromisoformat(str(stated)).astimezone(UTC):%d %b %Y %H:%M} UTC"


def _hours(one: Explanation, snapshot: Snapshot, _: str, at: datetime, __: bool) -> str:
    schedules = _texts(one, "schedules")
    if not schedules:
        return ""  # without a level there are no hours
    found = next_opening(snapshot, schedules, at)
    if found is None:
        return "other hours: the schedules of the levels held do not open in the next 90 days"
    opens, schedule = found
    return f"come after {opens:%H:%M} on {opens:%a} {opens.day} {opens:%b}, when schedule {schedule} opens"


def _passback(one: Explanation, *_: object) -> str:
    return f"leave zone {one.rule} first, or let a guard correct where the person is"


def _quorum(one: Explanation, *_: object) -> str:
    confirm = one.facts.get("confirm_by")
    names = f", one of them of level {' or '.join(map(str, confirm))}" if isinstance(confirm, list) else ""
    return f"present together, {one.facts.get('people')} people within {one.facts.get('within_seconds'):g} s{names}"


def _first_person(one: Explanation, _: Snapshot, __: str, ___: datetime, names_levels: bool) -> str:
    names = f" ({' or '.join(_texts(one, 'opens_with'))})" if names_levels else ""
    when = "while" if one.facts.get("while_present") else "after"
    return f"come {when} one of the people who open zone {one.rule}{names} is inside"


def _lockdown(one: Explanation, _: Snapshot, __: str, ___: datetime, names_levels: bool) -> str:
    levels = _texts(one, "allow")
    allowed = f", or a level that it allows: {' or '.join(levels)}" if names_levels and levels else ""
    return f"wait for the end of threat {one.rule}{allowed}"


def _interlock(one: Explanation, *_: object) -> str:
    others = one.facts.get("not_shut")
    names = ", ".join(map(str, others)) if isinstance(others, Mapping) else "the other portals"
    return f"wait until {names} of interlock {one.rule} is shut"


def _moment(name: str, words: str) -> Callable[..., str]:
    def sentence(one: Explanation, *_: object) -> str:
        stated = one.facts.get(name)
        return (
            f"{words} ({datetime.fromisoformat(str(stated)).astimezone(UTC):%d %b %Y %H:%M} UTC)" if stated else words
        )

    return sentence


def _text(words: str) -> Callable[..., str]:
    return lambda *_: words


_SENTENCES: Mapping[Reason, Callable[..., str]] = {
    Reason.CARD_BLOCKED: _text("another card, or an end of the block"),
    Reason.CONSENT_WITHDRAWN: _text("a card in place of the face, or a new consent"),
    Reason.SUSPENDED: _text("an end of the suspension"),
    Reason.NOT_YET_VALID: _moment("valid_from", "come when the validity has begun"),
    Reason.EXPIRED: _moment("valid_to", "a later end of the validity"),
    Reason.LOCKDOWN: _lockdown,
    Reason.PORTAL_LOCKED: _text("the portal in normal mode again"),
    Reason.NO_ACCESS_LEVEL: _levels,
    Reason.OUTSIDE_SCHEDULE: _hours,
    Reason.ESCORT_REQUIRED: _text("come with the host, or with a person whose level escorts"),
    Reason.WRONG_PIN: _text("the right PIN"),
    Reason.SECOND_FACTOR_REQUIRED: lambda one, *_: f"present {one.facts.get('require')}",
    Reason.ANTI_PASSBACK: _passback,
    Reason.OCCUPANCY: lambda one, *_: f"wait until someone leaves zone {one.rule}",
    Reason.FIRST_PERSON_REQUIRED: _first_person,
    Reason.SECOND_PERSON_REQUIRED: _quorum,
    Reason.INTERLOCK: _interlock,
}
