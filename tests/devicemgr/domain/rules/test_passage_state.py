"""One lane: what each movement means in each state, and what must hold over any sequence."""

from hypothesis import given, settings, strategies as st

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction
from devicemgr.domain.rules.passage_state import (
    IDLE,
    PASSAGE_TIMEOUT_S,
    TRANSITIONS,
    Completed,
    LaneState,
    Movement,
    PassageFact,
    PassageReason,
    Released,
    Situation,
    Started,
    StateName,
    Tick,
    step,
)

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT
FORCED = PassageReason.NO_RELEASE


def play(*events, free: bool = False) -> tuple[list[StateName], list[PassageFact]]:
    """Feed the events to an idle lane; the names of the states it went through, and all facts in order."""
    state, names, facts = IDLE, [], []
    for event in events:
        state, new = step(state, event, free=free)
        names.append(state.name)
        facts += new
    return names, facts


def test_a_release_a_start_and_a_turn_make_one_passage_of_that_request():
    names, facts = play(Released("r1", ENTRY, 10.0, 5.0), Started(ENTRY, 11.0), Completed(ENTRY, 12.0))
    assert names == [StateName.RELEASED, StateName.PASSING, StateName.IDLE]
    assert facts == [
        PassageFact(Kind.PASSAGE_STARTED, "r1", ENTRY),
        PassageFact(Kind.PASSAGE_COMPLETED, "r1", ENTRY),
    ]


def test_a_gate_that_reports_only_the_turn_and_no_direction():
    names, facts = play(Released("r1", EXIT, 10.0, 5.0), Completed(None, 12.0))
    assert names == [StateName.RELEASED, StateName.IDLE]
    assert facts == [PassageFact(Kind.PASSAGE_COMPLETED, "r1", EXIT)]


def test_nobody_passed():
    last = 10.0 + 5.0 + PASSAGE_TIMEOUT_S
    names, facts = play(Released("r1", ENTRY, 10.0, 5.0), Tick(last - 0.001), Tick(last), Tick(last + 1))
    assert names == [StateName.RELEASED, StateName.RELEASED, StateName.IDLE, StateName.IDLE]
    assert facts == [PassageFact(Kind.PASSAGE_TIMED_OUT, "r1", ENTRY, PassageReason.UNUSED)]


def test_somebody_steps_in_and_turns_back():
    _, facts = play(Released("r1", ENTRY, 10.0, 5.0), Started(ENTRY, 21.0), Tick(22.5), Tick(21.0 + PASSAGE_TIMEOUT_S))
    assert facts == [
        PassageFact(Kind.PASSAGE_STARTED, "r1", ENTRY),
        PassageFact(Kind.PASSAGE_TIMED_OUT, "r1", ENTRY, PassageReason.TURNED_BACK),
    ]


def test_a_long_release_outlasts_a_first_attempt():
    slow = Released("r1", ENTRY, 10.0, 30.0)
    _, facts = play(slow, Started(ENTRY, 11.0), Started(ENTRY, 35.0), Completed(ENTRY, 40.0))
    assert [fact.kind for fact in facts] == [Kind.PASSAGE_STARTED, Kind.PASSAGE_COMPLETED]


def test_a_passage_without_a_release_is_forced_once():
    assert play(Completed(ENTRY, 1.0))[1] == [
        PassageFact(Kind.PORTAL_FORCED, None, ENTRY, FORCED),
        PassageFact(Kind.PASSAGE_COMPLETED, None, ENTRY),
    ]
    assert play(Started(None, 1.0), Completed(EXIT, 2.0))[1] == [
        PassageFact(Kind.PORTAL_FORCED, None, None, FORCED),
        PassageFact(Kind.PASSAGE_STARTED, None, None),
        PassageFact(Kind.PASSAGE_COMPLETED, None, EXIT),
    ]


def test_a_second_person_on_one_release_is_forced():
    _, facts = play(Released("r1", ENTRY, 10.0, 5.0), Completed(ENTRY, 12.0), Completed(ENTRY, 12.5))
    assert [fact.kind for fact in facts] == [Kind.PASSAGE_COMPLETED, Kind.PORTAL_FORCED, Kind.PASSAGE_COMPLETED]
    assert [fact.request for fact in facts] == ["r1", None, None]


def test_a_turn_against_the_release_is_forced_and_leaves_the_release_waiting():
    names, facts = play(Released("r1", ENTRY, 10.0, 5.0), Completed(EXIT, 11.0), Completed(ENTRY, 12.0))
    assert names == [StateName.RELEASED, StateName.RELEASED, StateName.IDLE]
    assert [(fact.kind, fact.request) for fact in facts] == [
        (Kind.PORTAL_FORCED, None),
        (Kind.PASSAGE_COMPLETED, None),
        (Kind.PASSAGE_COMPLETED, "r1"),
    ]


def test_a_turn_after_the_time_is_forced_even_if_no_tick_came_between():
    _, facts = play(Released("r1", ENTRY, 10.0, 5.0), Completed(ENTRY, 60.0))
    assert [fact.kind for fact in facts] == [Kind.PASSAGE_TIMED_OUT, Kind.PORTAL_FORCED, Kind.PASSAGE_COMPLETED]


def test_in_a_free_portal_people_pass_without_alarm_and_without_a_request():
    names, facts = play(Started(ENTRY, 1.0), Completed(ENTRY, 2.0), Completed(EXIT, 3.0), free=True)
    assert names == [StateName.PASSING, StateName.IDLE, StateName.IDLE]
    assert facts == [
        PassageFact(Kind.PASSAGE_STARTED, None, ENTRY),
        PassageFact(Kind.PASSAGE_COMPLETED, None, ENTRY),
        PassageFact(Kind.PASSAGE_COMPLETED, None, EXIT),
    ]


def test_entry_and_exit_can_be_released_side_by_side():
    _, facts = play(
        Released("in", ENTRY, 10.0, 5.0),
        Released("out", EXIT, 10.5, 5.0),
        Started(EXIT, 11.0),
        Completed(EXIT, 12.0),
        Completed(ENTRY, 13.0),
    )
    assert [(fact.kind, fact.request) for fact in facts] == [
        (Kind.PASSAGE_STARTED, "out"),
        (Kind.PASSAGE_COMPLETED, "out"),
        (Kind.PASSAGE_COMPLETED, "in"),
    ]


def test_two_people_at_once_each_get_their_start_and_end():
    """Side by side in a wide gate: in opposite directions, and in one."""
    for second in (EXIT, ENTRY):
        names, facts = play(
            Released("r1", ENTRY, 10.0, 5.0),
            Released("r2", second, 10.2, 5.0),
            Started(ENTRY, 11.0),
            Started(second, 11.2),
            Completed(ENTRY, 12.0),
            Completed(second, 12.1),
        )
        assert [(fact.kind, fact.request) for fact in facts] == [
            (Kind.PASSAGE_STARTED, "r1"),
            (Kind.PASSAGE_STARTED, "r2"),
            (Kind.PASSAGE_COMPLETED, "r1"),
            (Kind.PASSAGE_COMPLETED, "r2"),
        ]
        assert names[2:] == [StateName.PASSING, StateName.PASSING, StateName.PASSING, StateName.IDLE]


def test_the_one_who_is_through_first_may_have_started_second():
    _, facts = play(
        Released("in", ENTRY, 10.0, 5.0),
        Released("out", EXIT, 10.2, 5.0),
        Started(ENTRY, 11.0),
        Started(EXIT, 11.2),
        Completed(EXIT, 11.5),
        Completed(ENTRY, 16.0),
    )
    assert [(fact.kind, fact.request) for fact in facts[2:]] == [
        (Kind.PASSAGE_COMPLETED, "out"),
        (Kind.PASSAGE_COMPLETED, "in"),
    ]


def test_each_of_two_who_turn_back_is_recorded():
    _, facts = play(
        Released("in", ENTRY, 10.0, 5.0),
        Released("out", EXIT, 10.2, 5.0),
        Started(ENTRY, 21.0),
        Started(EXIT, 22.0),
        Tick(21.0 + PASSAGE_TIMEOUT_S),
        Tick(22.0 + PASSAGE_TIMEOUT_S),
    )
    back = [(fact.request, fact.reason) for fact in facts if fact.kind is Kind.PASSAGE_TIMED_OUT]
    assert back == [("in", PassageReason.TURNED_BACK), ("out", PassageReason.TURNED_BACK)]


def test_in_a_free_wide_gate_both_directions_have_their_passages():
    _, facts = play(Started(ENTRY, 1.0), Started(EXIT, 1.1), Completed(EXIT, 2.0), Completed(ENTRY, 2.5), free=True)
    assert [(fact.kind, fact.direction) for fact in facts] == [
        (Kind.PASSAGE_STARTED, ENTRY),
        (Kind.PASSAGE_STARTED, EXIT),
        (Kind.PASSAGE_COMPLETED, EXIT),
        (Kind.PASSAGE_COMPLETED, ENTRY),
    ]


def test_a_start_that_is_reported_again_is_one_passage():
    _, facts = play(
        Released("r1", ENTRY, 10.0, 5.0), Started(ENTRY, 11.0), Started(ENTRY, 11.1), Started(None, 11.2), Tick(99.0)
    )
    assert [fact.kind for fact in facts] == [Kind.PASSAGE_STARTED, Kind.PASSAGE_TIMED_OUT]


def test_somebody_already_in_the_lane_passes_on_the_release_that_comes_then():
    names, facts = play(Started(ENTRY, 10.0), Released("r1", ENTRY, 10.2, 5.0), Completed(ENTRY, 20.0), Tick(99.0))
    assert names == [StateName.PASSING, StateName.PASSING, StateName.IDLE, StateName.IDLE]
    assert [(fact.kind, fact.request) for fact in facts] == [
        (Kind.PORTAL_FORCED, None),
        (Kind.PASSAGE_STARTED, None),
        (Kind.PASSAGE_COMPLETED, "r1"),
    ]


def test_the_table_answers_every_movement_in_every_situation_and_alarms_only_for_the_unexpected():
    assert set(TRANSITIONS) == {(movement, situation) for movement in Movement for situation in Situation}
    for (_, situation), (_, kinds) in TRANSITIONS.items():
        assert (Kind.PORTAL_FORCED in kinds) == (situation is Situation.UNEXPECTED)


directions = st.sampled_from([ENTRY, EXIT])
reported = directions | st.none()
gaps = st.sampled_from([0.0, 0.1, 1.0, 6.9, 7.0, 20.0])
moves = st.one_of(
    st.tuples(st.just("release"), directions),
    st.tuples(st.just("start"), reported),
    st.tuples(st.just("turn"), reported),
    st.tuples(st.just("tick"), st.none()),
)


def run(sequence, free: bool) -> tuple[LaneState, list[str], int, list[PassageFact]]:
    """Play a drawn sequence and let all time-outs pass; the last state, the releases, the turns, the facts."""
    state, now, released, turns, facts = IDLE, 0.0, [], 0, []
    for number, (gap, (move, direction)) in enumerate(sequence):
        now += gap
        if move == "release":
            released.append(f"r{number}")
            event = Released(released[-1], direction, now, 5.0)
        elif move == "start":
            event = Started(direction, now)
        elif move == "turn":
            turns += 1
            event = Completed(direction, now)
        else:
            event = Tick(now)
        state, new = step(state, event, free=free)
        facts += new
    state, new = step(state, Tick(now + 1000.0), free=free)
    return state, released, turns, facts + list(new)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(gaps, moves), max_size=25), st.booleans())
def test_every_release_ends_exactly_once_and_every_turn_is_one_passage(sequence, free):
    state, released, turns, facts = run(sequence, free)
    ends = [fact for fact in facts if fact.kind in (Kind.PASSAGE_COMPLETED, Kind.PASSAGE_TIMED_OUT)]
    assert state == IDLE
    assert sorted(fact.request for fact in ends if fact.request) == sorted(released)
    assert sum(fact.kind is Kind.PASSAGE_COMPLETED for fact in facts) == turns
    assert not (free and any(fact.kind is Kind.PORTAL_FORCED for fact in facts))


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(gaps, moves), max_size=25))
def test_more_turns_than_releases_are_never_without_an_alarm(sequence):
    _, released, turns, facts = run(sequence, free=False)
    assert sum(fact.kind is Kind.PORTAL_FORCED for fact in facts) >= turns - len(released)
