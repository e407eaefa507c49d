"""/calendars: replaced by PUT, edited by PATCH, guarded by If-Match; and a decision follows them at once."""

from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.access.policy_cache import Rulebook
from devicemgr.domain.rules.schedules import is_open

DAY = {"date": "2026-12-16", "kind": "holiday", "hours": None, "name": "Independence Day"}


def test_put_adds_and_replaces_all_days(http):
    assert http.put("/calendars/kz", json={"days": [DAY]}).status_code == 201
    before = http.get("/calendars/kz")
    again = http.put("/calendars/kz", json={"days": [DAY]}, headers={"If-Match": before.headers["ETag"]})
    assert (again.status_code, http.get("/calendars/kz").headers["ETag"]) == (200, before.headers["ETag"])
    short = {"date": "2026-12-31", "kind": "short-day", "hours": "9:00-16:00", "name": ""}
    changed = http.put("/calendars/kz", json={"days": [short]})
    assert changed.json() == {"name": "kz", "days": [short | {"hours": "09:00-16:00"}], "schedules": [], "feed": None}
    stale = http.patch("/calendars/kz", json={"drop": ["2026-12-31"]}, headers={"If-Match": before.headers["ETag"]})
    assert stale.status_code == 412
    assert http.get("/calendars/kz").json()["days"] == changed.json()["days"]


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ({"date": "2026-12-16", "hours": "09:00-16:00"}, "only a short-day has"),
        ({"date": "2026-12-16", "kind": "short-day"}, "needs its hours"),
        ({"date": "16 Dec"}, "does not begin with a date"),
    ],
)
def test_a_day_that_can_not_be_is_refused(http, day, words):
    answer = http.post("/calendars", json={"name": "kz", "days": [day]})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert http.get("/calendars").json() == []


def test_the_rules_in_force_follow_a_calendar(http, site):
    at = datetime(2026, 12, 16, 12, tzinfo=UTC)
    http.put("/calendars/kz", json={"days": []})
    fields = {"windows": ["mon-fri 08:00-18:00"], "timezone": "UTC", "holidays": ["@kz"]}
    assert http.post("/schedules", json={"name": "office", **fields}).status_code == 201
    rules = Rulebook(site.database, site.parts.catalog)
    assert is_open(rules.refresh().schedules["office"], at)
    http.patch("/calendars/kz", json={"days": [DAY]})
    assert not is_open(rules.refresh().schedules["office"], at)
    assert is_open(rules.refresh().schedules["office"], at + timedelta(days=1))
