"""One ONVIF camera: its stream and pictures, its inputs and its relays."""

from collections.abc import Callable, Sequence

from devicemgr.domain.device_events import DeviceFact
from devicemgr.domain.model import DeviceConfig, DeviceInfo, Direction, JsonValue, PortalMode, VideoSource
from devicemgr.domain.ports.device import Delivery, Device, ReleaseTimes
from devicemgr.errors import DeviceError, DeviceGarbled, DeviceRefused, DeviceUnreachable, InvalidInput, NotYet
from drivers.common.onvif.connection import connect
from drivers.common.onvif.maintenance import OnvifUpkeep
from drivers.common.onvif.provisioning import OnvifSettings
from drivers.common.onvif.services.digital_inputs import Inputs
from drivers.common.onvif.services.media import FAILURES, READABLE, Profile, choose, profiles, snapshot_uri, stream_uri
from drivers.common.onvif.services.ptz_imaging import goto_preset, imaging, inputs, listed_inputs, presets
from drivers.common.onvif.services.relay_outputs import RelayGate
from drivers.common.onvif.session import CHECK_S, OPEN_S, Session, each
from drivers.common.onvif.soap.client import OnvifDevice
from drivers.common.onvif.soap.namespaces import MEDIA, MEDIA2, OnvifFault
from drivers.common.options import read_options
from drivers.common.video.camera import grab_jpeg, probe
from drivers.onvif_camera.options import Options

_RESTING, _WATCHING = 1.0, 0.1


class OnvifCamera(OnvifUpkeep):
    """One ONVIF camera (ports.Camera and ports.Gate); media profiles are read once per open()."""

    senses_passage = False

    def __init__(self, config: DeviceConfig, device: OnvifDevice, options: Options) -> None:
        self._config, self._device, self._options = config, device, options
        self._session = Session(device, config.name)
        self._gate, self._inputs = RelayGate(device, options), Inputs(options)
        self._profiles: list[Profile] = []
        self._failures: dict[str, DeviceError] = {}
        self.poll_interval = _WATCHING if options.watches() or self._gate.configured else _RESTING

    def open(self) -> DeviceInfo:
        """Identify, read the profiles, put the relays into order, turn to the preset."""
        self._inputs.lose()
        self._failures.clear()
        with self._device.transport.budget(OPEN_S, is_patient=True):
            info = self._session.open()
            if not (self._device.offers(MEDIA2) or self._device.has(MEDIA)):
                raise DeviceGarbled("the device offers no video by ONVIF; is it a camera?")
            try:
                self._profiles = profiles(self._device)
            except OnvifFault as fault:  # its inputs and relays work all the same
                self._profiles, self._failures["media profiles"] = [], fault
            self._gate.open()
            if self._options.watches():
                self._inputs.begin(listed_inputs(self._device))
            if self._options.preset and self._profiles:
                self._turn(self._options.preset)
        self._session.listen(is_needed=self._options.watches())
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
        found = self._session.ailments(needs_events=self._options.watches())
        found += self._session.complain_of_inputs(self._inputs.complaints)
        found += [f"its {what} can't be used: {error}" for what, error in self._failures.items()]
        encoding = next((p.encoding for p in self._profiles if p.token == self._chosen_token()), "")
        if encoding and encoding.upper() not in READABLE:
            found.append(f"the stream is {encoding[:20]}, which is not known here; set the camera to H.264 or H.265")
        return "; ".join(found) or None

    def check(self) -> dict[str, JsonValue]:
        """Read identity, profiles, stream (no credentials) and what it shows, clock, inputs and relays."""
        sources: list[VideoSource] = []

        def stream() -> JsonValue:
            sources.append(self.stream())
            return sources[0].url

        with self._device.transport.budget(CHECK_S):
            result = self._session.check()
            result |= each({"profiles": self._listed_profiles, "stream": stream, **self._extras()})
        if timed := self._gate.timed_here:
            result["relays_timed_here"] = [*timed]
        if sources:
            result |= each({"video": lambda: probe(sources[0])})
        return result

    def stream(self) -> VideoSource:
        """Ask for the address of the chosen profile's stream; host forced to the configured one."""
        announced = stream_uri(self._device, self._profile(), self._options.transport, self._options.profile)
        url = self._device.place.stream(announced)
        return VideoSource(url, self._config.username, self._config.password, self._options.for_stream())

    def snapshot(self) -> bytes:
        """Return the camera's own JPEG; from the stream when it offers none, or announces one that can't be fetched."""
        uri = snapshot_uri(self._device, self._profile(), self._options.profile)
        if not uri or uri.lower().startswith(("rtsp://", "rtsps://")):  # XM boards announce a stream here
            return grab_jpeg(self.stream())
        try:
            picture = self._device.fetch(uri)
        except (DeviceGarbled, DeviceUnreachable, NotYet) as error:
            return self._picture_instead(str(error))
        if not picture.startswith(b"\xff\xd8"):
            return self._picture_instead("the camera's snapshot is not a JPEG; check its snapshot settings")
        return picture

    def _picture_instead(self, why: str) -> bytes:
        try:
            return grab_jpeg(self.stream())
        except DeviceError as error:
            raise DeviceRefused(f"{why}; and of the stream: {error}") from error

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:
        """Send one pulse of the channel's relay."""
        return self._gate.release(channel, direction, seconds)

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:  # noqa: ARG002
        """Return how long the relay is on."""
        return ReleaseTimes(self._gate.seconds_in_force(seconds))

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        """Free holds the relay on, normal and locked switch it off."""
        return self._gate.set_mode(channel, mode)

    def settings(self) -> OnvifSettings:
        """Return the settings (ports.Provisionable); video is that of the chosen profile."""
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

    def _profile(self) -> Profile:
        if failure := self._failures.get("media profiles"):
            raise DeviceRefused(str(failure))
        wanted = self._options.profile
        if (profile := choose(self._profiles, wanted)) is not None:
            return profile
        if wanted:
            raise InvalidInput("the camera has no such media profile; a test of the device lists its profiles")
        raise DeviceGarbled("the camera has no media profile; create one on its web page")

    def _listed_profiles(self) -> JsonValue:
        if failure := self._failures.get("media profiles"):
            raise DeviceRefused(str(failure))
        return [profile.as_json() for profile in self._profiles]

    def _turn(self, preset: str) -> None:
        """Turn to the preset; a camera that does not is used as it stands, and complained of."""
        try:
            goto_preset(self._device, self._profile().token, preset)
        except FAILURES as error:
            self._failures["preset"] = error

    def _extras(self) -> dict[str, Callable[[], JsonValue]]:
        """Return what some cameras have: inputs, relays, presets, picture settings."""
        return {
            "inputs": lambda: inputs(self._device),
            "relays": lambda: [relay.as_json() for relay in self._gate.all()],
            "presets": lambda: presets(self._device, self._profile().token),
            "imaging": lambda: imaging(self._device),
        }


def build(config: DeviceConfig) -> Device:
    """Return the device, not connected yet."""
    options = read_options(Options, config)
    return OnvifCamera(config, connect(config, options, options.tls_ca, options.rtsp_port), options)
