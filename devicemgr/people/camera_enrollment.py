"""Enrollment of a person before a camera: usable photos are chosen and enrolled as photos are; none is kept."""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from devicemgr.domain.model import VideoSource
from devicemgr.domain.ports.device import Device
from devicemgr.domain.ports.video import Camera
from devicemgr.errors import Hint, InvalidInput, PhotoRefused, RequestError
from devicemgr.people import face_enrollment
from devicemgr.people.consents import Terms, require_not_withdrawn
from devicemgr.recognition.workers.capture import taken
from devicemgr.site.runtime import Runtime
from devicemgr.site.site import Site
from devicemgr.store.people import people

_STREAM_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Capture:
    """A camera, how many usable photos it takes, and for how many seconds; `cancelled` once the client disconnects."""

    device: str
    pictures: int
    seconds: float
    cancelled: threading.Event = field(default_factory=threading.Event)


def enroll(
    site: Site,
    runtime: Runtime,
    actor: str,
    badge: str,
    consent: Terms,
    capture: Capture,
    *,
    allow_lookalike: bool = False,
) -> dict[str, Any]:
    """Enroll the usable photos that a camera takes, as `face_enrollment.enroll` does photos.

    Raises PhotoRefused if too few of them are fit.
    """
    with site.database.read() as session:
        require_not_withdrawn(people.get(session, badge), consent)
    source = runtime.call_device(capture.device, _stream, _STREAM_TIMEOUT_S)
    with contextlib.closing(taken(site.parts.opener, source, capture.seconds)) as seen:
        is_enrolled = face_enrollment.enrolled_photos(site, badge)
        unseen = new_pictures(seen, is_enrolled, capture.cancelled)
        chosen = choose(unseen, site.parts.faces.check, capture.pictures, capture.cancelled)
    if capture.cancelled.is_set():
        raise RequestError("enrollment cancelled: the client disconnected; nothing was saved")
    answer = face_enrollment.enroll(
        site, actor, badge, chosen, consent, allow_lookalike=allow_lookalike, device=capture.device
    )
    runtime.site_changed()
    return answer


def new_pictures(
    seen: Iterable[bytes], is_enrolled: Callable[[bytes], bool], cancelled: threading.Event
) -> Iterator[bytes]:
    """Yield each picture once, and none that is enrolled: a frozen picture would count as a second sample."""
    known: set[bytes] = set()
    for picture in seen:
        if cancelled.is_set():
            return
        if picture not in known and not is_enrolled(picture):
            known.add(picture)
            yield picture


def choose(
    seen: Iterable[bytes], check: Callable[[bytes], dict[str, Any]], wanted: int, cancelled: threading.Event
) -> list[bytes]:
    """Return the first `wanted` pictures that are fit; PhotoRefused names the most frequent fault of the others."""
    fit: list[bytes] = []
    unfit: list[dict[str, Any]] = []
    for picture in seen:
        face = check(picture)
        if face["ok"]:
            fit.append(picture)
        else:
            unfit.append(face)
        if len(fit) == wanted or cancelled.is_set():
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
        raise InvalidInput("this device is not a camera", hint=Hint("list_devices"))
    return device.stream()
