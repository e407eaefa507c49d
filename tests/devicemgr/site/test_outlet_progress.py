"""What `status` shows of outlets."""

from datetime import UTC, datetime

from devicemgr.domain.ledger_events import Fact
from devicemgr.site.outlets import changes, progress
from devicemgr.site.outlets.fields import checked_fields
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.ledger import events
from devicemgr.store.outlets import rows


def test_an_outlet_that_fails_is_behind_and_an_alarm(site):
    with unit_of_work(site, "uid:0") as work:
        changes.add_outlet(work, "hr", checked_fields({"kind": "webhook", "url": "https://hr.example/hooks"}))
    (before,) = progress.listed(site.database)
    with site.database.write(changes_site=False) as session:
        events.append(session, [Fact("rex_pressed", datetime(2026, 1, 1, tzinfo=UTC))] * 3)
        rows.move(session, "hr", 1, 1, {})
    (one,) = progress.listed(site.database)
    assert (one["name"], one["kind"], one["state"], one["cause"]) == ("hr", "webhook", "ok", None)
    assert one["lag_events"] == before["lag_events"] + 2 == 3
    assert one["lag_s"] > 86400
    assert progress.alarms(site.database) == []
    with site.database.write(changes_site=False) as session:
        rows.report(session, "hr", 1, "hr.example is not reached")
    (alarm,) = progress.alarms(site.database)
    assert (alarm["kind"], alarm["outlet"], alarm["cause"]) == ("outlet_failing", "hr", "hr.example is not reached")
    (one,) = progress.listed(site.database)
    assert (one["state"], one["cause"]) == ("failing", "hr.example is not reached")
    with unit_of_work(site, "uid:0") as work:
        changes.pause(work, "hr", is_paused=True)
    assert progress.alarms(site.database) == []
    assert progress.listed(site.database)[0]["state"] == "paused"
