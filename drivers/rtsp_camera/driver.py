"""Any video source FFmpeg reads: an RTSP or MJPEG camera, a looped file, a V4L2 device."""

from collections.abc import Sequence

from devicemgr.domain.device_events import DeviceFact
from devicemgr.domain.model import Capability, DeviceConfig, DeviceInfo, JsonValue, VideoSource
from devicemgr.domain.ports.driver import Driver
from drivers.common.options import read_options
from drivers.common.video.camera import CameraOptions, grab_jpeg, probe, require_reachable
from drivers.common.video.urls import endpoint, require_no_credentials, resolve


class RtspCamera:
    """A stream at a fixed address (ports.Camera); open() and poll() take no stream slot of the camera."""

    poll_interval = 3.0

    def __init__(self, config: DeviceConfig) -> None:
        require_no_credentials(config.address)
        options = read_options(CameraOptions, config)
        self._source = VideoSource(config.address, config.username, config.password, options.for_stream())

    def open(self) -> DeviceInfo:
        """Check that something answers; a stream does not name its maker."""
        endpoint(self._source.url)
        require_reachable(self._source)
        return DeviceInfo()

    def poll(self) -> Sequence[DeviceFact]:
        """Check that it still answers; cameras report no facts of their own."""
        require_reachable(self._source)
        return ()

    def check(self) -> dict[str, JsonValue]:
        """Open the stream: width, height, fps, codec."""
        resolve(self._source)
        return probe(self._source)

    def stream(self) -> VideoSource:
        """Return the configured address, its credentials kept apart."""
        return self._source

    def snapshot(self) -> bytes:
        """Open the stream for its next picture, as a JPEG."""
        return grab_jpeg(self._source)

    def close(self) -> None:
        """Do nothing, since nothing is held open."""


DRIVER = Driver(
    kind="rtsp_camera",
    title="Video stream: RTSP, HTTP MJPEG, a file or a V4L2 device",
    capabilities=frozenset({Capability.CAMERA}),
    options=CameraOptions,
    build=RtspCamera,
)
