"""A person's own record: suspended, from when, until when."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import Person
from devicemgr.domain.rules.validity import invalidity

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
END = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


def person(**fields) -> Person:
    return Person(id="p", badge="1", name="Айгерім", **fields)


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (START - MOMENT, Reason.NOT_YET_VALID),
        (START, None),
        (END - MOMENT, None),
        (END, Reason.EXPIRED),
        (END + timedelta(days=400), Reason.EXPIRED),
    ],
)
def test_the_first_moment_is_in_and_the_last_is_out(at, reason):
    assert invalidity(person(valid_from=START, valid_to=END), at) is reason
    elsewhere = at.astimezone(timezone(timedelta(hours=-9, minutes=-30)))
    assert invalidity(person(valid_from=START, valid_to=END), elsewhere) is reason


def test_without_limits_a_person_is_valid_at_any_time():
    for at in (START, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        assert invalidity(person(), at) is None


def test_suspended_comes_before_the_dates():
    assert invalidity(person(suspended=True, valid_to=START), END) is Reason.SUSPENDED


def test_the_repeated_hour_is_told_apart_within_one_zone():
    berlin = ZoneInfo("Europe/Berlin")
    second_pass = datetime(2024, 10, 27, 2, 10, tzinfo=berlin, fold=1)
    first_pass = datetime(2024, 10, 27, 2, 50, tzinfo=berlin, fold=0)  # twenty minutes earlier, later on the wall
    assert invalidity(person(valid_from=second_pass), first_pass) is Reason.NOT_YET_VALID
    assert invalidity(person(valid_to=first_pass), second_pass) is Reason.EXPIRED


def test_a_limit_without_a_zone_denies():
    assert invalidity(person(valid_from=START.replace(tzinfo=None)), END) is Reason.NOT_YET_VALID
    assert invalidity(person(valid_to=END.replace(tzinfo=None)), START) is Reason.EXPIRED
    assert invalidity(person(valid_from=START), END.replace(tzinfo=None)) is Reason.NOT_YET_VALID


zones = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Almaty", "America/New_York", "Pacific/Apia"]).map(ZoneInfo)


@settings(deadline=None)
@given(st.datetimes(timezones=zones), st.datetimes(timezones=zones), st.datetimes(timezones=zones))
def test_any_three_times_compare_as_instants(valid_from, valid_to, at):
    def microseconds(moment: datetime) -> int:
        offset = moment.utcoffset()
        return (moment.replace(tzinfo=None) - datetime(1970, 1, 1) - offset) // timedelta(microseconds=1)

    early, late = microseconds(at) < microseconds(valid_from), microseconds(at) >= microseconds(valid_to)
    expected = Reason.NOT_YET_VALID if early else Reason.EXPIRED if late else None
    assert invalidity(person(valid_from=valid_from, valid_to=valid_to), at) is expected
