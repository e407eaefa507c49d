"""A console's question opens a portal only by what the console proved, once, and while it is of now."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devicemgr.access.evidence.console_questions import MAX_REMEMBERED, ConsoleQuestions
from devicemgr.access.evidence.recent_grants import RecentGrants
from devicemgr.domain.device_events import DeviceDecided, Presented
from devicemgr.domain.model import Direction, Factor, Requirement
from devicemgr.store.people import credentials, people
from devicemgr.store.site import access_levels as level_store, portals as portal_store
from devicemgr.store.tables import ScheduleRow
from tests.support.levels import cover

THEN = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
FACE, CARD, PIN, FINGER, QR = Factor.FACE, Factor.CARD, Factor.PIN, Factor.FINGER, Factor.QR
PROVEN = [
    frozenset(factors)
    for factors in (
        (),
        (FACE,),
        (CARD,),
        (PIN,),
        (FINGER,),
        (QR,),
        (CARD, PIN),
        (CARD, FINGER),
        (FACE, CARD),
        (FACE, PIN),
        (FACE, FINGER),
        (FINGER, PIN),
        (FACE, CARD, FINGER),
        (FACE, PIN, FINGER),
        (CARD, FINGER, PIN),
    )
]


@pytest.fixture
def console(entrance: Any) -> Any:
    """The entrance, whose device `cam` answers as a console does; Anna's card is 77."""
    entrance.command("cam", lambda _: None, lambda *_: None)
    entrance.answers = []
    entrance.others["cam"].answer = lambda serial, granted, words: entrance.answers.append((serial, granted))
    with entrance.site.database.write() as session:
        credentials.assign_card(session, people.get(session, "A1"), "77")
    entrance.rules.refresh()
    return entrance


def set_portal(entrance: Any, **fields: str) -> None:
    with entrance.site.database.write() as session:
        row = portal_store.portal(session, "lobby")
        for name, value in fields.items():
            setattr(row, name, value)
    entrance.rules.refresh()


def ask(entrance: Any, serial: int = 5, device: str = "cam", **more: Any) -> str | None:
    """A question of now, long after the one before; the reason of its denial, None when it was granted."""
    entrance.pipeline._grants = RecentGrants()
    usual = {
        "badge": "A1",
        "vendor": "hikvision",
        "factors": frozenset({FACE}),
        "method": "5/0x4b",
        "age": 0.5,
        "at": THEN + timedelta(seconds=serial),
        "names": ("77",),
    }
    entrance.pipeline.on_device_fact(device, Presented(1, serial, time.monotonic(), **(usual | more)))
    decisions = [event for event in entrance.events() if event["kind"] in ("access_granted", "access_denied")]
    return decisions[-1]["reason"]


@pytest.mark.parametrize("require", list(Requirement), ids=str)
def test_a_portal_opens_by_nothing_but_the_factors_that_it_asks_for(console: Any, require: Requirement) -> None:
    set_portal(console, require=str(require))
    opened = 0
    for serial, factors in enumerate(PROVEN):
        reason = ask(console, serial, factors=factors)
        shown = {str(factor) for factor in factors}
        wanted = [{"face"}, {"card"}] if require is Requirement.ANY else [set(require.split("+"))]
        enough = any(one <= shown for one in wanted)
        assert (reason is None) is enough, (str(require), shown, reason)
        opened += enough
    assert console.gate.done.qsize() == opened
    assert console.answers[: len(PROVEN)].count((0, False)) == 1
    assert len(console.events()) >= len(PROVEN)  # each of them is recorded


def test_what_a_console_proved_stands_in_the_record(console: Any) -> None:
    set_portal(console, require="finger+pin")
    assert ask(console, factors=frozenset({FINGER, PIN}), method="5/0x2e") is None
    evidence = console.events()[0]["evidence"]
    assert evidence == {
        "pin": True,
        "finger": True,
        "console": {"vendor": "hikvision", "method": "5/0x2e"},
    }


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"factors": frozenset({FINGER}), "badge": "nobody"}, "unknown_credential"),
        ({"factors": frozenset({FINGER}), "badge": None}, "unknown_credential"),
        ({"factors": frozenset({CARD}), "names": ()}, "unknown_credential"),
        ({"factors": frozenset({CARD}), "names": ("78",), "badge": None}, "unknown_credential"),
        ({"factors": frozenset({CARD, FINGER}), "badge": "B2"}, "ambiguous_face"),
        ({"factors": frozenset({FACE, CARD}), "badge": "B2"}, "ambiguous_face"),
        ({"factors": frozenset(), "method": "5/0xe2"}, "unknown_credential"),
        ({"factors": frozenset({FACE}), "refused": "unknown_face"}, "unknown_face"),
        ({"factors": frozenset({FACE, CARD}), "refused": "the terminal's error 0x77"}, "unknown_credential"),
    ],
)
def test_what_proves_nobody_opens_nothing(console: Any, more: dict[str, Any], reason: str) -> None:
    with console.site.database.write() as session:
        bela = people.add(session, "B2", "Bela", None, None)
        people.set_level(session, bela, "staff", held=True)
    set_portal(console, require="any" if FINGER not in more["factors"] else "finger")
    assert ask(console, **more) == reason
    assert console.answers == [(5, False)]
    assert console.gate.done.empty()


def test_a_pin_of_somebody_who_is_not_known_here_proves_nothing_of_a_cards_owner(console: Any) -> None:
    set_portal(console, require="card+pin")
    assert ask(console, badge="nobody", factors=frozenset({CARD, PIN})) == "second_factor_required"
    assert ask(console, 6, badge=None, factors=frozenset({CARD, PIN})) == "second_factor_required"
    assert ask(console, 7, factors=frozenset({CARD, PIN})) is None


def test_a_card_alone_is_its_owners_whomever_the_console_holds(console: Any) -> None:
    assert ask(console, badge=None, factors=frozenset({CARD})) is None
    assert console.events()[0]["person"] == "A1"


@pytest.mark.parametrize(
    "more",
    [
        {"age": 86_400.0},
        {"age": 4.0},
        {"age": -4.0},
        {"age": float("nan")},
        {"age": float("inf")},
        {"age": None},
        {"at": None},
    ],
    ids=str,
)
def test_a_question_that_is_not_of_now_opens_nothing(console: Any, more: dict[str, Any]) -> None:
    assert ask(console, **more) == "stale_evidence"
    assert console.gate.done.empty()
    assert console.events()[-1]["detail"]["cause"]
    assert ask(console) is None


def test_a_question_opens_once_however_often_it_is_sent(console: Any) -> None:
    at = THEN
    assert ask(console, 5, at=at) is None
    for serial in range(6, 26):
        assert ask(console, serial, at=at, age=1.0) == "stale_evidence"
    assert console.gate.done.qsize() == 1
    assert [granted for _, granted in console.answers].count(False) == 20
    assert console.events()[-1]["detail"]["cause"] == "the same question was received before"


def test_the_same_question_by_another_console_of_the_portal_opens_nothing_more(console: Any) -> None:
    with console.site.database.write() as session:
        row = portal_store.portal(session, "lobby")
        portal_store.set_access_points(session, row, Direction.EXIT, ["arm"])
    console.rules.refresh()
    console.gate.answer = lambda *_: None
    assert ask(console) is None
    assert ask(console, 6, device="arm", at=THEN + timedelta(seconds=5)) == "stale_evidence"
    # Another second, another person or another method is another question.
    assert ask(console, 7, at=THEN + timedelta(seconds=5), method="5/0x3c", factors=frozenset({FACE, CARD})) is None


def test_questions_are_known_for_longer_than_they_are_fresh_and_in_bounded_memory() -> None:
    asked = ConsoleQuestions()

    def one(second: int, now: float) -> str:
        at = THEN + timedelta(seconds=second)
        return asked.why_stale("lobby", Presented(1, 1, now, badge="A1", at=at, age=0.0), now)

    assert one(0, 0.0) == ""
    assert one(0, 30.0) != ""
    assert one(0, 36.0) == ""
    for second in range(1, MAX_REMEMBERED):
        assert one(second, 36.0) == ""
    # A flood makes nothing forgotten: what can't be told from a repetition is refused.
    assert one(MAX_REMEMBERED + 1, 36.0) == "too many questions at once to tell repeated ones"
    assert one(0, 36.0) == "the same question was received before"


@pytest.mark.parametrize(
    ("liveness", "setting", "told", "reason"),
    [
        ("off", "require", None, None),
        ("challenge", "require", None, "liveness_failed"),
        ("passive", "require", None, "liveness_failed"),
        ("challenge", "trust", None, None),
        ("challenge", "require", 0.9, None),
        ("challenge", "trust", 0.2, "liveness_failed"),
        ("off", "require", 0.2, "liveness_failed"),
    ],
)
def test_a_face_without_liveness_is_decided_by_the_portals_setting(
    console: Any, liveness: str, setting: str, told: float | None, reason: str | None
) -> None:
    set_portal(console, liveness=liveness, console_liveness=setting)
    assert ask(console, liveness=told) == reason
    # What is no face is not asked about its liveness.
    assert ask(console, 6, badge=None, factors=frozenset({CARD})) is None


def test_the_setting_is_the_safe_one_unless_given(console: Any) -> None:
    set_portal(console, liveness="challenge")
    assert ask(console) == "liveness_failed"


def out_of_hours(entrance: Any) -> None:
    with entrance.site.database.write() as session:
        session.add(ScheduleRow(name="never", timezone="UTC", windows=[], holidays=[]))
        session.flush()
        cover(session, level_store.level(session, "staff"), ["lobby"], "never")
    entrance.rules.refresh()


@pytest.mark.parametrize(
    ("told", "ours"),
    [
        ("no_access_level", "outside_schedule"),
        ("the terminal's error 0x77", "outside_schedule"),
        ("", "outside_schedule"),
        ("expired", "outside_schedule"),
        ("wrong_pin", "wrong_pin"),
        ("unknown_face", "unknown_face"),
        ("anti_passback", "anti_passback"),
    ],
)
def test_a_devices_refusal_carries_our_exact_reason(console: Any, told: str, ours: str) -> None:
    out_of_hours(console)
    console.pipeline.on_device_fact("cam", DeviceDecided(1, False, 7, datetime.now(UTC), badge="A1", why=told))
    (event,) = console.events()
    assert (event["kind"], event["reason"], event["person"]) == ("access_denied", ours, "A1")
    assert event["detail"].get("cause", "") == told
    if told:
        assert ask(console, refused=told) == ours


def test_a_wrong_pin_is_no_dispute_and_a_missing_right_is(console: Any) -> None:
    for serial, why in enumerate(("wrong_pin", "unknown_face", "second_factor_required", "no_access_level"), 7):
        console.pipeline.on_device_fact("cam", DeviceDecided(1, False, serial, datetime.now(UTC), badge="A1", why=why))
    kinds = [(event["kind"], event["reason"]) for event in console.events()]
    assert kinds == [
        ("access_denied", "wrong_pin"),
        ("access_denied", "unknown_face"),
        ("access_denied", "second_factor_required"),
        ("access_denied", "no_access_level"),
        ("decision_disputed", None),
    ]


@pytest.mark.parametrize(("is_gate", "is_stale"), [(True, False), (False, True)])
def test_a_question_without_a_time_counts_only_at_the_asking_gate(is_gate, is_stale):
    """Its answer opens only at the device that holds the connection; at another gate a copy of it would open."""
    question = Presented(1, 7, 100.0, names=("5",), factors=frozenset({Factor.CARD}), is_bound=True)
    asked = ConsoleQuestions()
    assert bool(asked.why_stale("door", question, 100.0, is_gate=is_gate)) is is_stale
    plain = replace(question, is_bound=False)
    assert asked.why_stale("door", plain, 100.0, is_gate=True)
