"""A ZKTeco C3 or inBIO controller as a device: doors, people that it holds, and what happened."""

import math
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Literal

from devicemgr.clock.ntp import is_doubted
from devicemgr.domain.device_events import DeviceFact, DeviceReported, GateAlarm
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import DeviceInfo, Direction, JsonValue, PortalMode
from devicemgr.domain.ports.device import Delivery, Holding, ReleaseTimes
from devicemgr.errors import DeviceError, DeviceGarbled, DeviceLacks, DeviceRefused, DeviceUnreachable, OutcomeUnknown
from devicemgr.text import safe
from drivers.common.zkteco.backlog import Backlog, Source
from drivers.common.zkteco.codes import REMOTE_OPEN
from drivers.common.zkteco.door_states import DoorStates
from drivers.common.zkteco.facts import Reading, facts_of
from drivers.common.zkteco.records import Event, Record, decode_time, encode_time, read_parameters, read_time
from drivers.zkteco_controller import people, protocol
from drivers.zkteco_controller.log import MAX_DOORS, Doors, is_text, read_log, read_text_log
from drivers.zkteco_controller.tables import Row, Table, decode_rows, query, read_tables

if TYPE_CHECKING:
    from drivers.zkteco_controller.options import Options

PARAMETERS = ("~SerialNumber", "FirmVer", "~DeviceName", "LockCount", "ReaderCount")
WEAK = (
    "weak link: without encryption, and its password can be read in the network; keep it in a network of devices alone"
)
SKEW_S, LIVE_S = 5.0, 15.0
_LOGS_A_POLL = 5
_OWN_OPEN_S = 60.0
_TRANSACTION = ("Cardno", "Pin", "Verified", "DoorID", "EventType", "InOutState", "Time_second")


class ZktecoController:
    """One controller over one TCP connection."""

    poll_interval = 0.3
    senses_passage = False
    holds: Literal["people"] = "people"
    batch = people.BATCH

    def __init__(
        self, name: str, endpoint: protocol.Endpoint, password: str, options: "Options", zone: tzinfo | None
    ) -> None:
        self._name, self._password, self._options, self._zone = name, password, options, zone
        self._wire = protocol.Connection(endpoint, options.timeout)
        self._backlog = Backlog(datetime.now(UTC) - timedelta(seconds=60))
        self._doors, self._reports = Doors(), DoorStates(MAX_DOORS)
        self._tables: dict[str, Table] = {}
        self._people = people.PeopleStore(self._wire.ask, lambda: self._tables, options.always_rule, zone)
        self._parameters: Record = {}
        self._is_open = False
        self._own_opens: dict[int, list[float]] = {}
        self._skew: float | None = None
        self._clock_tried = False
        self._source = Source.FIRST_LOG
        self._notes: list[str] = []
        self._complaints: dict[str, str] = {}

    @property
    def channels(self) -> int | None:
        """ports.Channeled: as many doors as it says."""
        count = self._parameters.get("LockCount", "")
        return int(count) if count.isdigit() and 0 < int(count) <= 16 else None

    @property
    def complaint(self) -> str | None:
        """Return what is wrong although it works."""
        return "; ".join([WEAK, *self._complaints.values()])

    def resume(self, serial: int | None) -> None:
        """ports.Replaying."""
        self._backlog.resume(serial)

    def open(self) -> DeviceInfo:
        """Connect, log in, and read what it is and what it remembers."""
        self.close()
        try:
            self._wire.open(self._password)
            return self._begin()
        except DeviceError:
            self._wire.close()
            raise

    def _begin(self) -> DeviceInfo:
        data = self._wire.ask(protocol.GET_PARAMETERS, ",".join(PARAMETERS).encode(), "to read its parameters")
        found = self._parameters = read_parameters(data)
        serial = found.get("SerialNumber", "")
        if self._options.serial and serial != self._options.serial:
            raise DeviceRefused(
                f"the controller has serial number {safe(serial, 40) or '(none)'}, not {self._options.serial};"
                " check its address"
            )
        self._tables = read_tables(self._wire.ask(protocol.TABLES, b"", "to describe its tables"))
        self._doors.forget()
        self._reports.forget()
        self._complaints.clear()
        self._clock_tried, self._source = False, Source.FIRST_LOG
        self._read_memory()
        self._check_rule()
        self._is_open = True
        return DeviceInfo(
            "ZKTeco", safe(found.get("DeviceName", ""), 60), safe(found.get("FirmVer", ""), 60), safe(serial, 60)
        )

    def close(self) -> None:
        """End the session; never raises."""
        self._is_open = False
        self._wire.close()

    def poll(self) -> Sequence[DeviceFact]:
        """Read the real-time log until it holds the doors' state alone."""
        self._require_open()
        facts: list[DeviceFact] = []
        for _ in range(_LOGS_A_POLL):
            data = self._wire.ask(protocol.REAL_TIME_LOG, b"", "to read its log")
            events, states, unread = self._read_log(data)
            if unread:
                self._notes.append(f"{unread} events of it have a time that does not exist; look into its own memory")
            self._backlog.add(events, self._source)
            self._source = Source.LOG if not events else self._source
            facts += states
            if not events:
                break
        facts += [GateAlarm(1, Kind.DEVICE_DEGRADED, note) for note in self._notes]
        self._notes = []
        for event in self._backlog.take(1000):
            facts += self._fact(event)
        return facts

    def check(self) -> dict[str, JsonValue]:
        """Return what it says of itself."""
        data = self._wire.ask(protocol.GET_PARAMETERS, ",".join(PARAMETERS).encode(), "to read its parameters")
        found = read_parameters(data)
        return {
            "serial": found.get("SerialNumber", ""),
            "model": found.get("DeviceName", ""),
            "firmware": found.get("FirmVer", ""),
            "doors": self.channels,
            "session": self._wire.has_session,
            "clock_skew_s": None if self._skew is None else round(self._skew, 1),
            "tables": list[JsonValue](sorted(self._tables)),
            "warning": self.complaint,
        }

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:  # noqa: ARG002
        """ports.Gate: confirmed by the controller's answer."""
        self._require_channel(channel)
        opens = self._own_opens.setdefault(channel, [])
        opens.append(time.monotonic())
        try:
            self._wire.command(protocol.CONTROL, _output_of(channel, _seconds(seconds)), f"to open door {channel}")
        except (DeviceUnreachable, DeviceGarbled) as error:
            raise OutcomeUnknown(f"door {channel} of {self._name} may or may not have opened: no answer") from error
        except DeviceRefused:
            opens.pop()
            raise
        return Delivery.CONFIRMED

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:  # noqa: ARG002
        """ports.SelfTimed: whole seconds, rounded up."""
        return ReleaseTimes(_seconds(seconds))

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        """ports.Gate: kept open, or by its own rules."""
        self._require_channel(channel)
        if mode is PortalMode.LOCKED:
            raise DeviceLacks(f"{self._name} can't lock a door for everybody: its protocol does not have the function")
        seconds, what = 255 if mode is PortalMode.FREE else 0, f"mode {mode.value} at door {channel}"
        # A mode may be set twice, so that it is repeated while the controller is busy.
        self._wire.ask(protocol.CONTROL, _output_of(channel, seconds), what)
        return Delivery.CONFIRMED

    def capacity(self) -> int:
        """ports.Holder."""
        return self._options.capacity

    def held(self, after: str | None) -> tuple[list[Holding], str | None]:  # noqa: ARG002
        """ports.Holder."""
        self._require_open()
        return self._people.held(), None

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:  # noqa: ARG002
        """ports.Holder."""
        self._require_open()
        if (why := self._complaints.get("rule")) and any(holding.doors for holding in holdings):
            return {holding.key: DeviceRefused(why) for holding in holdings}
        return self._people.put(holdings)

    def remove(self, keys: Sequence[str]) -> None:
        """ports.Holder."""
        self._require_open()
        self._people.remove(keys)

    def card_refusal(self, card: str) -> str | None:
        """Return why a card number can't be stored, or None (ports.CardLimits)."""
        return people.card_refusal(card)

    def _require_open(self) -> None:
        if not self._is_open:
            raise DeviceUnreachable(f"{self._name} is not open; open it first")

    def _require_channel(self, channel: int) -> None:
        self._require_open()
        doors = self.channels or 4
        if not 1 <= channel <= doors:
            raise DeviceRefused(f"{self._name} has doors 1 to {doors}, not {channel}; check the gate of the portal")

    def _read_memory(self) -> None:
        """Take the events of its memory; where it does not read them out, say so."""
        table = self._tables.get("transaction")
        self._complaints.pop("memory", None)
        try:
            if table is None:
                raise DeviceLacks("it has no table transaction")
            data = self._wire.ask(protocol.GET_DATA, query(table, _TRANSACTION), "to read its events")
            rows = decode_rows(table, data)
        except (DeviceRefused, DeviceGarbled) as error:
            self._complaints["memory"] = (
                f"its memory of events can't be read ({safe(str(error), 120)}): of an outage only its last 30 events"
                " come"
            )
            return
        events = [event for row in rows if (event := self._remembered(row)) is not None]
        if len(events) < len(rows):
            self._notes.append(f"{len(rows) - len(events)} events of its memory have a time that does not exist")
        self._backlog.add(sorted(events, key=lambda event: event.at), Source.MEMORY)

    def _remembered(self, row: Row) -> Event | None:
        at = decode_time(int(row.get("time_second", 0) or 0), self._zone)
        if at is None:
            return None
        pin, card = str(row.get("pin", "")), str(row.get("cardno", "0"))
        return Event(
            0,
            at,
            int(row.get("eventtype", 0) or 0),
            max(1, int(row.get("doorid", 1) or 1)),
            "" if pin == "0" else pin,
            card or "0",
            str(row.get("verified", "")),
            str(row.get("inoutstate", "")),
        )

    def _check_rule(self) -> None:
        rule, found = self._options.always_rule, self._people.is_always_open()
        if found is None:
            self._complaints["rule"] = f"its time rule {rule} can't be read, so whether it is always open is not known"
        elif not found:
            self._complaints["rule"] = f"its time rule {rule} is not open at all times; set the option always_rule"

    def _read_log(self, data: bytes) -> tuple[list[Event], list[DeviceFact], int]:
        """Return events, what the states mean, and how many records can't be read, of a log in either form."""
        facts: list[DeviceFact] = []
        if is_text(data):
            events, reports, unread = read_text_log(data, self._zone)
            for report in reports:
                facts += self._reports.read(report, self.channels or 4)
                facts += self._note_clock(read_time(report.get("time", ""), self._zone))
            return events, facts, unread
        events, states, unread = read_log(data, self._zone)
        for state in states:
            facts += self._doors.read(state, self.channels or 4)
            facts += self._note_clock(state.at)
        return events, facts, unread

    def _note_clock(self, shown: datetime | None) -> list[DeviceFact]:
        if shown is None:
            return []
        self._skew = (shown - datetime.now(UTC)).total_seconds()
        return self._keep_clock()

    def _keep_clock(self) -> list[DeviceFact]:
        """Set a clock that is wrong, once a connection; the next state reads it back."""
        skew = self._skew or 0.0
        if abs(skew) <= SKEW_S:
            self._complaints.pop("clock", None)
            return []
        how = f"its clock is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}"
        if not self._options.set_clock or is_doubted():
            self._complaints["clock"] = f"{how}; set it there, or allow set_clock"
            return []
        if self._clock_tried:
            self._complaints["clock"] = f"{how} and takes no other time; set option timezone, or its clock there"
            return []
        self._clock_tried = True
        text = f"DateTime={encode_time(datetime.now(UTC), self._zone)}"
        self._wire.ask(protocol.SET_PARAMETERS, text.encode(), "to set its clock")
        return [GateAlarm(1, Kind.DEVICE_DEGRADED, f"{how} and is set")]

    def _fact(self, event: Event) -> list[DeviceFact]:
        if event.code == REMOTE_OPEN and self._was_ours(event.door):
            why = "opened remotely, as commanded from here"
            return [DeviceReported(event.door, Kind.DEVICE_CONFIRMED, event.index, event.at, why)]
        skew = self._skew or 0.0
        age = datetime.now(UTC).timestamp() + skew - event.at.timestamp()
        is_live = self._skew is not None and abs(age) <= LIVE_S
        return facts_of(event, Reading(is_live, skew_s=skew))

    def _was_ours(self, door: int) -> bool:
        """Return True, once each, for the record of an opening that was commanded here lately."""
        opens = [at for at in self._own_opens.get(door, []) if time.monotonic() - at <= _OWN_OPEN_S]
        self._own_opens[door] = opens[1:]
        return bool(opens)


def _output_of(door: int, seconds: int) -> bytes:
    """Return PullSDK's ControlDevice: operation 1, a door's output (1), for so long; 0 shut, 255 kept open."""
    return bytes([1, door, 1, seconds, 0])


def _seconds(seconds: float) -> int:
    """Return what a command opens for: 1 to 254 whole seconds, rounded up; 255 would be for good."""
    return min(254, max(1, math.ceil(seconds)))
