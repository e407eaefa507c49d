"""`devicemgr bench`: what this host can do, each figure measured in this run, ratios against a plain loop."""

import os
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from devicemgr.cli.context import session
from devicemgr.cli.demo.measures.commands import measure_commands
from devicemgr.cli.demo.measures.desks import measure_desks
from devicemgr.cli.demo.measures.lanes import measure_lanes
from devicemgr.cli.demo.measures.outlets import measure_outlets
from devicemgr.cli.demo.measures.people import measure_people
from devicemgr.cli.demo.measures.replay import measure_replay
from devicemgr.cli.demo.measures.rules import measure_decisions
from devicemgr.cli.demo.measures.storage import measure_ready, measure_storage
from devicemgr.cli.demo.measures.stream import measure_stream
from devicemgr.cli.demo.simulated_entrance import PORTAL, Entrance, Plan, nasa_portrait, quantile
from devicemgr.cli.demo.subprocesses import ending_cleanly
from devicemgr.cli.output import cell, emit, notes, table
from devicemgr.errors import InvalidInput

app = typer.Typer()

_OPENINGS = 100


@dataclass(frozen=True, slots=True)
class BenchParts:
    """What lies outside the core. `recognition` takes a photo and videos by "WxH"; both give figures by name.

    `make_video(path, size, seconds, present)` renders a file in which a face is there that share of the time.
    """

    recognition: Callable[[Path, dict[str, Path]], dict[str, Any]]
    search: Callable[[], dict[str, Any]]
    make_video: Callable[[Path, tuple[int, int], float, float], None]
    encoder: str
    opener: str


_MEANING = {
    "encoder_speedup": "encoder, times faster than dlib's own, one core",
    "encoder_max_difference": "largest difference of an embedding from dlib's",
    "frame_speedup": "whole frame of someone who stays for 2 s, times faster than a plain face_recognition loop",
    "frame_speedup_full_picture": "the same, were the face sought in the whole picture each time",
    "frame_speedup_1280x720": "whole frame at 1280×720, times faster",
    "frame_speedup_full_picture_1280x720": "the same, sought in the whole picture each time",
    "frame_ms": "whole frame 640×480 with a face, decode to match at 13,000, ms",
    "frame_full_picture_ms": "the same, sought in the whole picture each time, ms",
    "plain_loop_ms": "the plain loop on the same frames, ms",
    "enroll_photo_ms": "judging and embedding an enrollment photo, ms",
    "search_13000_ms": "search among 13,000 people, ms",
    "search_1000000_bandwidth_ratio": "search among 1,000,000, times what reading the memory takes",
    "face_to_unlock_p95_ms": "face in view → release bytes on the wire, p95, ms",
    "face_to_unlock_ratio": "the same, as a share of one frame of the plain loop",
    "lanes_at_5fps": "cameras with someone in view half of the time, at 5 analyzed frames a second",
    "idle_core_percent_per_lane": "a camera with no one in view, % of a core at 10 frames a second",
    "decide_p99_ms": "a decision with 10,000 people inside 200 zones, p99, ms of CPU time",
    "decide_p99_without_zones_ms": "the same without zones, p99, ms",
    "replay_decisions_per_s": "recorded requests judged by other rights, decisions a second of CPU time",
    "replay_with_zones_decisions_per_s": "the same with people moving through 200 zones",
    "durable_events_per_s": "events on disk a second",
    "commit_added_ms": "what waiting for the disk adds to a decision, median, ms",
    "gate_command_p99_ms": "recorded → the gate has answered, p99, ms",
    "event_to_stream_p95_ms": "an event's time → its arrival in a stream, p95, ms",
    "idle_streams_core_percent": "20 streams of the API in which nothing happens, % of a core",
    "people_list_ms": "the list of 10,000 people for the desk after a change, ms",
    "people_list_kb": "the same, compressed, kB",
    "desks_idle_core_percent": "10 open desks at which nothing happens, % of a core",
    "desks_decide_p95_ratio": "a decision while 10 desks show 20 events a second, p95, to one without desks",
    "outlets_decide_p95_ratio": "a decision while outlets of each kind fail or hang, p95, to one while they are paused",
    "ready_s": "daemon started → ready, s",
    "cli_version_cpu_ms": "`devicemgr version`, CPU time, ms",
    "cli_status_cpu_ms": "`devicemgr status` with a daemon, CPU time, ms",
    "python_cpu_ms": "`python -c pass`, CPU time, ms",
}


@app.command("bench")
def bench(
    seconds: Annotated[float, typer.Option(min=10, help="How long the simulated entrance is watched.")] = 60.0,
) -> None:
    """Measure this host: recognition, search, storage, gate, face to unlock; some minutes."""
    load = session().load_bench
    assert load is not None
    parts = load()
    figures: dict[str, Any] = {"machine": machine()}
    with ending_cleanly(), tempfile.TemporaryDirectory(prefix="devicemgr-bench-") as name:
        folder = Path(name)
        for title, measure in _steps(parts, folder, seconds):
            began = time.monotonic()
            figures |= measure()
            notes().print(f"[dim]•[/dim] {title}: {time.monotonic() - began:.0f} s")
    if figures.get("plain_loop_ms") and figures.get("face_to_unlock_p95_ms"):
        figures["face_to_unlock_ratio"] = round(figures["face_to_unlock_p95_ms"] / figures["plain_loop_ms"], 2)
    if not emit(figures):
        rows = [(meaning, _figure(figures.get(key))) for key, meaning in _MEANING.items()]
        table(cell(figures["machine"]), ("what", "measured"), rows, "")


def _figure(value: Any) -> str:
    return "–" if value is None else f"{value:.3g}" if isinstance(value, float) and abs(value) < 100 else f"{value:.0f}"


def _steps(parts: BenchParts, folder: Path, seconds: float) -> list[tuple[str, Callable[[], dict[str, Any]]]]:
    photo = nasa_portrait()
    return [
        ("recognition", lambda: parts.recognition(photo, _videos(parts, folder))),
        ("search", parts.search),
        ("decisions", measure_decisions),
        ("replay", measure_replay),
        ("lanes", lambda: measure_lanes(parts, folder)),
        ("storage", lambda: measure_storage(folder)),
        ("start", lambda: measure_ready(folder)),
        ("stream", lambda: measure_stream(folder)),
        ("people", lambda: measure_people(folder)),
        ("desks", lambda: measure_desks(folder)),
        ("outlets", lambda: measure_outlets(folder)),
        ("commands", lambda: measure_commands(folder)),
        ("entrance", lambda: _entrance(photo, folder, seconds)),
    ]


def _videos(parts: BenchParts, folder: Path) -> dict[str, Path]:
    videos = {}
    for width, height in ((640, 480), (1280, 720)):
        videos[f"{width}x{height}"] = path = folder / f"{width}.mp4"
        parts.make_video(path, (width, height), 4.0, 1.0)
    return videos


def _entrance(photo: Path, folder: Path, seconds: float) -> dict[str, Any]:
    plan = Plan(photo, "Bench", present=2.0, absent=3.5)
    with Entrance(folder / "entrance", plan, lambda _: None) as entrance:
        time.sleep(seconds)
        delays = entrance.delays_ms()
        for _ in range(_OPENINGS):
            entrance.api.post(f"/portals/{PORTAL}/open", {})
        opened = [e for e in entrance.events_after(0) if e["kind"] == "portal_unlocked" and e["actor"]]
    if not delays:
        raise InvalidInput("the simulated entrance let no one in; run `devicemgr demo` to see why")
    commands = [event["latency_ms"]["record_to_unlock"] for event in opened]
    return {
        "face_to_unlock_p95_ms": round(quantile(delays, 0.95), 1),
        "face_to_unlock_median_ms": round(quantile(delays, 0.5), 1),
        "face_to_unlock_samples": len(delays),
        "gate_command_p99_ms": round(quantile(commands, 0.99), 2),
    }


def machine() -> dict[str, Any]:
    """Return what it ran on."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0]}
