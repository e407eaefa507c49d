"""One Hikvision console over ISAPI: gate, keeper of people, memory of events, asker."""

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

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
from devicemgr.domain.model import DeviceConfig, DeviceInfo, Direction, JsonValue, PortalMode
from devicemgr.domain.ports.device import Delivery, Device, Holding, ReleaseTimes, Spans
from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable, OutcomeUnknown
from drivers.common.http.client import Http, Pace
from drivers.common.http.login import Login
from drivers.common.options import read_options
from drivers.hikvision_console.clock import Clock
from drivers.hikvision_console.events.alarm_table import FIRES
from drivers.hikvision_console.events.codes import ASKS, EVENT, OPERATION, adopted_log, log_of
from drivers.hikvision_console.events.feed import Feed, FeedItem, Wires
from drivers.hikvision_console.events.fire_inputs import FireInputs
from drivers.hikvision_console.events.log import latest
from drivers.hikvision_console.events.memories import NAMES, Adopted
from drivers.hikvision_console.events.operation_table import BY_REQUESTS, OF_COMMANDS
from drivers.hikvision_console.events.push import PushListener
from drivers.hikvision_console.events.translate import Event, confirmed, recorded
from drivers.hikvision_console.isapi import DEVICE_INFO, Isapi
from drivers.hikvision_console.maintenance import HikvisionUpkeep
from drivers.hikvision_console.options import Options
from drivers.hikvision_console.own_commands import Command, OwnCommands
from drivers.hikvision_console.settings import (
    ASKS_BY_PUSH,
    ASKS_BY_STREAM,
    clock_of,
    door_seconds,
    identify,
    set_who_decides,
    work_status,
)
from drivers.hikvision_console.users.cards import card_refusal
from drivers.hikvision_console.users.users import People

DOOR = "/ISAPI/AccessControl/RemoteControl/door"
REMOTE_CHECK = "/ISAPI/AccessControl/remoteCheck"
_MODES = {PortalMode.NORMAL: "close", PortalMode.FREE: "alwaysOpen", PortalMode.LOCKED: "alwaysClose"}
_MAX_FACTS = 200
_LOOK_S = 15.0
_CLOCK_S = 3600.0
_CLOCK_AGREES_S = 2.0
# How long its memory is searched for a command whose answer was lost.
_PROOF_S, _PROOF_PAUSE_S = 4.0, 0.5
WEAK_LINK = "weak link: its questions come over plain HTTP, where nothing proves that they are its own; use https://"

_log = logging.getLogger(__name__)


class HikvisionConsole(HikvisionUpkeep):
    """One console. Its answers, events and people come through threads and connections of their own (`Feed`)."""

    poll_interval = 0.03
    senses_passage = False
    holds: Literal["people", "cards"] = "people"
    # One person is a handful of requests: more would keep a gate's release waiting.
    batch = 1

    def __init__(self, config: DeviceConfig, login: Login, options: Options) -> None:
        self._config, self._login, self._options = config, login, options
        self._isapi: Isapi | None = None
        self.channels: int | None = None
        self._people: People | None = None
        self._feed: Feed | None = None
        self._push: PushListener | None = None
        self._clock = Clock()
        self._decides = self._not_kept = ""
        self.decides_alone = True
        # Serials by memory: as stored here, and what this object has handed on, which it knows better.
        self._stored: dict[str, int] = {}
        self._reported: dict[str, int] = {}
        self._fires = FireInputs()
        self._own = OwnCommands(config.address, config.username)
        self._fire_read = False
        self._tampered: bool | None = None
        self._looked = self._timed = 0.0
        self._doors = 1
        self._door_seconds: dict[int, float] = {}

    def resume(self, serial: int | None) -> None:
        """Set, before open(), the last serial number stored here; what this object has reported itself counts more."""
        others = {log: known for log, known in self._stored.items() if log != log_of(EVENT)}
        self._stored = others if serial is None else others | {log_of(EVENT): serial}

    def resume_logs(self, serials: Mapping[str, int]) -> None:
        """Set the last serial number of each memory by name, before open() and after resume()."""
        self._stored = dict(serials)

    def open(self) -> DeviceInfo:
        """Connect, read identity, clock and who decides, and start reading events; return the identity."""
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
            channel = ASKS_BY_PUSH if options.remote_check == "push" else ASKS_BY_STREAM
            deciding = set_who_decides(isapi, host, options.remote_check_seconds, open_when_down, channel)
            self._decides, self._not_kept = deciding.words, deciding.complaint
            self.decides_alone = self._decides != ASKS or open_when_down
            self._doors, self._door_seconds = max(doors, 1), door_seconds(isapi, max(doors, 1))
            self._people = People(isapi, lambda: self._clock, max(doors, 1), options.name_bytes)
            wires = Wires(self._connect(), self._connect(), self._connect())
            self._feed = Feed(
                wires,
                self._clock,
                self._stored | self._reported,
                options.poll_seconds,
                with_history=options.history,
                asks=self._decides == ASKS and options.remote_check == "stream",
            )
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
        found: list[DeviceFact] = [fact for item in self._open_feed().take(_MAX_FACTS) for fact in self._facts(item)]
        found += self._push.refused() if self._push else []
        if self._push is None and self._open_feed().complaint:
            self._listen_for_pushes(self._open_isapi(), 0)  # its stream does not tell in time what happens
        if not found and time.monotonic() - self._looked > _LOOK_S:
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
        return self._not_kept or (self._feed.complaint if self._feed is not None else None)

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:  # noqa: ARG002
        """Open the door for as long as the console's own settings say; sent once."""
        return self._control_door(channel, "open")

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:
        """Return the console's own setting (openDuration)."""
        return ReleaseTimes(self._door_seconds.get(channel, seconds))

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        """Set the mode of a door with a remote-control command."""
        return self._control_door(channel, _MODES[mode])

    def answer(self, serial: int, granted: bool, words: str) -> None:
        """Answer the console's question; sent once, ahead of everything that waits."""
        said = {"serialNo": serial, "checkResult": "success" if granted else "failed", "info": words[:32]}
        body = {"RemoteCheck": said}
        if self._feed is None or not self._feed.pushes.resolve(serial, body):
            self._open_isapi().send_ready("PUT", REMOTE_CHECK, body)

    def capacity(self) -> int:
        """Return how many people the console can hold."""
        return self._open_people().capacity.people()

    def held(self, after: str | None) -> tuple[list[Holding], str | None]:
        """Read one page of people, and where the next page begins."""
        return self._open_people().held(after)

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:
        """Write people with their cards and faces; return the refusals by key."""
        return self._open_people().put(holdings, faces)

    def card_refusal(self, card: str) -> str | None:
        """Return why a card number can't be stored at a console, or None."""
        return card_refusal(card)

    def remove(self, keys: Sequence[str]) -> None:
        """Delete people by key."""
        self._open_people().remove(keys)

    def keep_hours(self, hours: Mapping[str, Spans], *, look: bool = False) -> dict[str, DeviceRefused]:
        """Write the schedules to the console; return the refusals by name."""
        return self._open_people().hours.keep(hours, look=look)

    def check(self) -> dict[str, JsonValue]:
        """Read identity, clock, number of people, who decides, and the contacts."""
        isapi, people = self._open_isapi(), self._open_people()
        info, doors = identify(isapi)
        clock = clock_of(isapi, "check")
        held: dict[str, JsonValue] = {**people.capacity.count()}
        notes: list[JsonValue] = [clock.note] if clock.note else []
        if self._decides == ASKS and self._config.address.startswith("http:"):
            notes.append(WEAK_LINK)
        notes += [note for note in (self._not_kept, self._open_feed().complaint) if note]
        notes += [f"its firmware does not let its {name} be queried" for name in self._open_feed().missing]
        return {
            "model": info.model,
            "firmware": info.firmware,
            "serial": info.serial,
            "doors": doors,
            "clock_skew_seconds": round(clock.skew, 1),
            "decides": self._decides,
            "holds": held,
            "capacity": people.capacity.people(),
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

    def _connect(self) -> Isapi:

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

    def _listen_for_pushes(self, isapi: Isapi, port: int) -> None:

        feed, seconds = self._open_feed(), float(self._options.remote_check_seconds)
        asks = self._options.remote_check == "push" and self._decides == ASKS
        ask = (lambda body, arrived: feed.pushed(body, arrived, seconds)) if asks else None
        self._push = PushListener(self._config.address, port, feed.wake, ask)
        self._push.register(isapi)

    def _facts(self, item: FeedItem) -> list[DeviceFact]:

        if isinstance(item, Presented):
            if item.age is None or abs(item.age) > _CLOCK_AGREES_S:
                self._timed = -_CLOCK_S  # its clock may have been set: it is read again soon
            return [item]
        if isinstance(item, Adopted):
            return [self._adopt(item)]
        if item.at_once:
            return self._happened(item)  # its memory confirms it, and moves the cursor then
        if item.serial < self._reported.get(item.log, 0):
            self._fires.start_over(item.code[0])
        self._reported[item.log] = item.serial
        return self._recorded(item)

    def _recorded(self, item: Event) -> list[DeviceFact]:
        """Return what a console's memory says; what was reported before it is only confirmed."""
        feed = self._open_feed()
        is_question = item.code[0] == EVENT and feed.is_question(item.serial)
        if not item.is_history and (is_question or feed.was_at_once(item)):
            return [confirmed(item)]
        facts = self._happened(item)
        if all(isinstance(fact, DeviceDecided | DeviceReported | DoorContact) for fact in facts):
            return facts
        return [*facts, confirmed(item)]  # so that it is not reported again after a restart

    def _happened(self, item: Event) -> list[DeviceFact]:

        if item.code in FIRES:
            return self._fire_facts(item)
        if item.code in OF_COMMANDS.values() and self._own.claims(item, self._clock):
            return [confirmed(item)]
        if item.code[0] == OPERATION and item.code[1] in BY_REQUESTS and self._own.is_by_this_host(item):
            return []
        fact = recorded(item, self._clock)
        return [] if fact is None else [fact]

    def _adopt(self, item: Adopted) -> DeviceReported:
        """Return the record of where reading begins; without it events of a later outage would count as history."""
        log, name = adopted_log(item.major), NAMES[item.major]
        self._reported[log] = item.serial
        will = (
            "are recorded as history" if self._options.history else "are not read; the option history=yes records them"
        )
        why = f"new here: its memory holds {item.count} {name}; those before now {will}"
        return DeviceReported(1, Kind.DEVICE_REPORTED, item.serial, datetime.now(UTC), why, log=log)

    def _read_fire(self) -> FireRelease:
        """Return the fire inputs' state by their newest events that the console remembers.

        A console without any has not seen a fire, or was emptied: then the state is only presumed.
        """
        self._fire_read = True
        state = self._fires.read(self._open_isapi(), self._clock)
        return FireRelease(False, is_presumed=True) if state is None else FireRelease(state)

    def _fire_facts(self, item: Event) -> list[DeviceFact]:
        """Return a change of a fire input, also one that comes late; what was before the last reading is history."""
        if not self._options.fire_input or not self._fires.take(item):
            past = recorded(replace(item, live=False), self._clock)
            return [past] if past is not None else []
        return [FireRelease(self._fires.is_active)]

    def _look(self) -> list[DeviceFact]:
        """Check what raises no event: the tamper contact, whether pushes still come here, and each hour the clock."""
        isapi = self._open_isapi()
        if time.monotonic() - self._timed > _CLOCK_S:
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
        isapi, sent = self._open_isapi(), self._own.note(channel, command)
        try:
            isapi.put_xml(f"{DOOR}/{channel}", "RemoteControlDoor", {"cmd": command}, once=True, urgent=True)
        except OutcomeUnknown:
            if not self._is_proven(sent):
                raise
        except DeviceError:
            self._own.drop(sent)
            raise
        return Delivery.CONFIRMED

    def _is_proven(self, sent: Command) -> bool:
        """Return True if the console's memory holds the command whose answer was lost, within a few seconds."""
        until = time.monotonic() + _PROOF_S
        while time.monotonic() < until:
            with suppress(DeviceError):
                found = latest(self._open_isapi(), self._clock, sent.code)
                if found is not None and self._own.fits(sent, found, self._clock):
                    return True
            time.sleep(_PROOF_PAUSE_S)
        return False

    def _open_isapi(self) -> Isapi:
        if self._isapi is None:
            raise DeviceUnreachable(f"{self._config.name} is not open; open it first")
        return self._isapi

    def _open_people(self) -> People:
        self._open_isapi()
        assert self._people is not None
        return self._people

    def _open_feed(self) -> Feed:
        self._open_isapi()
        assert self._feed is not None
        return self._feed


def build(config: DeviceConfig) -> Device:
    """Return the console of a configuration; InvalidInput for what can't be in its address and options."""
    options = read_options(Options, config)
    console = HikvisionConsole(config, Login(config.username, config.password), options)
    console._connect().http.close()
    return console
