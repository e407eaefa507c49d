"""The decision: each reason by name and in order, and what must hold for any request and any snapshot."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import AccessLevel, Direction, Person, Portal, PortalMode, Schedule
from devicemgr.domain.rules.decision.evidence_checks import CHECKS_OF_EVIDENCE
from devicemgr.domain.rules.decision.requests import MAX_EVIDENCE_AGE_S, AccessRequest, FaceEvidence
from devicemgr.domain.rules.decision.rights_checks import CHECKS_OF_RIGHTS
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import Decision, decide
from devicemgr.domain.rules.schedules import parse_window

MONDAY_NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
FACE = FaceEvidence(score=0.97, threshold=0.95, margin=0.1, frames=3, person_id="p1")
REQUEST = AccessRequest("r1", "main", Direction.ENTRY, "cam", MONDAY_NOON, captured=100.0, now=100.3, face=FACE)
PERSON = Person("p1", "1001", "Иван", face_consent=True, levels=frozenset({"staff"}))
OFFICE = Schedule("office", "UTC", (parse_window("mon-fri 08:00-18:00"),))
NOWHERE = replace(OFFICE, timezone="No/Where")
SITE = Snapshot(
    version=1,
    people={"p1": PERSON},
    levels={"staff": AccessLevel("staff", {"main": "office"})},
    schedules={"office": OFFICE},
    portals={"main": Portal("main", gate="gate")},
)
GRANTED = Decision(granted=True, reason=None, person_id="p1")


def with_person(**fields) -> Snapshot:
    return replace(SITE, people={"p1": replace(PERSON, **fields)})


def with_face(**fields) -> AccessRequest:
    return replace(REQUEST, face=replace(FACE, **fields))


def test_a_known_person_with_a_level_and_an_open_schedule_is_granted():
    assert decide(REQUEST, SITE) == GRANTED
    assert decide(with_face(margin=None), SITE) == GRANTED
    assert decide(with_face(score=0.95), SITE) == GRANTED
    assert decide(replace(REQUEST, now=100.0 + MAX_EVIDENCE_AGE_S), SITE) == GRANTED


@pytest.mark.parametrize(
    ("request_", "snapshot", "reason", "person_id"),
    [
        (replace(REQUEST, now=100.0 + MAX_EVIDENCE_AGE_S + 0.001), SITE, Reason.STALE_EVIDENCE, None),
        (replace(REQUEST, now=99.9), SITE, Reason.STALE_EVIDENCE, None),
        (replace(REQUEST, captured=math.nan), SITE, Reason.STALE_EVIDENCE, None),
        (replace(REQUEST, now=math.inf), SITE, Reason.STALE_EVIDENCE, None),
        (replace(REQUEST, at=MONDAY_NOON.replace(tzinfo=None)), SITE, Reason.STALE_EVIDENCE, None),
        (replace(REQUEST, face=None), SITE, Reason.UNKNOWN_CREDENTIAL, None),
        (with_face(reason=Reason.LIVENESS_FAILED), SITE, Reason.LIVENESS_FAILED, None),
        (with_face(reason=Reason.LOW_QUALITY), SITE, Reason.LOW_QUALITY, None),
        (with_face(reason=Reason.AMBIGUOUS_FACE), SITE, Reason.AMBIGUOUS_FACE, None),
        (with_face(margin=0.0), SITE, Reason.AMBIGUOUS_FACE, None),
        (with_face(margin=math.nan), SITE, Reason.AMBIGUOUS_FACE, None),
        (with_face(reason=Reason.UNKNOWN_FACE), SITE, Reason.UNKNOWN_FACE, None),
        (with_face(reason=Reason.OCCUPANCY), SITE, Reason.UNKNOWN_FACE, None),
        (with_face(score=0.9499), SITE, Reason.UNKNOWN_FACE, None),
        (with_face(score=None), SITE, Reason.UNKNOWN_FACE, None),
        (with_face(threshold=0.0), SITE, Reason.UNKNOWN_FACE, None),
        (with_face(person_id=None), SITE, Reason.UNKNOWN_FACE, None),
        (with_face(person_id="erased"), SITE, Reason.UNKNOWN_FACE, None),
        (with_face(person_id=""), SITE, Reason.UNKNOWN_FACE, None),
        (REQUEST, with_person(face_consent=False), Reason.CONSENT_WITHDRAWN, "p1"),
        (REQUEST, with_person(suspended=True), Reason.SUSPENDED, "p1"),
        (REQUEST, with_person(valid_from=MONDAY_NOON + timedelta(seconds=1)), Reason.NOT_YET_VALID, "p1"),
        (REQUEST, with_person(valid_to=MONDAY_NOON), Reason.EXPIRED, "p1"),
        (REQUEST, replace(SITE, modes={"main": PortalMode.LOCKED}), Reason.PORTAL_LOCKED, "p1"),
        (REQUEST, with_person(levels=frozenset()), Reason.NO_ACCESS_LEVEL, "p1"),
        (REQUEST, with_person(levels=frozenset({"gone"})), Reason.NO_ACCESS_LEVEL, "p1"),
        (replace(REQUEST, portal="back"), SITE, Reason.NO_ACCESS_LEVEL, "p1"),
        (REQUEST, replace(SITE, portals={}), Reason.NO_ACCESS_LEVEL, "p1"),
        (REQUEST, replace(SITE, schedules={}), Reason.OUTSIDE_SCHEDULE, "p1"),
        (replace(REQUEST, at=MONDAY_NOON + timedelta(hours=6)), SITE, Reason.OUTSIDE_SCHEDULE, "p1"),
        (REQUEST, replace(SITE, schedules={"office": NOWHERE}), Reason.OUTSIDE_SCHEDULE, "p1"),
    ],
)
def test_each_reason(request_, snapshot, reason, person_id):
    assert decide(request_, snapshot) == Decision(granted=False, reason=reason, person_id=person_id)


def test_the_first_objection_gives_the_reason():
    """Everything is wrong at once; as each thing is put right, the next reason comes, in the documented order."""
    at = MONDAY_NOON + timedelta(hours=9)
    site = replace(
        SITE,
        people={
            "p1": replace(
                PERSON,
                face_consent=False,
                suspended=True,
                levels=frozenset(),
                valid_from=at + timedelta(days=2),
                valid_to=at - timedelta(days=2),
            )
        },
        modes={"main": PortalMode.LOCKED},
    )
    request = replace(REQUEST, at=at, now=200.0, face=replace(FACE, margin=-1.0, score=0.1))
    seen = []

    def right(person=None, **fields):
        nonlocal site
        people = {"p1": replace(site.people["p1"], **person)} if person else site.people
        site = replace(site, people=people, **fields)

    def evidence(**fields):
        nonlocal request
        request = replace(request, **fields)

    for put_right in (
        lambda: evidence(now=100.1),
        lambda: evidence(face=replace(FACE, score=0.1)),
        lambda: evidence(face=FACE),
        lambda: right({"face_consent": True}),
        lambda: right({"suspended": False}),
        lambda: right({"valid_from": None}),
        lambda: right({"valid_to": None}),
        lambda: right(modes={}),
        lambda: right({"levels": frozenset({"staff"})}),
        lambda: evidence(at=MONDAY_NOON),
    ):
        seen.append(decide(request, site).reason)
        put_right()
    table = [check.reason for check in (*CHECKS_OF_EVIDENCE, *CHECKS_OF_RIGHTS)]
    assert decide(request, site) == GRANTED
    assert seen == sorted(seen, key=table.index)
    assert seen == [
        Reason.STALE_EVIDENCE,
        Reason.AMBIGUOUS_FACE,
        Reason.UNKNOWN_FACE,
        Reason.CONSENT_WITHDRAWN,
        Reason.SUSPENDED,
        Reason.NOT_YET_VALID,
        Reason.EXPIRED,
        Reason.PORTAL_LOCKED,
        Reason.NO_ACCESS_LEVEL,
        Reason.OUTSIDE_SCHEDULE,
    ]


def test_the_mode_now_in_force_counts_and_fire_unlocks():
    locked = replace(SITE, portals={"main": Portal("main", gate="gate", mode=PortalMode.LOCKED)})
    assert decide(REQUEST, locked).reason is Reason.PORTAL_LOCKED
    assert decide(REQUEST, replace(locked, modes={"main": PortalMode.NORMAL})) == GRANTED
    assert decide(REQUEST, replace(locked, fire_active=True)) == GRANTED
    stranger = with_face(person_id="nobody")
    assert decide(stranger, replace(locked, fire_active=True)).reason is Reason.UNKNOWN_FACE


def test_one_open_level_is_enough_and_a_level_without_a_schedule_is_always_open():
    site = replace(
        with_person(levels=frozenset({"staff", "night", "gone"})),
        levels={**SITE.levels, "night": AccessLevel("night", {"main": "night"})},
        schedules={**SITE.schedules, "night": Schedule("night", "UTC", (parse_window("daily 22:00-06:00"),))},
    )
    at_night = replace(REQUEST, at=MONDAY_NOON + timedelta(hours=11))
    assert decide(at_night, site) == GRANTED
    assert decide(replace(REQUEST, at=MONDAY_NOON + timedelta(hours=8)), site).reason is Reason.OUTSIDE_SCHEDULE
    always = replace(SITE, levels={"staff": AccessLevel("staff", {"main": None})}, schedules={})
    assert decide(at_night, always) == GRANTED


def test_a_snapshot_does_not_change_with_what_it_was_made_of():
    people = {"p1": PERSON}
    site = replace(SITE, people=people)
    people.clear()
    assert decide(REQUEST, site) == GRANTED
    with pytest.raises(TypeError):
        site.people["p2"] = PERSON


floats = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 0.95, 0.97, 1.0])
aware = st.datetimes(timezones=st.timezones())
times = st.just(MONDAY_NOON) | st.datetimes() | aware
names = st.sampled_from(["main", "back", "p1", "p2", "staff", "night", "office", ""])
faces = st.builds(
    FaceEvidence,
    score=floats | st.none(),
    threshold=floats,
    margin=floats | st.none(),
    frames=st.integers(0, 9),
    liveness=floats | st.none(),
    person_id=names | st.none(),
    reason=st.none() | st.sampled_from(Reason),
)
near = st.builds(lambda **fields: replace(FACE, **fields), score=st.sampled_from([0.94, 0.97]))
requests = st.builds(
    AccessRequest,
    id=names,
    portal=names,
    direction=st.sampled_from(Direction),
    device=names,
    at=times,
    captured=floats,
    now=floats,
    face=faces | st.none(),
) | st.builds(lambda at, face: replace(REQUEST, at=at, face=face), times, near)
people = st.builds(
    Person,
    id=st.just("p1"),
    badge=names,
    name=names,
    valid_from=times | st.none(),
    valid_to=times | st.none(),
    suspended=st.booleans(),
    face_consent=st.booleans(),
    levels=st.frozensets(st.sampled_from(["staff", "night"])),
)
levels = st.dictionaries(st.sampled_from(["main", "back"]), st.sampled_from(["office", "night", None]))
some_windows = st.sampled_from(["daily 00:00-24:00", "mon 09:00-13:00"]).map(parse_window)
schedules = st.builds(
    Schedule,
    name=names,
    timezone=st.sampled_from(["UTC", "Asia/Almaty", "No/Where"]),
    windows=st.lists(some_windows, max_size=2).map(tuple),
    holidays=st.frozensets(st.just(MONDAY_NOON.date())),
)
snapshots = st.builds(
    Snapshot,
    version=st.integers(),
    people=st.dictionaries(st.just("p1"), people | st.just(PERSON)),
    levels=st.dictionaries(
        st.sampled_from(["staff", "night"]), st.builds(lambda portals: AccessLevel("l", portals), levels)
    ),
    schedules=st.dictionaries(st.sampled_from(["office", "night"]), schedules),
    portals=st.dictionaries(st.just("main"), st.just(SITE.portals["main"])),
    modes=st.dictionaries(st.just("main"), st.sampled_from(PortalMode)),
    fire_active=st.booleans(),
)


@settings(deadline=None, max_examples=400)
@given(requests, snapshots)
def test_any_grant_stands_on_sound_evidence_and_a_right(request_, snapshot):
    decision = decide(request_, snapshot)
    assert decision.granted == (decision.reason is None)
    if not decision.granted:
        return
    face, person = request_.face, snapshot.people[decision.person_id]
    assert face.person_id == decision.person_id
    assert face.reason is None
    assert math.isfinite(face.score)
    assert face.score >= face.threshold > 0
    assert 0 <= request_.now - request_.captured <= MAX_EVIDENCE_AGE_S
    assert person.face_consent
    assert not person.suspended
    assert request_.portal in snapshot.portals
    assert any(request_.portal in snapshot.levels[name].portals for name in person.levels if name in snapshot.levels)


def without(mapping, key):
    return {name: value for name, value in mapping.items() if name != key}


def takings(snapshot: Snapshot) -> list[Snapshot]:
    """The snapshot with one right, record or window less, in every way."""
    fewer = [replace(snapshot, people=without(snapshot.people, key)) for key in snapshot.people]
    fewer += [replace(snapshot, levels=without(snapshot.levels, key)) for key in snapshot.levels]
    fewer += [replace(snapshot, schedules=without(snapshot.schedules, key)) for key in snapshot.schedules]
    fewer += [replace(snapshot, portals=without(snapshot.portals, key)) for key in snapshot.portals]
    for key, person in snapshot.people.items():
        changes = [{"suspended": True}, {"face_consent": False}, {"valid_to": MONDAY_NOON}]
        changes += [{"levels": person.levels - {name}} for name in person.levels]
        fewer += [replace(snapshot, people={key: replace(person, **change)}) for change in changes]
    for name, level in snapshot.levels.items():
        for portal in level.portals:
            less = replace(level, portals=without(level.portals, portal))
            fewer.append(replace(snapshot, levels={**snapshot.levels, name: less}))
    for name, schedule in snapshot.schedules.items():
        for less in (schedule.windows[1:], schedule.windows[:-1]):
            fewer.append(replace(snapshot, schedules={**snapshot.schedules, name: replace(schedule, windows=less)}))
        closed = replace(schedule, holidays=schedule.holidays | {MONDAY_NOON.date()})
        fewer.append(replace(snapshot, schedules={**snapshot.schedules, name: closed}))
    return fewer


@settings(deadline=None, max_examples=300)
@given(requests, snapshots)
def test_taking_a_right_away_never_turns_a_denial_into_a_grant(request_, snapshot):
    if not decide(request_, snapshot).granted:
        assert not any(decide(request_, fewer).granted for fewer in takings(snapshot))


@pytest.mark.parametrize("missing", ["people", "levels", "schedules", "portals"])
def test_whatever_part_of_the_snapshot_is_missing_the_gate_stays_closed(missing):
    assert decide(REQUEST, SITE).granted
    assert not decide(REQUEST, replace(SITE, **{missing: {}})).granted


@settings(deadline=None)
@given(st.sampled_from(["score", "threshold", "margin"]), st.sampled_from([math.nan, math.inf, -math.inf]))
def test_a_score_that_is_no_number_never_grants(field, value):
    assert not decide(with_face(**{field: value}), SITE).granted


@settings(deadline=None, max_examples=300)
@given(requests, snapshots, st.lists(times, max_size=2).map(tuple))
def test_what_must_hold_at_several_times_is_granted_only_if_it_holds_at_each(request_, snapshot, others):
    decision = decide(replace(request_, also_at=others), snapshot)
    each = [decide(replace(request_, at=at), snapshot) for at in (request_.at, *others)]
    assert decision.granted == all(single.granted for single in each)
    assert decision.granted or decision.reason in [single.reason for single in each]


def test_of_two_times_the_first_check_that_objects_at_either_gives_the_reason():
    night = MONDAY_NOON + timedelta(hours=8)
    ended = with_person(valid_to=MONDAY_NOON + timedelta(hours=6))
    for at, also_at in ((MONDAY_NOON, night), (night, MONDAY_NOON)):
        both = replace(REQUEST, at=at, also_at=(also_at,))
        assert decide(both, SITE).reason is Reason.OUTSIDE_SCHEDULE
        assert decide(both, ended).reason is Reason.EXPIRED
    naive = replace(REQUEST, also_at=(MONDAY_NOON.replace(tzinfo=None),))
    assert decide(naive, SITE).reason is Reason.STALE_EVIDENCE
