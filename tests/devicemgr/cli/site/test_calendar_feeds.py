"""Calendars that follow a file on a server: add, refresh, hold, fail, and the site's file; from a real TLS server."""

import json
import sqlite3
from datetime import UTC, date, datetime, timedelta

import pytest

from devicemgr.site.hours.feed_watch import FeedWatch
from tests.support.calendar_server import CalendarServer, answer, ics

DAYS = [(date.today() + timedelta(days=ahead)).isoformat() for ahead in (7, 14, 21, 28)]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    found = CalendarServer(tmp_path_factory.mktemp("server"))
    yield found
    found.close()


@pytest.fixture(autouse=True)
def fresh(server):
    server.reply = answer(ics(*DAYS), "200 OK", 'ETag: "first"')
    server.requests.clear()


@pytest.fixture
def follow(server, home, done):
    """Add calendar `kz`, which follows the server."""
    return lambda *more: done(
        "calendar", "add", "kz", "--ics", server.url, "--tls-ca", server.ca, "--allow-private", *more
    )


@pytest.fixture
def office(done, follow):
    follow()
    return done("schedule", "add", "office", "mon-sun 08:00-18:00", "--timezone", "UTC", "--holiday", "@kz")


def events(cli, kind):
    return [json.loads(line) for line in cli("events", "--kind", kind, "--json").out.splitlines()]


def dates(found):
    return [day["date"] for day in found["days"]]


def test_a_calendar_follows_an_address(server, follow, cli, done):
    found = follow(f"{DAYS[1]} short-day 09:00-13:00", "--every", "12h")
    assert dates(found) == DAYS
    assert [day["kind"] for day in found["days"]] == ["holiday", "short-day", "holiday", "holiday"]
    assert (found["feed"]["url"], found["feed"]["every"], found["feed"]["failure"]) == (server.url, "12h", None)
    (added,) = events(cli, "admin.calendar_added")
    told = {"host": "localhost", "every": "12h", "allow_private": True, "tls_ca": True}
    assert added["detail"]["after"]["feed"] == told
    assert "days.ics" not in cli("events", "--json").out
    assert "every 12h, read" in cli("calendar", "list").out
    shown = cli("calendar", "show", "kz").out
    assert server.url in shown
    assert "the local network" in shown


def test_a_refresh_takes_days_and_records_what_they_open_and_close(server, office, cli, done):
    later = (date.today() + timedelta(days=200)).isoformat()
    server.reply = answer(ics(*DAYS[1:], DAYS[0], later).replace(DAYS[0].replace("-", "").encode(), b"20260101"))
    new = (date.today() + timedelta(days=8)).isoformat()
    server.reply = answer(ics(new, *DAYS[1:], later))
    planned = cli("calendar", "refresh", "kz", "--plan", "--json")
    assert planned.code == 4
    assert not planned.json["applied"]
    assert [(one["date"], one["opens"], one["closes"]) for one in planned.json["hours"]] == [
        (DAYS[0], ["08:00-18:00"], []),
        (new, [], ["08:00-18:00"]),
    ]
    assert dates(done("calendar", "show", "kz")) == DAYS
    assert "would open" in cli("calendar", "refresh", "kz", "--plan").out
    done("calendar", "refresh", "kz")
    assert dates(done("calendar", "show", "kz")) == [new, *DAYS[1:], later]
    (refreshed,) = events(cli, "admin.calendar_refreshed")
    assert refreshed["detail"] == {
        "calendar": "kz",
        "schedules": ["office"],
        "gained": [f"{new} holiday"],
        "lost": [f"{DAYS[0]} holiday"],
        "later": {"gained": 1, "lost": 0},
        "opens": [f"office {DAYS[0]} 08:00-18:00"],
        "closes": [f"office {new} 08:00-18:00"],
        "before": {"days": [f"{DAYS[0]} holiday"]},
        "after": {"days": [f"{new} holiday", f"{later} holiday"]},
    }
    assert "calendar kz, gained 1, lost 1" in cli("events", "--kind", "admin.calendar_refreshed").out
    again = cli("calendar", "refresh", "kz")
    assert (again.code, again.out) == (0, "calendar kz: the file says what is in force\n")
    assert len(events(cli, "admin.calendar_refreshed")) == 1


def test_an_unchanged_file_is_not_sent_again(server, follow, done, cli):
    follow()
    server.reply = answer(b"", "304 Not Modified")
    done("calendar", "refresh", "kz")
    assert 'If-None-Match: "first"' in server.requests[-1]
    found = done("calendar", "show", "kz")
    assert (dates(found), found["feed"]["failure"]) == (DAYS, None)


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (answer(ics()), 1, "no all-day event"),
        (answer(b""), 1, "no all-day event"),
        (answer(b"<html>Sign in</html>"), 1, "can't be read"),
        (answer(b"x", "302 Found", "Location: https://localhost/"), 3, "redirects to another address"),
        (answer(b"", "503 Busy"), 3, "answered 503"),
        (answer(ics(*DAYS).ljust(1024 * 1024 + 1)), 3, "over 1 MB"),
    ],
)
def test_what_can_not_be_read_leaves_the_days(server, follow, done, cli, reply, code, words):
    follow()
    server.reply = reply
    ran = cli("calendar", "refresh", "kz")
    assert ran.code == code
    assert words in ran.error
    found = done("calendar", "show", "kz")
    assert dates(found) == DAYS
    assert words in found["feed"]["failure"]
    assert "not read" in cli("calendar", "list").out
    assert words in cli("calendar", "show", "kz").out.replace("\n", " ")


def test_a_file_that_takes_away_most_days_waits_for_an_admin(server, office, done, cli):
    server.reply = answer(ics(DAYS[3]))
    ran = cli("calendar", "refresh", "kz")
    assert ran.code == 1
    assert "would take away 3 days still to come" in ran.error
    digest = ran.error.split("--accept ")[1].rstrip("`")
    assert dates(done("calendar", "show", "kz")) == DAYS
    (alarm,) = [one for one in cli("status", "--json").json["alarms"] if one["kind"] == "calendar_held"]
    assert (alarm["calendar"], "3 days" in alarm["cause"]) == ("kz", True)
    assert "kz" in cli("status").out
    cli("calendar", "refresh", "kz")
    assert len(events(cli, "calendar_held")) == 1
    assert cli("calendar", "refresh", "kz", "--accept", "000000000000").code == 1
    planned = cli("calendar", "refresh", "kz", "--plan")
    assert planned.code == 4
    assert f"--accept {digest}" in planned.err.replace("\n", " ")
    done("calendar", "refresh", "kz", "--accept", digest)
    assert dates(done("calendar", "show", "kz")) == [DAYS[3]]
    assert [one["kind"] for one in cli("status", "--json").json["alarms"]] == ["daemon_not_running"]
    (ended,) = events(cli, "alarm_ended")
    assert ended["detail"]["alarm"] == "calendar_held"


def test_the_last_day_to_come_is_not_taken_away_either(server, done, follow, cli):
    server.reply = answer(ics(DAYS[0]))
    follow()
    server.reply = answer(ics((date.today().replace(month=1, day=1)).isoformat()))
    assert cli("calendar", "refresh", "kz").code == 1
    assert dates(done("calendar", "show", "kz")) == [DAYS[0]]


def age(home, **ago):
    """Let the last reading of `kz` lie in the past."""
    with sqlite3.connect(home.database) as raw:
        (text,) = raw.execute("SELECT reading FROM calendars").fetchone()
        at = (datetime.now(UTC) - timedelta(**ago)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        raw.execute(
            "UPDATE calendars SET reading = ?", (json.dumps(json.loads(text) | {"read_at": at, "tried_at": at}),)
        )
    raw.close()


def watched(site):
    """Let the daemon's watch look once, and wait for what it starts."""
    watch = FeedWatch(site)
    watch.consider()
    if watch._thread is not None:
        watch._thread.join(30)
    return watch._thread is not None


def test_the_daemon_reads_what_is_due(server, office, home, site, cli, done):
    server.reply = answer(ics(*DAYS[1:]))
    assert not watched(site)
    age(home, hours=23)
    assert not watched(site)
    age(home, hours=25)
    assert watched(site)
    assert dates(done("calendar", "show", "kz")) == DAYS[1:]
    (refreshed,) = events(cli, "admin.calendar_refreshed")
    assert (refreshed["actor"], refreshed["detail"]["lost"]) == (None, [f"{DAYS[0]} holiday"])
    server.reply = answer(b"", "500 Oh")
    age(home, hours=25)
    assert watched(site)
    assert not watched(site)  # a failure is tried again after an hour, not at once
    age(home, hours=2)
    assert watched(site)


def test_a_week_without_success_is_an_event_and_an_alarm_until_it_is_read(server, office, home, site, cli, done):
    server.reply = answer(b"", "503 Busy")
    age(home, days=6)
    watched(site)
    assert (events(cli, "calendar_stale"), cli("status", "--json").code) == ([], 3)
    for _ in range(2):
        age(home, days=8)
        watched(site)
    (stale,) = events(cli, "calendar_stale")
    assert (stale["detail"]["calendar"], "answered 503" in stale["detail"]["cause"]) == ("kz", True)
    (alarm,) = [one for one in cli("status", "--json").json["alarms"] if one["kind"] == "calendar_stale"]
    assert "its days stay as they were" in alarm["cause"]
    (check,) = [one for one in cli("doctor", "--json").json["checks"] if one["check"] == "alarms"]
    assert "calendar_stale kz" in check["detail"]
    server.reply = answer(ics(*DAYS))
    done("calendar", "refresh", "kz")
    (ended,) = events(cli, "alarm_ended")
    assert ended["detail"]["alarm"] == "calendar_stale"
    assert "calendar_stale" not in [one["kind"] for one in cli("status", "--json").json["alarms"]]


def test_days_by_hand_stay_through_readings(server, follow, done, cli):
    follow()
    edited = done("calendar", "edit", "kz", f"{DAYS[0]} working", "2027-05-05 holiday Ours")
    assert edited["days"][0]["kind"] == "working"
    server.reply = answer(ics(*DAYS[:3]))
    done("calendar", "refresh", "kz")
    found = done("calendar", "show", "kz")
    assert (found["days"][0]["kind"], dates(found)[-1]) == ("working", "2027-05-05")
    assert "comes from the file" in cli("calendar", "edit", "kz", "--drop", DAYS[1]).error
    assert done("calendar", "edit", "kz", "--drop", DAYS[0])["days"][0]["kind"] == "holiday"
    kept = done("calendar", "edit", "kz", "--unfollow")
    assert (kept["feed"], dates(kept)) == (None, [*DAYS[:3], "2027-05-05"])
    assert "follows no file" in cli("calendar", "refresh", "kz").error


def test_another_address_is_planned_and_taken(server, office, done, cli):
    server.reply = answer(ics(*DAYS[:3]))
    edit = ("calendar", "edit", "kz", "--ics", server.url + "?2027", "--tls-ca", server.ca, "--allow-private")
    planned = cli(*edit, "--plan", "--json")
    assert planned.code == 4
    assert [one["date"] for one in planned.json["changes"]] == [DAYS[3]]
    assert dates(done("calendar", "show", "kz")) == DAYS
    assert dates(done(*edit)) == DAYS[:3]
    assert done("calendar", "edit", "kz", "--every", "7d")["feed"]["every"] == "7d"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("add", "kz", "--ics", "http://example.com/x.ics"), 1, "give an https address"),
        (("add", "kz", "--ics", "https://127.0.0.1:9/x.ics"), 3, "must be allowed by its owner"),
        (("add", "kz", "--ics", "https://[::ffff:169.254.169.254]/", "--allow-private"), 3, "is never called"),
        (("add", "kz", "--ics", "https://127.0.0.1:9/x.ics", "--allow-private"), 3, "can't be read"),
        (("add", "kz", "--ics", "https://example.com/", "--every", "5m"), 1, "give 1h to 7d"),
        (("add", "kz", "--ics", "https://example.com/", "--every", "often"), 1, "give 1h to 7d"),
        (("add", "kz", "--ics", "htps://example.com/x.ics"), 2, "begins with https://"),
        (("add", "kz", "--every", "24h"), 1, "give its url"),
        (("refresh", "kz"), 1, "there is no calendar 'kz'"),
        (("edit", "kz", "--every", "24h"), 1, "there is no calendar 'kz'"),
    ],
)
def test_what_can_not_be_followed_is_one_line_and_adds_nothing(home, cli, done, arguments, code, words):
    ran = cli("calendar", *arguments)
    assert ran.code == code
    assert words in (ran.error if code != 2 else " ".join(ran.err.split()))
    assert done("calendar", "list") == []


def test_a_followed_calendar_goes_through_the_sites_file(server, office, cli, done, agreed, tmp_path):
    file = tmp_path / "site.toml"
    exported = cli("export").out
    assert f'url = "{server.url}"\nevery = "24h"' in exported
    assert DAYS[0] not in exported
    file.write_text(exported)
    asked = len(server.requests)
    assert cli("apply", file, "--plan").code == 0
    assert len(server.requests) == asked
    server.reply = answer(ics(*DAYS[:3]))
    file.write_text(exported.replace("days.ics", "other.ics"))
    planned = cli("apply", file, "--plan", "--json")
    assert [one["date"] for one in planned.json["hours"]] == [DAYS[3]]
    assert dates(done("calendar", "show", "kz")) == DAYS
    agreed("apply", file)
    found = done("calendar", "show", "kz")
    assert (dates(found), found["feed"]["url"].endswith("other.ics")) == (DAYS[:3], True)
    server.reply = answer(b"", "500 Oh")
    file.write_text(exported.replace("[calendars.kz]", "[calendars.more]"))
    ran = cli("apply", file)
    assert (ran.code, [one["name"] for one in done("calendar", "list")]) == (3, ["kz"])
    file.write_text("[calendars.more]\nevery = '24h'\n")
    assert "add the url" in cli("apply", file).error
