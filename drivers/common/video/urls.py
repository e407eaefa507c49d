"""Video addresses: what FFmpeg may open for each. Credentials are never part of one: the relay logs in."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from devicemgr.domain.model import VideoSource
from devicemgr.errors import DeviceRefused, DeviceUnreachable, Hint, InvalidInput

WRONG_PASSWORD = "the camera refuses the password; give the right one"  # noqa: S105
UNTRUSTED = "no secure connection: give the camera's certificate by the option tls_ca=FILE"

# No playlist or concatenation format: those make FFmpeg open what the far end names.
_FILES = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg,mjpeg,mpjpeg,h264,hevc,m4v,gif"
_HTTP = "mpjpeg,mjpeg,mpegts,flv,matroska,webm"
_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Access:
    """FFmpeg's access to one address; one in the network is opened through the relay that stands for its `scheme`."""

    url: str
    protocols: str
    formats: str
    format: str | None = None
    looped: bool = False
    scheme: str = ""


def wrong_password() -> DeviceRefused:
    """Return the error for a camera that refuses the password."""
    return DeviceRefused(WRONG_PASSWORD, hint=Hint("set_device_password"))


def resolve(source: VideoSource) -> Access:
    """Return what to open and what to allow for it; raise InvalidInput, naming the schemes, for another one."""
    scheme = source.url.split(":", 1)[0].lower()
    if scheme in _DEFAULT_PORTS:
        endpoint(source.url)
        if scheme in ("rtsp", "rtsps"):
            udp = ",udp" if source.options.get("transport") == "udp" else ""
            return Access(source.url, f"rtsp,tcp,rtp{udp}", "rtsp,sdp,rtp,mpegts", scheme=scheme)
        return Access(source.url, "http,tcp", _HTTP, scheme=scheme)
    if scheme == "file":
        path = file_path(source.url)
        if not path.is_file():
            raise DeviceUnreachable("the video file is not there; check the path after `file:`")
        return Access(f"file:{path}", "file", _FILES, looped=True)
    if source.url.startswith("/dev/"):
        if not Path(source.url).is_char_device():
            raise DeviceUnreachable("there is no such video device; is the camera plugged in?")
        return Access(source.url, "file", "video4linux2,v4l2", format="video4linux2")
    raise InvalidInput("the address is not a video: use rtsp://…, http://…, file:PATH or /dev/videoN")


def file_path(url: str) -> Path:
    """Extract the path of `file:PATH` or `file:///PATH`."""
    path = url[len("file:") :]
    return Path(unquote(path[2:])) if path.startswith("///") else Path(path)


def endpoint(url: str) -> tuple[str, int] | None:
    """Host and TCP port of a network address; None for a file or a device; InvalidInput when it has no host."""
    parts = urlsplit(url)
    if parts.scheme.lower() not in _DEFAULT_PORTS:
        return None
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidInput("the address has no valid port number") from error
    if not host:
        raise InvalidInput("the address names no host")
    return host, port or _DEFAULT_PORTS[parts.scheme.lower()]


def require_no_credentials(url: str) -> None:
    """Raise InvalidInput for an address with a user or password: addresses are shown, passwords are not."""
    if "@" in urlsplit(url).netloc:
        raise InvalidInput("give the user name apart, not in the address", hint=Hint("pass_credentials"))
