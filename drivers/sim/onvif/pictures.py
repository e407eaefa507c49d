"""The picture of a simulated ONVIF camera: of the size that its encoder is set to, and moving."""

import io
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drivers.sim.onvif.simulator import SimulatedOnvif

_MAX_FPS = 15.0


class Pictures:
    """Pictures drawn on request only."""

    def __init__(self, device: "SimulatedOnvif") -> None:
        self._device = device
        self._lock = threading.Lock()
        self._drawn: tuple[tuple[int, int, int], bytes] = ((0, 0, 0), b"")

    @property
    def fps(self) -> float:
        """Pictures a second, as the encoder is set, 15 at most."""
        return max(1.0, min(self._device.state.encoders[0].fps, _MAX_FPS))

    def jpeg(self, moment: float) -> bytes:
        """Return the picture at a CLOCK_MONOTONIC second."""
        encoder = self._device.state.encoders[0]
        key = (encoder.width, encoder.height, int(moment * self.fps))
        with self._lock:
            if self._drawn[0] != key:
                self._drawn = (key, _draw(*key))
            return self._drawn[1]


def _draw(width: int, height: int, number: int) -> bytes:
    from PIL import Image, ImageDraw  # noqa: PLC0415 - most simulated devices are never looked at

    picture = Image.new("RGB", (width, height), (70, 90, 110))
    drawing = ImageDraw.Draw(picture)
    left = number * 8 % width
    drawing.rectangle((left, height // 3, left + width // 10, height * 2 // 3), fill=(200, 180, 60))
    drawing.text((10, 10), f"simulated picture {number}", fill=(255, 255, 255))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
