"""The bench's figures of the recognizer's processes: how many cameras, and what an empty picture costs."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devicemgr.domain.model import VideoSource

if TYPE_CHECKING:
    from devicemgr.cli.demo.bench import BenchParts

_FPS = 5.0
_WARM_UP = 4.0
_SECONDS = 10.0
_STEPS = (4, 8, 12, 16, 24, 32)
_IDLE_LANES = 4
_IDLE_FPS = 10.0
_TICKS = os.sysconf("SC_CLK_TCK")


def measure_lanes(parts: "BenchParts", folder: Path) -> dict[str, Any]:
    """lanes_at_5fps and idle_core_percent_per_lane, on 640×480 videos at 10 pictures a second."""
    busy, empty = folder / "busy.mp4", folder / "empty.mp4"
    parts.make_video(busy, (640, 480), 8.0, 0.5)
    parts.make_video(empty, (640, 480), 4.0, 0.0)
    carried = 0
    for lanes in _STEPS:
        rate, _ = _run(parts, busy, lanes, _FPS)
        if rate < _FPS * 0.95:
            break
        carried = lanes
    _, used = _run(parts, empty, _IDLE_LANES, _IDLE_FPS)
    return {"lanes_at_5fps": carried, "idle_core_percent_per_lane": round(used * 100 / _IDLE_LANES, 2)}


def _run(parts: "BenchParts", video: Path, lanes: int, fps: float) -> tuple[float, float]:
    """Frames looked at per lane and second, and cores used by the workers."""
    from devicemgr.recognition.workers.messages import LaneConfig  # noqa: PLC0415 - numpy
    from devicemgr.recognition.workers.pool import RecognizerPool  # noqa: PLC0415

    pool = RecognizerPool(parts.encoder, parts.opener, workers=os.cpu_count() or 1)
    source = VideoSource(f"file:{video}", options={"fps": fps})
    pool.start(lambda _: None)
    try:
        pool.set_lanes([LaneConfig(f"lane-{number}", source) for number in range(lanes)])
        time.sleep(_WARM_UP)
        began, frames, used = time.monotonic(), pool.frames(), _cpu_seconds(pool.pids())
        time.sleep(_SECONDS)
        took = time.monotonic() - began
        # Heartbeats tell once a second: up to a second's frames are missing at both ends alike.
        return (pool.frames() - frames) / took / lanes, (_cpu_seconds(pool.pids()) - used) / took
    finally:
        pool.stop(2.0)


def _cpu_seconds(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS
