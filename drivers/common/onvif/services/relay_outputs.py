"""Relay outputs of an ONVIF device as a gate's channels (ONVIF Core 8.6): timed by the device where it can be.

A relay in mode Monostable falls back by itself after its delay. What a device says of that is read back, and where it
can't, the pulse is ended from here.
"""

import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from devicemgr.domain.model import Direction, JsonValue, PortalMode
from devicemgr.domain.ports.device import Delivery
from devicemgr.errors import DeviceError, DeviceGarbled, DeviceRefused, InvalidInput
from drivers.common.onvif.options import WiredOptions, words
from drivers.common.onvif.soap.client import OnvifDevice
from drivers.common.onvif.soap.namespaces import DEVICE, DEVICE_IO, OnvifFault, plain

_log = logging.getLogger(__name__)
_NONE = "no relay is set for this gate: set the option relay=TOKEN; a test of the device lists the relays"


@dataclass(frozen=True, slots=True)
class Relay:
    """An output as the device describes it; `delay` in seconds counts in mode Monostable."""

    token: str
    mode: str
    delay: float
    idle: str

    def as_json(self) -> dict[str, JsonValue]:
        """Return the relay for `device test`."""
        return {"token": plain(self.token), "mode": plain(self.mode), "delay_s": self.delay, "idle": plain(self.idle)}


class RelayGate:
    """Only relays that the options name are ever touched. A release leaves once and is never repeated."""

    def __init__(self, device: OnvifDevice, options: WiredOptions) -> None:
        self._device = device
        self._pulse = options.pulse_seconds
        entry, leave = words(options.relay), words(options.relay_exit)
        if leave and len(leave) != len(entry):
            raise InvalidInput("relay_exit must name as many relays as relay")
        self._relays = {Direction.ENTRY: entry, Direction.EXIT: leave or entry}
        self._modes = dict.fromkeys(range(1, len(entry) + 1), PortalMode.NORMAL)
        self._known: dict[str, Relay] = {}
        self._service = DEVICE
        self._off_at: dict[str, float] = {}
        self._stubborn: set[str] = set()

    @property
    def configured(self) -> bool:
        """Whether the options name a relay."""
        return bool(self._modes)

    @property
    def channels(self) -> int:
        """How many channels the options' relays make."""
        return len(self._modes)

    @property
    def timed_here(self) -> list[str]:
        """The relays whose pulse the device does not end by itself."""
        return sorted(self._stubborn)

    def open(self) -> None:
        """Read the relays; DeviceRefused when one that is named is not there. Ends what a dead daemon left on."""
        if not self.configured:
            return
        self._known = {relay.token: relay for relay in self.all()}
        named = {token for tokens in self._relays.values() for token in tokens}
        if missing := named - set(self._known):
            there = ", ".join(sorted(map(plain, self._known))) or "none"
            raise DeviceRefused(f"the device has no relay '{plain(sorted(missing)[0])}'; it has: {there}")
        for channel, mode in self._modes.items():
            for token in self._tokens(channel):
                if mode is PortalMode.NORMAL and not self._arm(token, self._pulse or self._known[token].delay or 5.0):
                    self._switch(token, active=False)
        self._off_at.clear()

    def all(self) -> list[Relay]:
        """Return every relay output, by the device service or else by device I/O; none where both lack the call."""
        refusal: OnvifFault | None = None
        for service in (DEVICE, DEVICE_IO):
            if service == DEVICE or self._device.has(service):
                try:
                    response = self._device.call(service, "GetRelayOutputs") or []
                except OnvifFault as fault:
                    refusal = refusal or (None if fault.lacks else fault)
                    continue
                self._service = service
                if response:
                    return [_relay(node) for node in response[:64] if node.token]
        if refusal is not None:
            raise refusal  # a refusal is not the absence of relays
        return []

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:
        """Send one pulse; do nothing while the channel is free; raise DeviceRefused while it is locked."""
        token = self._token(channel, direction)
        mode = self._modes[channel]
        if mode is PortalMode.LOCKED:
            raise DeviceRefused(f"channel {channel} is locked; put the portal into normal mode first")
        if mode is PortalMode.FREE:
            return Delivery.CONFIRMED
        length = self._pulse or seconds
        if not self._arm(token, length):
            # Noted before switching on: even if that fails half-way, the relay will be switched off.
            self._off_at[token] = time.monotonic() + length
        self._switch(token, active=True)
        return Delivery.CONFIRMED

    def seconds_in_force(self, seconds: float) -> float:
        """Return how long a release may be used."""
        return max(self._pulse or seconds, seconds)

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        """Free holds the channel's relays on; normal and locked switch them off."""
        self._token(channel, Direction.ENTRY)
        for token in self._tokens(channel):
            if mode is PortalMode.FREE and not self._hold(token):
                raise DeviceRefused(f"relay {plain(token)} only pulses and can't be held on; use another output")
            self._switch(token, active=mode is PortalMode.FREE)
            self._off_at.pop(token, None)
        self._modes[channel] = mode
        return Delivery.CONFIRMED

    def end_pulses(self) -> None:
        """Switch off what is due; what fails stays due."""
        now = time.monotonic()
        for token in [token for token, due in self._off_at.items() if due <= now]:
            self._switch(token, active=False)
            del self._off_at[token]

    def let_go(self) -> None:
        """End, before closing, the pulses that nothing else ends; never raise."""
        for token in list(self._off_at):
            try:
                self._switch(token, active=False)
                del self._off_at[token]
            except DeviceError as error:
                _log.warning("a relay could not be switched off (%s); it will be on the next opening", error)
                return

    def _tokens(self, channel: int) -> list[str]:
        return sorted({self._relays[direction][channel - 1] for direction in Direction})

    def _token(self, channel: int, direction: Direction) -> str:
        if not self.configured:
            raise DeviceRefused(_NONE)
        if channel not in self._modes:
            raise InvalidInput(f"this gate has channels 1 to {len(self._modes)}, not {channel}; see option relay")
        return self._relays[direction][channel - 1]

    def _arm(self, token: str, seconds: float) -> bool:
        """Have the device end a pulse of so long by itself, read back; False where it does not."""
        if token in self._stubborn:
            return False
        if self._set(token, "Monostable", seconds):
            return True
        self._stubborn.add(token)
        _log.warning("the device does not time relay %s itself: if this computer dies mid-pulse it stays on", token)
        return False

    def _hold(self, token: str) -> bool:
        return self._set(token, "Bistable", self._known[token].delay)

    def _set(self, token: str, mode: str, delay: float) -> bool:
        if self._is(token, mode, delay):
            return True
        relay = self._known[token]
        properties = {"Mode": mode, "DelayTime": timedelta(seconds=delay), "IdleState": relay.idle or "open"}
        try:
            if self._service == DEVICE:
                self._device.call(DEVICE, "SetRelayOutputSettings", RelayOutputToken=token, Properties=properties)
            else:
                output = {"token": token, "Properties": properties}
                self._device.call(DEVICE_IO, "SetRelayOutputSettings", RelayOutput=output)
        except (OnvifFault, DeviceGarbled):
            return False
        self._known |= {relay.token: relay for relay in self.all()}
        return self._is(token, mode, delay)

    def _is(self, token: str, mode: str, delay: float) -> bool:
        relay = self._known[token]
        return relay.mode == mode and (mode == "Bistable" or abs(relay.delay - delay) < 0.05)

    def _switch(self, token: str, *, active: bool) -> None:
        state = "active" if active else "inactive"
        self._device.call(self._service, "SetRelayOutputState", once=True, RelayOutputToken=token, LogicalState=state)


def _relay(node: Any) -> Relay:
    properties = node.Properties
    delay = getattr(properties, "DelayTime", None)
    seconds = delay.total_seconds() if isinstance(delay, timedelta) else 0.0
    return Relay(
        str(node.token), str(getattr(properties, "Mode", "")), seconds, str(getattr(properties, "IdleState", "") or "")
    )
