"""Names and numbers in; safe text out."""

import unicodedata
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from devicemgr import text
from devicemgr.errors import InvalidInput

ANY = st.text(st.characters(), max_size=100)


@given(ANY)
def test_nothing_that_is_shown_moves_a_cursor_or_turns_a_line(given_text):
    shown = text.safe(given_text)
    assert all(unicodedata.category(c) not in ("Cc", "Zl", "Zp", "Cs") for c in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")


@given(st.text(max_size=50), st.integers(0, 20))
def test_what_is_shown_is_bounded(given_text, limit):
    assert len(text.safe(given_text, limit)) <= 10 * limit + 1


@given(ANY)
def test_a_name_is_refused_or_normal(name):
    try:
        found = text.person_name(name)
    except InvalidInput:
        return
    assert text.person_name(found) == found
    assert unicodedata.is_normalized("NFC", found)
    assert text.safe(found) == found


@given(ANY)
def test_a_badge_is_refused_or_fit_for_a_path_and_a_shell_word(badge):
    try:
        found = text.badge(badge)
    except InvalidInput:
        return
    assert text.badge(found) == found
    assert 1 <= len(found) <= 64
    assert not set(found) & set(" /\\'\"$`;&|<>*?()[]{}!\n\t\0")
    assert not found.startswith(("-", "."))


@given(ANY)
def test_a_slug_is_refused_or_plain_ascii(name):
    try:
        found = text.slug("portal", name)
    except InvalidInput as error:
        refusal = str(error)
    else:
        refusal = ""
        assert found.isascii()
        assert found == found.lower()
    assert len(refusal.splitlines()) <= 1


@given(st.datetimes(timezones=st.timezones()))
def test_times_come_back_to_the_millisecond(moment):
    try:
        written = text.rfc3339(moment)
    except OverflowError:  # the first and last hours that a datetime can hold
        return
    assert written.endswith("Z")
    assert abs((text.parse_time(written) - moment).total_seconds()) < 0.001


@given(ANY)
def test_a_time_is_read_or_refused(when):
    try:
        assert text.parse_time(when).utcoffset() is not None
    except InvalidInput as error:
        assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize("when", ["0001-01-01", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"])
def test_times_at_the_ends_of_the_calendar(when):
    with pytest.raises(InvalidInput):
        text.parse_time(when)


@pytest.mark.parametrize(
    ("written", "zone", "end"),
    [
        ("2026-11-29", "Asia/Almaty", "2026-11-29T19:00:00.000Z"),  # UTC+5: the day ends at 19:00 UTC
        (" 2026-12-31 ", "Asia/Almaty", "2026-12-31T19:00:00.000Z"),
        ("2028-02-29", "UTC", "2028-03-01T00:00:00.000Z"),
        ("2026-03-29", "Europe/Berlin", "2026-03-29T22:00:00.000Z"),  # a day of 23 hours
        ("2026-10-25", "Europe/Berlin", "2026-10-25T23:00:00.000Z"),  # a day of 25 hours
        ("20261129", "UTC", "2026-11-30T00:00:00.000Z"),
        ("2026-11-29T00:00", "Asia/Almaty", "2026-11-28T19:00:00.000Z"),  # a time is that moment
        ("2026-11-29T18:00:00+05:00", "UTC", "2026-11-29T13:00:00.000Z"),
    ],
)
def test_a_date_as_an_end_includes_that_day(written, zone, end):
    assert text.rfc3339(text.parse_end(written, ZoneInfo(zone))) == end


@pytest.mark.parametrize("written", ["9999-12-31", "2026-02-30", "29.11.2026", "", "tomorrow"])
def test_an_end_that_is_none_is_refused_in_one_line(written):
    with pytest.raises(InvalidInput) as caught:
        text.parse_end(written, ZoneInfo("UTC"))
    assert "\n" not in str(caught.value)


def test_a_date_as_a_start_is_its_first_moment_in_the_zone():
    assert text.rfc3339(text.parse_time("2026-11-29", ZoneInfo("Asia/Almaty"))) == "2026-11-28T19:00:00.000Z"
