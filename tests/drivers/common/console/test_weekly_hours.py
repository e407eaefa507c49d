"""Weekly hours on simulated consoles: told in the vendor's words, kept by the console's own clock, and read back."""

import json
import socket
from datetime import UTC, datetime, timedelta, timezone

import pytest

from devicemgr.domain.model import DeviceConfig
from devicemgr.domain.ports.device import Holding, Scheduling
from drivers import Catalog
from drivers.common.console.weekly_hours import week_of
from drivers.sim.dahua.console import SimulatedDahua
from drivers.sim.hikvision.server import PASSWORD, SimulatedHikvision

NAME, OTHER = "dm-0123456789ab", "dm-ba9876543210"


def hours_around_now(begin, end):
    """Each day of the week from `begin` to `end` minutes from now."""
    now = datetime.now(UTC)
    return tuple(
        (now + timedelta(days=day, minutes=begin), now + timedelta(days=day, minutes=end)) for day in range(-2, 9)
    )


OPEN, CLOSED = (hours_around_now(-90, 90), hours_around_now(120, 180))


class Hik:
    def __init__(self, zone_hours=0):
        self.sim = SimulatedHikvision(zone_hours=zone_hours)
        self.config = ("hikvision_console", "admin", PASSWORD, {"spacing": 0, "decide": "console"})

    def lack(self):
        self.sim.terminal.faults.unsupported |= {"UserRightPlanTemplate", "UserRightWeekPlanCfg"}

    def written(self):
        return [event for event in self.sim.events.all("plan_set")]

    def show_card(self):
        self.sim.terminal.show_card("77")
        return bool(self.sim.events.all("unlocked"))

    def refused_for_the_hour(self):
        return [event for event in self.sim.events.all("happened") if event["minor"] == 0x07]


class Dah:
    def __init__(self, zone_hours=0, legacy=False):
        self.sim = SimulatedDahua(legacy=legacy)
        self.sim.zone_hours = zone_hours
        self.config = ("dahua_console", "admin", "admin123", {})

    def lack(self):
        for key in [key for key in self.sim.cgis.config if key.startswith("AccessTimeSchedule")]:
            del self.sim.cgis.config[key]

    def written(self):
        told = self.sim.events.all("configured")
        return [event for event in told if any("AccessTimeSchedule" in key for key in event["keys"])]

    def show_card(self):
        self.sim.card("0000004D")
        return bool(self.sim.events.all("unlocked"))

    def refused_for_the_hour(self):
        records = self.sim.records.find(0, 1 << 62, 100)
        return [record for record in records if record["ErrorCode"] == 0x20]


MAKERS = {"hikvision": Hik, "dahua": Dah, "older dahua": lambda **more: Dah(legacy=True, **more)}


@pytest.fixture(params=MAKERS.values(), ids=MAKERS.keys())
def make(request):
    made = []

    def build(**more):
        found = request.param(**more)
        found.sim.__enter__()
        kind, user, password, options = found.config
        config = DeviceConfig("1", "hall-face", kind, found.sim.address, user, password, options)
        found.device = Catalog().get(kind).build(config)
        found.device.resume(None)
        found.device.open()
        made.append(found)
        return found

    yield build
    for found in made:
        found.device.close()
        found.sim.__exit__()


def person(*hours):
    return Holding("1", "Anna", ("77",), frozenset({1}), hours=hours)


def everything(device):
    found, after = {}, None
    while True:
        page, after = device.held(after)
        found |= {holding.key: holding for holding in page}
        if after is None:
            return found


@pytest.mark.parametrize("zone_hours", [0, 5, -9])
def test_within_its_hours_it_opens_and_outside_it_does_not(make, zone_hours):
    console = make(zone_hours=zone_hours)
    assert isinstance(console.device, Scheduling)
    assert console.device.decides_alone is True
    assert console.device.keep_hours({NAME: CLOSED}) == {}
    assert console.device.put([person((1, NAME))], {}) == {}
    assert everything(console.device)["1"].hours == ((1, NAME),)
    assert not console.show_card()
    assert console.refused_for_the_hour()
    # The same name with other hours: nobody is told anew.
    assert console.device.keep_hours({NAME: OPEN}) == {}
    assert console.show_card()


def test_what_is_kept_already_costs_nothing_and_survives_a_new_connection(make):
    console = make()
    weeks = {NAME: OPEN, OTHER: CLOSED}
    console.device.keep_hours(weeks)
    console.device.put([person((1, OTHER))], {})
    before = len(console.written())
    requests = len(console.sim.events.all("request"))
    assert console.device.keep_hours(weeks) == {}
    assert len(console.sim.events.all("request")) == requests
    console.device.close()
    console.device.open()
    assert everything(console.device)["1"].hours == ((1, OTHER),)
    assert console.device.keep_hours(weeks) == {}
    assert len(console.written()) == before


def test_hours_that_somebody_changed_there_are_set_right(make):
    console = make()
    console.device.keep_hours({NAME: CLOSED})
    if isinstance(console, Hik):
        console.sim.terminal.weeks[2]["WeekPlanCfg"][0] |= {
            "enable": True,
            "TimeSegment": {"beginTime": "00:00:00", "endTime": "23:59:59"},
        }
    else:
        console.sim.cgis.config["AccessTimeSchedule[100].TimeSchedule[1][0]"] = "1 00:00:00-23:59:59"
    before = len(console.written())
    everything(console.device)  # each reading looks at them again
    assert console.device.keep_hours({NAME: CLOSED}) == {}
    assert len(console.written()) > before


def test_a_look_changes_nothing(make):
    console = make()
    assert console.device.keep_hours({NAME: OPEN}, look=True) == {}
    assert console.written() == []
    console.lack()
    everything(console.device)
    assert list(console.device.keep_hours({NAME: OPEN}, look=True)) == [NAME]


def test_firmware_without_them_says_so(make):
    console = make()
    console.lack()
    refused = console.device.keep_hours({NAME: OPEN})
    assert "its firmware holds no weekly hours" in str(refused[NAME])
    assert list(console.device.put([person((1, NAME))], {})) == ["1"]  # never without the hours it should have
    assert console.device.put([person()], {}) == {}
    assert everything(console.device)["1"].hours == ()


def test_what_somebody_else_s_hours_are_called(make):
    """People who were typed in there may have hours of their own, which older firmware can't even tell of."""
    console = make()
    console.lack()
    if isinstance(console, Hik):
        console.sim.terminal.users["9"] = {
            "employeeNo": "9",
            "name": "x",
            "doorRight": "1",
            "RightPlan": [{"doorNo": 1, "planTemplateNo": "3"}],
        }
    else:
        row = {"UserID": "9", "CardNo": "0000AB", "CardName": "x", "Doors[0]": "0", "TimeSections[0]": "103"}
        if console.sim.legacy:
            console.sim.legacy_table.insert(row)
        else:
            console.sim.people.insert_users([{"UserID": "9", "Doors": [0], "TimeSections": [103]}])
    assert everything(console.device)["9"].hours in (((1, "#3"),), ((1, "#103"),))


def test_more_spans_than_a_day_has_there(make):
    console = make()
    now = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    many = tuple((now + timedelta(hours=hour), now + timedelta(hours=hour, minutes=30)) for hour in range(9))
    refused = console.device.keep_hours({NAME: many, OTHER: OPEN})
    assert list(refused) == [NAME]
    assert "at most" in str(refused[NAME])


def test_all_places_taken_and_those_that_nobody_wants_used_again(make):
    console = make()
    most = 15 if isinstance(console, Hik) else 20
    names = [f"dm-{number:012}" for number in range(most + 1)]
    refused = console.device.keep_hours(dict.fromkeys(names, OPEN))
    assert list(refused) == [names[-1]]
    assert "are taken" in str(refused[names[-1]])
    assert console.device.keep_hours({names[0]: OPEN, NAME: CLOSED}) == {}


def test_a_template_that_somebody_made_there_is_left_alone():
    console = Hik()
    with console.sim:
        console.sim.terminal.templates[2] = {"enable": True, "templateName": "Night shift", "weekPlanNo": 2}
        kind, user, password, options = console.config
        config = DeviceConfig("1", "hall-face", kind, console.sim.address, user, password, options)
        device = Catalog().get(kind).build(config)
        device.open()
        device.keep_hours({NAME: OPEN})
        device.close()
        assert console.sim.terminal.templates[2]["templateName"] == "Night shift"
        assert console.sim.terminal.templates[3]["templateName"] == NAME


@pytest.mark.parametrize(
    ("kind", "options", "alone"),
    [
        ("hikvision_console", {"decide": "host"}, False),
        ("hikvision_console", {"decide": "host", "when_server_down": "open"}, True),
        ("hikvision_console", {"decide": "console"}, True),
        ("dahua_console", {"decide": "host", "fallback": "console"}, True),
        ("dahua_console", {"decide": "host"}, False),
        ("dahua_console", {}, True),
    ],
)
def test_who_may_open_alone(kind, options, alone):
    with SimulatedHikvision() as hik, SimulatedDahua() as dah:
        address, password = (hik.address, PASSWORD) if kind.startswith("hik") else (dah.address, "admin123")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        more = {"push_port": port} if kind.startswith("dah") and options.get("decide") == "host" else {}
        device = Catalog().get(kind).build(DeviceConfig("1", "c", kind, address, "admin", password, options | more))
        device.resume(None)
        device.open()
        assert device.decides_alone is alone
        device.close()


def test_a_console_without_remote_verification_opens_alone_whatever_its_option_says():
    with SimulatedHikvision() as sim:
        sim.terminal.faults.unsupported.add("AcsCfg")
        config = DeviceConfig("1", "c", "hikvision_console", sim.address, "admin", PASSWORD, {"decide": "host"})
        device = Catalog().get("hikvision_console").build(config)
        device.open()
        assert device.decides_alone is True
        device.close()


def test_a_week_in_a_console_s_own_zone():
    zone = timezone(timedelta(hours=5))
    monday = datetime(2026, 11, 23, tzinfo=zone)
    spans = (
        (monday + timedelta(hours=8), monday + timedelta(hours=18)),
        (monday + timedelta(days=1, hours=22), monday + timedelta(days=2, hours=6)),
        (monday + timedelta(days=7, hours=8), monday + timedelta(days=7, hours=9)),  # another Monday's
    )
    week = week_of(spans, zone, (monday + timedelta(hours=12)).astimezone(UTC))
    assert week == (
        (("08:00:00", "18:00:00"),),
        (("22:00:00", "23:59:59"),),
        (("00:00:00", "06:00:00"),),
        (),
        (),
        (),
        (),
    )


MORNING = ((datetime(2026, 11, 23, 8, tzinfo=UTC), datetime(2026, 11, 23, 9, 30, tzinfo=UTC)),)


def test_hikvision_s_messages(monkeypatch):
    monkeypatch.setattr(
        "drivers.hikvision_console.users.schedules.week_of",
        lambda *_: week_of(MORNING, UTC, datetime(2026, 11, 23, tzinfo=UTC)),
    )
    sent = []

    class Wire:
        def send(self, method, target, body, **_):
            sent.append((method, target, body))
            return {}

        def send_raw(self, request):
            if "WeekPlan" in request.target:
                return sent[-1][2] if sent else {}
            return {"UserRightPlanTemplate": {"enable": False}}

    from drivers.hikvision_console.clock import Clock
    from drivers.hikvision_console.users.schedules import Hours

    assert Hours(Wire(), Clock).keep({NAME: MORNING}) == {}
    (_, week_target, week), (_, target, template) = sent
    assert week_target == "/ISAPI/AccessControl/UserRightWeekPlanCfg/2"
    rows = week["UserRightWeekPlanCfg"]["WeekPlanCfg"]
    assert json.dumps(rows[0], separators=(",", ":")) == (
        '{"week":"Monday","id":1,"enable":true,"TimeSegment":{"beginTime":"08:00:00","endTime":"09:30:00"}}'
    )
    assert (len(rows), sum(row["enable"] for row in rows)) == (56, 1)
    assert target == "/ISAPI/AccessControl/UserRightPlanTemplate/2"
    assert json.dumps(template, separators=(",", ":")) == (
        '{"UserRightPlanTemplate":{"enable":true,"templateName":"dm-0123456789ab","weekPlanNo":2,"holidayGroupNo":""}}'
    )


def test_dahua_s_messages(monkeypatch):
    monkeypatch.setattr(
        "drivers.dahua_console.users.schedules.week_of",
        lambda *_: week_of(MORNING, UTC, datetime(2026, 11, 23, tzinfo=UTC)),
    )
    with SimulatedDahua() as sim:
        device = (
            Catalog()
            .get("dahua_console")
            .build(DeviceConfig("1", "c", "dahua_console", sim.address, "admin", "admin123", {}))
        )
        device.resume(None)
        device.open()
        assert device.keep_hours({NAME: MORNING}) == {}
        device.close()
        told = [event["target"] for event in sim.events.all("request") if "setConfig" in event["target"]]
        assert len(told) == 2
        key = "AccessTimeSchedule%5B100%5D" if "%5B" in told[0] else "AccessTimeSchedule[100]"
        assert told[0].startswith(
            f"/cgi-bin/configManager.cgi?action=setConfig&{key}.TimeSchedule[0][0]=0%2000%3A00%3A00-23%3A59%3A59&"
        )
        assert f"&{key}.TimeSchedule[1][0]=1%2008%3A00%3A00-09%3A30%3A00&" in told[0]
        assert told[1].endswith(f"&{key}.Name=dm-0123456789ab&{key}.Enable=true")
        assert max(map(len, told)) < 2000
