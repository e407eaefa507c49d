"""What would let a person in: a sentence for each check that refused, and the same as a code with arguments."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import Explanation
from devicemgr.domain.rules.schedules import find_zone, spans
from devicemgr.text import rfc3339

DAYS_AHEAD = 90

Facts = Mapping[str, Any]


class Advice(NamedTuple):
    """What would help: an English sentence, and a code with arguments for clients that have words of their own."""

    text: str
    code: str
    args: Mapping[str, Any] = MappingProxyType({})


def advise(
    explanations: Iterable[Explanation], snapshot: Snapshot, portal: str, at: datetime, *, names_levels: bool
) -> list[Advice]:
    """Return what would help, in the order of the checks; levels that the person lacks only where `names_levels`."""
    found: dict[str, Advice] = {}
    for one in explanations:
        advice = _SENTENCES.get(one.reason, _nothing)(one, snapshot, portal, at, names_levels) if one.objected else None
        if advice is not None:
            found.setdefault(advice.text, advice)
    return list(found.values())


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


def _nothing(*_: object) -> None:
    return None


def _texts(one: Explanation, name: str) -> list[str]:
    stated = one.facts.get(name)
    return [str(item) for item in stated] if isinstance(stated, list) else []


def _levels(one: Explanation, _: Snapshot, portal: str, __: datetime, names_levels: bool) -> Advice:
    if (host := one.facts.get("host")) is not None:
        words = str(host).replace("_", " ")
        return Advice(f"a host who can answer for the visitor: theirs is {words}", "host", {"host": host})
    grants = one.facts.get("grants")
    if isinstance(grants, list) and grants and isinstance(grants[0], dict):
        return _grant(grants[0])
    names, text = _texts(one, "levels_of_portal"), f"a level that covers portal {portal}"
    if not names:
        return Advice(f"{text}: there is none yet", "no_level_of_portal", {"portal": portal})
    if not names_levels:
        return Advice(text, "level", {"portal": portal, "levels": []})
    return Advice(f"{text}: {' or '.join(names)}", "level", {"portal": portal, "levels": names})


def _grant(found: Mapping[str, Any]) -> Advice:
    """Return what would let in a person whose grant of a level does not count now."""
    level = found["level"]
    match found["state"]:
        case "not-yet":
            begins = found["valid_from"]
            text = f"come when the grant of level {level} has begun ({_utc(begins)})"
            return Advice(text, "grant_not_yet", {"level": level, "at": begins})
        case "expired":
            ended = found["valid_to"]
            text = f"a new grant of level {level}, which ended {_utc(ended)}"
            return Advice(text, "grant_expired", {"level": level, "at": ended})
        case "used-up":
            text = f"more uses of level {level}: none is left, or one is held by an opening"
            return Advice(text, "grant_used_up", {"level": level})
    return Advice(f"a grant of level {level} that counts at both times", "grant_doubtful", {"level": level})


def _utc(stated: object) -> str:
    return f"{datetime.fromisoformat(str(stated)).astimezone(UTC):%d %b %Y %H:%M} UTC"


def _hours(one: Explanation, snapshot: Snapshot, _: str, at: datetime, __: bool) -> Advice | None:
    schedules = _texts(one, "schedules")
    if not schedules:
        return None  # without a level there are no hours
    found = next_opening(snapshot, schedules, at)
    if found is None:
        text = f"other hours: the schedules of the levels held do not open in the next {DAYS_AHEAD} days"
        return Advice(text, "no_hours", {"days": DAYS_AHEAD})
    opens, schedule = found
    text = f"come after {opens:%H:%M} on {opens:%a} {opens.day} {opens:%b}, when schedule {schedule} opens"
    return Advice(text, "hours", {"at": rfc3339(opens), "schedule": schedule})


def _passback(one: Explanation, *_: object) -> Advice:
    text = f"leave zone {one.rule} first, or let a guard correct where the person is"
    return Advice(text, "passback", {"zone": one.rule})


def _quorum(one: Explanation, *_: object) -> Advice:
    confirm = one.facts.get("confirm_by")
    levels = list(map(str, confirm)) if isinstance(confirm, list) else []
    names = f", one of them of level {' or '.join(levels)}" if levels else ""
    people, seconds = one.facts.get("people"), one.facts.get("within_seconds")
    text = f"present together, {people} people within {seconds:g} s{names}"
    return Advice(text, "quorum", {"people": people, "seconds": seconds, "levels": levels})


def _first_person(one: Explanation, _: Snapshot, __: str, ___: datetime, names_levels: bool) -> Advice:
    levels, is_while = _texts(one, "opens_with") if names_levels else [], bool(one.facts.get("while_present"))
    names = f" ({' or '.join(levels)})" if names_levels else ""
    text = f"come {'while' if is_while else 'after'} one of the people who open zone {one.rule}{names} is inside"
    return Advice(text, "first_person_while" if is_while else "first_person", {"zone": one.rule, "levels": levels})


def _lockdown(one: Explanation, _: Snapshot, __: str, ___: datetime, names_levels: bool) -> Advice:
    levels = _texts(one, "allow") if names_levels else []
    allowed = f", or a level that it allows: {' or '.join(levels)}" if levels else ""
    return Advice(f"wait for the end of threat {one.rule}{allowed}", "threat", {"threat": one.rule, "levels": levels})


def _interlock(one: Explanation, *_: object) -> Advice:
    others = one.facts.get("not_shut")
    portals = list(map(str, others)) if isinstance(others, Mapping) else []
    text = f"wait until {', '.join(portals) or 'the other portals'} of interlock {one.rule} is shut"
    return Advice(text, "interlock", {"interlock": one.rule, "portals": portals})


def _occupancy(one: Explanation, *_: object) -> Advice:
    return Advice(f"wait until someone leaves zone {one.rule}", "occupancy", {"zone": one.rule})


def _factor(one: Explanation, *_: object) -> Advice:
    require = one.facts.get("require")
    return Advice(f"present {require}", "factor", {"require": require})


def _moment(code: str, name: str, words: str) -> Callable[..., Advice]:
    def sentence(one: Explanation, *_: object) -> Advice:
        stated = one.facts.get(name)
        return Advice(f"{words} ({_utc(stated)})" if stated else words, code, {"at": stated})

    return sentence


def _text(code: str, words: str) -> Callable[..., Advice]:
    return lambda *_: Advice(words, code)


_SENTENCES: Mapping[Reason, Callable[..., Advice | None]] = {
    Reason.CARD_BLOCKED: _text("card_blocked", "another card, or an end of the block"),
    Reason.CONSENT_WITHDRAWN: _text("consent", "a card in place of the face, or a new consent"),
    Reason.SUSPENDED: _text("suspension", "an end of the suspension"),
    Reason.NOT_YET_VALID: _moment("validity_not_yet", "valid_from", "come when the validity has begun"),
    Reason.EXPIRED: _moment("validity_ended", "valid_to", "a later end of the validity"),
    Reason.LOCKDOWN: _lockdown,
    Reason.PORTAL_LOCKED: _text("portal_locked", "the portal in normal mode again"),
    Reason.NO_ACCESS_LEVEL: _levels,
    Reason.OUTSIDE_SCHEDULE: _hours,
    Reason.ESCORT_REQUIRED: _text("escort", "come with the host, or with a person whose level escorts"),
    Reason.WRONG_PIN: _text("pin", "the right PIN"),
    Reason.SECOND_FACTOR_REQUIRED: _factor,
    Reason.ANTI_PASSBACK: _passback,
    Reason.OCCUPANCY: _occupancy,
    Reason.FIRST_PERSON_REQUIRED: _first_person,
    Reason.SECOND_PERSON_REQUIRED: _quorum,
    Reason.INTERLOCK: _interlock,
}
