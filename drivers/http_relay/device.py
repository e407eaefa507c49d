"""A web relay board as a gate: each command is followed by a reading of what the board reports."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from devicemgr.domain.model import DeviceInfo, JsonValue, PortalMode
from devicemgr.domain.ports.device import Delivery
from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable, NotYet, OutcomeUnknown
from drivers.common.relays.device import RelayDevice
from drivers.common.serial.line import NoAnswer
from drivers.http_relay.boards import Devantech, Dingtian, KmTronic, State, WebBoard
from drivers.http_relay.client import BoardClient, repeat_reading
from drivers.http_relay.shelly import Shelly
from drivers.http_relay.tasmota import Tasmota

if TYPE_CHECKING:
    from drivers.http_relay.options import Options

BOARDS: dict[str, Callable[[str, BoardClient], WebBoard]] = {
    "shelly": Shelly,
    "tasmota": Tasmota,
    "dingtian": Dingtian,
    "devantech": Devantech,
    "kmtronic": KmTronic,
}
WEAK_LINK = (
    "weak link: the board's password goes over the network readably (allow_basic); keep it in a network of devices "
    "alone"
)
OPEN_LINK = "weak link: the board asks for no password, so that anybody in its network can open; set one in the board"
HOST_TIMED = (
    "the board times no pulses: if this computer dies mid-pulse, the relay stays on until it is back; use a board with "
    "a timer on a door that matters"
)
# States are read so often: a pulse that is timed here ends at a poll.
_USUAL_S, _TIMING_S = 0.4, 0.1


class HttpRelay(RelayDevice):
    """One board; a release is CONFIRMED by what the board reports after it."""

    def __init__(self, name: str, client: BoardClient, options: "Options") -> None:
        self._client, self._model = client, options.model
        self._board: WebBoard = BOARDS[options.model](name, client)
        is_timed = self._board.max_pulse_s > 0
        super().__init__(name, options, self._switch, self._flash if is_timed else None)
        self.poll_interval = _USUAL_S if is_timed else _TIMING_S
        self._latest: State | None = None
        self._pulsing: dict[int, float] = {}
        self._is_open = False

    def open(self) -> DeviceInfo:
        """Connect, read identity, relays and inputs, and set the relays to rest."""
        self.close()
        info = repeat_reading(self._board.identify)
        state = repeat_reading(lambda: self._board.state(with_inputs=self._has_inputs))
        self._require_relays(state)
        self._is_open = True
        self._begin()
        return info

    def close(self) -> None:
        """Release the relays and close the connection."""
        if self._is_open:
            self._bank.let_go()
            self._is_open = False
        self._client.close()

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        """Set a mode; again while the board is busy, since a mode may be set twice."""
        return repeat_reading(lambda: super(HttpRelay, self).set_mode(channel, mode))

    @property
    def complaint(self) -> str | None:
        """What is wrong although the board works: inputs that it does not report, a readable password, no timer."""
        if missing := super().complaint:
            return f"{missing}, and that the inputs are set up as switches in the board"
        if self._board.max_pulse_s == 0:
            return HOST_TIMED
        if self._board.is_open:
            return OPEN_LINK
        is_readable = self._model != "shelly" and self._client.has_password and not self._client.is_secure
        return WEAK_LINK if is_readable else None

    def check(self) -> dict[str, JsonValue]:
        """Read relays and inputs; move nothing."""
        state = self._state()
        relays: dict[str, JsonValue] = {str(number): on for number, on in sorted(state.relays.items())}
        inputs: dict[str, JsonValue] = {str(number): on for number, on in sorted(state.inputs.items())}
        found: dict[str, JsonValue] = {
            "model": self._model,
            "relays": relays,
            "inputs": inputs,
            "pulses": "timed by the board" if self._board.max_pulse_s else "timed by this computer",
        }
        return found | ({"complaint": self.complaint} if self.complaint else {})

    @property
    def _has_inputs(self) -> bool:
        return bool(self._options.inputs())

    def _state(self) -> State:
        if not self._is_open:
            raise DeviceUnreachable(f"{self._name} is not open; open it first")
        self._latest = repeat_reading(lambda: self._board.state(with_inputs=self._has_inputs))
        return self._latest

    def _read(self) -> dict[str, bool]:
        """Return the inputs that the board reports; what it does not report is never taken for inactive."""
        try:
            state = self._state()
        except (DeviceUnreachable, NotYet) as error:
            raise NoAnswer(str(error)) from error
        return self._readings(state.inputs)

    def _relays_on(self, relays: Sequence[int]) -> dict[int, bool]:
        states = self._latest.relays if self._latest is not None else {}
        return {relay: states[relay] for relay in relays if relay in states}

    def _require_relays(self, state: State) -> None:
        wanted = {*self._options.all_relays(), *self._options.lamps().values()}
        if lacking := sorted(wanted - set(state.relays)):
            reported = ", ".join(map(str, sorted(state.relays))) or "none"
            raise DeviceRefused(
                f"{self._name} reports relays {reported}, not {', '.join(map(str, lacking))}; see channel, relay_entry "
                "and relay_exit (a door with one strike has the same relay in both)"
            )

    def _switch(self, relay: int, on: bool) -> None:
        self._pulsing.pop(relay, None)
        self._send(relay, on, lambda: self._board.switch(relay, on))

    def _flash(self, relay: int, seconds: float) -> None:
        if seconds > self._board.max_pulse_s:
            raise DeviceRefused(
                f"{self._name} times pulses of at most {self._board.max_pulse_s:g} s; lower the release time of the "
                "portal, or set pulse_seconds"
            )
        was_on = self._latest is None or self._latest.relays.get(relay) is not False
        before = self._pulsing.get(relay, 0.0)
        was_pulsing = before > time.monotonic()
        self._pulsing[relay] = time.monotonic() + seconds
        try:
            self._send(
                relay, True, lambda: self._board.pulse(relay, seconds), seconds, is_new=not (was_on or was_pulsing)
            )
        except DeviceRefused:
            self._pulsing[relay] = before  # nothing was done
            raise

    def _send(
        self, relay: int, on: bool, command: Callable[[], None], seconds: float | None = None, *, is_new: bool = True
    ) -> None:
        """Send once, then read: the reading proves a command whose answer was lost, if the relay was off before."""
        began = time.monotonic()
        lost: OutcomeUnknown | None = None
        try:
            # Switching off and back may be repeated; whether a release may is for the caller, which knows its deadline.
            command() if on else repeat_reading(command)
        except OutcomeUnknown as error:
            lost = error
        try:
            state = self._state().relays.get(relay)
        except DeviceError as error:
            said = "was sent and no answer came" if lost else "was answered, and the relay can't be read back"
            raise OutcomeUnknown(
                f"relay {relay} of {self._name} may or may not be {'on' if on else 'off'}: the command {said} ({error})"
            ) from error
        if state is on and (lost is None or is_new):
            return
        if lost is not None:
            raise OutcomeUnknown(f"relay {relay} of {self._name}: {lost}") from lost
        if seconds is not None and time.monotonic() - began >= seconds:
            return  # the board has answered, and the pulse is over by now
        raise DeviceRefused(
            f"{self._name} answered, and relay {relay} is still {'off' if on else 'on'}; look at the board's own page"
        )
