"""State of a simulated ONVIF device, in plain values, so that a call can be tried on a copy."""

from dataclasses import dataclass, field


@dataclass
class User:
    """An account; `level` is Administrator, Operator or User."""

    password: str
    level: str = "Administrator"


@dataclass
class Encoder:
    """A video encoder configuration, one a profile."""

    token: str
    encoding: str = "H264"
    width: int = 1280
    height: int = 720
    fps: float = 25.0
    bitrate: int = 4096
    gop: int = 50
    quality: float = 5.0


@dataclass
class Relay:
    """A relay output: `delay` in seconds counts in mode Monostable."""

    token: str
    mode: str = "Bistable"
    delay: float = 1.0
    idle: str = "open"
    active: bool = False
    switched: int = 0


@dataclass
class Door:
    """A door of Profile C, by the words of tdc:DoorState."""

    token: str
    name: str
    mode: str = "Locked"
    physical: str = "Closed"
    lock: str = "Locked"
    alarm: str = "Normal"
    tamper: str = "NotInTamper"
    fault: str = "NotInFault"
    accesses: int = 0


@dataclass
class AccessPoint:
    """One side of a door with a reader."""

    token: str
    name: str
    door: str


@dataclass
class Osd:
    """A text in the picture."""

    token: str
    text: str = ""
    kind: str = "Plain"


def _encoders() -> list[Encoder]:
    return [Encoder("enc-main"), Encoder("enc-sub", "H264", 640, 360, 15.0, 512, 30)]


@dataclass
class State:
    """The whole device."""

    users: dict[str, User] = field(default_factory=lambda: {"admin": User("admin")})
    manufacturer: str = "Simulated"
    model: str = "SIM-1"
    firmware: str = "1.0.0"
    takes_firmware: bool = True
    serial: str = "SIM0001"
    hostname: str = "sim-1"
    hostname_from_dhcp: bool = False
    ntp: list[str] = field(default_factory=list)
    ntp_from_dhcp: bool = True
    time_source: str = "Manual"
    timezone: str = "UTC0"
    discovery: str = "Discoverable"
    scopes: list[str] = field(default_factory=list)
    protocols: dict[str, tuple[bool, int]] = field(
        default_factory=lambda: {"HTTP": (True, 80), "HTTPS": (False, 443), "RTSP": (True, 554)}
    )
    encoders: list[Encoder] = field(default_factory=_encoders)
    osds: list[Osd] = field(default_factory=lambda: [Osd("osd-1", "CAMERA 1")])
    relays: list[Relay] = field(default_factory=lambda: [Relay("relay-1"), Relay("relay-2")])
    inputs: dict[str, bool] = field(default_factory=lambda: {"input-1": False, "input-2": False})
    presets: dict[str, str] = field(default_factory=lambda: {"preset-1": "gate", "preset-2": "yard"})
    at_preset: str = ""
    imaging: dict[str, float] = field(
        default_factory=lambda: {"Brightness": 50.0, "ColorSaturation": 50.0, "Contrast": 50.0, "Sharpness": 50.0}
    )
    doors: list[Door] = field(default_factory=lambda: [Door("door-1", "Main door"), Door("door-2", "Side door")])
    points: list[AccessPoint] = field(
        default_factory=lambda: [AccessPoint("ap-1", "Main in", "door-1"), AccessPoint("ap-2", "Main out", "door-1")]
    )
    decisions: list[tuple[str, str]] = field(default_factory=list)


def set_encoder(encoder: Encoder, values: dict[str, str]) -> None:
    """Take over what a Set…EncoderConfiguration names: encoding, width, height, fps, bitrate, gop, quality."""
    encoder.encoding = values.get("encoding") or encoder.encoding
    for name in ("width", "height", "bitrate", "gop"):
        if values.get(name):
            setattr(encoder, name, int(float(values[name])))
    for name in ("fps", "quality"):
        if values.get(name):
            setattr(encoder, name, float(values[name]))
