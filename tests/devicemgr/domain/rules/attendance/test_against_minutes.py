"""The sum of stays is what counting minute by minute gives, in any sequence of events."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings, strategies as st

from devicemgr.domain.model import Direction, Portal
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.rules.attendance.edges import stays_in
from devicemgr.domain.zones import Zone

START = datetime(2026, 11, 30, tzinfo=UTC)
ZONES = ZoneMap(
    {name: Zone(name, parent) for name, parent in (("hall", None), ("lab", "hall"), ("annex", None))},
    {
        name: Portal(name, f"gate-{name}", outside=outside, inside=inside)
        for name, outside, inside in (
            ("front", "outside", "hall"),
            ("side", "outside", "annex"),
            ("inner", "hall", "lab"),
            ("link", "hall", "annex"),
        )
    },
)
PEOPLE = ("ada", "bob")
STEPS = st.one_of(
    st.tuples(st.sampled_from(["front", "side", "inner", "link"]), st.sampled_from(["entry", "exit"])),
    st.just(("reset", "")),
    st.just(("turned", "entry")),
)
SEQUENCES = st.lists(st.tuples(st.integers(1, 30), st.sampled_from(PEOPLE), STEPS), max_size=40)


def event_of(minute, person, step):
    name, direction = step
    body = {"time": (START + timedelta(minutes=minute)).isoformat()}
    if name == "reset":
        return body | {"kind": "admin.whereabouts_reset", "detail": {"all": True}}
    kind = "passage_reversed" if name == "turned" else "passage_completed"
    portal = "front" if name == "turned" else name
    return body | {"kind": kind, "portal": portal, "direction": direction, "person_id": person}


def crossings(person, sequence, inside):
    """Return minute, whether the person comes from within and whether they go within; None twice for a reset."""
    found = []
    for minute, who, (name, direction) in sequence:
        if name == "reset":
            found.append((minute, (None, None)))
        elif name != "turned" and who == person:
            sides = ZONES.sides(name, Direction(direction))
            found.append((minute, tuple(side in inside for side in sides)))
    return [one for one in found if one[1] != (True, True)]


def minutes_of(person, sequence, inside):
    """Count, one by one, the minutes before which the person came in and after which they go out."""
    known, total = crossings(person, sequence, inside), 0
    for minute in range(sequence[-1][0] if sequence else 0):
        before = [way for at, way in known if at <= minute]
        after = [way for at, way in known if at > minute]
        total += before[-1:] == [(False, True)] and after[:1] == [(True, False)]
    return total


@settings(max_examples=150, deadline=None)
@given(SEQUENCES, st.sampled_from([("hall", "lab", "annex"), ("hall", "lab"), ("lab",)]))
def test_the_sum_of_stays_is_the_number_of_minutes(sequence, group):
    minute, timed = 0, []
    for step, person, what in sequence:
        minute += step
        timed.append((minute, person, what))
    events = [event_of(*one) for one in timed]
    stays = list(stays_in(events, ZONES, dict.fromkeys(group, "group"), {}, START + timedelta(days=9)))
    for person in PEOPLE:
        found = sum(stay.seconds or 0 for stay in stays if stay.person_id == person)
        assert found / 60 == minutes_of(person, timed, group)
