"""Video of an ONVIF device: media service 2 (Profile T) where it has one, else 1 (Profile S)."""

from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from devicemgr.domain.model import JsonValue
from devicemgr.errors import DeviceGarbled
from drivers.common.onvif.soap import envelope
from drivers.common.onvif.soap.client import OnvifDevice
from drivers.common.onvif.soap.namespaces import MEDIA, MEDIA2, OnvifFault, plain

_MOST = 64
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
        """For `device test`."""
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
    """All profiles: media 2's, or media 1's where there is none or it lists none with video."""
    found: list[Profile] = []
    if device.offers(MEDIA2):
        try:
            found = _profiles2(device)
        except (OnvifFault, DeviceGarbled):
            if not device.offers(MEDIA):
                raise
    if any(profile.has_video for profile in found) or not device.offers(MEDIA):
        return found
    return _profiles1(device) or found


def _profiles2(device: OnvifDevice) -> list[Profile]:
    wanted = "<n:Type>VideoSource</n:Type><n:Type>VideoEncoder</n:Type>"
    response = envelope.all_of(device.ask(MEDIA2, "GetProfiles", wanted), "Profiles")[:_MOST]
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
    response = [profile for profile in (device.call(MEDIA, "GetProfiles") or [])[:_MOST] if profile.token]
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


def stream_uri(device: OnvifDevice, profile: Profile, transport: str) -> str:
    """The announced stream address, as it is."""
    if profile.service == MEDIA2:
        token = f"<n:ProfileToken>{escape(profile.token)}</n:ProfileToken>"
        ways = ["RtspUnicast", "RTSP"] if transport == "udp" else ["RTSP", "RtspUnicast"]
        try:
            response = device.ask(MEDIA2, "GetStreamUri", f"<n:Protocol>{ways[0]}</n:Protocol>{token}")
        except OnvifFault:
            response = device.ask(MEDIA2, "GetStreamUri", f"<n:Protocol>{ways[1]}</n:Protocol>{token}")
        return envelope.text(response, "Uri")
    setup = _SETUP if transport != "udp" else {"Stream": "RTP-Unicast", "Transport": {"Protocol": "UDP"}}
    answer = device.call(MEDIA, "GetStreamUri", StreamSetup=setup, ProfileToken=profile.token)
    return str(getattr(answer, "Uri", None) or "").strip()


def snapshot_uri(device: OnvifDevice, profile: Profile) -> str:
    """The announced snapshot address, "" where the device takes none."""
    try:
        if profile.service == MEDIA2:
            token = f"<n:ProfileToken>{escape(profile.token)}</n:ProfileToken>"
            return envelope.text(device.ask(MEDIA2, "GetSnapshotUri", token), "Uri")
        answer = device.call(MEDIA, "GetSnapshotUri", ProfileToken=profile.token)
    except OnvifFault:
        return ""
    return str(getattr(answer, "Uri", None) or "").strip()
