"""A Dahua terminal as a device: gate, console, keeper of people, and a memory of events."""

import logging
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Literal

from devicemgr.domain.device_events import DeviceFact, Presented
from devicemgr.domain.model import DeviceInfo, Direction, JsonValue, PortalMode
from devicemgr.domain.ports.device import Delivery, Holding, ReleaseTimes, Spans
from devicemgr.domain.rules.decision.requests import MAX_CONSOLE_AGE_S
from devicemgr.errors import DeviceRefused, HeldInPart, InvalidInput, NotYet
from devicemgr.text import safe
from drivers.common.console.photos import fit_jpeg
from drivers.common.console.refusals import note_refusal
from drivers.common.http.client import Http
from drivers.common.http.key_values import flat
from drivers.dahua_console.cgi import Cgi, TerminalClock, number, read_clock
from drivers.dahua_console.events.feed import News
from drivers.dahua_console.events.log import History
from drivers.dahua_console.events.stream import EventStream
from drivers.dahua_console.events.translate import Terms
from drivers.dahua_console.maintenance import DahuaUpkeep
from drivers.dahua_console.refusals import CgiRefused
from drivers.dahua_console.remote_verification import OnlineMode
from drivers.dahua_console.users.batches import BATCH
from drivers.dahua_console.users.legacy_users import LegacyStore
from drivers.dahua_console.users.names import CardNumbers
from drivers.dahua_console.users.schedules import Hours
from drivers.dahua_console.users.users import PeopleStore
from drivers.dahua_console.users.write_support import no_writing

if TYPE_CHECKING:
    from drivers.dahua_console.options import Options

PHOTO_BYTES = 100 * 1024
MIN_PHOTO_PX, MAX_PHOTO_PX = (150, 300), (600, 1200)
_STATES = {PortalMode.NORMAL: "Normal", PortalMode.LOCKED: "CloseAlways", PortalMode.FREE: "OpenAlways"}
_CLOCK_S = 60.0
_CLOCK_AGAIN_S = 2.0
_SKEW_NOTED = 5.0
_AGE_NOTED_S = 600.0
WEAK_LINK = (
    "weak link: the terminal's questions come over plain HTTP, and a secret path is all that proves they are its own; "
    "keep it in a network of devices alone, or use decide=console"
)
# A stream may take a while to begin; one that never does is a complaint.
_STREAM_NOTED_S = 120.0
_BUSY_AGAIN_S = 5.0
_SLOW_MS = 100
_DOOR = re.compile(r"table\.AccessControl\[(\d{1,2})\]\.")
_CARD_FORM_OF_DOOR, _DECIMAL = "table.AccessControl[0].CardStoreFormat", "1"
_CATCHING_UP, _QUESTIONS, _USUAL = 0.02, 0.02, 0.1

_log = logging.getLogger(__name__)


class DahuaConsole(DahuaUpkeep):
    """ports.Gate, Holder, Replaying and Verifier; at most two connections to the terminal."""

    senses_passage = False
    holds: Literal["people", "cards"] = "people"

    def __init__(
        self, name: str, host: str, options: "Options", zone: tzinfo | None, commands: Http, events: Http
    ) -> None:
        self._name, self._options, self._zone = name, options, zone
        self._http, self._cgi = commands, Cgi(commands, self._connection_advice)
        self.channels = options.doors
        # One at a time fits into the time of a command at any pace.
        self.batch = BATCH if options.pace_ms < _SLOW_MS else 1
        self._clock = TerminalClock(zone or UTC, 0.0)
        self._clock_read = 0.0
        self._question_age: float | None = None
        self._question_read = 0.0
        self._stream = EventStream(events, name, snapshots=options.snapshots)
        self._history = History(self._cgi, lambda: self._clock)
        self._online = OnlineMode(self._cgi, host, options)
        self._news = News(self._stream, self._history, self._online.listener)
        self._store: PeopleStore | LegacyStore | None = None
        self._numbers = CardNumbers()
        self._hours = Hours(self._cgi, lambda: self._clock)
        self.decides_alone = options.decide == "console" or options.fallback == "console"
        self._modes: dict[int, PortalMode] = {}
        self._door_seconds: dict[int, float] = {}
        self._doors_there: int | None = None
        self._opened_at = 0.0
        self._is_busy = False
        self._info = DeviceInfo()
        self.poll_interval = _USUAL

    def resume(self, serial: int | None) -> None:
        """Set the last record number that is stored here."""
        self._history.resume(serial)

    def open(self) -> DeviceInfo:
        """Identify, read the clock, set how it decides, and listen."""
        self._info = self.identify()
        self._read_clock()
        self._read_settings()
        self._online.start()
        if self._options.stream:
            self._stream.start()
        self._opened_at = time.monotonic()
        return self._info

    def poll(self) -> Sequence[DeviceFact]:
        """Return questions first, then what the stream, the memory and pushes report."""
        facts = self._news.poll(Terms(self._clock.zone, self._numbers, self._clock.skew), self._clock.reading)
        self._note_ages(facts)
        facts = [*facts, *self._online.refused_pushes()]
        if time.monotonic() - self._clock_read > _CLOCK_S:
            self._look_again()
        asks = self._options.decide == "host"
        self.poll_interval = _CATCHING_UP if not self._history.caught_up else _QUESTIONS if asks else _USUAL
        return facts

    @property
    def complaint(self) -> str | None:
        """Return what is wrong although it works: clock, doors, people, events, and what its questions lack."""
        skew, age = self._clock.skew, self._question_age
        if abs(skew) > _SKEW_NOTED:
            return f"the terminal's clock is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}; switch NTP on there"
        if age is not None and time.monotonic() - self._question_read < _AGE_NOTED_S:
            when = "after" if age > 0 else "before"
            return (
                f"a question came {abs(age):.0f} s {when} its own time and was refused; set the terminal's clock "
                "and time zone, or find out who repeats its questions"
            )
        if self._doors_there is not None and self._doors_there < self._options.doors:
            return f"option doors={self._options.doors}, and the terminal has {self._doors_there}; see channels"
        if self._is_busy:
            return "the terminal says that it is busy; if that goes on, set pace_ms, or restart it"
        if self._news.fault:
            return f"its memory of events can't be read: {self._news.fault}"
        return (
            self._stream_complaint()
            or self._online.complaint
            or (WEAK_LINK if self._options.decide == "host" else None)
        )

    def _stream_complaint(self) -> str | None:
        is_new = time.monotonic() - self._opened_at < _STREAM_NOTED_S
        if not self._options.stream or is_new or self._stream.attached.is_set():
            return None
        why = self._stream.fault or "it does not answer"
        return f"no event stream, so that its alarms are not reported ({why}); try snapshots=true, or set stream=false"

    def _connection_advice(self) -> str:
        """Return advice for a failed connection.

        Some terminals accept none while a stream is open (ASI7213Y, field report).
        """
        is_open = self._options.stream and self._stream.attached.is_set()
        return " (its event stream is open; if this goes on, set stream=false)" if is_open else ""

    def _look_again(self) -> None:
        """Read the clock and the mode; what is busy now is looked at later."""
        try:
            self._read_clock()
            self._online.verify()
            self._is_busy = False
        except NotYet:
            self._is_busy = True
            self._clock_read = time.monotonic() - _CLOCK_S + _BUSY_AGAIN_S

    def _note_ages(self, facts: Sequence[DeviceFact]) -> None:
        """Keep how far a question was off the terminal's clock, and read that clock again: it may have been set."""
        for fact in facts:
            if isinstance(fact, Presented) and fact.age is not None and abs(fact.age) > MAX_CONSOLE_AGE_S:
                self._question_age, self._question_read = fact.age, time.monotonic()
                self._clock_read = min(self._clock_read, time.monotonic() - _CLOCK_S + _CLOCK_AGAIN_S)

    def check(self) -> dict[str, JsonValue]:
        """Read identity, clock, doors and people, and whether events arrive; move nothing."""
        self._read_clock()
        doors: dict[str, JsonValue] = {}
        for channel in range(1, self._options.doors + 1):
            try:
                status = flat(self._cgi.text("accessControl", "getDoorStatus", [("channel", str(channel))]))
                doors[str(channel)] = safe(status.get("Info.status", "unknown"), 20)
            except CgiRefused:
                doors[str(channel)] = "unknown"
        result: dict[str, JsonValue] = {
            "manufacturer": self._info.manufacturer,
            "model": self._info.model,
            "firmware": self._info.firmware,
            "serial": self._info.serial,
            "clock_skew_s": round(self._clock.skew, 1),
            "doors": doors,
            "commands": self._people().commands,
            "cards": "decimal" if self._numbers.is_decimal else "hexadecimal",
            "events": self._events_state(),
            "decides": self._options.decide,
        }
        if why := no_writing(self._info.model, self._people().has_written):
            result["people"] = why
        if self._options.decide == "host":
            result["warning"] = WEAK_LINK
        if abs(self._clock.skew) > _SKEW_NOTED:
            result["advice"] = "the terminal's clock is wrong: switch NTP on there"
        return result

    def _events_state(self) -> str:
        if not self._options.stream:
            return "read from its memory; alarms are not reported (stream=false)"
        return self._stream.fault or ("received" if self._stream.attached.is_set() else "none yet")

    def close(self) -> None:
        """Let go of both connections and the port; never raises."""
        self._online.stop()
        self._stream.stop()
        self._http.close()

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:  # noqa: ARG002
        """Send one openDoor, timed by the terminal's own unlock time."""
        self._require_door(channel)
        mode = self._modes.get(channel, PortalMode.NORMAL)
        if mode is PortalMode.LOCKED:
            raise DeviceRefused(f"channel {channel} is locked; put the portal into normal mode first")
        if mode is PortalMode.FREE:
            return Delivery.CONFIRMED
        pairs = [("channel", str(channel)), ("UserID", self._options.remote_user), ("Type", "Remote")]
        self._news.released(channel, self._options.remote_user)
        try:
            self._cgi.order("accessControl", "openDoor", pairs, once=True)
        except DeviceRefused:
            self._news.not_released()
            raise
        return Delivery.CONFIRMED

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:
        """Return the terminal's own setting (UnlockHoldInterval), read when it was opened."""
        return ReleaseTimes(self._door_seconds.get(channel, seconds))

    def _read_settings(self) -> None:
        """Read how long doors stay open, how many there are, and how cards are written."""
        doors, general = self._config("AccessControl"), self._config("AccessControlGeneral")
        places = range(1, self._options.doors + 1)
        held = {
            door: number(doors.get(f"table.AccessControl[{door - 1}].UnlockHoldInterval")) / 1000 for door in places
        }
        self._door_seconds = {door: seconds for door, seconds in held.items() if seconds > 0}
        found = {int(match[1]) for name in doors if (match := _DOOR.match(name))}
        self._doors_there = max(found) + 1 if found else None
        # In AccessControlGeneral by some reports, in each door's settings by others.
        forms = (general.get("table.AccessControlGeneral.CardStoreFormat"), doors.get(_CARD_FORM_OF_DOOR))
        self._numbers.is_decimal = _DECIMAL in forms

    def _config(self, name: str) -> dict[str, str]:
        try:
            return flat(self._cgi.text("configManager", "getConfig", [("name", name)]))
        except CgiRefused:
            return {}

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        """By the terminal's door state, read back; DeviceRefused where the firmware has none."""
        self._require_door(channel)
        key = f"AccessControl[{channel - 1}].State"
        try:
            self._cgi.order("configManager", "setConfig", [(key, _STATES[mode])])
            config = flat(self._cgi.text("configManager", "getConfig", [("name", "AccessControl")]))
        except CgiRefused as error:
            if mode is PortalMode.NORMAL and self._modes.get(channel, mode) is mode:
                return Delivery.CONFIRMED  # it never was in another
            raise DeviceRefused(
                "this terminal's firmware can't hold its door locked or free from here; set it at the terminal"
            ) from error
        if config.get(f"table.{key}") != _STATES[mode]:
            raise DeviceRefused(f"the terminal said OK, and its door is not {mode}; restart it")
        self._modes[channel] = mode
        return Delivery.CONFIRMED

    def capacity(self) -> int:
        """Return the configured number, since the terminal does not report one."""
        return self._options.capacity

    def held(self, after: str | None) -> tuple[list[Holding], str | None]:
        """Read one page of cards, of faces, or of people, and where the next page begins."""
        return self._people().held(after)

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:
        """Up to ten; photos are made to fit in memory."""
        failed: dict[str, DeviceRefused] = {}
        fitted: dict[str, bytes] = {}
        for key, jpeg in faces.items():
            try:
                fitted[key] = fit_jpeg(jpeg, PHOTO_BYTES, MAX_PHOTO_PX, MIN_PHOTO_PX)
            except DeviceRefused as error:
                failed[key] = HeldInPart(str(error))
        # A photo that does not fit leaves the person there without a face, also without the one before.
        fitting = [replace(holding, face=None) if holding.key in failed else holding for holding in holdings]
        store = self._people()
        for key, refusal in store.put(fitting, fitted).items():
            note_refusal(failed, key, refusal)
        if failed and (why := no_writing(self._info.model, store.has_written)):
            failed = {key: type(refusal)(f"{refusal}; {why}") for key, refusal in failed.items()}
        return failed

    def card_refusal(self, card: str) -> str | None:
        """Why a card can't be held there."""
        return self._numbers.refusal(card)

    def remove(self, keys: Sequence[str]) -> None:
        """Up to ten, read back; never without a key, which might mean everybody."""
        if not keys:
            raise InvalidInput("no person was named for removal; nothing was sent")
        self._people().remove(keys)

    def keep_hours(self, hours: Mapping[str, Spans], *, look: bool = False) -> dict[str, DeviceRefused]:
        """Weekly hours, for people whose doors are not open to them at all times."""
        return self._hours.keep(hours, look=look)

    def answer(self, serial: int, granted: bool, words: str) -> None:
        """Answer a question of online mode."""
        self._online.answer(serial, granted, words)
        self._news.answered(serial, granted)

    def _people(self) -> PeopleStore | LegacyStore:
        if self._store is None:
            tools = self._cgi, lambda: self._clock, self._hours, self._numbers
            newer = PeopleStore(*tools)
            self._store = newer if newer.exists() else LegacyStore(*tools)
        return self._store

    def _read_clock(self) -> None:
        before = self._clock.skew
        self._clock = read_clock(self._cgi, self._zone)
        self._clock_read = time.monotonic()
        if abs(self._clock.skew) > _SKEW_NOTED and abs(self._clock.skew - before) > _SKEW_NOTED:
            _log.warning("%s: its clock is %.0f s off; switch NTP on there", self._name, self._clock.skew)

    def _require_door(self, channel: int) -> None:
        if not 1 <= channel <= self._options.doors:
            raise InvalidInput(
                f"this terminal serves channels 1 to {self._options.doors}, not {channel}; see option doors"
            )
