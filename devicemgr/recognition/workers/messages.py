"""What the daemon and a recognizer worker say to each other: one JSON object a line, bounded on both sides."""

import base64
import binascii
import json
import math
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from devicemgr.domain.model import VideoSource
from devicemgr.domain.ports.recognition import Embedding
from devicemgr.domain.sighting import Sighting
from devicemgr.errors import DeviceGarbled

MAX_LINE = 1_000_000
MAX_TEXT = 500
MAX_DIMENSION = 4096
_UNIT_TOLERANCE = 1e-3
_WHOLE = (0.0, 0.0, 1.0, 1.0)
_MIN_SHARE = 0.1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LaneConfig:
    """A camera to watch; the source's options `fps`, `max_width`, `min_face_px`, `roi` tell how."""

    device: str
    source: VideoSource

    def number(self, option: str, default: float, low: float, high: float) -> float:
        """Return a numeric option of the source within bounds; `default` where it says nothing usable."""
        value = self.source.options.get(option, default)
        usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return min(high, max(low, float(value) if usable else default))  # type: ignore[arg-type]

    def roi(self) -> tuple[float, float, float, float]:
        """Return the part of the picture to look at: x, y, width, height as shares of it; the whole by default."""
        value = self.source.options.get("roi")
        shares = [share for share in value if isinstance(share, int | float)] if isinstance(value, list) else []
        if len(shares) != 4 or not all(0 <= share <= 1 for share in shares):
            return _WHOLE
        x, y, width, height = (float(share) for share in shares)
        width, height = min(width, 1 - x), min(height, 1 - y)
        return _WHOLE if min(width, height) < _MIN_SHARE else (x, y, width, height)


@dataclass(frozen=True, slots=True)
class Configure:
    """Down: these lanes and no others, from now on."""

    lanes: tuple[LaneConfig, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """Down: the daemon has decided about this track; it needs no more embeddings."""

    device: str
    track: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Up: the encoder is loaded."""

    model: str
    dimension: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Up: the main loop turns; `frames` looked at since the start."""

    frames: int


@dataclass(frozen=True, slots=True)
class LaneState:
    """Up: a camera's stream came (cause None) or went; `lane` is the device's name."""

    lane: str
    online: bool
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """Up: the worker cannot work at all (no encoder, no opener) and ends."""

    cause: str


Message = Configure | Settled | Ready | Heartbeat | LaneState | Failed | Sighting


def encode(message: Message) -> bytes:
    """One line with its end; ValueError when it is longer than the other side takes."""
    name, body = _ENCODERS[type(message)](message)
    line = json.dumps({"type": name, **body}, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    if len(line) > MAX_LINE:
        raise ValueError(f"a message of {len(line)} bytes is too long")
    return line


def decode(line: bytes) -> Message:
    """Return the message in a line; DeviceGarbled for anything that is not exactly one."""
    try:
        if len(line) > MAX_LINE:
            raise ValueError("too long")
        body = json.loads(line)
        return _DECODERS[body["type"]](body)
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise DeviceGarbled("the recognizer's line holds no message") from error


@dataclass(slots=True)
class LineReader:
    """Cuts what a socket delivers into lines; DeviceGarbled when one grows beyond MAX_LINE."""

    _rest: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Return the lines that `data` completes."""
        self._rest += data
        *lines, rest = self._rest.split(b"\n")
        if len(rest) > MAX_LINE or any(len(line) > MAX_LINE for line in lines):
            raise DeviceGarbled("the recognizer's line is too long")
        self._rest = bytearray(rest)
        return (bytes(line) for line in lines)


def receive(connection: socket.socket, lines: LineReader) -> list[Message] | None:
    """Return the messages that the next bytes complete; None at the end; TimeoutError as the socket is set."""
    data = connection.recv(65_536)
    return [decode(line) for line in lines.feed(data)] if data else None


def _sighting_body(sighting: Sighting) -> dict[str, Any]:
    return {
        "device": sighting.device,
        "track": sighting.track,
        "captured": sighting.captured,
        "first_seen": sighting.first_seen,
        "frames": sighting.frames,
        "embedding": _vector_text(sighting.embedding),
        "latest": _vector_text(sighting.latest),
        "ended": sighting.ended,
        "quality": dict(sighting.quality),
        "timings_ms": dict(sighting.timings_ms),
    }


def _read_sighting(body: Mapping[str, Any]) -> Sighting:
    return Sighting(
        device=_text(body["device"]),
        track=_text(body["track"]),
        captured=_number(body["captured"]),
        first_seen=_number(body["first_seen"]),
        frames=_count(body["frames"]),
        embedding=_vector(body["embedding"]),
        latest=_vector(body["latest"]),
        ended=_typed(body["ended"], bool),
        quality=_numbers(body["quality"]),
        timings_ms=_numbers(body["timings_ms"]),
    )


def _lane_body(lane: LaneConfig) -> dict[str, Any]:
    source = lane.source
    credentials = {"username": source.username, "password": source.password}
    return {"device": lane.device, "url": source.url, "options": dict(source.options), **credentials}


def _read_lane(body: Mapping[str, Any]) -> LaneConfig:
    url, username, password = _typed(body["url"], str), _optional(body["username"]), _optional(body["password"])
    return LaneConfig(_text(body["device"]), VideoSource(url, username, password, _typed(body["options"], dict)))


def _typed(value: object, wanted: type[T]) -> T:
    if not isinstance(value, wanted):
        raise ValueError(f"not a {wanted.__name__}")
    return value


def _text(value: object) -> str:
    text = _typed(value, str)
    if len(text) > MAX_TEXT:
        raise ValueError("text too long")
    return text


def _optional(value: object) -> str | None:
    return None if value is None else _text(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("not a finite number")
    return float(value)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise ValueError("not a count")
    return value


def _numbers(value: object) -> dict[str, float]:
    table = _typed(value, dict)
    if len(table) > 32:
        raise ValueError("too many numbers")
    return {_text(name): _number(number) for name, number in table.items()}


def _vector_text(vector: Embedding | None) -> str | None:
    return None if vector is None else base64.b64encode(np.ascontiguousarray(vector, dtype="<f4").tobytes()).decode()


def _vector(value: object) -> Embedding | None:
    """Return a float32 unit vector of at most MAX_DIMENSION, or None."""
    if value is None:
        return None
    text = _typed(value, str)
    if len(text) > MAX_DIMENSION * 6:
        raise ValueError("too many dimensions")
    try:
        vector = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4").astype(np.float32)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if not abs(float(np.linalg.norm(vector.astype(np.float64))) - 1.0) < _UNIT_TOLERANCE:  # NaN is not either
        raise ValueError("not a unit vector")
    return vector


_ENCODERS: dict[type, Callable[[Any], tuple[str, dict[str, Any]]]] = {
    Configure: lambda m: ("configure", {"lanes": [_lane_body(lane) for lane in m.lanes]}),
    Settled: lambda m: ("settled", {"device": m.device, "track": m.track}),
    Ready: lambda m: ("ready", {"model": m.model, "dimension": m.dimension}),
    Heartbeat: lambda m: ("heartbeat", {"frames": m.frames}),
    LaneState: lambda m: ("lane", {"lane": m.lane, "online": m.online, "cause": m.cause}),
    Failed: lambda m: ("failed", {"cause": m.cause}),
    Sighting: lambda m: ("sighting", _sighting_body(m)),
}
_DECODERS: dict[str, Callable[[Mapping[str, Any]], Message]] = {
    "configure": lambda b: Configure(tuple(_read_lane(lane) for lane in _typed(b["lanes"], list))),
    "settled": lambda b: Settled(_text(b["device"]), _text(b["track"])),
    "ready": lambda b: Ready(_text(b["model"]), _count(b["dimension"])),
    "heartbeat": lambda b: Heartbeat(_count(b["frames"])),
    "lane": lambda b: LaneState(_text(b["lane"]), _typed(b["online"], bool), _optional(b["cause"])),
    "failed": lambda b: Failed(_text(b["cause"])),
    "sighting": _read_sighting,
}
