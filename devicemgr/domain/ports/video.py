"""Cameras and their decoded frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from devicemgr.domain.model import (
    VideoSource,
)
from devicemgr.domain.ports.device import Device

Image = NDArray[np.uint8]
Gray = NDArray[np.uint8]


@runtime_checkable
class Camera(Device, Protocol):
    """A source of video; the stream itself is opened by a recognizer process, never in the daemon."""

    def stream(self) -> VideoSource:
        """Where to open the video; may ask the device."""

    def snapshot(self) -> bytes:
        """One JPEG."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded picture (RGB, uint8, H×W×3) and the CLOCK_MONOTONIC second it arrived."""

    pixels: Image
    captured: float
    decode_ms: float = 0.0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def gray(self, width: int, height: int) -> Gray:
        """Luminance, scaled to this size: uint8 H×W; a source may have it cheaper than by way of `pixels`."""
        from PIL import Image as PilImage  # noqa: PLC0415 - the daemon needs no pictures

        luminance = PilImage.fromarray(self.pixels).convert("L")
        if luminance.size != (width, height):
            luminance = luminance.resize((width, height), PilImage.Resampling.BILINEAR, reducing_gap=2.0)
        return np.ascontiguousarray(luminance, dtype=np.uint8)


class FrameSource(Protocol):
    """An open stream. Iterating blocks until the next frame; raises DeviceError on loss, end or a read deadline."""

    width: int
    height: int

    def __iter__(self) -> Iterator[Frame]:
        """Frames in order of arrival; a looped file goes on for ever at its own rate."""

    def close(self) -> None:
        """Stop; may be called from another thread; never raises."""
