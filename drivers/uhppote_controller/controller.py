"""A UHPPOTE controller as a device: doors, cards that it holds or does not, events read by their index."""

import time
import zoneinfo
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from devicemgr.clock.ntp import is_doubted
from devicemgr.domain.device_events import CardRead, DeviceFact, DoorContact, FireRelease, GateAlarm
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import DeviceInfo, Direction, JsonValue, PortalMode
from devicemgr.domain.ports.device import Delivery, Holding, ReleaseTimes
from devicemgr.domain.rules.card_formats import names_of_controller_number
from devicemgr.errors import DeviceRefused, DeviceUnreachable, HeldInPart, OutcomeUnknown
from devicemgr.text import safe
from drivers.uhppote_controller.cards import DELETED, DOORS, NO_CARD, Card, card_of, holding_of, read_card
from drivers.uhppote_controller.events import CONTACTS, OVERWRITTEN, REMOTE_OPEN, ControllerEvent, fact_of
from drivers.uhppote_controller.listener import Listener, listen
from drivers.uhppote_controller.options import Options
from drivers.uhppote_controller.protocol import Endpoint, Wire, aware, wall

MODES = {PortalMode.FREE: 1, PortalMode.LOCKED: 2, PortalMode.NORMAL: 3}
MODE_WORDS = {1: "normally open", 2: "normally closed", 3: "controlled"}
FIRE_INPUT = 0x01
REFLECTS = (
    "this network path echoes: each packet to the controller comes back as well; look at routers and relays of UDP"
)
SKEW_S = 5.0
# Its clock counts whole seconds.
CURRENT_S = 2.0

_EVENTS_A_POLL = 20
_CARDS_A_PAGE = 10
_DOORS_BEYOND = "the controller has doors 1 to 4; check --gate of the portals"
_MAX_INDEXES = 200_000
# Its memory is read so often at least; a hint from its listener is looked for in between.
_QUIET, _BUSY, _HINT = 0.25, 0.01, 0.03


class UhppoteGate:
    """Doors and events; `poll` reads the events behind the last one that was reported, oldest first."""

    senses_passage = False

    def __init__(self, name: str, endpoint: Endpoint, options: Options) -> None:
        from uhppoted import decode, encode  # noqa: PLC0415 - the vendor's library, imported for this kind only

        self._encode, self._decode = encode, decode
        self._name, self._options, self._id = name, options, options.controller
        self.channels = max(1, min(4, self._id // 100_000_000))  # the first digit of the serial number
        self._zone = zoneinfo.ZoneInfo(options.timezone) if options.timezone else None
        self._endpoint = endpoint
        self._wire = Wire(endpoint, options.controller, options.timeout)
        self._listener: Listener | None = None
        self._pushes = "to none"
        self._read_at = 0.0
        self._last: int | None = None
        self._live_from = 0
        self._now: datetime | None = None
        self._fire: bool | None = None
        self._doors: dict[int, tuple[int, int]] = {}
        self._contacts: dict[int, bool] = {}
        self._own_opens: dict[int, int] = {}
        self._waiting: list[DeviceFact] = []
        self._is_open = False
        self.poll_interval = _QUIET

    def resume(self, serial: int | None) -> None:
        if serial is not None:
            self._last = max(serial, self._last or 0)

    def open(self) -> DeviceInfo:
        self.close()
        self._fire = None  # so that it is reported again, also when it did not change
        self._contacts.clear()
        info = self._ask("get_controller")
        self._ask("record_special_events", True)
        status = self._status()
        self._waiting = self._keep_clock(status)
        newest = int(status.event_index)
        if self._last is None:
            self._last = newest  # whatever happened before it was ours is not of this site
        self._live_from = newest + 1
        if self._options.listener != "off":
            port, take = self._options.listener_port, self._options.listener == "take"
            self._listener, self._pushes = listen(self._ask, self._endpoint, self._id, port, take=take)
        self.poll_interval = self._pace
        self._read_at = 0.0
        self._is_open = True
        return DeviceInfo("UHPPOTE", f"{self._id // 100_000_000}-door controller", info.version, str(self._id))

    def close(self) -> None:
        self._is_open = False
        self._doors.clear()
        listener, self._listener = self._listener, None
        if listener is not None:
            self._wire.dropped += listener.dropped
            listener.close()

    @property
    def _pace(self) -> float:
        return _QUIET if self._listener is None else _HINT

    def poll(self) -> Sequence[DeviceFact]:
        self._require_open()
        if self._listener is not None:
            hinted = self._listener.has_received()
            if not hinted and time.monotonic() < self._read_at:
                return []
            self._read_at = time.monotonic() + _QUIET
        status = self._status()
        facts = [*self._waiting, *self._keep_clock(status), *self._fire_of(status)]
        self._waiting = []
        return facts + self._events(int(status.event_index)) + self._contacts_of(status)

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:  # noqa: ARG002
        self._require_open()
        mode, delay = self._door(channel)
        wanted = _whole_seconds(seconds)
        if delay != wanted:
            self._set_door(channel, mode, wanted)
        try:
            answer = self._ask("open_door", channel, tries=1)
        except DeviceUnreachable as error:
            raise OutcomeUnknown(
                f"{self._label(channel)} of {self._name} may or may not have opened: no answer"
            ) from error
        if not answer.opened:
            raise DeviceRefused(f"{self._name} refused to open {self._label(channel)}; check its wiring and number")
        self._own_opens[channel] = self._own_opens.get(channel, 0) + 1
        return Delivery.CONFIRMED

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:  # noqa: ARG002
        return ReleaseTimes(_whole_seconds(seconds))

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        self._require_open()
        _, delay = self._door(channel)
        self._set_door(channel, MODES[mode], delay)
        return Delivery.CONFIRMED

    def check(self) -> dict[str, JsonValue]:
        info, status = self._ask("get_controller"), self._status()
        clock = self._clock(status)
        found: dict[str, JsonValue] = {
            "serial": str(self._id),
            "firmware": str(info.version),
            "address": str(info.ip_address),
            "cards": int(self._ask("get_cards").cards),
            "events": int(status.event_index),
            "clock": clock.isoformat() if clock else None,
            "fire": bool(status.inputs & FIRE_INPUT),
            "error": int(status.system_error),
            "pushes": self._pushes,
            "doors": self._tell_doors(),
            "dropped": self._wire.dropped + (self._listener.dropped if self._listener else 0),
        }
        return found | ({"warning": REFLECTS} if self._wire.echoes else {})

    def _tell_doors(self) -> list[JsonValue]:
        """Each door that its serial number's first digit promises, as the controller has it."""
        found: list[JsonValue] = []
        for door in DOORS[: self.channels]:
            answer = self._ask("get_door_control", door, fits=lambda answer, door=door: answer.door == door)
            mode = MODE_WORDS.get(answer.mode, f"mode {answer.mode}")
            found.append(f"{self._label(door)}: {mode}, {answer.delay} s")
        return found

    def _label(self, door: int) -> str:
        names = self._options.doors
        return f"door {door} ({safe(names[door - 1], 40)})" if door <= len(names) else f"door {door}"

    def _ask(self, name: str, *arguments: Any, tries: int = 2, fits: Any = lambda _: True) -> Any:
        request = getattr(self._encode, f"{name}_request")(self._id, *arguments)
        return self._wire.ask(request, getattr(self._decode, f"{name}_response"), fits, tries)

    def _status(self) -> Any:
        return self._ask("get_status")

    def _require_open(self) -> None:
        if not self._is_open:
            raise DeviceUnreachable(f"{self._name} is not open; open it first")

    def _door(self, door: int) -> tuple[int, int]:
        """Return mode and seconds of a door, read once a connection."""
        if door not in DOORS:
            raise DeviceRefused(f"{self._name} has doors 1 to 4, not {door}; check --gate of the portal")
        if door not in self._doors:
            found = self._ask("get_door_control", door, fits=lambda answer: answer.door == door)
            self._doors[door] = (found.mode, found.delay)
        return self._doors[door]

    def _set_door(self, door: int, mode: int, delay: int) -> None:
        self._doors.pop(door, None)
        self._ask("set_door_control", door, mode, delay, fits=lambda answer: answer.door == door)
        if self._door(door) != (mode, delay):
            raise DeviceRefused(
                f"{self._name} did not take mode {mode} and {delay} s for {self._label(door)}; has it that door?"
            )

    def _clock(self, status: Any) -> datetime | None:
        if status.system_date is None or status.system_time is None:
            return None
        return aware(datetime.combine(status.system_date, status.system_time), self._zone)

    def _keep_clock(self, status: Any) -> list[DeviceFact]:
        """Set a clock that is wrong, and say so: the controller stamps its events and ends its cards by it."""
        clock, now = self._clock(status), datetime.now(UTC)
        self._now = clock
        skew = None if clock is None else (clock - now).total_seconds()
        if (skew is not None and abs(skew) <= SKEW_S) or is_doubted():
            return []
        self._ask("set_time", wall(now, self._zone))
        how = "stood at no time" if skew is None else f"was {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}"
        return [GateAlarm(1, Kind.DEVICE_DEGRADED, f"its clock {how} and was set")]

    def _fire_of(self, status: Any) -> list[DeviceFact]:
        if not self._options.fire_input:
            return []
        before, self._fire = self._fire, bool(status.inputs & FIRE_INPUT)
        return [FireRelease(self._fire)] if self._fire != before else []

    def _contacts_of(self, status: Any) -> list[DeviceFact]:
        """The doors' contacts at the first reading, and what changed of them without an event."""
        facts: list[DeviceFact] = []
        for door in DOORS[: self.channels]:
            is_open = bool(getattr(status, f"door_{door}_open"))
            if self._contacts.get(door) != is_open:
                self._contacts[door] = is_open
                facts.append(DoorContact(door, is_open))
        return facts

    def _events(self, newest: int) -> list[DeviceFact]:
        facts: list[DeviceFact] = []
        last = self._last or 0
        if newest < last:
            facts.append(GateAlarm(1, Kind.DEVICE_DEGRADED, "its memory of events started over"))
            last, self._live_from = 0, 1
        for _ in range(_EVENTS_A_POLL):
            if last >= newest:
                break
            event = self._event(last + 1)
            if event is None:
                first, last = last + 1, max(last + 1, int(self._ask("get_event", 0).index) - 1)
                facts.append(GateAlarm(1, Kind.DEVICE_DEGRADED, f"events {first} to {last} are lost: written over"))
                continue
            facts += self._facts(event)
            last = event.index
        self._last = last
        more = last < newest
        self.poll_interval, self._read_at = (_BUSY, 0.0) if more else (self._pace, self._read_at)
        return facts

    def _event(self, index: int) -> ControllerEvent | None:
        """One event; None when it has been overwritten."""
        found = self._ask("get_event", index, fits=lambda answer: answer.index in (index, 0))
        if found.event_type in (0, OVERWRITTEN):
            return None
        at = aware(found.timestamp, self._zone) or datetime.now(UTC)
        return ControllerEvent(
            index, found.event_type, found.access_granted, found.door, found.direction, found.card, at, found.reason
        )

    def _facts(self, event: ControllerEvent) -> list[DeviceFact]:
        if event.reason in REMOTE_OPEN and self._own_opens.get(event.door, 0) > 0:
            self._own_opens[event.door] -= 1
            return []
        if event.reason in CONTACTS:
            self._contacts[event.door] = CONTACTS[event.reason]
            return [DoorContact(event.door, CONTACTS[event.reason])]
        fact = fact_of(event)
        return [fact] if fact is not None else []


def _whole_seconds(seconds: float) -> int:
    """Return the delay that the controller is given: 1 to 255 whole seconds, rounded up."""
    return min(255, max(1, -int(-seconds // 1)))


class UhppoteHost(UhppoteGate):
    """Decides nothing: a card that it refused just now is a card before the reader, and is decided here."""

    def open(self) -> DeviceInfo:
        info = super().open()
        if cards := int(self._ask("get_cards").cards):
            self._waiting.append(
                GateAlarm(1, Kind.DEVICE_DEGRADED, f"it holds {cards} cards and opens for them by itself; remove them")
            )
        return info

    def _facts(self, event: ControllerEvent) -> list[DeviceFact]:
        if event.is_swipe and not event.granted:
            names = names_of_controller_number(event.card)
            return [CardRead(event.door, names)] if names and self._is_current(event) else []
        return super()._facts(event)

    def _is_current(self, event: ControllerEvent) -> bool:
        """Return True if the event is live: one refused while disconnected, or a while ago by its clock, is not."""
        age = (self._now - event.at).total_seconds() if self._now is not None else None
        return event.index >= self._live_from and age is not None and -1.0 <= age <= CURRENT_S


class UhppoteController(UhppoteGate):
    """Decides by the cards that it holds; keys are card numbers as they are printed."""

    holds: Literal["cards"] = "cards"
    batch = 5

    def capacity(self) -> int:
        return self._options.capacity

    def held(self, after: str | None) -> tuple[list[Holding], str | None]:
        found: list[Holding] = []
        start = int(after) if after else 0
        count = int(self._ask("get_cards").cards) if start == 0 else None
        if count == 0:
            return [], None
        for index in range(start + 1, start + 1 + _CARDS_A_PAGE):
            answer = self._ask("get_card_by_index", index)
            if answer.card_number == NO_CARD or index >= _MAX_INDEXES:
                return found, None
            if answer.card_number != DELETED:
                found.append(holding_of(read_card(answer), self._zone))
        return found, str(start + _CARDS_A_PAGE)

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:  # noqa: ARG002
        refused = {}
        for holding in holdings:
            try:
                beyond = holding.doors - set(DOORS)
                if beyond and beyond == holding.doors:
                    raise DeviceRefused(_DOORS_BEYOND)
                self._put(card_of(holding, self._zone))
                if beyond:
                    raise HeldInPart(_DOORS_BEYOND)
            except DeviceRefused as error:
                refused[holding.key] = error
        return refused

    def _put(self, card: Card) -> None:
        doors = [int(door in card.doors) for door in DOORS]
        answer = self._ask("put_card", card.number, card.first, card.last, *doors, 0)
        if not answer.stored:
            raise DeviceRefused(f"{self._name} did not store card {card.number}; is its memory full?")
        if self._get(card.number) != card:
            raise DeviceRefused(f"{self._name} reads back card {card.number} differently; check its firmware")

    def _get(self, number: int) -> Card | None:
        answer = self._ask("get_card", number, fits=lambda found: found.card_number in (number, NO_CARD))
        return read_card(answer) if answer.card_number == number else None

    def remove(self, keys: Sequence[str]) -> None:
        for key in keys:
            if key.isdigit() and NO_CARD < int(key) < DELETED:
                self._ask("delete_card", int(key))
                if self._get(int(key)) is not None:
                    raise DeviceRefused(f"{self._name} still holds card {key}; try again, or restart it")
