"""Days of iCalendar files: as RFC 5545 writes them, and hostile ones that must end."""

from datetime import date, time

import pytest

from devicemgr.domain.model import DayKind
from devicemgr.errors import InvalidInput
from devicemgr.site.hours import icalendar_file
from devicemgr.site.hours.icalendar_file import read_calendar_file

TODAY = date(2026, 11, 30)
HOSTILE_ZONE = """BEGIN:VTIMEZONE
TZID:Nowhere
BEGIN:STANDARD
DTSTART:16010101T000000
TZOFFSETFROM:+0500
TZOFFSETTO:+0500
RRULE:FREQ=SECONDLY
END:STANDARD
END:VTIMEZONE
X-WR-TIMEZONE:Nowhere
"""


def ics(*events, more=""):
    parts = [f"BEGIN:VEVENT\nUID:{number}\n{event}\nEND:VEVENT\n" for number, event in enumerate(events)]
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{more}{''.join(parts)}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


def days(*events, more=""):
    return [f"{day.date} {day.kind}" for day in read_calendar_file(ics(*events, more=more), TODAY).days]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        # RFC 5545, 3.6.1: a date without an end is that day; DTEND is exclusive.
        ("DTSTART;VALUE=DATE:20261216", ["2026-12-16 holiday"]),
        ("DTSTART;VALUE=DATE:20261216\nDTEND;VALUE=DATE:20261218", ["2026-12-16 holiday", "2026-12-17 holiday"]),
        ("DTSTART;VALUE=DATE:20261216\nDURATION:P2D", ["2026-12-16 holiday", "2026-12-17 holiday"]),
        ("DTSTART;VALUE=DATE:20261216\nRDATE;VALUE=DATE:20270101", ["2026-12-16 holiday", "2027-01-01 holiday"]),
        (
            "DTSTART;VALUE=DATE:20201216\nRRULE:FREQ=YEARLY\nEXDATE;VALUE=DATE:20271216",
            ["2026-12-16 holiday", "2028-12-16 holiday"],
        ),
        (
            "DTSTART;VALUE=DATE:19970101\nRRULE:FREQ=YEARLY;BYMONTH=1;BYDAY=1MO",
            ["2026-01-05 holiday", "2027-01-04 holiday", "2028-01-03 holiday"],
        ),
        ("DTSTART;VALUE=DATE:20261205\nCATEGORIES:Office,WORKING-DAY", ["2026-12-05 working"]),
        ("DTSTART;VALUE=DATE:20261205\nSUMMARY:Working Sat\n urday", ["2026-12-05 working"]),
        ("DTSTART;VALUE=DATE:20261205\nSUMMARY:Non-working day", ["2026-12-05 holiday"]),
        # From midnight to midnight, as some programs write whole days.
        ("DTSTART;TZID=Nowhere:20261205T000000\nDTEND;TZID=Nowhere:20261206T000000", ["2026-12-05 holiday"]),
        ("DTSTART;TZID=Asia/Almaty:20261205T000000\nDTEND;TZID=Asia/Almaty:20261206T000000", ["2026-12-05 holiday"]),
    ],
)
def test_days_of_an_event(event, expected):
    assert days(event, more=HOSTILE_ZONE) == expected


def test_a_short_day_has_the_hours_of_its_event_and_other_times_are_left_out():
    read = read_calendar_file(
        ics(
            "DTSTART;TZID=Asia/Almaty:20261231T090000\nDTEND;TZID=Asia/Almaty:20261231T160000\nCATEGORIES:SHORT-DAY",
            "DTSTART:20261230T180000\nDTEND:20261231T000000\nSUMMARY:Short day before the holiday",
            "DTSTART:20261229T090000Z\nDTEND:20261229T100000Z\nSUMMARY:Meeting",
            "DTSTART:20261228T000000Z\nDTEND:20261229T000000Z\nSUMMARY:A day of Greenwich",
            "DTSTART;VALUE=DATE:20261227\nSUMMARY:Short day",
            "DTSTART;VALUE=DATE:20261226\nSTATUS:CANCELLED",
        ),
        TODAY,
    )
    assert [(day.date.day, day.kind, day.hours) for day in read.days] == [
        (30, DayKind.SHORT, (time(18), time(0))),
        (31, DayKind.SHORT, (time(9), time(16))),
    ]
    assert read.left_out == [
        "left out 2 events that begin at a time of day",
        "left out 1 short day without hours; give them by hand",
    ]
    assert read.until == date(2028, 12, 31)


def test_of_two_on_one_date_what_keeps_more_closed_counts():
    working, holiday = ("DTSTART;VALUE=DATE:20261205\nSUMMARY:" + title for title in ("Working day", "Feast"))
    assert days(working, holiday) == days(holiday, working) == ["2026-12-05 holiday"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no all-day event"),
        (b"hello", "can't be read"),
        (b"\xff\xfeB\x00", "can't be read"),
        (b"BEGIN:VCALENDAR\r\n" * 3000, "no all-day event"),
        (b"BEGIN:VTIMEZONE\r\n" * 30000, "no all-day event"),
        (b"x" * (1024 * 1024 + 1), "over 1 MB"),
        (ics("DTSTART:tomorrow"), "can't be read"),
        (ics("SUMMARY:Never"), "without a date"),
        (ics("DTSTART;VALUE=DATE:00010101\nRRULE:FREQ=DAILY"), "without a date since 1900"),
        (ics("DTSTART;VALUE=DATE:20261216\nRRULE:FREQ=SECONDLY"), "does not repeat by days"),
        (ics("DTSTART;VALUE=DATE:20261216\nRRULE:FREQ=DAILY;INTERVAL=0"), "does not repeat by days"),
        (ics("DTSTART;VALUE=DATE:20261216\nRRULE:FREQ=DAILY;BYHOUR=1,2;BYSECOND=1,2"), "does not repeat by days"),
        (ics("DTSTART;VALUE=DATE:20261216\nRRULE:COUNT=3"), "can't be read"),
        (ics("DTSTART;VALUE=DATE:19000101\nDTEND;VALUE=DATE:99991231"), "can't be read"),
        (ics("DTSTART:20261231T220000\nDTEND:20270101T040000\nSUMMARY:Short day"), "not within one day"),
        (ics(*["DTSTART;VALUE=DATE:20261216"] * 5001), "over 5000 events"),
    ],
)
def test_what_is_no_calendar_file_is_refused_in_one_line(content, words):
    with pytest.raises(InvalidInput) as caught:
        read_calendar_file(content, TODAY)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


def test_a_billion_of_days_ends_with_the_years_that_are_read():
    found = days("DTSTART;VALUE=DATE:20201216\nRRULE:FREQ=DAILY;COUNT=1000000000")
    assert (found[0], found[-1], len(found)) == ("2026-01-01 holiday", "2028-12-31 holiday", 1096)


def test_rules_that_never_come_true_are_given_up(monkeypatch):
    monkeypatch.setattr(icalendar_file, "MAX_EXPANSION_S", 0.5)
    event = "DTSTART;VALUE=DATE:20201216\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"
    with pytest.raises(InvalidInput, match="take too long"):
        read_calendar_file(ics(*[event] * 20), TODAY)
