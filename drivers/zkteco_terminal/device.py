"""A ZKTeco terminal as a device: it decides by the people it holds, opens on command, and uploads what happened."""

import logging
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
from devicemgr.errors import DeviceLacks, DeviceRefused, DeviceUnreachable, NotYet, OutcomeUnknown
from devicemgr.text import safe
from drivers.common.zkteco.backlog import FIRST_TIMED, Backlog
from drivers.common.zkteco.codes import NOT_NOW, REMOTE_OPEN, UNCERTAIN, result_words
from drivers.common.zkteco.door_states import DoorStates
from drivers.common.zkteco.facts import Reading, facts_of
from drivers.common.zkteco.records import Event, Record, encode_time, read_time
from drivers.zkteco_terminal import people
from drivers.zkteco_terminal.commands import Command, CommandQueue
from drivers.zkteco_terminal.listener import Listener
from drivers.zkteco_terminal.uploads import Uploads

if TYPE_CHECKING:
    from drivers.zkteco_terminal.options import Options

CALL_S = 4.0
# It asks for commands each second. Three of its own time-outs without a word, and it is gone.
SILENCE_S = 30.0
# Some call each half minute all the same (SenseFace 3A in the field): then so many of its own pauses.
SLOW_CALLS, MAX_SILENCE_S, SLOW_S = 3, 120.0, 8.0
RELEASE_S = 6.0
SKEW_S, MAX_CLOCK_TRIES = 5.0, 3
LIVE_S = 15.0  # 7.2: what reaches the server within 15 s is a real-time event
GAP_S = 10.0
_OWN_OPEN_S = 60.0
_LOCK_DOOR_BIT = 2
PARAMETERS = (
    "FirmVer,~DeviceName,LockCount,~MaxUserCount,DateFmtFunOn,MulCardUserFunOn,StringPinFunOn,AccSupportFunList,"
    "BioPhotoFun,BioDataFun,FaceFunOn,MultiBioPhotoSupport"
)
WEAK = (
    "weak link: plain HTTP, and only its address and serial number prove this terminal; keep it in a network of devices"
    " alone"
)
ATTENDANCE = (
    "it keeps working time (attendance firmware or mode), so that no people can be put on it and it opens for no"
    " command; set its device type to access control (A&C PUSH)"
)
RULE_UNREAD = "its time rule {rule} can't be read, so whether that is open at all times is not known"
RULE_CLOSED = "its time rule {rule} is not open at all times: people are kept out; set the option always_rule"

_log = logging.getLogger(__name__)


class ZktecoTerminal:
    """One terminal; its calls come in on threads of the listener, everything else runs on the device's own."""

    poll_interval = 0.2
    senses_passage = False
    holds: Literal["people"] = "people"
    batch = people.BATCH

    def __init__(self, name: str, hosts: Sequence[str], options: "Options", zone: tzinfo | None) -> None:
        self._name, self._options, self._zone = name, options, zone
        self._backlog = Backlog(datetime.now(UTC) - timedelta(seconds=60))
        self._commands = CommandQueue()
        self._uploads = Uploads(self._backlog, self._commands, lambda: self._zone)
        self._listener = Listener(options.push_port, hosts, options.serial, self._uploads)
        self._doors = DoorStates(options.doors)
        self._people = people.PeopleStore(self._commands, self._terms)
        self._is_open = False
        self._skew: float | None = None
        self._clock_tries = 0
        self._clock_command: Command | None = None
        self._is_clock_stuck = False
        self._own_opens: dict[int, list[float]] = {}
        self._gap_since: float | None = None
        self._gap_query: list[Command] = []
        self._is_sparse = False
        self._restarts = 0
        self._rule_complaint = ""
        self._facts: list[DeviceFact] = []

    @property
    def channels(self) -> int | None:
        """ports.Channeled: as many doors as it says, or as the options say."""
        count = self._uploads.parameters.get("LockCount", "")
        return int(count) if count.isdigit() and 0 < int(count) <= 64 else self._options.doors

    @property
    def complaint(self) -> str | None:
        """Return what is wrong although it works."""
        found = [WEAK]
        if self._uploads.kind == "attendance":
            found.append(ATTENDANCE)
        if self._rule_complaint:
            found.append(self._rule_complaint)
        if (self.channels or 0) < self._options.doors:
            found.append(f"it has {self.channels} doors, and option doors says {self._options.doors}")
        if self._options.faces and self._uploads.parameters and not self._terms().takes_faces:
            found.append("option faces is true, and this terminal takes no face photos")
        if SLOW_S < (pause := self._listener.pause_s) < MAX_SILENCE_S:
            found.append(
                f"it calls only every {pause:.0f} s, so that an opening from here may come too late; restart it, so "
                "that it takes the delay of this computer"
            )
        if self._is_clock_stuck:
            found.append(f"its clock is {self._skew or 0:+.0f} s off and takes no other time; set option timezone")
        return "; ".join(found)

    def resume(self, serial: int | None) -> None:
        """ports.Replaying."""
        self._backlog.resume(serial)

    def open(self) -> DeviceInfo:
        """Listen, and wait until the terminal calls."""
        self._listener.start()
        if not self._listener.wait_for_call(CALL_S, time.monotonic() - SILENCE_S):
            self._listener.rest()
            raise DeviceUnreachable(
                f"no terminal with serial number {self._options.serial} has called port {self._listener.port} here; "
                "set this computer as its cloud server (ADMS), and check address, serial number and firewall"
            )
        self._doors.forget()
        self._clock_command = None
        self._is_open = True
        if self._uploads.kind != "attendance":
            self._learn()
        found = self._uploads.parameters
        return DeviceInfo(
            "ZKTeco", safe(found.get("DeviceName", ""), 60), safe(found.get("FirmVer", ""), 60), self._options.serial
        )

    def close(self) -> None:
        """Take no more uploads; the terminal keeps them."""
        self._is_open = False
        self._listener.rest()

    def poll(self) -> Sequence[DeviceFact]:
        """Return what was uploaded since, in the order of the terminal's records."""
        self._require_open()
        called = self._listener.called_at
        patience = max(SILENCE_S, min(SLOW_CALLS * self._listener.pause_s, MAX_SILENCE_S))
        if called is None or time.monotonic() - called > patience:
            raise DeviceUnreachable(
                f"the terminal has not called for {patience:.0f} s; is it switched off, or cut off?"
            )
        facts: list[DeviceFact] = [*self._facts, *self._listener.refused()]
        self._facts = []
        while self._uploads.notes:
            facts.append(GateAlarm(1, Kind.DEVICE_DEGRADED, self._uploads.notes.popleft()))
        while self._uploads.states:
            facts += self._read_state(self._uploads.states.popleft())
        return facts + self._events()

    def check(self) -> dict[str, JsonValue]:
        """Return what is known of it; asks it nothing that moves anything."""
        found = self._uploads.parameters
        called = self._listener.called_at
        return {
            "serial": self._options.serial, "kind": self._uploads.kind, "port": self._listener.port,
            "firmware": found.get("FirmVer", ""), "model": found.get("DeviceName", ""), "doors": self.channels,
            "clock_skew_s": None if self._skew is None else round(self._skew, 1),
            "seconds_since_call": None if called is None else round(time.monotonic() - called, 1),
            "takes_faces": self._terms().takes_faces, "unread_records": self._uploads.unread, "warning": self.complaint,
        }  # fmt: skip

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:  # noqa: ARG002
        """ports.Gate: confirmed by the command's result, or by the record of the opening."""
        self._require_channel(channel)
        began = time.monotonic()
        opens = self._own_opens.setdefault(channel, [])
        opens.append(began)
        newest = self._backlog.newest
        (command,) = self._commands.put([f"CONTROL DEVICE 01{channel:02X}01{_seconds(seconds):02X}"])
        self._commands.wait([command], began + RELEASE_S, lambda: self._backlog.find(REMOTE_OPEN, channel, newest))
        is_recorded = command.is_sent and self._backlog.find(REMOTE_OPEN, channel, newest)
        if command.result is None and self._commands.withdraw([command]):
            opens.remove(began)
            raise DeviceUnreachable(f"{self._name} has not fetched the command to open: it did nothing; is it cut off?")
        if is_recorded or (command.result is not None and command.result >= 0):
            return Delivery.CONFIRMED
        if command.result is None or command.result in UNCERTAIN:
            raise OutcomeUnknown(f"door {channel} of {self._name} may or may not have opened: no answer")
        opens.remove(began)
        why = f"{self._name} refuses to open door {channel}: {result_words(command.result)}"
        raise NotYet(why) if command.result in NOT_NOW else DeviceRefused(why)

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:  # noqa: ARG002
        """ports.SelfTimed: whole seconds, rounded up."""
        return ReleaseTimes(_seconds(seconds))

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        """ports.Gate: open or shut until the next command, by the command's result."""
        self._require_channel(channel)
        can_lock = self._uploads.parameters.get("AccSupportFunList", "")[_LOCK_DOOR_BIT : _LOCK_DOOR_BIT + 1] == "1"
        lock = [f"CONTROL DEVICE 06{channel:02X}{int(mode is PortalMode.LOCKED):02X}00"]
        if mode is PortalMode.LOCKED and not can_lock:
            raise DeviceLacks(f"{self._name} can't lock a door: its firmware does not have the function")
        output = f"CONTROL DEVICE 01{channel:02X}01{0xFF if mode is PortalMode.FREE else 0:02X}"
        texts = [output, *lock] if mode is not PortalMode.FREE else [*lock, output]
        texts = texts if can_lock else [output]
        for command in self._run(texts, RELEASE_S, f"the mode of door {channel}"):
            people.raise_result(command.result or 0, f"mode {mode.value} at door {channel}")
        return Delivery.CONFIRMED

    def capacity(self) -> int:
        """ports.Holder."""
        return self._options.capacity

    def held(self, after: str | None) -> tuple[list[Holding], str | None]:
        """ports.Holder."""
        self._require_people()
        return self._people.held(after)

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:
        """ports.Holder."""
        self._require_people()
        if self._rule_complaint and any(holding.doors for holding in holdings):
            return {holding.key: DeviceRefused(self._rule_complaint) for holding in holdings}
        return self._people.put(holdings, faces)

    def remove(self, keys: Sequence[str]) -> None:
        """ports.Holder."""
        self._require_people()
        self._people.remove(keys)

    def card_refusal(self, card: str) -> str | None:
        """Return why a card number can't be stored, or None (ports.CardLimits)."""
        return people.card_refusal(card)

    def _terms(self) -> people.Terms:
        return people.read_terms(self._uploads.parameters, self._options.always_rule, self._zone)

    def _require_open(self) -> None:
        if not self._is_open:
            raise DeviceUnreachable(f"{self._name} is not open; open it first")

    def _require_channel(self, channel: int) -> None:
        self._require_open()
        if self._uploads.kind == "attendance":
            raise DeviceLacks(f"{self._name}: {ATTENDANCE}")
        if not 1 <= channel <= min(self._options.doors, 16):
            raise DeviceRefused(
                f"{self._name} serves channels 1 to {self._options.doors}, not {channel}; see option doors"
            )

    def _require_people(self) -> None:
        self._require_open()
        if self._uploads.kind == "attendance":
            raise DeviceLacks(f"{self._name}: {ATTENDANCE}")

    def _run(self, texts: Sequence[str], seconds: float, what: str) -> list[Command]:
        commands = self._commands.run(texts, time.monotonic() + seconds)
        if any(command.result is None for command in commands):
            if not any(command.is_sent for command in commands):
                raise DeviceUnreachable(f"{self._name} has not fetched its commands; is it cut off?")
            raise OutcomeUnknown(f"{what} of {self._name} may or may not be set: no answer")
        return commands

    def _learn(self) -> None:
        """Read its parameters where it did not register just now, and the time rule that people are given."""
        rule = self._options.always_rule
        texts = [f"DATA QUERY tablename=timezone,fielddesc=*,filter=TimezoneId={rule}"]
        texts += [] if self._uploads.parameters.get("LockCount") else [f"GET OPTIONS {PARAMETERS}"]
        texts += ["DATA QUERY tablename=transaction,fielddesc=*,filter=NewRecord"]
        commands = self._commands.run(texts, time.monotonic() + CALL_S)
        rows = [row for row in commands[0].rows if row.get("timezoneid", str(rule)) == str(rule)]
        if not rows or (commands[0].result or 0) < 0:
            self._rule_complaint = RULE_UNREAD.format(rule=rule)
        else:
            self._rule_complaint = "" if _is_always(rows[0]) else RULE_CLOSED.format(rule=rule)

    def _read_state(self, record: Record) -> list[DeviceFact]:
        facts = self._doors.read(record)
        at = read_time(record.get("time", ""), self._zone)
        return facts + (self._keep_clock(at) if at is not None else [])

    def _keep_clock(self, shown: datetime) -> list[DeviceFact]:
        """Set a clock that is wrong, and say so: the terminal stamps its events and ends people's validity by it."""
        now = datetime.now(UTC)
        self._skew = (shown - now).total_seconds()
        if abs(self._skew) <= SKEW_S:
            self._clock_tries, self._is_clock_stuck = 0, False
            return []
        if is_doubted() or (self._clock_command is not None and self._clock_command.result is None):
            return []  # it has not done as it was commanded yet
        if self._clock_tries >= MAX_CLOCK_TRIES:
            self._is_clock_stuck = True
            return []
        self._clock_tries += 1
        text = f"SET OPTIONS DateTime={encode_time(now + timedelta(seconds=1), self._zone)}"
        (self._clock_command,) = self._commands.put([text])
        if self._clock_tries > 1:
            return []
        how = f"was {abs(self._skew):.0f} s {'ahead' if self._skew > 0 else 'behind'}"
        return [GateAlarm(1, Kind.DEVICE_DEGRADED, f"its clock {how} and is set")]

    def _events(self) -> list[DeviceFact]:
        facts: list[DeviceFact] = []
        if self._backlog.restarts > self._restarts:
            self._restarts = self._backlog.restarts
            facts.append(GateAlarm(1, Kind.DEVICE_DEGRADED, "its memory of events began from the start"))
        for event in self._backlog.take():
            facts += self._fact(event)
        return facts + self._mind_gap()

    def _fact(self, event: Event) -> list[DeviceFact]:
        if event.code == REMOTE_OPEN and self._was_ours(event.door):
            why = "opened remotely, as commanded from here"
            return [DeviceReported(event.door, Kind.DEVICE_CONFIRMED, event.index, event.at, why)]
        skew = self._skew or 0.0
        age = datetime.now(UTC).timestamp() + skew - event.at.timestamp()
        is_live = self._skew is not None and abs(age) <= LIVE_S
        attendance = self._uploads.kind == "attendance" and event.index >= FIRST_TIMED
        return facts_of(event, Reading(is_live, self._terms().has_hex_cards, attendance, skew))

    def _was_ours(self, door: int) -> bool:
        """Return True, once each, for the record of an opening that was commanded here lately."""
        opens = [at for at in self._own_opens.get(door, []) if time.monotonic() - at <= _OWN_OPEN_S]
        self._own_opens[door] = opens[1:]
        return bool(opens)

    def _mind_gap(self) -> list[DeviceFact]:
        """Read records that are missing from its memory; go on without those that it does not have."""
        gap = self._backlog.gap
        if gap is None:
            self._gap_since, self._gap_query = None, []
            return []
        if self._gap_since is None:
            self._gap_since = time.monotonic()
            condition = "NewRecord" if self._is_sparse else "*"
            text = f"DATA QUERY tablename=transaction,fielddesc=*,filter={condition}"
            self._gap_query = self._commands.put([text])
            return []
        query = self._gap_query[0] if self._gap_query else None
        is_over = query is not None and query.result is not None
        if not is_over and time.monotonic() - self._gap_since < GAP_S:
            return []
        self._commands.withdraw(self._gap_query)
        missing = self._backlog.pass_gap()
        self._gap_since, self._gap_query = None, []
        was_sparse, self._is_sparse = self._is_sparse, is_over
        if missing is None or was_sparse:
            return []
        words = f"records {missing[0]} to {missing[1]} are not in its memory"
        return [GateAlarm(1, Kind.DEVICE_DEGRADED, words if is_over else f"{words}, or it does not read them out")]


def _seconds(seconds: float) -> int:
    """Return what a command opens for: 1 to 254 whole seconds, rounded up; 255 would be for good."""
    return min(254, max(1, math.ceil(seconds)))


def _is_always(rule: Record) -> bool:
    """Return True if a time rule is open all day on each weekday: 0:00 to 23:59, as START<<16 + END in hhmm."""
    days = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
    return all(rule.get(f"{day}time1") == "2359" for day in days)
