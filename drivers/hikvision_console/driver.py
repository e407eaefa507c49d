"""Hikvision face-ID terminals (DS-K1T…, "MinMoe") over ISAPI: gate, keeper of people, memory of events, asker."""

import logging
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from devicemgr.domain.device_events import (
    DeviceDecided,
    DeviceFact,
    DeviceReported,
    DoorContact,
    FireRelease,
    GateAlarm,
    Presented,
)
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Capability, DeviceConfig, DeviceInfo, Direction, JsonValue, PortalMode
from devicemgr.domain.ports.device import Delivery, Device, Holding, ReleaseTimes, Spans
from devicemgr.domain.ports.driver import Driver, Found
from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable
from drivers.common.advisories import advisories_of
from drivers.common.fire_inputs import declared
from drivers.common.options import read_options
from drivers.hikvision_console.clock import Clock
from drivers.hikvision_console.events.codes import ASKS, FIRE_OFF, FIRE_ON
from drivers.hikvision_console.maintenance import HikvisionUpkeep

if TYPE_CHECKING:
    from drivers.common.http.login import Login
    from drivers.common.http.probe import Reply
    from drivers.hikvision_console.events.feed import Feed, FeedItem
    from drivers.hikvision_console.events.push import PushListener
    from drivers.hikvision_console.events.translate import Event
    from drivers.hikvision_console.isapi import Isapi
    from drivers.hikvision_console.users.users import People
from drivers.hikvision_console.options import Options

KIND = "hikvision_console"
DOOR = "/ISAPI/AccessControl/RemoteControl/door"
REMOTE_CHECK = "/ISAPI/AccessControl/remoteCheck"
_MODES = {PortalMode.NORMAL: "close", PortalMode.FREE: "alwaysOpen", PortalMode.LOCKED: "alwaysClose"}
_MOST_FACTS = 200
_LOOK_SECONDS = 15.0
_CLOCK_SECONDS = 3600.0
_CLOCK_AGREES_S = 2.0
WEAK_LINK = "weak link: its questions come over plain HTTP, where nothing proves that they are its own; use https://"

_log = logging.getLogger(__name__)


class HikvisionConsole(HikvisionUpkeep):
    """One console. Its answers, events and people come through threads and connections of their own (`Feed`)."""

    poll_interval = 0.03
    senses_passage = False
    holds: Literal["people", "cards"] = "people"
    # One person is a handful of requests: more would keep a gate's release waiting.
    batch = 1

    def __init__(self, config: DeviceConfig, login: "Login", options: Options) -> None:
        self._config, self._login, self._options = config, login, options
        self._isapi: Isapi | None = None
        self.channels: int | None = None
        self._people: People | None = None
        self._feed: Feed | None = None
        self._push: PushListener | None = None
        self._clock = Clock()
        self._decides = ""
        self.decides_alone = True
        self._cursor: int | None = None
        self._resumed = False
        self._fire = self._fire_read = False
        self._tampered: bool | None = None
        self._fire_serial: int | None = None
        self._looked = self._timed = 0.0
        self._doors = 1
        self._door_seconds: dict[int, float] = {}

    def resume(self, serial: int | None) -> None:
        """Before open(): go on behind `serial`. What this object has reported itself it knows better."""
        if not self._resumed:
            self._cursor = serial

    def open(self) -> DeviceInfo:
        from drivers.hikvision_console.events.feed import Feed, Wires  # noqa: PLC0415 - listing the kinds imports no vendor library
        from drivers.hikvision_console.settings import clock_of, door_seconds, identify, set_who_decides  # noqa: PLC0415
        from drivers.hikvision_console.users.users import People  # noqa: PLC0415

        self.close()
        self._fire_read = False
        options = self._options
        try:
            self._isapi = isapi = self._connect()
            info, doors = identify(isapi)
            self.channels = max(doors, 1)
            self._clock = clock_of(isapi, options.clock)
            if self._clock.note:
                _log.warning("%s: %s", self._config.name, self._clock.note)
            host, open_when_down = options.decide == "host", options.when_server_down == "open"
            self._decides = set_who_decides(isapi, host, options.remote_check_seconds, open_when_down)
            self.decides_alone = self._decides != ASKS or open_when_down
            self._doors, self._door_seconds = max(doors, 1), door_seconds(isapi, max(doors, 1))
            self._people = People(isapi, lambda: self._clock, max(doors, 1), options.name_bytes)
            wires = Wires(self._connect(), self._connect())
            self._feed = Feed(wires, self._clock, self._cursor, options.poll_seconds)
            self._feed.start()
            if options.push_port is not None:
                self._listen_for_pushes(isapi, options.push_port)
        except DeviceError:
            self.close()
            raise
        self._looked = self._timed = time.monotonic()
        return info

    def poll(self) -> list[DeviceFact]:
        """Return what the console reported since, questions first; the tamper contact every quarter minute."""
        if self._options.fire_input and not self._fire_read:
            return [self._read_fire()]
        found: list[DeviceFact] = [fact for item in self._open_feed().take(_MOST_FACTS) for fact in self._facts(item)]
        found += self._push.refused() if self._push else []
        if not found and time.monotonic() - self._looked > _LOOK_SECONDS:
            self._looked = time.monotonic()
            return self._look()
        return found

    @property
    def complaint(self) -> str | None:
        """Its clock, read each hour, where it is off: what it remembers carries wrong times.

        Also where it asks and its questions can't be seen to be of now.
        """
        if self._clock.note:
            return f"{self._clock.note}; give it a time server, or set the option clock=set"
        if self._decides == ASKS and self._clock.reading is None:
            return "the console does not tell its time, so none of its questions is granted; set its clock"
        return None

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:  # noqa: ARG002
        """Open the door for as long as the console's own settings say; sent once."""
        return self._control_door(channel, "open")

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:
        """As the console's own setting says (openDuration)."""
        return ReleaseTimes(self._door_seconds.get(channel, seconds))

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        return self._control_door(channel, _MODES[mode])

    def answer(self, serial: int, granted: bool, words: str) -> None:
        """Answer the console's question; sent once, ahead of everything that waits."""
        body = {"serialNo": serial, "checkResult": "success" if granted else "failed", "info": words[:32]}
        self._open_isapi().send("PUT", REMOTE_CHECK, {"RemoteCheck": body}, once=True, urgent=True)

    def capacity(self) -> int:
        return self._open_people().capacity()

    def held(self, after: str | None) -> tuple[list[Holding], str | None]:
        return self._open_people().held(after)

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:
        return self._open_people().put(holdings, faces)

    def card_refusal(self, card: str) -> str | None:
        from drivers.hikvision_console.users.cards import card_refusal  # noqa: PLC0415

        return card_refusal(card)

    def remove(self, keys: Sequence[str]) -> None:
        self._open_people().remove(keys)

    def keep_hours(self, hours: Mapping[str, Spans], *, look: bool = False) -> dict[str, DeviceRefused]:
        return self._open_people().hours.keep(hours, look=look)

    def check(self) -> dict[str, JsonValue]:
        """Who it is, its clock, whom it holds, who decides, and what its contacts say."""
        from drivers.hikvision_console.settings import clock_of, identify, work_status  # noqa: PLC0415

        isapi, people = self._open_isapi(), self._open_people()
        info, doors = identify(isapi)
        clock = clock_of(isapi, "check")
        held: dict[str, JsonValue] = {**people.count()}
        notes: list[JsonValue] = [clock.note] if clock.note else []
        if self._decides == ASKS and self._config.address.startswith("http:"):
            notes.append(WEAK_LINK)
        return {
            "model": info.model,
            "firmware": info.firmware,
            "serial": info.serial,
            "doors": doors,
            "clock_skew_seconds": round(clock.skew, 1),
            "decides": self._decides,
            "holds": held,
            "capacity": people.capacity(),
            "stream": self._open_feed().stream_state,
            "status": work_status(isapi),
            "notes": notes,
        }

    def close(self) -> None:
        """End the threads, then let go of the connections."""
        feed, push, isapi = self._feed, self._push, self._isapi
        self._feed = self._push = self._isapi = self._people = None
        for held in (push, feed):
            if held is not None:
                held.close()
        if isapi is not None:
            isapi.http.close()

    def _connect(self) -> "Isapi":
        from drivers.common.http.client import Http, Pace  # noqa: PLC0415
        from drivers.hikvision_console.isapi import DEVICE_INFO, Isapi  # noqa: PLC0415

        options = self._options
        http = Http(
            self._config.address,
            self._login,
            DEVICE_INFO,
            pace=Pace(options.spacing),
            tls_ca=options.tls_ca,
            tls_fingerprint=options.tls_fingerprint,
        )
        return Isapi(http)

    def _listen_for_pushes(self, isapi: "Isapi", port: int) -> None:
        from drivers.hikvision_console.events.push import PushListener  # noqa: PLC0415

        self._push = PushListener(self._config.address, port, self._open_feed().wake)
        self._push.register(isapi)

    def _facts(self, item: "FeedItem") -> list[DeviceFact]:
        from drivers.hikvision_console.events.translate import confirmed, recorded, tamper_of  # noqa: PLC0415

        if isinstance(item, Presented):
            if item.age is None or abs(item.age) > _CLOCK_AGREES_S:
                self._timed = -_CLOCK_SECONDS  # its clock may have been set: it is read again soon
            return [item]
        if (alarm := tamper_of(item)) is not None:
            return [alarm]  # it stands in no memory, so that it moves no cursor
        if item.serial < (self._cursor or 0):
            # Its memory was emptied and counts from the start.
            self._fire_serial = None if self._fire_serial is None else 0
        self._cursor, self._resumed = item.serial, True
        if self._open_feed().is_question(item.serial):
            return [confirmed(item)]  # the question is recorded, with the decision made here
        if item.code in (FIRE_ON, FIRE_OFF):
            return self._fire_facts(item)
        fact = recorded(item, self._clock)
        if fact is None or isinstance(fact, DeviceDecided | DeviceReported | DoorContact):
            return [fact] if fact is not None else []
        return [fact, confirmed(item)]  # so that it is not reported again after a restart

    def _read_fire(self) -> FireRelease:
        """Return the fire input's state by the newest event of it that the console remembers.

        A console without any has not seen a fire, or was emptied: then the state is only presumed.
        """
        from drivers.hikvision_console.events.log import latest  # noqa: PLC0415
        from drivers.hikvision_console.isapi import Refusal  # noqa: PLC0415

        isapi = self._open_isapi()
        self._fire_read, self._fire_serial = True, None
        try:
            found = [event for code in (FIRE_ON, FIRE_OFF) if (event := latest(isapi, self._clock, code)) is not None]
        except Refusal:
            return FireRelease(False, is_presumed=True)
        newest = max(found, key=lambda event: event.serial, default=None)
        self._fire_serial = newest.serial if newest else 0
        if newest is None:
            return FireRelease(False, is_presumed=True)
        self._fire = newest.code == FIRE_ON
        return FireRelease(self._fire)

    def _fire_facts(self, item: "Event") -> list[DeviceFact]:
        """Return a change of the fire input, also one that comes late; what was before the last reading is history."""
        from drivers.hikvision_console.events.translate import confirmed, recorded  # noqa: PLC0415

        if self._fire_serial is not None:
            is_news = item.serial > self._fire_serial
        else:
            is_news = bool(item.live) or (self._fire and item.code == FIRE_OFF)
        if not self._options.fire_input or not is_news:
            past = recorded(replace(item, live=False), self._clock)
            return [past] if past is not None else []
        self._fire = item.code == FIRE_ON
        return [FireRelease(self._fire), confirmed(item)]  # so that it is not reported again after a restart

    def _look(self) -> list[DeviceFact]:
        """The tamper contact, which raises no event of its own; that pushes still come here; its clock each hour."""
        from drivers.hikvision_console.settings import clock_of, door_seconds, work_status  # noqa: PLC0415

        isapi = self._open_isapi()
        if time.monotonic() - self._timed > _CLOCK_SECONDS:
            self._timed = time.monotonic()
            self._clock = clock_of(isapi, self._options.clock)
            self._door_seconds = door_seconds(isapi, self._doors)  # it is changed on its own page
            self._open_feed().set_clock(self._clock)
        if self._push is not None:
            self._push.register(isapi)
        case = work_status(isapi).get("hostAntiDismantleStatus")
        if case is None or (opened := case == "open") is self._tampered:
            return []
        self._tampered = opened
        return [GateAlarm(1, Kind.TAMPER, f"the console's case is {case}", active=opened, input="case")]

    def _control_door(self, channel: int, command: str) -> Delivery:
        isapi = self._open_isapi()
        isapi.put_xml(f"{DOOR}/{channel}", "RemoteControlDoor", {"cmd": command}, once=True, urgent=True)
        return Delivery.CONFIRMED

    def _open_isapi(self) -> "Isapi":
        if self._isapi is None:
            raise DeviceUnreachable(f"{self._config.name} is not open; open it first")
        return self._isapi

    def _open_people(self) -> "People":
        self._open_isapi()
        assert self._people is not None
        return self._people

    def _open_feed(self) -> "Feed":
        self._open_isapi()
        assert self._feed is not None
        return self._feed


def _build(config: DeviceConfig) -> Device:
    from drivers.common.http.login import Login  # noqa: PLC0415 - listing the kinds imports no vendor library

    options = read_options(Options, config)
    console = HikvisionConsole(config, Login(config.username, config.password), options)
    console._connect().http.close()  # what can't be in address and options is said now
    return console


def discover(seconds: float, hosts: Sequence[str]) -> list[Found]:
    """Those of `hosts` that ask for a login as these terminals do; one request each, without a password."""
    from drivers.common.http.probe import find  # noqa: PLC0415
    from drivers.hikvision_console.isapi import DEVICE_INFO  # noqa: PLC0415

    return find(seconds, hosts, DEVICE_INFO, _recognised) if hosts else []


def _recognised(address: str, reply: "Reply") -> Found | None:
    from drivers.common.http.digest import read_challenges  # noqa: PLC0415

    challenge = read_challenges(reply.challenges)
    if reply.status != 401 or challenge is None:
        return None
    named = re.match(r"i?DS-[\w.-]{1,60}", challenge.realm)
    if named is None and b"/ISAPI/" not in reply.body and b"isapi.org" not in reply.body:
        return None
    return Found(KIND, address, named[0] if named else "", note="give --username and --password-stdin")


DRIVER = Driver(
    kind=KIND,
    title="Hikvision face-ID console (ISAPI)",
    capabilities=frozenset({Capability.CONSOLE, Capability.GATE}),
    options=Options,
    build=_build,
    discover=discover,
    advisories=advisories_of(__package__),
    fire_inputs=declared(Options),
)
