"""A simulated entrance with everything between real: processes, sockets, a pty, the daemon and its API."""

import base64
import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from devicemgr.cli.demo.subprocesses import START_SECONDS, Child, Simulation, wait_until
from devicemgr.errors import InvalidInput

PORTAL, CAMERA, GATE, BADGE = "lobby", "lobby-camera", "lobby-turnstile", "D-1"
ZONE, SECOND, CARD = "building", "second-turnstile", "0F00FBD642"
_ZONES = {"outside": "outside", "inside": ZONE}
_CARD_SECONDS = 20.0


def nasa_portrait() -> Path:
    """scikit-image's bundled portrait of an astronaut (NASA, public domain)."""
    spec = find_spec("skimage")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        photo = Path(folder) / "data" / "astronaut.png"
        if photo.is_file():
            return photo
    raise InvalidInput(
        "the demo's portrait comes with scikit-image; install it, or give your own face with --photo FILE"
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What the entrance is made of; seconds."""

    photo: Path
    name: str
    present: float = 4.0
    absent: float = 3.0
    size: str = "640x480"
    passage: bool = True


class Entrance(Simulation):
    """Starts and stops the simulators and the daemon; a context manager; `say` hears what is done, in words."""

    WHAT = "the simulated entrance"

    def __init__(self, folder: Path, plan: Plan, say: Callable[[str], None]) -> None:
        super().__init__(folder)
        self._plan = plan
        self._say = say
        self.camera: Child
        self.turnstile: Child

    def _start(self) -> None:
        plan = self._plan
        self.child("init", "init").process.wait(START_SECONDS)
        link = self._folder / "turnstile"
        passage = () if plan.passage else ("--no-passage",)
        self.turnstile = self.child("turnstile", "sim", "turnstile", "--link", str(link), *passage)
        self.daemon = self.child("daemon", "run")
        path = self.turnstile.wait_for("ready", START_SECONDS)["path"]
        self._say(f"a simulated turnstile answers Modbus RTU on {path}")
        self.start_daemon_api()
        self._say("the daemon runs, its API answers on a Unix socket")
        # Enrollment comes before the camera, so that the first time the face shows is the first time it can be known.
        box = self._set_up(path)
        self.camera = self.child(
            "camera",
            "sim",
            "camera",
            "--photo",
            str(plan.photo),
            "--face",
            box,
            "--size",
            plan.size,
            "--present",
            str(plan.present),
            "--absent",
            str(plan.absent),
        )
        url = self.camera.wait_for("listening", START_SECONDS)["url"]
        self._say(f"a simulated camera streams at {url}")
        self._add_camera(url)

    def _set_up(self, turnstile: str) -> str:
        """Furnish the site and enroll the face; where it is in the photo."""
        api, plan = self.api, self._plan
        api.post(
            "/devices",
            {"name": GATE, "driver": "modbus_gate", "address": turnstile, "options": {"profile": "lot", "unit": 1}},
        )
        api.post("/zones", {"name": ZONE})
        api.post("/portals", {"name": PORTAL, "gate": GATE, "release_seconds": 5.0, **_ZONES})
        api.post("/levels", {"name": "staff", "portals": [PORTAL]})
        api.post("/people", {"name": plan.name, "badge": BADGE, "levels": ["staff"]})
        photo = base64.b64encode(plan.photo.read_bytes()).decode()
        answer = api.post(f"/people/{BADGE}/face", {"photos": [photo], "consent": "demo"})
        face = answer["faces"][0]
        self._say(
            f"{plan.name} is enrolled as {BADGE}: face {face['face_px']} px, sharpness {face['sharpness']:.0f}, "
            f"one encrypted template, consent 'demo'"
        )
        return ",".join(str(edge) for edge in face["box"])

    def _add_camera(self, url: str) -> None:
        self.api.post("/devices", {"name": CAMERA, "driver": "rtsp_camera", "address": url})
        self.api.call("PATCH", f"/portals/{PORTAL}", json={"entry": [CAMERA]})

    def events_after(self, seq: int) -> list[dict[str, Any]]:
        """Events behind `seq`, oldest first."""
        found: list[dict[str, Any]] = self.api.get("/events", after=seq, limit=1000)
        return found

    def show_card_at_second_turnstile(self) -> list[dict[str, Any]]:
        """Let the person, who has not left, show a card at a second turnstile; return the decisions there."""
        api = self.api
        before = max((event["seq"] for event in self.events_after(0)), default=0)
        second = self._second_turnstile()
        api.post(f"/people/{BADGE}/cards", {"number": CARD})
        api.call("PATCH", f"/zones/{ZONE}", json={"anti_passback": "hard"})
        self._say("anti-passback is hard in the building from now on; the same person is at a second turnstile")
        second.send(f"card 1 {CARD}")

        def decisions() -> list[dict[str, Any]]:
            kinds = ("access_granted", "access_denied")
            return [one for one in self.events_after(before) if one["portal"] == SECOND and one["kind"] in kinds]

        wait_until(lambda: bool(decisions()), _CARD_SECONDS, "the second turnstile did not read the card")
        return decisions()

    def _second_turnstile(self) -> Child:
        """Start a second turnstile, with a reader of its own, that leads into the same building."""
        link = self._folder / "second-turnstile"
        child = self.child("second-turnstile", "sim", "turnstile", "--link", str(link), takes_lines=True)
        path = child.wait_for("ready", START_SECONDS)["path"]
        options = {"profile": "lot", "unit": 1, "readers": "1"}
        device = {"name": SECOND, "driver": "modbus_gate", "address": path, "options": options}
        self.api.post("/devices", device)
        self.api.post("/portals", {"name": SECOND, "gate": SECOND, "entry": [SECOND], **_ZONES})
        self.api.call("PATCH", "/levels/staff", json={"portals": [PORTAL, SECOND]})
        wait_until(
            lambda: self.api.get(f"/portals/{SECOND}")["state"] == "idle",
            START_SECONDS,
            "the second turnstile was not reached",
        )
        return child

    def delays_ms(self) -> list[float]:
        """Face in view → release bytes at the turnstile, by the simulators' own monotonic clocks, ms."""
        shown = _times(self.camera, "face_appeared")
        gone = _times(self.camera, "face_left")
        released = _times(self.turnstile, "release")
        delays = []
        for start in shown:
            # The face slides in: it may be known, and the gate released, before it is fully in view.
            since = max((at for at in gone if at < start), default=float("-inf"))
            until = min((at for at in gone if at > start), default=float("inf"))
            first = min((at for at in released if since < at < until), default=None)
            if first is not None:
                delays.append(max(0.0, first - start) * 1000)
        return delays


def _times(child: Child, event: str) -> list[float]:
    return [line["monotonic"] for line in child.lines if line.get("event") == event]


def quantile(values: list[float], share: float) -> float:
    """Return the nearest-rank quantile of a few measurements."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
