"""A visit and a grant for one entry at a simulated turnstile, with the daemon, its real protocol and a kill."""

from typing import Any

import pytest

from tests.e2e.conftest import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

VISITOR, STAFF = "1A2B3C01", "1A2B3C02"
ENTRY, EXIT = 1, 2


@pytest.fixture
def hall(box: Any, turnstile: Any) -> Any:
    """A turnstile whose exit collects cards; Dana holds its level for one entry, Aigul for good."""
    box.cli("device", "add", "arm", "--driver", "modbus_gate", "--address", turnstile.path, "--option", "profile=lot")
    places = ("--entry", "arm:1", "--exit", "arm:2", "--collects-cards")
    box.cli("portal", "add", "lobby", "--gate", "arm", *places)
    box.cli("level", "add", "hall", "--portal", "lobby")
    box.cli("person", "add", "Aigul", "--badge", "1001", "--level", "hall")
    box.cli("person", "add", "Dana", "--badge", "1002")
    box.cli("level", "grant", "1002", "hall", "--uses", "1")
    box.cli("card", "assign", "1002", STAFF)
    box.start()
    box.wait_for_event("device_online", device="arm")
    return box


def test_a_visit_ends_at_the_card_collector_and_a_use_with_its_passage(hall: Any, turnstile: Any) -> None:
    badge = hall.cli("visitor", "add", "Ivan", "--host", "1001", "--to", "2036-01-01", "--level", "hall")["badge"]
    hall.cli("visitor", "arrive", badge, "--card", VISITOR)

    def state() -> dict[str, Any]:
        found: dict[str, Any] = hall.api().get(f"/visitors/{badge}")
        return found

    turnstile.show(ENTRY, bytes.fromhex(VISITOR))
    hall.wait_for_event("passage_completed", person=badge)
    wait_for(lambda: state()["state"] == "inside", "the visitor to be inside")
    turnstile.show(EXIT, bytes.fromhex(VISITOR))
    wait_for(lambda: state()["state"] == "left", "the visit to end")
    assert (state()["ended_by"], state()["cards"]) == ("card_returned", [])
    assert hall.wait_for_event("visit_ended")["detail"]["how"] == "card_returned"

    def uses_left() -> int:
        (grant,) = hall.api().get("/people/1002")["grants"]
        return int(grant["uses_left"])

    turnstile.show(ENTRY, bytes.fromhex(STAFF))
    granted = hall.wait_for_event("access_granted", person="1002")
    assert granted["detail"]["use_of"] == "hall"
    hall.wait_for_event("passage_completed", person="1002")
    assert uses_left() == 0
    hall.kill()
    hall.start()
    hall.wait_for_event("device_online", after=granted["seq"], device="arm")
    assert uses_left() == 0
    turnstile.show(ENTRY, bytes.fromhex(STAFF))
    denied = hall.wait_for_event("access_denied", person="1002")
    assert (denied["reason"], denied["detail"]["rule"]) == ("no_access_level", "hall")
    assert denied["detail"]["facts"]["state"] == "used-up"
