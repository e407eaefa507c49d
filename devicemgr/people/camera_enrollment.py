"""Enrolment of a person who stands before a camera: fit pictures are chosen, enrolled as photos are, none is kept."""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from devicemgr.domain.model import VideoSource
from devicemgr.domain.ports.device import Device
from devicemgr.domain.ports.video import Camera
from devicemgr.errors import InvalidInput, PhotoRefused, RequestError
from devicemgr.people import face_enrollment
from devicemgr.people.consents import Terms, require_not_withdrawn
from devicemgr.recognition.workers.capture import taken
from devicemgr.site.runtime import Runtime
from devicemgr.site.site import Site
from devicemgr.store.people import people

_STREAM_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Sitting:
    """Which camera, how many fit pictures, for how many seconds it looks; `stopped` once whoever asked has gone."""

    device: str
    pictures: int
    seconds: float
    stopped: threading.Event = field(default_factory=threading.Event)


def enrol(
    site: Site,
    runtime: Runtime,
    actor: str,
    badge: str,
    consent: Terms,
    sitting: Sitting,
    *,
    allow_lookalike: bool = False,
) -> dict[str, Any]:
    """As faces.enrol, of the pictures that the sitting's camera takes; PhotoRefused when too few of them are fit."""
    with site.database.read() as session:
        require_not_withdrawn(people.get(session, badge), consent)
    source = runtime.call_device(sitting.device, _stream, _STREAM_SECONDS)
    with contextlib.closing(taken(site.parts.opener, source, sitting.seconds)) as seen:
        chosen = choose(seen, site.parts.faces.check, sitting.pictures, sitting.stopped)
    if sitting.stopped.is_set():
        raise RequestError("whoever asked has gone: nothing was enrolled")
    return face_enrollment.enrol(
        site, actor, badge, chosen, consent, allow_lookalike=allow_lookalike, device=sitting.device
    )


def choose(
    seen: Iterable[bytes], check: Callable[[bytes], dict[str, Any]], wanted: int, stopped: threading.Event
) -> list[bytes]:
    """The first `wanted` pictures that are fit; PhotoRefused tells what was wrong most often with the others."""
    fit: list[bytes] = []
    unfit: list[dict[str, Any]] = []
    for picture in seen:
        face = check(picture)
        if face["ok"]:
            fit.append(picture)
        else:
            unfit.append(face)
        if len(fit) == wanted or stopped.is_set():
            return fit
    if not unfit:
        raise PhotoRefused(f"only {len(fit)} of {wanted} pictures came in that time; try again", [])
    reason = Counter(why for face in unfit for why in face["reasons"]).most_common(1)[0][0]
    worst = next(face for face in reversed(unfit) if reason in face["reasons"])
    raise PhotoRefused(
        f"{len(fit)} of {wanted} pictures were fit, most often because: {reason}", [worst | {"photo": 1}]
    )


def _stream(device: Device) -> VideoSource:
    if not isinstance(device, Camera):
        raise InvalidInput("this device is no camera; `devicemgr device list` shows which are")
    return device.stream()
