"""`calendar …`, schedules that name calendars, `--plan`, and the site's file."""

import json
from datetime import date, timedelta

import pytest


@pytest.fixture
def soon():
    """A coming Wednesday and Saturday within the days that a plan looks at."""
    today = date.today()
    wednesday = today + timedelta(days=(2 - today.weekday()) % 7 + 7)
    return wednesday.isoformat(), (wednesday + timedelta(days=3)).isoformat()


@pytest.fixture
def office(entrance, done, soon):
    done("calendar", "add", "kz", f"{soon[0]} holiday Independence Day")
    return done("schedule", "add", "office", "mon-fri 08:00-18:00", "--timezone", "UTC", "--holiday", "@kz")


def events(cli, kind):
    return [json.loads(line) for line in cli("events", "--kind", kind, "--json").out.splitlines()]


def test_a_calendar_is_added_shown_edited_and_removed(home, done, cli, soon):
    wednesday, saturday = soon
    day = {"date": wednesday, "kind": "holiday", "hours": None, "name": "Independence Day"}
    found = done("calendar", "add", "kz", f"{wednesday} holiday Independence Day")
    assert found == {"name": "kz", "days": [day], "schedules": [], "feed": None}
    assert done("calendar", "list") == [found] == [done("calendar", "show", "kz")]
    assert wednesday in cli("calendar", "list").out
    assert "Independence Day" in cli("calendar", "show", "kz").out
    edited = done("calendar", "edit", "kz", f"{saturday} short-day 09:00-13:00", f"{wednesday} working")
    assert [(one["kind"], one["hours"]) for one in edited["days"]] == [("working", None), ("short-day", "09:00-13:00")]
    assert [one["date"] for one in done("calendar", "edit", "kz", "--drop", wednesday)["days"]] == [saturday]
    assert done("calendar", "remove", "kz", "--yes")["removed"]
    assert done("calendar", "list") == []
    (added,), (removed,) = events(cli, "admin.calendar_added"), events(cli, "admin.calendar_removed")
    assert added["detail"]["after"]["days"] == [f"{wednesday} holiday"]
    assert removed["detail"]["before"]["days"] == [f"{saturday} short-day 09:00-13:00"]
    changes = {
        (tuple(one["detail"]["before"]["days"]), tuple(one["detail"]["after"]["days"]))
        for one in events(cli, "admin.calendar_edited")
    }
    assert changes == {
        ((f"{wednesday} holiday",), (f"{wednesday} working", f"{saturday} short-day 09:00-13:00")),
        ((f"{wednesday} working",), ()),
    }
    assert "Independence" not in cli("events", "--json").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("calendar", "add", "kz", "2026-12-16"), "calendar 'kz' exists"),
        (("calendar", "add", "Kaz Days"), "is not a short name"),
        (("calendar", "add", "other", "16.12.2026"), "does not begin with a date"),
        (("calendar", "add", "other", "2026-12-16", "2026-12-16 working"), "given twice"),
        (("calendar", "edit", "other", "2026-12-16"), "there is no calendar 'other'; `devicemgr calendar list`"),
        (("calendar", "edit", "kz", "--drop", "2000-01-01"), "has no day"),
        (
            ("calendar", "remove", "kz", "--yes"),
            "schedule 'office' uses calendar 'kz'; `devicemgr schedule edit office`",
        ),
        (("schedule", "edit", "office", "--holiday", "@nowhere"), "there is no calendar 'nowhere'"),
        (("schedule", "edit", "office", "--holiday", "@nowhere", "--plan"), "there is no calendar 'nowhere'"),
        (("schedule", "edit", "office", "--holiday", "16.12.2026"), "or @NAME for the days of a calendar"),
        (("schedule", "edit", "nothing", "--holiday", "@kz", "--plan"), "there is no schedule 'nothing'"),
        (("calendar", "edit", "other", "2026-12-16", "--plan"), "there is no calendar 'other'"),
    ],
)
def test_what_can_not_be_is_one_line_and_changes_nothing(office, cli, done, arguments, words):
    before = done("calendar", "list"), done("schedule", "list")
    ran = cli(*arguments)
    assert ran.code == 1
    assert words in ran.error
    assert (done("calendar", "list"), done("schedule", "list")) == before


def test_a_plan_shows_what_opens_and_closes_and_changes_nothing(office, cli, done, soon):
    wednesday, saturday = soon
    edit = ("calendar", "edit", "kz", f"{saturday} working", "--drop", wednesday)
    expected = [
        {"schedule": "office", "date": wednesday, "opens": ["08:00-18:00"], "closes": []},
        {"schedule": "office", "date": saturday, "opens": ["08:00-18:00"], "closes": []},
    ]
    before = done("calendar", "show", "kz")
    planned = cli(*edit, "--plan", "--json")
    assert (planned.code, planned.json) == (4, {"days": 90, "changes": expected})
    assert saturday in cli(*edit, "--plan").out
    assert done("calendar", "show", "kz") == before
    done(*edit)
    again = cli("calendar", "edit", "kz", f"{saturday} working Shifted", "--plan")
    assert (again.code, again.out) == (0, "opens and closes nothing in the next 90 days; nothing was changed\n")
    planned = cli("schedule", "edit", "office", "mon-fri 09:00-18:00", "--plan", "--json")
    assert planned.code == 4
    assert {tuple(one["closes"]) for one in planned.json["changes"]} == {("08:00-09:00",)}
    assert done("schedule", "show", "office")["windows"] == ["mon-fri 08:00-18:00"]


def test_a_calendar_goes_through_the_sites_file(office, cli, done, agreed, tmp_path, soon):
    wednesday, saturday = soon
    file = tmp_path / "site.toml"
    exported = cli("export").out
    assert f'[calendars.kz]\ndays = ["{wednesday} holiday Independence Day"]' in exported
    assert 'holidays = ["@kz"]' in exported
    file.write_text(exported)
    assert cli("apply", file, "--plan").code == 0
    file.write_text(exported.replace(f"{wednesday} holiday Independence Day", f"{saturday} working"))
    planned = cli("apply", file, "--plan", "--json")
    assert planned.code == 4
    assert [(one["date"], one["opens"]) for one in planned.json["hours"]] == [
        (wednesday, ["08:00-18:00"]),
        (saturday, ["08:00-18:00"]),
    ]
    assert saturday in cli("apply", file, "--plan").out
    assert done("calendar", "show", "kz")["days"][0]["date"] == wednesday
    agreed("apply", file)
    assert [one["date"] for one in done("calendar", "show", "kz")["days"]] == [saturday]
    done("calendar", "add", "empty")
    assert cli("export").out.count("[calendars.") == 2
    file.write_text("[calendars.kz]\n")
    agreed("apply", file, "--prune", "--yes")
    assert [one["name"] for one in done("calendar", "list")] == ["kz"]


ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20201216
RRULE:FREQ=YEARLY
SUMMARY:Independence Day
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART:20200101T090000
DTEND:20200101T100000
RRULE:FREQ=YEARLY
SUMMARY:Meeting
END:VEVENT
END:VCALENDAR
"""


def test_days_of_a_calendar_file(home, done, cli, tmp_path):
    file, year = tmp_path / "days.ics", date.today().year
    file.write_text(ICS)
    added = cli("calendar", "add", "kz", f"{year}-12-05 working", "--ics", file)
    assert (added.code, added.out) == (0, "added calendar kz: 4 days; name it by --holiday @kz\n")
    assert "left out 3 events" in added.err
    assert f"until {year + 2}-12-31" in added.err
    days = done("calendar", "show", "kz")["days"]
    assert [day["date"] for day in days] == [
        f"{year}-12-05",
        *(f"{one}-12-16" for one in (year, year + 1, year + 2)),
    ]
    file.write_text(ICS.replace("20201216", "20201217"))
    assert len(done("calendar", "edit", "kz", "--ics", file, "--drop", f"{year}-12-16")["days"]) == 6
    assert len(done("calendar", "edit", "kz", f"{year}-12-17 working Moved", "--ics", file)["days"]) == 6
    assert "Moved" in cli("calendar", "show", "kz").out
    ran = cli("calendar", "add", "de", "--ics", tmp_path / "nothing.ics")
    assert (ran.code, "can't be read" in ran.error) == (1, True)
    assert cli("calendar", "edit", "kz").code == 2


def test_holidays_of_a_country_are_to_be_checked(home, done, cli):
    added = cli("calendar", "add", "kz", "--country", "kz")
    assert added.code == 0
    assert "check them" in added.err
    year = date.today().year
    days = {(day["date"], day["kind"]) for day in done("calendar", "show", "kz")["days"]}
    assert {(f"{one}-12-16", "holiday") for one in (year, year + 1, year + 2)} <= days
    ran = cli("calendar", "add", "xx", "--country", "XX")
    assert ran.code == 1
    assert "no holidays are known for 'XX'" in ran.error


def test_doctor_reminds_of_a_calendar_in_use_that_ends_soon(office, done, cli, soon):
    def row():
        return next(one for one in cli("doctor", "--json").json["checks"] if one["check"] == "calendars")

    assert row()["ok"]
    assert row()["detail"].startswith(f"calendar 'kz' has no day after {soon[0]}; add those of the coming year")
    assert row()["hint"] == {"code": "edit_calendar", "args": {"name": "kz"}}
    done("calendar", "edit", "kz", f"{date.today() + timedelta(days=200)} holiday")
    assert row()["detail"] == "those in use reach over the next 30 days"
    done("calendar", "add", "unused")
    assert row()["hint"] is None
