"""Reports by mail: at their time by the site's clock, once, also where they come late."""

import csv
import io
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from devicemgr.domain.rules.outgoing.reports import OF_PERSONS, Every, Report, days_of, last_due
from devicemgr.errors import SwitchedOff
from devicemgr.operations.reports import catalog
from devicemgr.operations.reports.scheduled import report_file
from devicemgr.outlets.mail import outbox as mail_outbox
from devicemgr.outlets.runner import Outlets
from devicemgr.site.outlets import changes
from devicemgr.site.outlets.fields import checked_fields
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.ledger import events
from devicemgr.store.outlets import rows
from devicemgr.store.site import settings
from tests.support.webhook_receiver import wait_until

BERLIN = ZoneInfo("Europe/Berlin")
DENIALS = {"report": "denials", "every": "day", "at": "07:00", "format": "csv"}


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("every", "clock", "now", "on"),
    [
        ("day", "07:00", "2026-11-30T05:59:59", "2026-11-29"),
        ("day", "07:00", "2026-11-30T06:00:00", "2026-11-30"),
        ("week", "07:00", "2026-11-30T05:59:59", "2026-11-23"),
        ("week", "07:00", "2026-11-30T06:00:00", "2026-11-30"),
        ("month", "07:00", "2026-12-01T05:59:59", "2026-11-01"),
        ("month", "07:00", "2027-01-01T06:00:00", "2027-01-01"),
        # Summer time begins on 2026-03-29: 02:30 is left out, and 07:00 comes an hour of UTC sooner.
        ("day", "02:30", "2026-03-29T01:29:59", "2026-03-28"),
        ("day", "02:30", "2026-03-29T01:30:00", "2026-03-29"),
        ("day", "07:00", "2026-03-29T04:59:59", "2026-03-28"),
        ("day", "07:00", "2026-03-29T05:00:00", "2026-03-29"),
        # It ends on 2026-10-25: 02:30 comes twice, and the first one counts.
        ("day", "02:30", "2026-10-25T00:30:00", "2026-10-25"),
        ("day", "02:30", "2026-10-25T01:30:00", "2026-10-25"),
        ("day", "00:00", "2026-10-24T22:00:00", "2026-10-25"),
        ("day", "23:59", "2026-10-25T22:58:59", "2026-10-24"),
    ],
)
def test_when_a_report_leaves(every, clock, now, on):
    assert last_due(Every(every), time.fromisoformat(clock), BERLIN, at(now)).isoformat() == on


def test_each_report_of_a_year_leaves_once():
    """Hour by hour, the day that is due never goes back, and each day comes."""
    for clock in ("02:30", "00:00", "23:59"):
        hours = (at("2026-01-01T00:00:00") + timedelta(hours=hour) for hour in range(24 * 365))
        found = [last_due(Every.DAY, time.fromisoformat(clock), BERLIN, now) for now in hours]
        assert found == sorted(found)
        assert len(set(found)) in (365, 366)


def test_of_which_days_a_report_is():
    assert days_of(Every.DAY, date(2026, 3, 1)) == (date(2026, 2, 28), date(2026, 2, 28))
    assert days_of(Every.WEEK, date(2026, 11, 30)) == (date(2026, 11, 23), date(2026, 11, 29))
    assert days_of(Every.MONTH, date(2028, 3, 1)) == (date(2028, 2, 1), date(2028, 2, 29))


def test_the_reports_are_those_of_the_catalog():
    assert {str(one) for one in Report} == set(catalog.REPORTS)
    for name in Report:
        assert (name in OF_PERSONS) == (name in ("presence", "first-last", "hours"))


@pytest.fixture
def clock(monkeypatch):
    """What outboxes take for the time; clock.now is to be set."""

    class Clock:
        now = at("2026-11-30T06:30:00")

    monkeypatch.setattr(mail_outbox, "now_s", lambda: Clock.now.timestamp())  # noqa: PLW0108 - it moves
    return Clock


@pytest.fixture
def outlets(site, record):
    """outlets(): the outboxes as the daemon runs them, with reports."""
    found = []

    with site.database.read() as session:
        site.ledger.feed.begin(events.head(session)[0])

    def make():
        found.append(Outlets(site, report_maker=report_file))
        found[-1].start()
        found[-1].consider()
        return found[-1]

    yield make
    for one in found:
        one.stop(5)


def set_site(site, **fields):
    with site.database.write(changes_site=False) as session:
        settings.save(session, settings.load(session).model_copy(update=fields))


def begun(site, now):
    """Let the outlet's reports leave from a time on."""
    with site.database.write(changes_site=False) as session:
        row = rows.outlet(session, "hr")
        row.state = {**row.state, "reports_since": now.isoformat()}


def turn(running, sent_on, row_of):
    running._running["hr"].wake()
    wait_until(lambda: row_of().get("reports") == {"denials day 07:00 csv": sent_on}, f"that {sent_on} has left")


def test_a_report_leaves_at_its_time_and_once(server, add_mail, site, clock, outlets, row_of):
    set_site(site, timezone="Asia/Almaty")  # 07:00 is 02:00 UTC
    add_mail(server.url, kinds=["none"], reports=[DENIALS])
    begun(site, clock.now)
    running = outlets()
    clock.now = at("2026-12-01T01:59:59")
    running._running["hr"].wake()
    record_turns(running)
    assert server.taken == []
    clock.now = at("2026-12-01T02:00:00")
    turn(running, "2026-12-01", row_of)
    (taken,) = server.taken
    (file,) = taken.mail.iter_attachments()
    assert file.get_filename() == "denials-2026-11-30-2026-11-30.csv"
    assert "2026-11-30 00:00:00+05:00" in taken.subject
    assert taken.id.startswith("<devicemgr.")
    record_turns(running)
    running.stop(5)
    again = outlets()
    record_turns(again)
    assert len(server.taken) == 1, "once, over a restart"
    clock.now = at("2026-12-05T12:00:00")
    turn(again, "2026-12-05", row_of)
    assert len(server.taken) == 2, "one where several times have gone by"


def record_turns(running):
    """Wait until the outbox has looked once more."""
    box = running._running["hr"]
    seen = []
    real = box._send_reports
    box._send_reports = lambda: (real(), seen.append(1))
    box.wake()
    wait_until(lambda: seen, "a turn")


def test_a_daemon_that_was_off_sends_it_when_it_is_back(server, add_mail, site, clock, outlets, row_of):
    set_site(site, timezone="Asia/Almaty")
    add_mail(server.url, kinds=["none"], reports=[DENIALS])
    begun(site, at("2026-11-30T01:00:00"))
    clock.now = at("2026-11-30T09:00:00")
    turn(outlets(), "2026-11-30", row_of)
    assert len(server.taken) == 1


def test_a_report_holds_what_has_happened_and_names_only_if_stated(server, add_mail, site, clock, outlets, record):
    clock.now = datetime.now(UTC).replace(hour=0, minute=1)
    set_site(site, timezone="UTC")
    yesterday = datetime.fromtimestamp(clock.now.timestamp() - 3600, UTC)
    record(3, "access_denied", reason="suspended")
    add_mail(server.url, kinds=["none"], reports=[{**DENIALS, "at": "00:00"}])
    begun(site, yesterday)
    clock.now = datetime.fromtimestamp(clock.now.timestamp() + 86_400, UTC)
    outlets()
    server.wait(lambda: server.taken, "a report")
    (file,) = server.taken[0].mail.iter_attachments()
    found = list(csv.DictReader(io.StringIO(file.get_content().lstrip("\ufeff"))))
    assert found[0]["reason"] == "suspended"
    assert found[0]["count"] == "3"
    assert "name" not in found[0]


def test_reports_of_persons_need_attendance_as_the_command_does(server, add_mail, site, clock, outlets, kinds_of):
    hours = {"report": "hours", "every": "day", "at": "07:00", "format": "xlsx"}
    with pytest.raises(SwitchedOff, match="attendance is off"):
        add_mail(server.url, reports=[hours])
    set_site(site, attendance=True, timezone="Asia/Almaty")
    add_mail(server.url, kinds=["none"], fields=["name"], reports=[hours])
    begun(site, at("2026-11-30T01:00:00"))
    clock.now = at("2026-11-30T09:00:00")
    running = outlets()
    server.wait(lambda: server.taken, "a report")
    (file,) = server.taken[0].mail.iter_attachments()
    assert file.get_filename() == "hours-2026-11-29-2026-11-29.xlsx"
    assert file.get_content()[:2] == b"PK"
    made = wait_until(lambda: kinds_of("admin.report_made"), "that it is recorded")[0]
    assert (made["actor"], made["detail"]["report"]) == ("outlet:hr", "hours")
    set_site(site, attendance=False)
    clock.now = at("2026-12-01T09:00:00")
    running._running["hr"].wake()
    failing = wait_until(lambda: kinds_of("outlet_failing"), "an alarm")[0]
    assert "attendance is off" in failing["detail"]["cause"]
    assert len(server.taken) == 1
    set_site(site, attendance=True)
    clock.now = at("2026-12-01T09:06:00")
    running._running["hr"].wake()
    server.wait(lambda: len(server.taken) == 2, "the report, once it is on again")


def test_a_report_that_fails_holds_up_no_alarm(server, add_mail, site, clock, outlets, record, kinds_of):
    set_site(site, timezone="Asia/Almaty")
    server.data = lambda number: "250 ok" if len(server.refuses) == 0 else server.refuses.pop()
    server.refuses = ["552 5.3.4 too large"] * 10
    add_mail(server.url, reports=[DENIALS], kinds=["tamper"])
    begun(site, at("2026-11-30T01:00:00"))
    clock.now = at("2026-11-30T09:00:00")
    outlets()
    wait_until(lambda: len(server.refuses) < 10, "a refusal")
    server.refuses.clear()
    record(1, "tamper")
    server.wait(lambda: any("tampered" in taken.subject for taken in server.taken), "an alarm")


def test_an_edit_sends_no_report_again_and_a_new_one_from_now_on(server, add_mail, site, clock, outlets, row_of):
    set_site(site, timezone="Asia/Almaty")
    add_mail(server.url, kinds=["none"], reports=[DENIALS])
    begun(site, at("2026-11-30T01:00:00"))
    clock.now = at("2026-11-30T09:00:00")
    running = outlets()
    turn(running, "2026-11-30", row_of)
    with unit_of_work(site, "uid:0") as work:
        row = rows.outlet(work.session, "hr")
        stated = {**row.stated, "language": "ru", "reports": [DENIALS, {**DENIALS, "every": "week"}]}
        changes.put_outlet(work, "hr", checked_fields(stated))
    begun(site, clock.now)
    running.consider()
    record_turns(running)
    assert len(server.taken) == 1, "neither"
    clock.now = at("2026-12-07T09:00:00")
    record_turns(running)
    server.wait(lambda: len(server.taken) == 3, "both")
    names = {file.get_filename() for taken in server.taken[1:] for file in taken.mail.iter_attachments()}
    assert names == {"denials-2026-12-06-2026-12-06.csv", "denials-2026-11-30-2026-12-06.csv"}
