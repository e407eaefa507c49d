"""The common part of ONVIF drivers: identity, liveness, events, and complaints about what is missing."""

import time
from collections.abc import Callable, Mapping

from devicemgr.domain.model import DeviceInfo, JsonValue
from devicemgr.errors import DeviceError, InvalidInput
from drivers.common.onvif.services.notifications import Notice
from drivers.common.onvif.services.pull_point import EventPump
from drivers.common.onvif.soap.client import OnvifDevice
from drivers.common.onvif.soap.clock import words_of
from drivers.common.onvif.soap.namespaces import DEVICE, EVENTS, OnvifFault, plain

SKEW_NOTED = 5.0
# On links of 3 s a call, which were seen, opening takes some ten of them. A test has less time: what is not read
# within it is named.
OPEN_S, CHECK_S = 40.0, 14.0
_ALIVE_S = 4.0
_GRACE_S = 10.0


class Session:
    """One device, used by its worker's thread; events are pulled in a thread of their own from open() to close()."""

    def __init__(self, device: OnvifDevice, name: str) -> None:
        self.device, self._name = device, name
        self.info = DeviceInfo()
        self.pump: EventPump | None = None
        self._looked = self._opened = 0.0
        self._subscriptions = 0

    def open(self) -> DeviceInfo:
        """Read the clock, find the services, identify, begin to listen."""
        self.close()
        self.device.login.require_not_held()
        self.device.place.forget_ports()
        self.device.read_clock()
        self.device.find_services()
        info = self.identify()
        self._opened = time.monotonic()
        return info

    def identify(self) -> DeviceInfo:
        """Return who the device says it is, read now; nothing where it refuses that call alone, as some do."""
        try:
            found = self.device.call(DEVICE, "GetDeviceInformation")
        except OnvifFault:
            found = None
        fields = ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber")
        self.info = DeviceInfo(*(plain(getattr(found, field, "")) for field in fields))
        self._looked = time.monotonic()
        return self.info

    def listen(self, *, is_needed: bool) -> None:
        """Begin to pull events, where the device has them; where they matter, by GetCapabilities too."""
        if self.device.has(EVENTS) if is_needed else self.device.offers(EVENTS):
            self.pump = EventPump(self.device.twin, self._name)
            self.pump.start()

    def poll(self) -> list[Notice]:
        """Return what was reported since the last poll; DeviceError when the device is gone: noticed within 10 s."""
        now = time.monotonic()
        answered = self.pump.last_answer if self.pump else 0.0
        if now - max(answered, self._looked) >= _ALIVE_S or now - self._looked > 60.0:
            self.device.read_clock()
            self._looked = time.monotonic()
        return self.pump.drain() if self.pump else []

    def lost_events(self) -> bool:
        """Return True while events do not flow, and once after they were subscribed to again; ask before `poll`.

        A change in between arrives as a state after the new subscription, if the device reports states.
        """
        if self.pump is None:
            return True
        before, self._subscriptions = self._subscriptions, self.pump.subscriptions
        return self.pump.trouble is not None or before != self._subscriptions

    def ailments(self, *, needs_events: bool) -> list[str]:
        """Return what it lacks, in words for the technician; `needs_events` where their absence matters too."""
        found = []
        skew = self.device.login.skew_seconds
        if skew is not None and abs(skew) > SKEW_NOTED:
            found += clock_notes(skew)
        if self.pump is None:
            if needs_events:
                found.append("the device offers no events, so its inputs and doors can't be watched")
        elif (trouble := self.pump.trouble) and time.monotonic() - self._opened > _GRACE_S:
            found += [trouble] if self.pump.supported or needs_events else []
        return found

    def complain_of_inputs(self, complaints: Callable[[float], list[str]]) -> list[str]:
        """Return the complaints of inputs since the opening; none while events do not flow, which is one itself."""
        return complaints(self._opened) if self.pump is not None and self.pump.trouble is None else []

    def check(self) -> dict[str, JsonValue]:
        """Read identity, clock and services, and whether events flow."""
        skew = self.device.login.skew_seconds
        notes: list[JsonValue] = []
        try:
            skew = self.device.read_clock()
        except DeviceError as error:
            notes.append(f"its clock was not read: {error}")
        services: list[JsonValue] = [
            plain(space.removeprefix("http://www.onvif.org/")) for space in self.device.addresses
        ]
        return {
            "manufacturer": self.info.manufacturer,
            "model": self.info.model,
            "firmware": self.info.firmware,
            "clock_skew_seconds": None if skew is None else round(skew, 1),
            "services": services[:32],
            "events": None if self.pump is None else self.pump.trouble or "flowing",
            "notes": [*notes, *clock_notes(skew)],
        }

    def close(self) -> None:
        """Let go of the connections and the subscription; never raises."""
        if self.pump is not None:
            self.pump.stop()
            self.pump = None
        self.device.close()


def clock_notes(skew: float | None) -> list[str]:
    """Return what to say of a clock."""
    if skew is None:
        return ["the device's clock cannot be read"]
    if abs(skew) <= SKEW_NOTED:
        return []
    return [f"the device's clock is {words_of(skew)}; set its time server"]


def each(reads: Mapping[str, Callable[[], JsonValue]]) -> dict[str, JsonValue]:
    """Return what each reads, or its error: one part that fails does not hide the others."""
    found: dict[str, JsonValue] = {}
    for name, read in reads.items():
        try:
            found[name] = read()
        except (DeviceError, InvalidInput) as error:  # some hang up instead of refusing
            found[name] = {"error": str(error)}
    return found
