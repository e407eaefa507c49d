"""Video of an ONVIF device: media service 2 (Profile T) where it has one, else 1 (Profile S).

Whatever media 2 refuses, garbles or hangs up on is requested from media 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from xml.sax.saxutils import escape

from devicemgr.domain.model import JsonValue
from devicemgr.errors import DeviceError, DeviceGarbled, DeviceLacks
from drivers.common.http.transport import AnswerLost
from drivers.common.onvif.soap import envelope
from drivers.common.onvif.soap.client import OnvifDevice
from drivers.common.onvif.soap.namespaces import MEDIA, MEDIA2, OnvifFault, plain

T = TypeVar("T")
FAILURES = (OnvifFault, DeviceGarbled, AnswerLost)
_MAX_PROFILES = 64
_SETUP = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
# What PyAV's FFmpeg decodes, by the words of both services ("MPV4-ES" is media 2's for MPEG-4).
READABLE = frozenset({"H264", "H265", "HEVC", "JPEG", "MJPEG", "MPEG4", "MPV4-ES", "AV1", "VP8", "VP9"})


@dataclass(frozen=True, slots=True)
class Profile:
    """A media profile; `service` is the namespace that knows it; sizes None and encoding "" where it does not say."""

    token: str
    name: str
    service: str
    encoding: str = ""
    width: int | None = None
    height: int | None = None
    fps: int | None = None
    encoder: str = ""

    @property
    def has_video(self) -> bool:
        """Whether it carries video at all."""
        return bool(self.encoder or self.encoding)

    def as_json(self) -> dict[str, JsonValue]:
        """Return the profile for `device test`."""
        return {
            "token": plain(self.token),
            "name": plain(self.name),
            "encoding": plain(self.encoding),
            "width": self.width,
            "height": self.height,
            "fps": self.fps,
            "service": "media2" if self.service == MEDIA2 else "media1",
        }


def profiles(device: OnvifDevice) -> list[Profile]:
    """List the profiles of media 2, or of media 1 where there is no media 2 or it lists none with video."""
    found: list[Profile] = []
    if device.offers(MEDIA2):
        try:
            found = _profiles2(device)
        except FAILURES:
            if not device.has(MEDIA):
                raise
    if any(profile.has_video for profile in found) or not device.has(MEDIA):
        return found
    try:
        return _profiles1(device) or found
    except FAILURES:
        if not found:
            raise
        return found


def choose(found: Sequence[Profile], wanted: str) -> Profile | None:
    """Return the profile of that token or name; with none wanted, the first with video, or else the first."""
    if wanted:
        return next((profile for profile in found if wanted in (profile.token, profile.name)), None)
    return next((profile for profile in found if profile.has_video), found[0] if found else None)


def in_media1(device: OnvifDevice, profile: Profile, wanted: str) -> Profile | None:
    """Return the same profile of media 1: by token or name, or chosen again where none was wanted; None without one."""
    if not device.has(MEDIA):
        return None
    found = _profiles1(device)
    same = choose(found, profile.token) or (choose(found, profile.name) if profile.name else None)
    return same or (None if wanted else choose(found, ""))


def _profiles2(device: OnvifDevice) -> list[Profile]:
    wanted = "<n:Type>VideoSource</n:Type><n:Type>VideoEncoder</n:Type>"
    response = envelope.all_of(device.ask(MEDIA2, "GetProfiles", wanted), "Profiles")[:_MAX_PROFILES]
    return [_profile2(node) for node in response if node.get("token")]


def _profile2(node: Any) -> Profile:
    encoder = envelope.first(node, "VideoEncoder")
    token, name = str(node.get("token")), envelope.text(node, "Name")
    if encoder is None:
        return Profile(token, name, MEDIA2)
    return Profile(
        token,
        name,
        MEDIA2,
        envelope.text(encoder, "Encoding"),
        envelope.number(encoder, "Width"),
        envelope.number(encoder, "Height"),
        envelope.number(encoder, "FrameRateLimit"),
        str(encoder.get("token") or token),
    )


def _profiles1(device: OnvifDevice) -> list[Profile]:
    response = [profile for profile in (device.call(MEDIA, "GetProfiles") or [])[:_MAX_PROFILES] if profile.token]
    return [_profile1(profile) for profile in response]


def _profile1(profile: Any) -> Profile:
    encoder = getattr(profile, "VideoEncoderConfiguration", None)
    name = str(profile.Name or "")
    if encoder is None:
        return Profile(profile.token, name, MEDIA)
    size, rate = getattr(encoder, "Resolution", None), getattr(encoder, "RateControl", None)
    return Profile(
        profile.token,
        name,
        MEDIA,
        str(encoder.Encoding or ""),
        getattr(size, "Width", None),
        getattr(size, "Height", None),
        getattr(rate, "FrameRateLimit", None),
        str(encoder.token or profile.token),
    )


def stream_uri(device: OnvifDevice, profile: Profile, transport: str, wanted: str = "") -> str:
    """Return the announced stream address, as it is."""

    def uri_of(one: Profile) -> str:
        return _stream_uri2(device, one, transport) if one.service == MEDIA2 else _stream_uri1(device, one, transport)

    return stepping_down(device, profile, wanted, uri_of)


def snapshot_uri(device: OnvifDevice, profile: Profile, wanted: str = "") -> str:
    """Return the announced snapshot address, "" where the device takes none."""

    def uri_of(one: Profile) -> str:
        if one.service == MEDIA2:
            return envelope.text(device.ask(MEDIA2, "GetSnapshotUri", _token_of(one)), "Uri")
        answer = device.call(MEDIA, "GetSnapshotUri", ProfileToken=one.token)
        return str(getattr(answer, "Uri", None) or "").strip()

    try:
        return stepping_down(device, profile, wanted, uri_of)
    except FAILURES:
        return ""


def stepping_down(device: OnvifDevice, profile: Profile, wanted: str, use: Callable[[Profile], T]) -> T:
    """Return what a profile's service gives, or else media 1 for the same profile."""
    try:
        if (found := use(profile)) or profile.service == MEDIA:
            return found
        failure: DeviceError = DeviceGarbled("the device's media service 2 gives no address; update its firmware")
    except (*FAILURES, DeviceLacks) as error:
        if profile.service == MEDIA:
            raise
        failure = error
    try:
        lower = in_media1(device, profile, wanted)
    except FAILURES:
        lower = None
    if lower is None:
        raise failure
    return use(lower)


def _stream_uri2(device: OnvifDevice, profile: Profile, transport: str) -> str:
    ways = ["RtspUnicast", "RTSP"] if transport == "udp" else ["RTSP", "RtspUnicast"]
    try:
        response = device.ask(MEDIA2, "GetStreamUri", f"<n:Protocol>{ways[0]}</n:Protocol>{_token_of(profile)}")
    except OnvifFault:
        response = device.ask(MEDIA2, "GetStreamUri", f"<n:Protocol>{ways[1]}</n:Protocol>{_token_of(profile)}")
    return envelope.text(response, "Uri")


def _stream_uri1(device: OnvifDevice, profile: Profile, transport: str) -> str:
    setup = _SETUP if transport != "udp" else {"Stream": "RTP-Unicast", "Transport": {"Protocol": "UDP"}}
    answer = device.call(MEDIA, "GetStreamUri", StreamSetup=setup, ProfileToken=profile.token)
    return str(getattr(answer, "Uri", None) or "").strip()


def _token_of(profile: Profile) -> str:
    return f"<n:ProfileToken>{escape(profile.token)}</n:ProfileToken>"
