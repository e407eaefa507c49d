"""Consoles and controllers decide alone for an hour, by their own clocks; then they are back and are read.

Each is a simulated device behind its real driver, read over its own protocol; what it reports goes the way of any
other fact, to a hall with hard anti-passback and a limit of two people.
"""

import struct
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devicemgr.domain.device_events import DeviceDecided, DeviceFact, PassageCompleted
from devicemgr.domain.model import AccessPoint, DeviceConfig, Direction, Person, Portal, Requirement
from devicemgr.domain.zones import OUTSIDE, Enforcement, Zone
from drivers import Catalog
from drivers.sim.dahua.console import SimulatedDahua
from drivers.sim.hikvision.server import PASSWORD, USERNAME, SimulatedHikvision
from drivers.sim.uhppote.controller import SimulatedUhppote, bcd
from tests.devicemgr.access.hall import ENTRY, EXIT, Hall, hall  # noqa: F401

CARDS = {"anna": 8058400, "bert": 8058401, "cora": 8058402}
# Minutes before now, who, and whether the device let them in.
HOUR = [(60, "anna", True), (50, "anna", True), (40, "bert", True), (30, "cora", True), (20, "cora", False)]
ENTRIES = [(who, granted) for _, who, granted in HOUR]

Tell = Callable[[datetime, str, bool], None]


def hikvision() -> Iterator[tuple[Any, Tell]]:
    with SimulatedHikvision() as sim:
        options = {"spacing": 0, "poll_seconds": 0.2, "fire_input": False, "decide": "console"}
        config = DeviceConfig("1", "console", "hikvision_console", sim.address, USERNAME, PASSWORD, options)
        device = Catalog().get("hikvision_console").build(config)
        device.resume_logs(dict.fromkeys(("", "1", "2", "3"), 0))

        def tell(at: datetime, who: str, granted: bool) -> None:
            sim.terminal.add_event(0x4B if granted else 0x06, at, employeeNoString=who.upper())

        yield device, tell


def dahua() -> Iterator[tuple[Any, Tell]]:
    with SimulatedDahua() as sim:
        config = DeviceConfig("1", "console", "dahua_console", sim.address, "admin", "admin123", {})
        device = Catalog().get("dahua_console").build(config)
        device.resume(0)

        def tell(at: datetime, who: str, granted: bool) -> None:
            row = {"CreateTime": int(at.timestamp()), "UserID": who.upper(), "CardNo": "", "CardName": "", "Door": 0}
            result = {"Status": 1, "ErrorCode": 0} if granted else {"Status": 0, "ErrorCode": 0x12}
            sim.records.add(row | {"Type": "Entry", "Method": 15} | result)

        yield device, tell


def uhppote() -> Iterator[tuple[Any, Tell]]:
    with SimulatedUhppote(423187757) as sim:
        options = {"controller": 423187757, "listener": "off", "fire_input": False}
        device = (
            Catalog()
            .get("uhppote_controller")
            .build(DeviceConfig("1", "console", "uhppote_controller", sim.address, options=options))
        )
        device.resume(0)

        def tell(at: datetime, who: str, granted: bool) -> None:
            head = struct.pack("<BBBBI", 2 if granted else 1, granted, 1, 1, CARDS[who])
            stamp = bcd(f"{at.astimezone():%Y%m%d%H%M%S}")
            sim.memory.events.append(head + stamp + bytes([1 if granted else 6]))

        yield device, tell


@pytest.fixture(params=[hikvision, dahua, uhppote], ids=lambda vendor: vendor.__name__)
def console(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Tell]]:
    made = request.param()
    device, tell = next(made)
    yield device, tell
    device.close()
    next(made, None)


def furnish(hall: Hall) -> None:  # noqa: F811
    """A console's door beside the lobby, into a hall of at most two people who can't come in twice."""
    point = AccessPoint("door", ENTRY, "console")
    door = Portal("door", "console", access_points=(point,), outside=OUTSIDE, inside="hall", require=Requirement.ANY)
    rules = hall.entrance.rules.current
    level = rules.levels["hall"]
    people = {who: Person(who, who.upper(), who, levels=frozenset({"hall"}), face_consent=True) for who in CARDS}
    hall.set(
        portals={**hall.portals, "door": door},
        levels={"hall": type(level)("hall", {**level.portals, "door": None})},
        people=people,
        badges={person.badge: who for who, person in people.items()},
        cards={f"80:{number - 8000000}": who for who, number in CARDS.items()},
        zones={"hall": Zone("hall", anti_passback=Enforcement.HARD, max_people=2), "lab": Zone("lab", "hall")},
    )


def read(hall: Hall, device: Any) -> None:  # noqa: F811
    """Let the device report until all decisions of the hour have come."""
    decided = 0
    until = time.monotonic() + 20
    while decided < len(HOUR):
        assert time.monotonic() < until, f"{decided} of {len(HOUR)} decisions were read"
        facts: list[DeviceFact] = list(device.poll())
        for fact in facts:
            decided += isinstance(fact, DeviceDecided)
            hall.pipeline.on_device_fact("console", fact)
        hall.pump()
        time.sleep(0.01)


def test_an_hour_alone_is_recorded_as_it_was_and_refuses_no_one_afterwards(
    console: tuple[Any, Tell],
    hall: Hall,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    device, tell = console
    furnish(hall)
    perimeter = hall.pipeline.perimeter
    perimeter.know("console", has_memory=True, senses_passage=False)
    perimeter.set_away("console", away=True)
    now = datetime.now(UTC).replace(microsecond=0)
    for minutes, who, granted in HOUR:
        tell(now - timedelta(minutes=minutes), who, granted)
    perimeter.set_away("console", away=False)
    device.open()
    read(hall, device)

    found = [event for event in hall.entrance.events() if event["device"] == "console" and "access" in event["kind"]]
    assert [event["kind"] == "access_granted" for event in found] == [granted for _, granted in ENTRIES]
    violated = [event for event in hall.entrance.events() if event["kind"] == "rule_violated"]
    by_request = {event["request"]: event for event in found}
    assert [(event["reason"], event["detail"]["rule"]) for event in violated] == [
        ("anti_passback", "hall"),
        ("occupancy", "hall"),
    ]
    again, third = found[1], found[3]
    assert [by_request[event["request"]] for event in violated] == [again, third]
    for event in violated:
        assert event["detail"]["offline"] is True
        assert event["seq"] == by_request[event["request"]]["seq"] - 1
        assert event["time"] == by_request[event["request"]]["time"]
    assert again["time"][:19] == (now - timedelta(minutes=50)).isoformat()[:19]
    assert found[4]["reason"] == "no_access_level"
    assert {who: hall.zone_of(who) for who in CARDS} == dict.fromkeys(CARDS, "hall")

    later = time.monotonic() + 6
    monkeypatch.setattr("devicemgr.access.portals.perimeter.time.monotonic", lambda: later)
    for who in ("bert", "cora"):
        card(hall, "arm-out", who)
        hall.pipeline.on_device_fact("arm", passage(EXIT))
        hall.pump()
    card(hall, "arm-in", "bert")
    hall.pipeline.on_device_fact("arm", passage(ENTRY))
    hall.pump()
    card(hall, "arm2-in", "anna")
    asked = [(event["kind"], event["reason"]) for event in hall.entrance.events() if event["device"] != "console"]
    decisions = [one for one in asked if one[0] in ("access_granted", "access_denied")]
    assert decisions == [*[("access_granted", None)] * 3, ("access_denied", "anti_passback")]
    assert {who: hall.zone_of(who) for who in CARDS} == {"anna": "hall", "bert": "hall", "cora": OUTSIDE}


def card(hall: Hall, reader: str, who: str) -> None:  # noqa: F811
    hall.card(reader, f"80:{CARDS[who] - 8000000}")
    hall.pump()


def passage(direction: Direction) -> PassageCompleted:
    return PassageCompleted(1, direction)
