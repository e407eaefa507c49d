"""`access …` and the guard's part of `zone …`, as they are typed."""

import pytest

from devicemgr.domain.ledger_events import Fact, Kind, Reason
from devicemgr.domain.model import Direction
from devicemgr.text import parse_time


@pytest.fixture
def building(entrance, done):
    done("zone", "add", "building", "--anti-passback", "hard", "--max", "40")
    done("portal", "edit", "main", "--outside", "outside", "--inside", "building")
    done("person", "add", "Aigul Serik", "--badge", "7", "--level", "staff")
    done("person", "add", "Dana", "--badge", "8")


@pytest.mark.usefixtures("building")
def test_a_guard_asks_whether_someone_would_pass(cli, done):
    granted = cli("access", "try", "7", "main", "--with", "card")
    assert granted.code == 0
    assert granted.out.startswith("7 would be granted entry at main\n")
    refused = cli("access", "try", "8", "main", "--with", "card")
    assert "8 would be refused: no_access_level" in refused.out
    assert "OBJECTS" in refused.out
    assert "what would help: a level that covers portal main: staff" in refused.out
    assert not done("access", "try", "8", "main", "--with", "card")["granted"]
    for wrong, words in (
        (("access", "try", "9", "main"), "9"),
        (("access", "try", "7", "side"), "no portal 'side'"),
        (("access", "try", "7", "main", "--with", "smile"), "face, card, pin"),
        (("access", "try", "7", "main", "--at", "noon"), "not a time"),
        (("access", "why", "4711"), "devicemgr events --kind 'access_*'"),
    ):
        answer = cli(*wrong)
        assert (answer.code, words in answer.err) == (1, True), (wrong, answer.err)


@pytest.mark.usefixtures("building")
def test_a_refusal_on_record_is_explained(cli, site):
    at = parse_time("2026-11-30T07:00:00Z")
    where = {"portal": "main", "direction": Direction.ENTRY, "request": "r-1"}
    with site.database.write() as session:
        seq = site.ledger.append(session, [Fact(Kind.ACCESS_DENIED, at, reason=Reason.UNKNOWN_FACE, **where)])[-1].seq
    shown = cli("access", "why", str(seq)).out
    assert "an unknown person at main on 2026-11-30 07:00:00 UTC was refused: unknown_face" in shown
    assert cli("access", "why", "r-1").out == shown


@pytest.mark.usefixtures("building")
def test_a_zone_is_counted_and_forgiven(cli, done):
    assert done("zone", "count", "building", "37") == {"zone": "building", "count": 37}
    assert "37 of 40" in cli("zone", "show", "building").out
    assert "37 of 40" in cli("zone", "people", "building").out
    shown = done("zone", "show", "building")
    assert (shown["count"], shown["max"], shown["people"], shown["unnamed"], shown["unsure"]) == (37, 40, [], 37, False)
    assert "7 counts as nowhere known" in cli("zone", "forgive", "7", "--reason", "fire exit").out
    assert done("zone", "forgive", "--zone", "building", "--reason", "x")["zone"] == "building"
    assert done("zone", "forgive", "--all", "--reason", "x")["zone"] is None
    assert cli("zone", "forgive", "--all", "7", "--reason", "x").code == 2
    assert cli("zone", "forgive", "--reason", "x").code == 2
    assert cli("zone", "forgive", "7").code == 2
    assert done("zone", "show", "building")["count"] == 0
