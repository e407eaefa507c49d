"""One ONVIF door controller: its doors or relays, its readers and its inputs."""

from collections.abc import Sequence

from devicemgr.domain.device_events import DeviceFact
from devicemgr.domain.model import DeviceConfig, DeviceInfo, Direction, JsonValue, PortalMode
from devicemgr.domain.ports.device import Delivery, Device, ReleaseTimes
from devicemgr.errors import DeviceRefused
from drivers.common.onvif.connection import connect
from drivers.common.onvif.maintenance import OnvifUpkeep
from drivers.common.onvif.options import words
from drivers.common.onvif.provisioning import OnvifSettings
from drivers.common.onvif.services.access_points import Readers
from drivers.common.onvif.services.digital_inputs import Inputs
from drivers.common.onvif.services.door_control import Doors
from drivers.common.onvif.services.notifications import Notice
from drivers.common.onvif.services.ptz_imaging import listed_inputs
from drivers.common.onvif.services.relay_outputs import RelayGate
from drivers.common.onvif.session import CHECK_S, OPEN_S, Session, each
from drivers.common.onvif.soap.client import OnvifDevice
from drivers.common.onvif.soap.namespaces import ACCESS, DOORS
from drivers.common.options import read_options
from drivers.onvif_door.options import Options

STALE_S = 3.0  # two clock readings in whole seconds, and the way


class OnvifDoor(OnvifUpkeep):
    """One controller (ports.Gate): its doors, or with the option `relay` its relay outputs."""

    poll_interval = 0.1
    senses_passage = False

    def __init__(self, config: DeviceConfig, device: OnvifDevice, options: Options) -> None:
        self._device = device
        self._session = Session(device, config.name)
        self._relays, self._inputs = RelayGate(device, options), Inputs(options)
        self._doors = Doors(device, words(options.door), words(options.door_exit))
        self._readers = Readers(device, words(options.access_point))
        self._watches = options.watches()

    def open(self) -> DeviceInfo:
        """Identify, read doors and access points, begin to listen."""
        self._inputs.lose()
        with self._device.transport.budget(OPEN_S, is_patient=True):
            info = self._session.open()
            if self._relays.configured:
                self._relays.open()
            elif not self._device.offers(DOORS):
                raise DeviceRefused(
                    "the device has no doors (ONVIF Profile C); for one of its relays set the option relay=TOKEN"
                )
            else:
                self._doors.open()
            if self._device.offers(ACCESS):
                self._readers.open()
            if self._watches:
                self._inputs.begin(listed_inputs(self._device))
        self._session.listen(is_needed=self._needs_events)
        return info

    def poll(self) -> Sequence[DeviceFact]:
        """End pulses, see that it lives, and hand over what its doors, readers and inputs reported."""
        self._relays.end_pulses()
        lost = self._inputs.lose() if self._session.lost_events() else []
        return lost + [fact for notice in self._session.poll() for fact in self._facts(notice)]

    @property
    def channels(self) -> int | None:
        """Its doors, or the relays that the options name (ports.Channeled); None before the doors were listed."""
        return self._relays.channels if self._relays.configured else self._doors.channels

    @property
    def complaint(self) -> str | None:
        """What it lacks (ports.Complaining)."""
        found = self._session.ailments(needs_events=self._needs_events)
        found += self._session.complain_of_inputs(self._inputs.complaints)
        if faulty := self._doors.faulty:
            found.append(f"it reports a fault at {', '.join(faulty[:5])}; look at the door's wiring")
        return "; ".join(found) or None

    def check(self) -> dict[str, JsonValue]:
        """Read identity, clock, doors with their states, access points and relays; move nothing."""
        with self._device.transport.budget(CHECK_S):
            result = self._session.check() | each(
                {
                    "doors": self._doors.states,
                    "access_points": self._readers.as_json,
                    "relays": lambda: [relay.as_json() for relay in self._relays.all()],
                }
            )
        if timed := self._relays.timed_here:
            result["relays_timed_here"] = [*timed]
        return result

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:
        """Let one person through, timed by the device where it can be; once."""
        gate = self._relays if self._relays.configured else self._doors
        return gate.release(channel, direction, seconds)

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:  # noqa: ARG002
        """Return how long the relay is on; a door gets the portal's time, or keeps its own unreported one."""
        return ReleaseTimes(self._relays.seconds_in_force(seconds) if self._relays.configured else seconds)

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        """Free unlocks, normal and locked lock."""
        gate = self._relays if self._relays.configured else self._doors
        return gate.set_mode(channel, mode)

    def settings(self) -> OnvifSettings:
        """Return the settings (ports.Provisionable); a controller has no video."""
        return OnvifSettings(self._device, None)

    def close(self) -> None:
        """Let go of the connections."""
        self._relays.let_go()
        self._session.close()

    @property
    def _needs_events(self) -> bool:
        return self._watches or not self._relays.configured

    def _facts(self, notice: Notice) -> list[DeviceFact]:
        stale = notice.age is not None and abs(notice.age) > STALE_S
        return [*self._inputs.facts(notice), *self._doors.facts(notice, stale), *self._readers.facts(notice, stale)]


def build(config: DeviceConfig) -> Device:
    """Return the device, not connected yet."""
    options = read_options(Options, config)
    return OnvifDoor(config, connect(config, options, options.tls_ca), options)
