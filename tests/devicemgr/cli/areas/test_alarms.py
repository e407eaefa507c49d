"""`alarm …` as a guard types it."""

from datetime import UTC, datetime

import pytest

from devicemgr.domain.ledger_events import Fact, Kind


@pytest.fixture
def forced(home, site):
    at = datetime(2026, 11, 28, 10, tzinfo=UTC)
    with site.database.write() as session:
        fact = Fact(Kind.PORTAL_FORCED, at, portal="main", device="gate-1", detail={"cause": "opened by hand"})
        site.ledger.append(session, [fact])


@pytest.mark.usefixtures("home")
def test_without_alarms_it_says_so(cli, done):
    assert (cli("alarm", "list").out, cli("alarm", "history").out) == ("no alarms\n", "no alarms yet\n")
    assert done("alarm", "list") == []


@pytest.mark.usefixtures("forced")
def test_a_guard_lists_acknowledges_and_looks_back(cli, done):
    shown = cli("alarm", "list").out
    assert "portal_forced:main" in shown
    assert "opened by hand" in shown
    refused = cli("alarm", "ack", "portal_forced:main")
    assert (refused.code, "not acknowledged without a comment" in refused.err) == (1, True)
    taken = cli("alarm", "ack", "portal_forced:main", "--comment", "wind; closed")
    assert "acknowledged portal_forced:main: it stays listed while it is active" in taken.out
    (alarm,) = done("alarm", "list")
    assert alarm["acknowledged"]["comment"] == "wind; closed"
    history = cli("alarm", "history").out
    assert "alarm_acknowledged" in history
    assert "wind; closed" in history
    missing = cli("alarm", "ack", "portal_forced:side")
    assert (missing.code, "devicemgr alarm list" in missing.err) == (1, True)
