"""Relays as a gate's channels: which relay is whose, pulses, and the modes free and locked. No I/O of its own."""

import logging
import time
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field, model_validator

from devicemgr.domain.model import Direction, PortalMode, Signal
from devicemgr.domain.ports.device import Delivery
from devicemgr.errors import DeviceError, DeviceRefused, InvalidInput

Switch = Callable[[int, bool], None]
Flash = Callable[[int, float], None]

# Coil 0x00FF, which relay 256 would be, means all relays on many boards.
MAX_RELAYS = 250
LAMPS = {Signal.GRANTED: ("green", 2.0), Signal.DENIED: ("red", 2.0), Signal.ASK: ("green", 0.4)}

# A board's own clock may run slower than ours.
FLASH_SLACK_S = 2.0

_log = logging.getLogger(__name__)


class RelayOptions(BaseModel):
    """Which relays release which side."""

    model_config = ConfigDict(extra="forbid")

    channel: int = Field(1, ge=1, le=250, description="First relay of the portal on this board, counted from 1")
    relay_entry: int | None = Field(
        None, ge=1, le=250, description="Relay that releases entry, counted from 1; left out: the relay `channel`"
    )
    relay_exit: int | None = Field(
        None,
        ge=1,
        le=250,
        description="Relay that releases exit; left out: the one after entry. A door with one strike has it twice",
    )
    channels: int = Field(
        1, ge=1, le=64, description="Portals on this board; each next one uses the next relay, or pair of relays"
    )
    pulse_seconds: float | None = Field(
        None,
        gt=0,
        le=60,
        description="How long a release keeps the relay on, such as 0.5 for a turnstile's pulse input; "
        "left out: the portal's release seconds, as a door strike needs",
    )

    green_relay_entry: int | None = Field(None, ge=1, le=250, description="Relay of the lamp that says: enter")
    red_relay_entry: int | None = Field(None, ge=1, le=250, description="Relay of the lamp that says: no entry")
    green_relay_exit: int | None = Field(None, ge=1, le=250, description="Relay of the lamp that says: leave")
    red_relay_exit: int | None = Field(None, ge=1, le=250, description="Relay of the lamp that says: no exit")

    @model_validator(mode="after")
    def _relays_differ(self) -> "RelayOptions":
        used = self.all_relays()
        if len(used) != len(set(used)):
            raise ValueError("two channels would share a relay; see relay_entry, relay_exit and channels")
        if set(used) & set(self.lamps().values()):
            raise ValueError("a lamp would release the portal: its relay is also one of a channel's")
        if max(used) > MAX_RELAYS:
            raise ValueError(f"relays are numbered 1 to {MAX_RELAYS}; see channel, relay_entry and channels")
        return self

    def relay(self, channel: int, direction: Direction) -> int:
        """Return the relay for one direction of a channel; raise InvalidInput if the board has no such channel."""
        if not 1 <= channel <= self.channels:
            raise InvalidInput(f"this board serves channels 1 to {self.channels}, not {channel}; see option channels")
        entry = self.relay_entry or self.channel
        leave = self.relay_exit or entry + 1
        step = 1 if entry == leave else 2
        return (entry if direction is Direction.ENTRY else leave) + (channel - 1) * step

    def all_relays(self) -> list[int]:
        """List the relays of all channels, sorted."""
        return sorted(relay for channel in range(1, self.channels + 1) for relay in self.relays(channel))

    def lamps(self) -> dict[tuple[Direction, str], int]:
        """Map direction and color (green or red) to the relay of a wired lamp; two lamps may share one."""
        found = {(d, color): getattr(self, f"{color}_relay_{d}") for d in Direction for color in ("green", "red")}
        return {place: relay for place, relay in found.items() if relay is not None}

    def release_seconds(self, seconds: float) -> float:
        """Return how long a release keeps the relay on."""
        return self.pulse_seconds or seconds

    def relays(self, channel: int) -> list[int]:
        """List the relays of a channel, sorted: one or two."""
        return sorted({self.relay(channel, direction) for direction in Direction})


class RelayBank:
    """Drives a board's channels through `switch(relay, on)` and, where the board times pulses, `flash(relay, seconds)`.

    Without `flash` the pulse is ended here by `end_pulses`, and `restore` ends what a dead daemon left on.
    `delivery` is what is known of a relay once `switch` or `flash` has raised nothing.
    """

    def __init__(
        self,
        options: RelayOptions,
        switch: Switch,
        flash: Flash | None = None,
        delivery: Delivery = Delivery.CONFIRMED,
    ) -> None:
        self._options = options
        self._switch = switch
        self._flash = flash
        self._delivery = delivery
        self._modes = dict.fromkeys(range(1, options.channels + 1), PortalMode.NORMAL)
        self._off_at: dict[int, float] = {}
        self._flashes: dict[int, float] = {}

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:
        """Send one pulse; do nothing while the channel is free; raise DeviceRefused while it is locked."""
        relay = self._options.relay(channel, direction)
        mode = self._modes[channel]
        if mode is PortalMode.LOCKED:
            raise DeviceRefused(f"channel {channel} is locked; put the portal into normal mode first")
        if mode is not PortalMode.FREE:
            self._pulse(relay, self._options.release_seconds(seconds))
        return self._delivery

    def _pulse(self, relay: int, seconds: float) -> None:
        until = time.monotonic() + seconds
        if self._flash is not None:
            self._flashes[relay] = until
            self._flash(relay, seconds)
            return
        # Noted before switching on: even if that fails half-way, the relay will be switched off.
        self._off_at[relay] = until
        self._switch(relay, True)

    def indicate(self, direction: Direction, signal: Signal) -> None:
        """Light a lamp if it is wired: green when granted, red when denied, green for a moment to ask for more."""
        color, seconds = LAMPS[signal]
        relay = self._options.lamps().get((direction, color))
        if relay is not None:
            self._pulse(relay, seconds)

    def cut_short(self, channel: int, direction: Direction) -> None:
        """End a release that is under way, at the next `end_pulses`: a person has stepped in."""
        relay = self._options.relay(channel, direction)
        under_way = self._flashes.pop(relay, 0) > time.monotonic() or relay in self._off_at
        if under_way and self._modes[channel] is PortalMode.NORMAL:
            self._off_at[relay] = 0.0

    def mode(self, channel: int) -> PortalMode:
        """Return the last command of a channel."""
        return self._modes[channel]

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        """Free latches the channel's relays on; normal and locked switch them off."""
        for relay in self._options.relays(channel):
            self._switch(relay, mode is PortalMode.FREE)
            self._off_at.pop(relay, None)
            self._flashes.pop(relay, None)
        self._modes[channel] = mode
        return self._delivery

    def unlock(self, channel: int) -> None:
        """Let releases of a locked channel through again; nothing is switched, since both modes keep relays off."""
        self._options.relay(channel, Direction.ENTRY)
        if self._modes[channel] is PortalMode.LOCKED:
            self._modes[channel] = PortalMode.NORMAL

    def wanted(self) -> dict[int, tuple[int, bool]]:
        """Return the channel of each relay and whether its mode wants it on; without those that pulse now."""
        now = time.monotonic()
        found: dict[int, tuple[int, bool]] = {}
        for channel, mode in self._modes.items():
            for relay in self._options.relays(channel):
                pulsing = relay in self._off_at or self._flashes.get(relay, 0.0) + FLASH_SLACK_S > now
                if mode is not PortalMode.NORMAL or not pulsing:
                    found[relay] = (channel, mode is PortalMode.FREE)
        return found

    def put_back(self, relay: int, on: bool) -> None:
        """Switch a relay to where its mode wants it."""
        self._switch(relay, on)

    def end_pulses(self) -> None:
        """Switch off what is due; what fails stays due."""
        now = time.monotonic()
        for relay in [relay for relay, when in self._off_at.items() if when <= now]:
            self._switch(relay, False)
            del self._off_at[relay]

    def restore(self) -> None:
        """After opening: put every relay where its channel's mode wants it, whatever it was left at."""
        if self._flash is None:
            _log.warning("pulses are timed by this computer: if it dies mid-pulse, the relay stays on until it is back")
        for channel, mode in self._modes.items():
            for relay in self._options.relays(channel):
                self._switch(relay, mode is PortalMode.FREE)
        for relay in self._options.lamps().values():
            self._switch(relay, False)
        self._off_at.clear()

    def let_go(self) -> None:
        """End running pulses before closing; never raise."""
        for relay in list(self._off_at):
            try:
                self._switch(relay, False)
            except DeviceError as error:
                _log.warning("relay %d could not be switched off (%s); it will be on the next opening", relay, error)
                return
            del self._off_at[relay]
