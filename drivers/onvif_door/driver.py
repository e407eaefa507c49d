"""Doors of an ONVIF controller (Profile C), its readers, or the relay outputs of any ONVIF device."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from devicemgr.domain.device_events import DeviceFact
from devicemgr.domain.model import Capability, DeviceConfig, DeviceInfo, Direction, JsonValue, PortalMode
from devicemgr.domain.ports.device import Delivery, Device, ReleaseTimes
from devicemgr.domain.ports.driver import Driver
from devicemgr.errors import DeviceError, DeviceRefused
from devicemgr.site.password_scope import VERIFIES
from drivers.common.fire_inputs import declared
from drivers.common.onvif.maintenance import OnvifUpkeep
from drivers.common.onvif.options import WiredOptions, connect, words
from drivers.common.onvif.session import CHECK_SECONDS, OPEN_SECONDS, Session, clock_notes
from drivers.common.options import read_options
from drivers.common.video.camera import readable_file

if TYPE_CHECKING:
    from drivers.common.onvif.provisioning import OnvifSettings
    from drivers.common.onvif.services.notifications import Notice
    from drivers.common.onvif.soap.client import OnvifDevice

STALE_SECONDS = 3.0  # two clock readings in whole seconds, and the way


class Options(WiredOptions):
    """Options of an ONVIF door controller."""

    door: str = Field(
        "",
        max_length=500,
        description="doors, by token with commas: the first is channel 1; left out: all, in the controller's order",
    )
    door_exit: str = Field("", max_length=500, description="doors for the way out, as `door`; left out: the same doors")
    access_point: str = Field(
        "",
        max_length=500,
        description="access points with readers, by token with commas: the first is reader channel 1; left out: all",
    )
    tls_ca: str = Field(
        "",
        max_length=500,
        json_schema_extra=VERIFIES,
        description="file with the device's own certificate or CA, for https://",
    )

    _is_there = field_validator("tls_ca")(readable_file)


class OnvifDoor(OnvifUpkeep):
    """One controller (ports.Gate): its doors, or with the option `relay` its relay outputs."""

    poll_interval = 0.1
    senses_passage = False

    def __init__(self, config: DeviceConfig, device: "OnvifDevice", options: Options) -> None:
        from drivers.common.onvif.services.access_points import Readers  # noqa: PLC0415
        from drivers.common.onvif.services.digital_inputs import Inputs  # noqa: PLC0415
        from drivers.common.onvif.services.door_control import Doors  # noqa: PLC0415 - listing the kinds must not import zeep
        from drivers.common.onvif.services.relay_outputs import RelayGate  # noqa: PLC0415

        self._device = device
        self._session = Session(device, config.name)
        self._relays, self._inputs = RelayGate(device, options), Inputs(options)
        self._doors = Doors(device, words(options.door), words(options.door_exit))
        self._readers = Readers(device, words(options.access_point))
        self._needs_events = options.watches()

    def open(self) -> DeviceInfo:
        """Identify, read doors and access points, begin to listen."""
        from drivers.common.onvif.soap.namespaces import ACCESS, DOORS  # noqa: PLC0415

        self._inputs.lose()
        with self._device.transport.budget(OPEN_SECONDS):
            info = self._session.open()
            if self._relays.configured:
                self._relays.open()
            elif not self._device.offers(DOORS):
                raise DeviceRefused(
                    "the device has no doors (ONVIF Profile C); for one of its relays give `--option relay=TOKEN`"
                )
            else:
                self._doors.open()
            if self._device.offers(ACCESS):
                self._readers.open()
        self._session.listen()
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
        found = self._session.ailments(needs_events=self._needs_events or not self._relays.configured)
        if faulty := self._doors.faulty:
            found.append(f"it reports a fault at {', '.join(faulty[:5])}; look at the door's wiring")
        return "; ".join(found) or None

    def check(self) -> dict[str, JsonValue]:
        """Who it is, its clock, its doors with their states, its access points and relays; moves nothing."""
        with self._device.transport.budget(CHECK_SECONDS):
            result = self._session.check() | {"notes": [*clock_notes(self._device.login.skew_seconds)]}
            try:
                result |= {
                    "doors": self._doors.states(),
                    "access_points": self._readers.as_json(),
                    "relays": [relay.as_json() for relay in self._relays.all()],
                }
            except DeviceError as error:
                result["error"] = str(error)
            if timed := self._relays.timed_here:
                result["relays_timed_here"] = [*timed]
        return result

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:
        """Let one person through, timed by the device where it can be; once."""
        gate = self._relays if self._relays.configured else self._doors
        return gate.release(channel, direction, seconds)

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:  # noqa: ARG002
        """As long as the relay is on; a door gets the portal's time, or keeps its own, which it does not tell."""
        return ReleaseTimes(self._relays.seconds_in_force(seconds) if self._relays.configured else seconds)

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        """Free unlocks, normal and locked lock."""
        gate = self._relays if self._relays.configured else self._doors
        return gate.set_mode(channel, mode)

    def settings(self) -> "OnvifSettings":
        """See ports.Provisionable; a controller has no video."""
        from drivers.common.onvif.provisioning import OnvifSettings  # noqa: PLC0415

        return OnvifSettings(self._device, None)

    def close(self) -> None:
        """Let go of the connections."""
        self._relays.let_go()
        self._session.close()

    def _facts(self, notice: "Notice") -> list[DeviceFact]:
        stale = notice.age is not None and abs(notice.age) > STALE_SECONDS
        return [*self._inputs.facts(notice), *self._doors.facts(notice, stale), *self._readers.facts(notice, stale)]


def _build(config: DeviceConfig) -> Device:
    options = read_options(Options, config)
    return OnvifDoor(config, connect(config, options, options.tls_ca), options)


DRIVER = Driver(
    kind="onvif_door",
    title="ONVIF door controller (Profile C) with its readers, or a relay output of any ONVIF device",
    capabilities=frozenset({Capability.GATE, Capability.READER}),
    options=Options,
    build=_build,
    fire_inputs=declared(Options),
    found_by="onvif_camera",
)
