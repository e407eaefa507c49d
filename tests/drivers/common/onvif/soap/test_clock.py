"""A device's clock: UTC, or local time with its zone (POSIX.1-2017 8.3, as ONVIF Core has it), and skews in words."""

from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from drivers.common.onvif.session import clock_notes
from drivers.common.onvif.soap.clock import skew_of
from tests.support.onvif_peer import envelope

NOW = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)


def clock(local, zone, *, utc=None):
    def moment(tag, when):
        return (
            f"<tt:{tag}><tt:Time><tt:Hour>{when.hour}</tt:Hour><tt:Minute>{when.minute}</tt:Minute><tt:Second>"
            f"{when.second}</tt:Second></tt:Time><tt:Date><tt:Year>{when.year}</tt:Year><tt:Month>{when.month}"
            f"</tt:Month><tt:Day>{when.day}</tt:Day></tt:Date></tt:{tag}>"
        )

    zoned = f"<tt:TimeZone><tt:TZ>{zone}</tt:TZ></tt:TimeZone>" if zone else ""
    parts = (moment("UTCDateTime", utc) if utc else "") + (moment("LocalDateTime", local) if local else "")
    return (
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
        f"<tt:DaylightSavings>false</tt:DaylightSavings>{zoned}{parts}</tds:SystemDateAndTime>"
        "</tds:GetSystemDateAndTimeResponse>"
    )


@pytest.mark.parametrize(
    ("zone", "east_hours"),
    [
        ("CST-8", 8),
        ("&lt;+05&gt;-5", 5),
        ("&lt;-03&gt;3", -3),
        ("CST+3:00:00", -3),
        ("IST-5:30", 5.5),
        ("CET-1CEST,M3.5.0,M10.5.0/3", 1),
        ("CET-1CEST,M3.5.0,M10.5.0/3", 2),
        ("EST5EDT4,M3.2.0/2,M11.1.0", -4),
        ("GMT+08:00", 8),
        ("UTC0", 0),
        ("", 8),
        ("Asia/Shanghai", 8),
    ],
)
@pytest.mark.parametrize("off", [0, 95, -40])
def test_local_time_is_read_by_its_zone(zone, east_hours, off):
    local = NOW + timedelta(hours=east_hours, seconds=off)
    answer = etree.fromstring(envelope(clock(local, zone)))
    assert skew_of(answer, NOW) == off


def test_utc_counts_before_local_time():
    answer = etree.fromstring(envelope(clock(NOW + timedelta(hours=8), "CST-8", utc=NOW + timedelta(seconds=7))))
    assert skew_of(answer, NOW) == 7


def test_no_time_is_no_skew():
    assert skew_of(etree.fromstring(envelope(clock(None, "CST-8"))), NOW) is None


def test_a_token_is_dated_by_a_device_that_tells_local_time_only(peer, connect):
    now = datetime.now(UTC) + timedelta(hours=8)
    peer.answers["GetSystemDateAndTime"] = envelope(clock(now, "CST-8"))
    camera = connect(peer)
    camera.open()
    assert abs(camera._device.login.skew_seconds) < 60
    created = [body.split("Created", 1)[1] for _, _, body, _ in peer.requests if "UsernameToken" in body]
    assert created
    assert all(datetime.now(UTC).strftime("%Y-%m-%d") in one or now.hour < 9 for one in created)


@pytest.mark.parametrize(
    ("skew", "words"),
    [
        (7, "7 s ahead"),
        (-61, "1 min (61 s) behind"),
        (3600, "1 h (3600 s) ahead"),
        (-5400, "1 h 30 min (5400 s) behind"),
        (90_000, "1 day 1 h (90000 s) ahead"),
        (86_400 * 9000, "9000 days (777600000 s) ahead"),
    ],
)
def test_a_skew_is_told_in_units_of_people(skew, words):
    assert clock_notes(skew) == [f"the device's clock is {words}; set its time server"]
