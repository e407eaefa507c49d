"""An IronLogic controller as a device: door, questions about cards, events, and the cards that it holds."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from devicemgr.domain.device_events import DeviceFact, FireRelease, Presented
from devicemgr.domain.model import DeviceInfo, Direction, Factor, JsonValue, PortalMode
from devicemgr.domain.ports.device import Delivery, Holding, ReleaseTimes
from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable
from devicemgr.text import safe
from drivers.ironlogic_controller.events import (
    DENIED,
    FIRE,
    GRANTED,
    MODE_CHANGED,
    NETWORK_OPEN,
    Event,
    facts_of,
    read_event,
)
from drivers.ironlogic_controller.messages import add_cards, card_hex, card_names, delete_cards
from drivers.ironlogic_controller.server import CONFIRM_AGAIN, CONFIRMATIONS, Batch, CallServer, Command, Question

if TYPE_CHECKING:
    from drivers.ironlogic_controller.options import Options

# The vendor's modes; 3 waits for a first card and then lets all pass, which is not used.
MODES = {PortalMode.NORMAL: 0, PortalMode.LOCKED: 1, PortalMode.FREE: 2}
FIRST_CALL_S = 11.0
SILENT_CALLS, MIN_SILENT_S = 3, 10.0
OURS_S, ALONE_NOTED_S = 60.0, 600.0
MODE_AGAIN_S = 10.0
# An event source that has reported nothing for so long is a complaint (driver-guide, rule 6).
FIRST_REPORT_S = 120.0
MAX_SEEN = 1000
WEAK_LINK = (
    "weak link: the controller speaks plain HTTP without a password, so that anybody in its network can answer in "
    "place of this computer; keep it in a network of devices alone"
)
NOT_CLEARED = (
    "the controller has not confirmed that its cards were deleted: it may let them in by itself while this computer is "
    "away; delete them in its own web page, and update its firmware"
)
REPEATS = (
    "the controller sends the same events again although they were confirmed, so that newer ones do not come; update "
    "its firmware"
)
DECIDES_ALONE = (
    "the controller decided about a card by itself although decide=host: it did not ask here, or had no answer; "
    "check its network, and that its firmware asks online"
)


class IronlogicGate:
    """ports.Gate, Verifier and Replaying; the controller decides nothing while this computer answers."""

    poll_interval = 0.05
    channels = 1

    def __init__(self, name: str, host: str, options: "Options") -> None:
        self._name, self._options = name, options
        self._zone = ZoneInfo(options.timezone) if options.timezone else None
        self.senses_passage = options.passages
        self._asks = options.decide == "host"
        self._server = CallServer(
            host, options.push_port, options.path, options.serial, options.interval, self._zone, online=self._asks
        )
        self._serials = int(time.time() * 1000)
        self._mode: PortalMode | None = None
        self._mode_sent = 0.0
        self._ours: deque[tuple[int, str, Direction, float]] = deque(maxlen=MAX_SEEN)
        self._seen: deque[tuple[Any, ...]] = deque(maxlen=MAX_SEEN)
        self._handed_on: list[Batch] = []
        self._is_open = False
        self._fire_reported = False
        self._clearing: tuple[Command, float] | None = None
        self._alone_at: float | None = None
        self._opened_at = 0.0
        self._reported: set[int] = set()

    def resume(self, serial: int | None) -> None:
        """Go on behind the last serial that is on disk; the controller numbers no events, so they are numbered here."""
        self._serials = max(self._serials, serial or 0)

    @property
    def port(self) -> int:
        """Return where the controller is to call."""
        return self._server.port

    def open(self) -> DeviceInfo:
        """Listen, and wait for the controller's first call."""
        self._server.start()
        self._fire_reported = False
        if not self._server.called.wait(FIRST_CALL_S):
            other = self._server.other_serial
            self.close()
            if other is not None:
                raise DeviceRefused(
                    f"a controller with serial number {other} calls, not {self._options.serial}; correct option serial"
                )
            raise DeviceUnreachable(
                f"the controller has not called; set its mode to WEBJSON and its server to http://THIS-COMPUTER:"
                f"{self._options.push_port}{self._options.path}, and check its network"
            )
        self._is_open = True
        self._opened_at = time.monotonic()
        self._server.activate()
        self._begin()
        state = self._server.state
        model = safe(str(state.get("type") or ""), 20)
        return DeviceInfo("IronLogic", model, safe(str(state.get("fw") or ""), 20), str(self._options.serial))

    def _begin(self) -> None:
        """Empty its memory, or it would let cards in by itself while this computer is away (fallback=closed)."""
        self._clearing = (self._server.enqueue({"operation": "clear_cards"}), time.monotonic())

    def close(self) -> None:
        """Stop listening; the controller then decides by the cards that it holds."""
        self._is_open = False
        self._server.stop()

    def poll(self) -> Sequence[DeviceFact]:
        """Return questions and events that its calls brought."""
        self._require_open()
        silence = time.monotonic() - self._server.called_at
        if silence > max(MIN_SILENT_S, SILENT_CALLS * self._options.interval):
            raise DeviceUnreachable(f"the controller has not called for {silence:.0f} s; check its power and network")
        # Events of the poll before have been handed on by now.
        for batch in self._handed_on:
            batch.taken.set()
        self._handed_on = []
        facts: list[DeviceFact] = [*self._server.refused()]
        if self._options.fire_input and not self._fire_reported:
            self._fire_reported = True
            facts.append(FireRelease(False, is_presumed=True))
        while self._server.questions:
            facts.append(self._presented(self._server.questions.popleft()))
        while self._server.batches:
            batch = self._server.batches.popleft()
            self._handed_on.append(batch)
            for found in batch.events:
                facts += self._facts(read_event(found, self._zone))
        self._keep_mode()
        return facts

    def _presented(self, question: Question) -> Presented:
        """Translate a question, which has no time of its own; its answer goes to the controller on the line."""
        return Presented(
            question.reader,
            question.serial,
            question.arrived,
            names=card_names(question.card),
            vendor="ironlogic",
            factors=frozenset({Factor.CARD}),
            method="card",
            is_bound=True,
        )

    def _facts(self, event: Event | None) -> list[DeviceFact]:
        if event is None:
            return []
        key = (event.code, event.direction, event.card, event.at, event.flag)
        if key in self._seen:
            return []  # sent again, since the confirmation was lost
        self._seen.append(key)
        self._serials += 1
        if len(self._reported) < MAX_SEEN:
            self._reported.add(event.sent_code)
        is_ours = self._is_ours(event)
        if self._asks and not is_ours and event.is_live and event.code in (*GRANTED, *DENIED):
            self._alone_at = time.monotonic()
        return facts_of(event, self._serials, is_ours=is_ours, has_fire_input=self._options.fire_input)

    def _is_ours(self, event: Event) -> bool:
        """Return True if an event only says that the controller did as it was ordered or answered from here."""
        if event.code == MODE_CHANGED:
            return self._mode is not None and time.monotonic() - self._mode_sent < OURS_S
        if event.code not in (NETWORK_OPEN, *GRANTED, *DENIED):
            return False
        code = -1 if event.code in DENIED else NETWORK_OPEN
        for own in self._ours:
            fits = own[0] == code and own[2] is event.direction and time.monotonic() - own[3] < OURS_S
            if fits and (event.code == NETWORK_OPEN or own[1] == event.card.upper()):
                self._ours.remove(own)
                return True
        return False

    def answer(self, serial: int, granted: bool, words: str) -> None:  # noqa: ARG002
        """Answer a question; the controller opens by itself when the answer says so."""
        question = self._server.answer(serial, granted)
        direction = Direction.ENTRY if question.reader == 1 else Direction.EXIT
        code = NETWORK_OPEN if granted else -1
        self._ours.append((code, question.card.upper(), direction, time.monotonic()))

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:  # noqa: ARG002
        """Open once; the controller times it (door_seconds)."""
        self._require_open()
        self._require_channel(channel)
        own = (NETWORK_OPEN, "", direction, time.monotonic())
        self._ours.append(own)
        try:
            side = int(direction is Direction.EXIT)
            self._server.execute({"operation": "open_door", "direction": side}, is_urgent=True)
        except (DeviceUnreachable, DeviceRefused):
            self._ours.remove(own)
            raise
        return Delivery.CONFIRMED

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:  # noqa: ARG002
        """Return the controller's own time."""
        return ReleaseTimes(self._options.door_seconds)

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        """Set the controller's mode, which each of its calls reports."""
        self._require_open()
        self._require_channel(channel)
        self._mode_sent = time.monotonic()
        self._server.execute({"operation": "set_mode", "mode": MODES[mode]}, is_urgent=True)
        self._mode = mode
        return Delivery.CONFIRMED

    def _keep_mode(self) -> None:
        """Send the mode again where the controller reports another one: it was restarted, or something changed it."""
        reported = self._server.state.get("mode")
        if self._mode is None or reported in (None, MODES[self._mode]) or self._server.called_at < self._mode_sent:
            return
        if time.monotonic() - self._mode_sent > MODE_AGAIN_S:
            self._mode_sent = time.monotonic()
            self._server.enqueue({"operation": "set_mode", "mode": MODES[self._mode]}, is_urgent=True)

    @property
    def complaint(self) -> str | None:
        """What is wrong although it works."""
        if self._clearing is not None:
            command, since = self._clearing
            if command.done.is_set() and command.succeeded:
                self._clearing = None
            elif command.done.is_set() or time.monotonic() - since > OURS_S:
                return NOT_CLEARED
        if self._alone_at is not None and time.monotonic() - self._alone_at < ALONE_NOTED_S:
            return DECIDES_ALONE
        reported = self._server.state.get("mode")
        if self._mode is not None and reported is not None and reported != MODES[self._mode]:
            return f"the controller reports mode {safe(str(reported), 10)}, not {self._mode}; it is set again"
        if self._server.repeats >= CONFIRM_AGAIN * CONFIRMATIONS:
            return REPEATS
        return "; ".join([*self._unreported(), *([WEAK_LINK] if self._asks else [])]) or None

    def _unreported(self) -> list[str]:
        """Return what the options say is wired and the controller has not reported since this program was started."""
        if not self._options.fire_input or FIRE in self._reported:
            return []
        if not self._is_open or time.monotonic() - self._opened_at < FIRST_REPORT_S:
            return []
        others = ", ".join(map(str, sorted(self._reported)[:10])) or "none"
        return [
            f"fire_input is true, and the controller has not reported its fire input (event {FIRE}), so far only "
            f"{others}; try the fire panel once, or set fire_input=false if none is wired"
        ]

    def check(self) -> dict[str, JsonValue]:
        """Return what its latest call says; nothing is sent."""
        self._require_open()
        state = self._server.state
        known: dict[str, JsonValue] = {
            key: safe(str(state[key]), 20) for key in ("type", "fw", "conn_fw", "active", "mode") if key in state
        }
        return {
            **known,
            "serial": self._options.serial,
            "decides": self._options.decide,
            "calls": self._server.calls,
            "seconds_since_call": round(time.monotonic() - self._server.called_at, 1),
            "warning": WEAK_LINK,
        }

    def _require_open(self) -> None:
        if not self._is_open:
            raise DeviceUnreachable(f"{self._name} is not open; open it first")

    def _require_channel(self, channel: int) -> None:
        if channel != 1:
            raise DeviceRefused(
                f"{self._name} has one door, channel 1, not {channel}; check the channel of the portal's gate"
            )


class IronlogicKeeper(IronlogicGate):
    """A controller that holds cards: the protocol can't read them, so what it holds is what it has confirmed.

    Its memory is emptied when the first reading is wanted after a start here, and filled again.
    """

    holds: Literal["people", "cards"] = "cards"
    batch = 20

    def __init__(self, name: str, host: str, options: "Options") -> None:
        super().__init__(name, host, options)
        self._held: dict[str, Holding] | None = None
        self._ending: tuple[Command, list[str], float] | None = None

    def _begin(self) -> None:
        """Keep what it holds."""

    def capacity(self) -> int:
        """Return the option."""
        return self._options.capacity

    def held(self, after: str | None) -> tuple[list[Holding], str | None]:  # noqa: ARG002
        """Return what the controller has confirmed since its memory was emptied from here."""
        self._require_open()
        if self._held is None:
            self._server.execute({"operation": "clear_cards"})
            self._held = {}
        return list(self._held.values()), None

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:  # noqa: ARG002
        """Add cards; a card that is not valid now is not held, since the controller keeps no dates."""
        self._require_open()
        refused: dict[str, DeviceRefused] = {}
        cards: dict[str, str] = {}
        for holding in holdings:
            try:
                cards[holding.key] = self._card(holding)
            except DeviceRefused as error:
                refused[holding.key] = error
        if gone := [key for key in refused if self._held and key in self._held]:
            self.remove(gone)
        if cards:
            self._run(add_cards(list(cards.values())))
            self._note({holding.key: holding for holding in holdings if holding.key in cards})
        return refused

    def remove(self, keys: Sequence[str]) -> None:
        """Delete cards; one that can't be written as the controller writes it was never added."""
        self._require_open()
        cards = []
        for key in keys:
            try:
                cards.append(card_hex(key))
            except DeviceRefused:
                continue
        if cards:
            self._run(delete_cards(cards))
        if self._held is not None:
            for key in keys:
                self._held.pop(key, None)

    def card_refusal(self, card: str) -> str | None:
        """Return why the controller can't hold a card, None if it can."""
        try:
            card_hex(card)
        except DeviceRefused as error:
            return str(error)
        return None

    def poll(self) -> Sequence[DeviceFact]:
        """Also delete cards whose validity has ended, which the controller does not know."""
        facts = super().poll()
        self._end_cards()
        return facts

    def _end_cards(self) -> None:
        """Have some deleted without waiting; they count as held until the controller has confirmed it."""
        now, held = datetime.now(UTC), self._held or {}
        if self._ending is not None:
            command, keys, since = self._ending
            if command.done.is_set() and command.succeeded:
                for key in keys:
                    held.pop(key, None)
            elif not command.done.is_set() and time.monotonic() - since < OURS_S:
                return
            self._ending = None
        ended = [key for key, holding in held.items() if holding.valid_to is not None and holding.valid_to <= now]
        if ended := ended[: self.batch]:
            command = self._server.enqueue(delete_cards([card_hex(key) for key in ended]))
            self._ending = (command, ended, time.monotonic())

    def _card(self, holding: Holding) -> str:
        now = datetime.now(UTC)
        if holding.valid_from is not None and holding.valid_from > now:
            raise DeviceRefused("it is not valid yet, and the controller keeps no dates; it is added once it is valid")
        if holding.valid_to is not None and holding.valid_to <= now:
            raise DeviceRefused("it is not valid any more, and the controller keeps no dates")
        return card_hex(holding.key)

    def _run(self, operation: dict[str, Any]) -> None:
        try:
            self._server.execute(operation)
        except DeviceError:
            self._held = None  # what it holds now is not certain: the next reading empties it first
            raise

    def _note(self, put: dict[str, Holding]) -> None:
        if self._held is not None:
            self._held |= put
