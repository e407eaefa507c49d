"""An ONVIF camera (Profiles S and T): stream, snapshot, events, inputs, and relay outputs as a gate."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from devicemgr.domain.device_events import DeviceFact
from devicemgr.domain.model import Capability, DeviceConfig, DeviceInfo, Direction, JsonValue, PortalMode, VideoSource
from devicemgr.domain.ports.device import Delivery, Device, ReleaseTimes
from devicemgr.domain.ports.driver import Driver
from devicemgr.errors import DeviceError, DeviceGarbled, InvalidInput
from devicemgr.site.password_scope import WIDENS
from drivers.common.fire_inputs import declared
from drivers.common.onvif.maintenance import OnvifUpkeep
from drivers.common.onvif.options import WiredOptions, connect
from drivers.common.onvif.session import CHECK_SECONDS, OPEN_SECONDS, Session, clock_notes
from drivers.common.onvif.ws_discovery import discover
from drivers.common.options import read_options
from drivers.common.video.camera import CameraOptions, grab_jpeg, probe

if TYPE_CHECKING:
    from drivers.common.onvif.provisioning import OnvifSettings
    from drivers.common.onvif.services.media import Profile
    from drivers.common.onvif.soap.client import OnvifDevice

_RESTING, _WATCHING = 1.0, 0.1


class Options(CameraOptions, WiredOptions):
    """Options of an ONVIF camera."""

    profile: str = Field("", max_length=64, description="media profile by token or name; the first with video if empty")
    preset: str = Field("", max_length=64, description="PTZ preset, by token or name, to turn to on every start")
    rtsp_port: int = Field(
        0,
        ge=0,
        le=65535,
        json_schema_extra=WIDENS,
        description="port of the stream, where a router maps it to another one",
    )


class OnvifCamera(OnvifUpkeep):
    """One ONVIF camera (ports.Camera and ports.Gate); media profiles are read once per open()."""

    senses_passage = False

    def __init__(self, config: DeviceConfig, device: "OnvifDevice", options: Options) -> None:
        from drivers.common.onvif.services.digital_inputs import Inputs  # noqa: PLC0415 - listing the kinds must not import zeep
        from drivers.common.onvif.services.relay_outputs import RelayGate  # noqa: PLC0415

        self._config, self._device, self._options = config, device, options
        self._session = Session(device, config.name)
        self._gate, self._inputs = RelayGate(device, options), Inputs(options)
        self._profiles: list[Profile] = []
        self.poll_interval = _WATCHING if options.watches() or self._gate.configured else _RESTING

    def open(self) -> DeviceInfo:
        """Identify, read the profiles, put the relays into order, turn to the preset."""
        from drivers.common.onvif.services.media import profiles  # noqa: PLC0415
        from drivers.common.onvif.soap.namespaces import MEDIA, MEDIA2  # noqa: PLC0415

        self._inputs.lose()
        with self._device.transport.budget(OPEN_SECONDS):
            info = self._session.open()
            if not (self._device.offers(MEDIA) or self._device.offers(MEDIA2)):
                raise DeviceGarbled("the device offers no video by ONVIF; is it a camera?")
            self._profiles = profiles(self._device)
            self._gate.open()
            if self._options.preset:
                self._turn()
        self._session.listen()
        return info

    def poll(self) -> Sequence[DeviceFact]:
        """End pulses, see that the camera lives, and hand over what its inputs reported."""
        self._gate.end_pulses()
        lost = self._inputs.lose() if self._session.lost_events() else []
        return lost + [fact for notice in self._session.poll() for fact in self._inputs.facts(notice)]

    @property
    def channels(self) -> int:
        """Its relays that the options name (ports.Channeled)."""
        return self._gate.channels

    @property
    def complaint(self) -> str | None:
        """What it lacks (ports.Complaining)."""
        from drivers.common.onvif.services.media import READABLE  # noqa: PLC0415

        found = self._session.ailments(needs_events=self._options.watches())
        encoding = next((p.encoding for p in self._profiles if p.token == self._chosen_token()), "")
        if encoding and encoding.upper() not in READABLE:
            found.append(f"the stream is {encoding[:20]}, which is not known here; set the camera to H.264 or H.265")
        return "; ".join(found) or None

    def check(self) -> dict[str, JsonValue]:
        """Who it is, its profiles, its stream (no credentials) and what that shows, its clock, inputs and relays."""
        with self._device.transport.budget(CHECK_SECONDS):
            result = self._session.check() | self._extras()
            source = self.stream()
        skew = self._device.login.skew_seconds
        result |= {
            "profiles": [profile.as_json() for profile in self._profiles],
            "stream": source.url,
            "notes": [*clock_notes(skew)],
        }
        if timed := self._gate.timed_here:
            result["relays_timed_here"] = [*timed]
        try:
            result["video"] = probe(source)
        except DeviceError as error:
            result["video"] = {"error": str(error)}
        return result

    def stream(self) -> VideoSource:
        """Ask for the address of the chosen profile's stream; host forced to the configured one."""
        from drivers.common.onvif.services.media import stream_uri  # noqa: PLC0415

        announced = stream_uri(self._device, self._profile(), self._options.transport)
        url = self._device.place.stream(announced)
        return VideoSource(url, self._config.username, self._config.password, self._options.for_stream())

    def snapshot(self) -> bytes:
        """The camera's own JPEG; from the stream when it offers none."""
        from drivers.common.onvif.services.media import snapshot_uri  # noqa: PLC0415

        uri = snapshot_uri(self._device, self._profile())
        if not uri:
            return grab_jpeg(self.stream())
        picture = self._device.fetch(uri)
        if not picture.startswith(b"\xff\xd8"):
            raise DeviceGarbled("the camera's snapshot is not a JPEG; check its snapshot settings")
        return picture

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:
        """One pulse of the channel's relay."""
        return self._gate.release(channel, direction, seconds)

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:  # noqa: ARG002
        """As long as the relay is on."""
        return ReleaseTimes(self._gate.seconds_in_force(seconds))

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        """Free holds the relay on, normal and locked switch it off."""
        return self._gate.set_mode(channel, mode)

    def settings(self) -> "OnvifSettings":
        """See ports.Provisionable; video is that of the chosen profile."""
        from drivers.common.onvif.provisioning import OnvifSettings  # noqa: PLC0415

        return OnvifSettings(self._device, self._options.profile)

    def close(self) -> None:
        """Let go of the connections."""
        self._gate.let_go()
        self._session.close()

    def _chosen_token(self) -> str:
        try:
            return self._profile().token
        except (DeviceError, InvalidInput):
            return ""

    def _profile(self) -> "Profile":
        wanted = self._options.profile
        for profile in self._profiles:
            if wanted in (profile.token, profile.name) if wanted else profile.has_video:
                return profile
        if wanted:
            raise InvalidInput("the camera has no such media profile; `device test` lists its profiles")
        if not self._profiles:
            raise DeviceGarbled("the camera has no media profile; create one on its web page")
        return self._profiles[0]

    def _turn(self) -> None:
        from drivers.common.onvif.services.ptz_imaging import goto_preset  # noqa: PLC0415

        goto_preset(self._device, self._profile().token, self._options.preset)

    def _extras(self) -> dict[str, JsonValue]:
        """What some cameras have: presets, picture settings, inputs."""
        from drivers.common.onvif.services.ptz_imaging import imaging, inputs, presets  # noqa: PLC0415

        reads: dict[str, Callable[[], JsonValue]] = {
            "presets": lambda: presets(self._device, self._profile().token),
            "imaging": lambda: imaging(self._device),
            "inputs": lambda: inputs(self._device),
            "relays": lambda: [relay.as_json() for relay in self._gate.all()],
        }
        found: dict[str, JsonValue] = {}
        for name, read in reads.items():
            try:
                found[name] = read()
            except DeviceError as error:  # some hang up instead of refusing
                found[name] = {"error": str(error)}
        return found


def _build(config: DeviceConfig) -> Device:
    options = read_options(Options, config)
    return OnvifCamera(config, connect(config, options, options.tls_ca, options.rtsp_port), options)


DRIVER = Driver(
    kind="onvif_camera",
    title="ONVIF camera (Profiles S and T), with its inputs and relay outputs",
    capabilities=frozenset({Capability.CAMERA, Capability.GATE}),
    options=Options,
    build=_build,
    fire_inputs=declared(Options),
    discover=discover,
)
