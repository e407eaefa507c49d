"""Walk back from the rights of now to those of any event before, by what the events hold."""

import random
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest

from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import AccessLevel, Person, Portal, PortalMode, Schedule
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.threats.threat import Threat
from devicemgr.domain.zones import Interlock, Zone
from devicemgr.errors import DevicemgrError
from devicemgr.people import level_grants, service
from devicemgr.site import access_levels, portals
from devicemgr.site.areas import zones
from devicemgr.site.groups import departments
from devicemgr.site.hours import calendars
from devicemgr.store.ledger import events
from devicemgr.store.people.grants import GrantTerm
from tests.devicemgr.operations.history.changes import (
    NAMES,
    OF_INTERLOCK,
    OF_LEVEL,
    OF_PERSON,
    OF_PORTAL,
    OF_SCHEDULE,
    OF_THREAT,
    OF_ZONE,
    RIGHTS,
    Change,
    Office,
    without_names,
)

# Each kind of thing that `decide` reads, where it stands in a snapshot, and a change of each of its fields.
THINGS: dict[type[Any], tuple[str, dict[str, Change]]] = {
    Person: ("people", OF_PERSON),
    AccessLevel: ("levels", OF_LEVEL),
    Schedule: ("schedules", OF_SCHEDULE),
    Portal: ("portals", OF_PORTAL),
    Zone: ("zones", OF_ZONE),
    Interlock: ("interlocks", OF_INTERLOCK),
    Threat: ("threats", OF_THREAT),
}
# What the record does not give back, and why that is no loss.
NOT_RIGHTS = {
    "version": "a number",
    "seq": "a number",
    "modes": "for tests; a portal has its mode",
    "cards": "a decision records that a card was shown, and whose it was",
    "blocked_cards": "a decision records the reason",
    "card_terms": "a decision records the reason",
    "pins": "a decision records whether the PIN was right",
    "duress_pins": "a decision records none of it, so that no reader of the record learns of one",
    "badges": "never in an event",
    "lookalikes": "noted as missing when they were found again since",
    "readers": "of devices",
    "zone_map": "made of zones and portals",
    "has_area_rules": "made of zones, interlocks and portals",
    "visitors_of": "made of people",
    "threat_at": "made of threats, zones and portals",
}


@pytest.fixture
def office(site):
    return Office(site)


def test_each_field_of_a_snapshot_is_given_back_or_has_a_reason_not_to_be():
    names = {one.name for one in fields(Snapshot)}
    assert names == set(RIGHTS) | set(NOT_RIGHTS)


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.__name__)
def test_each_field_that_decide_reads_has_a_change_that_an_event_holds(thing):
    """A new field needs a row in `changes.py`, and its value in the events' before and after."""
    assert {one.name for one in fields(thing)} - NAMES == set(THINGS[thing][1])


@pytest.mark.parametrize(
    ("kind", "field", "change"),
    [
        pytest.param(kind, field, change, id=f"{kind}-{field}")
        for kind, changes in THINGS.values()
        for field, change in changes.items()
    ],
)
def test_the_state_before_a_change_is_rebuilt_from_its_event(office, kind, field, change):
    before, seq = office.now(), office.head()
    change(office)
    after = office.now()
    was, became = (_values(state, kind, field) for state in (before, after))
    assert was != became, "the change changes nothing"
    past = office.past(seq)
    assert past.is_complete
    assert without_names(past.snapshot) == without_names(before)
    assert without_names(office.past(office.head()).snapshot) == without_names(after)


def _values(state: Snapshot, kind: str, field: str) -> dict[str, Any]:
    return {name: getattr(one, field) for name, one in getattr(state, kind).items()}


def _add_and_remove(office: Office) -> list[Change]:
    """Return changes that add and remove things."""

    def person(office: Office) -> None:
        with office.work() as work:
            service.add_person(work, "7", "Dana", levels=["staff"], valid_to="2030-01-01T00:00:00Z")

    def level(office: Office) -> None:
        with office.work() as work:
            access_levels.add_level(work, "lab", [("lab-door", "late")])

    def portal(office: Office) -> None:
        with office.work() as work:
            portals.add_portal(work, "gate-4", portals.PortalFields(gate="gate", channel=4), lambda _: None)

    def removal(remove: Any, name: str) -> Change:
        def change(office: Office) -> None:
            with office.work() as work:
                remove(work, name)

        return change

    return [
        person,
        level,
        portal,
        lambda office: office.erase(),
        removal(access_levels.remove_level, "lab"),
        removal(portals.remove_portal, "gate-4"),
        removal(zones.remove_interlock, "trap"),
        removal(zones.remove_zone, "lab"),
        removal(access_levels.remove_schedule, "late"),
        lambda office: office.calendar("2026-12-16 holiday"),
        removal(calendars.remove_calendar, "kz"),
        lambda office: office.apply("[site]\nlanes_side_by_side = 3.0\n"),
    ]


def test_what_is_added_and_removed_is_rebuilt_at_each_event(office):
    seen = [(office.head(), office.now())]
    for change in _add_and_remove(office):
        change(office)
        seen.append((office.head(), office.now()))
    assert len({seq for seq, _ in seen}) == len(seen)
    for seq, state in seen:
        past = office.past(seq)
        assert past.is_complete
        assert without_names(past.snapshot) == without_names(state)


def _random_change(office: Office, chance: random.Random) -> None:
    badge, level, portal = chance.choice("123"), chance.choice(["staff", "crew"]), chance.choice(["main", "side"])
    zone = chance.choice(["building", "lab"])

    def add_person() -> None:
        with office.work() as work:
            service.add_person(work, badge, "N", levels=chance.sample(["staff", "crew"], chance.randint(0, 2)))

    def cover() -> None:
        with office.work() as work:
            access_levels.put_level(work, level, [(portal, chance.choice([None, "office", "late"]))])

    def department() -> None:
        with office.work() as work:
            departments.set_levels(work, "Sales", chance.sample(["staff", "crew"], chance.randint(0, 2)))

    options = [
        add_person,
        add_person,
        cover,
        department,
        lambda: office.erase(badge),
        lambda: office.suspend(badge, suspended=chance.random() < 0.6),
        lambda: office.grant(level, badge, held=chance.random() < 0.6),
        lambda: office.edit_person(badge, valid_to=chance.choice(["", "2033-01-01T00:00:00Z", "2034-01-01T00:00:00Z"])),
        lambda: office.edit_person(badge, details=service.PersonDetails(department=chance.choice(["", "Sales"]))),
        lambda: office.consent(badge, f"form-{chance.random()}", chance.choice([None, "2035-01-01T00:00:00Z"])),
        lambda: office.withdraw(badge),
        lambda: office.edit_portal(portal, require=chance.choice(["any", "card", "card+pin"])),
        lambda: office.edit_portal(portal, outside="outside", inside=zone),
        lambda: office.mode(chance.choice(list(PortalMode)), portal),
        lambda: office.edit_zone(zone, anti_passback=chance.choice(["off", "soft", "hard"])),
        lambda: office.edit_zone(zone, max=chance.choice([None, 5, 9])),
        lambda: office.edit_schedule(windows=[f"mon-fri 0{chance.randint(1, 9)}:00-18:00"]),
        lambda: office.days_of_office(f"2026-12-{chance.randint(10, 28)} {chance.choice(['holiday', 'working'])}"),
        lambda: office.calendar(f"2026-11-{chance.randint(10, 28)} short-day 09:00-1{chance.randint(0, 9)}:00"),
        lambda: office.apply(f'[site]\ntimezone = "{chance.choice(["Asia/Almaty", "Europe/Berlin"])}"\n'),
    ]
    with suppress(DevicemgrError):  # refused, and recorded as nothing
        chance.choice(options)()


@pytest.mark.parametrize("seed", range(4))
def test_random_changes_are_walked_back_to_each_of_their_events(office, seed):
    chance = random.Random(seed)
    seen = [(office.head(), without_names(office.now()))]
    for _ in range(60):
        _random_change(office, chance)
        if (seq := office.head()) != seen[-1][0]:
            seen.append((seq, without_names(office.now())))
    assert len(seen) > 25
    for seq, state in seen:
        past = office.past(seq)
        assert past.is_complete
        assert without_names(past.snapshot) == state


def test_uses_that_passages_have_taken_are_given_back(office):
    """Anna passes twice, gets five uses in place of the rest, and passes with another's release."""

    def grant(uses: int) -> None:
        with office.work() as work:
            level_grants.grant_level(work, "1", "crew", GrantTerm(uses=uses))

    def record(*facts: Fact) -> None:
        with office.site.database.write(changes_site=False) as session:
            office.site.ledger.append(session, facts)
        seen.append((office.head(), without_names(office.now())))

    seen: list[tuple[int, dict[str, Any]]] = []
    (anna,) = office.now().people
    where = {"portal": "side", "person_id": anna}
    grant(3)
    for request in ("r1", "r2"):
        record(Fact(Kind.ACCESS_GRANTED, datetime.now(UTC), request=request, detail={"use_of": "crew"}, **where))
        record(Fact(Kind.PASSAGE_COMPLETED, datetime.now(UTC), request=request, **where))
    grant(5)
    record(Fact(Kind.ACCESS_GRANTED, datetime.now(UTC), portal="side", request="other"))
    record(
        Fact(
            Kind.ACCESS_GRANTED,
            datetime.now(UTC),
            request="r3",
            detail={"use_of": "crew", "opened_by": "other"},
            **where,
        )
    )
    record(Fact(Kind.PASSAGE_COMPLETED, datetime.now(UTC), portal="side", request="other", person_id=anna))
    left = [state["people"][anna]["grants"][0].uses_left for _, state in seen]
    assert left[:4] == [3, 2, 2, 1]
    assert left[-3:] == [5, 5, 4]
    for seq, state in seen:
        assert without_names(office.past(seq).snapshot) == state


def test_a_fire_is_known_until_its_end_or_the_removal_of_its_device(office):
    def report(active: bool, device: str = "panel") -> int:
        fact = Fact(Kind.FIRE_RELEASE, datetime.now(UTC), device=device, detail={"active": active, "input": "hall"})
        with office.work() as work:
            work._append([fact])
        return office.head()

    before, began, other = office.head(), report(True), report(True, "gate-9")
    ended = report(False)
    assert [office.past(seq).snapshot.fire_active for seq in (before, began, other, ended)] == [False, True, True, True]
    report(False, "gate-9")
    assert not office.past(office.head()).snapshot.fire_active


def _old(office: Office, kind: str, detail: dict[str, Any], person: str | None = None) -> None:
    """Record an event as version 0.1.0 did: without the values of before and after."""
    with office.work() as work:
        work._append([Fact(kind, datetime.now(UTC), person_id=person, detail=detail, actor="operator:test")])


@pytest.mark.parametrize(
    ("kind", "detail", "missing"),
    [
        ("admin.person_edited", {"changed": ["name", "valid_to"]}, [("people", "valid_to")]),
        ("admin.person_edited", {"changed": ["name"]}, []),
        ("admin.level_removed", {"level": "old"}, [("levels", "")]),
        ("admin.schedule_removed", {"schedule": "old"}, [("schedules", "")]),
        ("admin.portal_edited", {"portal": {"name": "main"}}, [("portals", "")]),
        ("admin.portal_mode", {"portal": "main", "mode": "free"}, [("portals", "mode")]),
        ("admin.consent_given", {"notice": None}, [("people", "consent")]),
        ("admin.consent_withdrawn", {"templates_erased": 1}, [("people", "consent")]),
        ("admin.restored", {"people": 2, "left_out": 1}, [("restore", "")]),
        ("admin.gallery_calibrated", {"lookalike_pairs": 2}, [("gallery", "lookalikes")]),
        ("admin.grants_removed", {"count": 2, "days": 30}, [("grants", "")]),
    ],
)
def test_an_event_of_0_1_0_that_does_not_say_enough_is_said_to_be_missing(office, kind, detail, missing):
    seq, (anna,) = office.head(), office.now().people
    _old(office, kind, detail, anna if "person" in kind or "consent" in kind else None)
    past = office.past(seq)
    assert [(one.thing.kind, one.field) for one in past.missing] == missing
    assert past.is_complete == (not missing)
    assert {one.seq for one in past.missing} <= {office.head()}


@pytest.mark.parametrize(
    ("kind", "detail", "field", "was"),
    [
        ("admin.level_granted", {"level": "staff"}, "levels", frozenset()),
        ("admin.level_revoked", {"level": "crew"}, "levels", frozenset({"staff", "crew"})),
        ("admin.person_resumed", {}, "suspended", True),
        ("admin.person_suspended", {}, "suspended", False),
    ],
)
def test_what_an_event_of_0_1_0_says_by_its_kind_is_taken_from_it(office, kind, detail, field, was):
    seq, (anna,) = office.head(), office.now().people
    _old(office, kind, detail, anna)
    past = office.past(seq)
    assert past.is_complete
    assert getattr(past.snapshot.people[anna], field) == was


def test_a_later_event_that_says_what_was_ends_what_is_missing(office):
    seq, (anna,) = office.head(), office.now().people
    office.edit_person(valid_to="2033-01-01T00:00:00Z")
    between = office.head()
    _old(office, "admin.person_edited", {"changed": ["valid_to"]}, anna)
    assert [one.field for one in office.past(between).missing] == ["valid_to"]
    assert office.past(seq).is_complete


def test_where_retention_has_removed_events_the_past_is_not_complete(office):
    seq = office.head()
    office.suspend()
    office.suspend(suspended=False)
    with office.site.database.write(changes_site=False) as session:
        events.remove_oldest(session, seq + 1, 10_000)
    past = office.past(seq)
    assert (past.is_complete, past.removed_before) == (False, seq + 2)
    assert office.past(seq + 1).removed_before is None


def test_no_event_of_rights_holds_a_name_or_a_badge(office):
    with office.work() as work:
        service.add_person(work, "badge-of-zarina", "Zarina", levels=["staff"])
    office.edit_person("badge-of-zarina", name="Zarina Q", valid_to="2033-01-01T00:00:00Z")
    office.consent("badge-of-zarina", "form of Zarina")
    office.erase("badge-of-zarina")
    with office.site.database.read() as session:
        text = "".join(body for _, body in events.bodies_after(session, 0, 1000))
    assert "arina" not in text


def test_a_threat_is_in_force_then_as_it_was(office):
    def record(kind: Kind, **detail: Any) -> int:
        fact = Fact(kind, datetime.now(UTC), actor="operator:dana", detail={"threat": "lockdown"} | detail)
        with office.site.database.write() as session:
            return office.site.ledger.append(session, [fact])[-1].seq

    before = office.head()
    began = record(Kind.THREAT_SET, order=1, scope=["lab"], reason="a drill")
    record(Kind.THREAT_ENDED, scope=["lab"], comment="over")
    assert office.past(before).snapshot.threats_in_force == {}
    (found,) = office.past(began).snapshot.threats_in_force.values()
    assert (found.name, found.scope, found.reason) == ("lockdown", frozenset({"lab"}), "a drill")
    assert office.past(office.head()).snapshot.threats_in_force == {}
