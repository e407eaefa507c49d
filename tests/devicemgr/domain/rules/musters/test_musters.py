"""What becomes of the people on a muster's list, one test for each sentence of docs/rules.md."""

from datetime import timedelta

import pytest

from devicemgr.domain.rules.areas.fold import fold_all as fold_areas
from devicemgr.domain.rules.areas.whereabouts import NOWHERE
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.rules.musters.fold import fold_all
from devicemgr.domain.rules.musters.roll import Found, Muster, begin, digest, totals
from devicemgr.domain.zones import OUTSIDE, Zone
from tests.devicemgr.domain.rules.areas.floor import ENTRY, EXIT, NOON, PORTALS, Book, door, zones

YARD = {"yard": Zone("yard", assembly=True)}


class Drill(Book):
    """A building with a yard to assemble in before its main door, and a muster that begins when `begin` is called."""

    def __init__(self, zone: str | None = "building", yard_in: str | None = None) -> None:
        super().__init__()
        portals = PORTALS | {"yard-post": door("yard-post", OUTSIDE, "yard"), "back": door("back", "lobby", "yard")}
        self.zones = ZoneMap(zones() | {"yard": Zone("yard", yard_in, assembly=True)}, portals)
        self.zone = zone

    def begin(self) -> None:
        state = fold_areas(NOWHERE, self.events, self.zones)
        self.started = NOON + timedelta(minutes=len(self.events), seconds=30)
        self.muster = begin(Muster("m", self.zone, False, self.started, "uid:1"), state, self.zones, self.started)

    def mark(
        self,
        person: str,
        mark: str,
        by: str = "operator:dana",
        reason: str = "",
        muster: str = "m",
        at: float | None = None,
    ) -> None:
        """A guard's mark; `at` minutes after the beginning, if it arrives only now."""
        detail = {"muster": muster, "mark": mark, "reason": reason}
        detail |= {"at": (self.started + timedelta(minutes=at)).isoformat()} if at is not None else {}
        self.add("muster_marked", None, person=person, detail=detail)
        self.events[-1]["actor"] = by

    def console(self, person: str, portal: str, minutes: float, direction=ENTRY, kind="access_granted") -> None:
        """A console's memory, read now: it decided `minutes` after noon."""
        at, detail = NOON + timedelta(minutes=minutes), {"decided_by": "console"}
        self.add(kind, portal, direction, person=person, device="console", time=at, detail=detail)

    def found(self) -> dict[str, str]:
        """By person what became of them; folded at once and event by event, which must be the same."""
        muster = fold_all(self.muster, self.events, self.zones)
        step = self.muster
        for event in self.events:
            step = fold_all(step, [event], self.zones)
        assert step == muster
        return {person: str(muster.found(listed, self.zones)) for person, listed in muster.people.items()}

    @property
    def now(self) -> Muster:
        return fold_all(self.muster, self.events, self.zones)


@pytest.fixture
def drill() -> Drill:
    """Anna in the lobby, Bert in the lab, Cora has gone home; then the muster begins."""
    found = Drill()
    found.passes("anna", "main")
    found.passes("bert", "main")
    found.passes("bert", "lab-door")
    found.passes("cora", "main")
    found.passes("cora", "main", EXIT)
    found.begin()
    return found


def test_the_list_is_who_is_in_the_zone_and_below_it_at_that_moment(drill: Drill) -> None:
    assert drill.found() == {"anna": "missing", "bert": "missing"}
    drill.passes("cora", "main")  # came in during the muster
    assert drill.found() == {"anna": "missing", "bert": "missing"}


def test_a_muster_of_a_zone_below_lists_its_people_alone(drill: Drill) -> None:
    drill.zone = "lab"
    drill.begin()
    assert drill.found() == {"bert": "missing"}


def test_without_a_zone_it_lists_everyone_on_the_site(drill: Drill) -> None:
    drill.passes("dana", "yard-post")
    drill.zone = None
    drill.begin()
    assert sorted(drill.found()) == ["anna", "bert", "dana"]


def test_a_badge_at_an_assembly_zone_makes_safe(drill: Drill) -> None:
    drill.grant("anna", "yard-post")
    assert drill.found() == {"anna": "safe", "bert": "missing"}
    assert [one.by for one in drill.now.people["anna"].marks] == ["portal:yard-post"]


@pytest.mark.parametrize("reason", ["suspended", "no_access_level", "outside_schedule", "anti_passback"])
def test_who_is_refused_there_for_a_right_is_there_all_the_same(drill: Drill, reason: str) -> None:
    drill.add("access_denied", "yard-post", person="anna")
    drill.events[-1]["reason"] = reason
    assert drill.found()["anna"] == "safe"


@pytest.mark.parametrize("reason", ["wrong_pin", "stale_evidence", "liveness_failed", "ambiguous_face", "card_blocked"])
def test_who_is_refused_there_for_the_credential_is_not_known_to_be_there(drill: Drill, reason: str) -> None:
    drill.add("access_denied", "yard-post", person="anna")
    drill.events[-1]["reason"] = reason
    assert drill.found()["anna"] == "missing"


def test_a_badge_at_another_portal_makes_no_one_safe(drill: Drill) -> None:
    drill.grant("anna", "lab-door")
    assert drill.found()["anna"] == "missing"


def test_a_recorded_passage_out_is_out(drill: Drill) -> None:
    drill.grant("anna", "main", EXIT)
    assert drill.found()["anna"] == "missing"  # granted, and not passed yet
    drill.passes("anna", "main", EXIT)
    assert drill.found() == {"anna": "out", "bert": "missing"}


def test_at_a_gate_that_senses_no_passage_the_release_is_out(drill: Drill) -> None:
    request = drill.grant("anna", "main", EXIT)
    drill.add("portal_unlocked", "main", EXIT, person="anna", request=request, detail={"senses_passage": False})
    assert drill.found()["anna"] == "out"


def test_a_passage_to_another_room_is_still_missing(drill: Drill) -> None:
    drill.passes("bert", "lab-door", EXIT)
    assert drill.found()["bert"] == "missing"
    assert drill.now.people["bert"].zone == "lobby"


def test_passages_through_freed_gates_make_no_one_safe_or_out(drill: Drill) -> None:
    for _ in range(3):
        drill.add("passage_completed", "main", EXIT)
    drill.add("passage_completed", "back", ENTRY)
    assert set(drill.found().values()) == {"missing"}
    assert (drill.now.unnamed_out, drill.now.unnamed_in) == (4, 0)


def test_unnamed_people_are_counted_as_they_were_at_the_beginning(drill: Drill) -> None:
    drill.add("passage_completed", "main", ENTRY)
    drill.begin()
    assert drill.now.unnamed == 1
    drill.add("passage_completed", "main", EXIT)
    assert (drill.now.unnamed, drill.now.unnamed_out) == (1, 1)


def test_people_who_had_left_unnamed_are_below_nought(drill: Drill) -> None:
    drill.add("passage_completed", "main", EXIT)
    drill.begin()
    assert drill.now.unnamed == -1
    assert len(drill.found()) == 2


def test_a_guards_mark_makes_safe(drill: Drill) -> None:
    drill.mark("anna", "safe")
    assert drill.found()["anna"] == "safe"


def test_not_here_is_a_guards_word_with_a_reason(drill: Drill) -> None:
    drill.mark("anna", "not_here", reason="on a business trip")
    assert drill.found()["anna"] == "not_here"
    assert drill.now.people["anna"].marks[0].reason == "on a business trip"


@pytest.mark.parametrize("order", [("safe", "not_here"), ("not_here", "safe")])
def test_of_marks_that_contradict_any_safe_wins_and_both_are_kept(drill: Drill, order: tuple[str, str]) -> None:
    for number, mark in enumerate(order):
        drill.mark("anna", mark, by=f"operator:guard-{number}", reason="x")
    assert drill.found()["anna"] == "safe"
    assert [one.mark for one in drill.now.people["anna"].marks] == list(order)


def test_a_mark_of_someone_else_or_of_another_muster_changes_nothing(drill: Drill) -> None:
    drill.mark("cora", "safe")
    drill.mark("anna", "safe", muster="other")
    drill.mark("anna", "well")
    assert drill.found() == {"anna": "missing", "bert": "missing"}


def test_who_goes_back_in_is_missing_again(drill: Drill) -> None:
    drill.mark("anna", "safe")
    drill.passes("anna", "main", EXIT)
    assert drill.found()["anna"] == "safe"
    drill.passes("anna", "main")
    assert drill.found()["anna"] == "missing"
    drill.mark("anna", "safe")
    assert drill.found()["anna"] == "safe"


def test_an_assembly_zone_within_the_muster_is_no_way_back_in() -> None:
    drill = Drill(zone=None)
    drill.passes("anna", "main")
    drill.begin()
    drill.passes("anna", "back")  # from the lobby into the yard, which is on the site
    assert drill.found()["anna"] == "safe"
    drill.passes("anna", "back", EXIT)
    assert drill.found()["anna"] == "missing"


def test_a_suspended_person_stays_on_the_list(drill: Drill) -> None:
    drill.add("admin.person_suspended", None, person="anna")
    drill.begin()
    assert drill.found()["anna"] == "missing"


def test_a_correction_of_a_place_makes_no_one_safe(drill: Drill) -> None:
    drill.add("admin.whereabouts_reset", None, person="anna", detail={"place": OUTSIDE, "reason": "x"})
    drill.add("admin.whereabouts_reset", None, detail={"all": True, "reason": "x"})
    assert drill.found() == {"anna": "missing", "bert": "missing"}


def test_a_late_entry_of_before_puts_on_the_list_and_is_shown_as_such(drill: Drill) -> None:
    before = len(drill.events)
    drill.console("dana", "main", before)
    assert drill.found()["dana"] == "missing"
    assert drill.now.people["dana"].is_late
    assert not drill.now.people["anna"].is_late


def test_a_late_exit_takes_off_what_is_missing_and_is_shown_as_such(drill: Drill) -> None:
    drill.console("anna", "main", len(drill.events), EXIT)
    assert drill.found()["anna"] == "out"
    assert drill.now.people["anna"].is_late


@pytest.mark.parametrize("minutes", [0.5, 1000])
def test_late_events_that_are_older_than_what_is_known_or_later_than_the_beginning_add_no_one(
    drill: Drill, minutes: float
) -> None:
    drill.console("cora", "main", minutes)
    assert "cora" not in drill.found()
    drill.console("bert", "main", 0.5, EXIT)
    assert drill.found()["bert"] == "missing"


def test_a_console_at_an_assembly_zone_counts_by_its_own_time(drill: Drill) -> None:
    drill.console("anna", "yard-post", 0.5)
    drill.console("anna", "yard-post", 0.6, kind="access_denied")
    drill.events[-1]["reason"] = "suspended"
    assert drill.found()["anna"] == "missing"
    drill.console("anna", "yard-post", 1000)
    assert drill.found()["anna"] == "safe"


def test_what_the_list_holds_already_is_not_folded_again(drill: Drill) -> None:
    """Also of events that only the spill file held when it began, which come once more later."""
    early = {"id": "spilled", "seq": 0, "kind": "passage_completed", "portal": "main", "direction": "exit"}
    drill.muster = begin(drill.muster, fold_areas(NOWHERE, drill.events, drill.zones), drill.zones, drill.started)
    drill.muster = Muster(
        "m",
        "building",
        False,
        drill.started,
        None,
        people=drill.muster.people,
        spilled=frozenset({"spilled"}),
        after=drill.muster.after,
    )
    drill.events.append({**early, "seq": len(drill.events) + 1})
    assert drill.now.unnamed_out == 0


def test_after_its_end_nothing_changes_a_muster(drill: Drill) -> None:
    drill.add("muster_ended", None, detail={"muster": "other"})
    drill.mark("bert", "safe")
    drill.add("muster_ended", None, detail={"muster": "m"})
    drill.mark("anna", "safe")
    assert drill.found() == {"anna": "missing", "bert": "safe"}
    assert totals(drill.now, drill.zones) == {"missing": 1, "safe": 1, "out": 0, "not_here": 0, "unnamed": 0}


def test_the_digest_is_of_the_ids_in_order() -> None:
    assert digest(["b", "a"]) == digest(["a", "b"]) != digest(["a"])
    assert {str(found) for found in Found} == {"missing", "safe", "out", "not_here"}


def test_a_guard_takes_their_own_marks_back_and_no_one_elses(drill: Drill) -> None:
    drill.mark("anna", "safe")
    drill.mark("bert", "safe")
    drill.mark("bert", "safe", by="operator:erik")
    drill.mark("anna", "missing")
    drill.mark("bert", "missing")
    assert drill.found() == {"anna": "missing", "bert": "safe"}
    assert [str(one.mark) for one in drill.now.people["anna"].marks] == ["safe", "missing"]
    drill.mark("anna", "safe")
    assert drill.found()["anna"] == "safe"


def test_marks_count_by_their_own_times_in_whatever_order_they_arrive(drill: Drill) -> None:
    drill.mark("anna", "missing", at=3)
    drill.mark("anna", "safe", at=2)
    assert drill.found()["anna"] == "missing"
    drill.mark("anna", "safe", at=4)
    drill.mark("anna", "safe", at=1)
    assert drill.found()["anna"] == "safe"
    (safe,) = [one for one in drill.now.people["anna"].marks if one.mark == "safe"]
    assert safe.at == drill.started + timedelta(minutes=4)


def test_a_mark_from_before_a_person_went_back_in_does_not_count_when_it_arrives_after(drill: Drill) -> None:
    drill.passes("anna", "main", EXIT)
    drill.passes("anna", "main")
    drill.mark("anna", "safe", at=0)
    assert drill.found()["anna"] == "missing"
