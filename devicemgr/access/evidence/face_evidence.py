"""Who stands before which access point: turns many sightings of a track into one request.

No request is made on one picture: as many good pictures as the portal wants must each, alone, be most alike to the
person whom their mean matches. A face that matches no person gets a moment before it is called unknown, once a track.
A person already served who stays in view makes no further request until they have been away.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import Liveness, Portal
from devicemgr.domain.ports.recognition import Match
from devicemgr.domain.rules.decision.requests import FaceEvidence
from devicemgr.domain.sighting import Sighting

# Time for an unknown face, for a known one whose pictures don't agree yet, and for a turn of the head.
DECIDE_AFTER_S = 1.5
AGREE_WITHIN_S = 3.0
TURN_WITHIN_S = 8.0
DECIDE_FRAMES = 5
AWAY_AFTER_S = 3.0
# Yaw is measured from the nose's place between the eyes, which turning a flat picture does not change.
TURN_DEG = 20.0
_MAX_TRACKS = 4096


@dataclass(slots=True)
class _Track:
    settled: bool = False
    refused: bool = False
    pictures: Counter[str | None] = field(default_factory=Counter)
    yaws: tuple[float, float] | None = None

    def add(self, sighting: Sighting, alone: Match | None) -> None:
        """Count one more picture by whom it shows, and how the head is turned in it."""
        if alone is None:
            return
        self.pictures[alone.candidate] += 1
        # The most turned pictures are seldom the ones that are encoded; their track is the same.
        seen = [
            sighting.quality[name] for name in ("yaw_min_deg", "yaw_deg", "yaw_max_deg") if name in sighting.quality
        ]
        if seen:
            self.yaws = min([*seen, *(self.yaws or ())]), max([*seen, *(self.yaws or ())])

    def agrees(self, person: str, frames: int) -> bool:
        """Enough pictures show that person, and more than half of all."""
        return self.pictures[person] >= frames and 2 * self.pictures[person] > self.pictures.total()

    @property
    def turned(self) -> float:
        """Return how far the head was turned over the track, as a share of what a challenge wants; 1 is enough."""
        least, most = self.yaws or (0.0, 0.0)
        return min(1.0, (most - least) / TURN_DEG)


class Presence:
    """For the dispatcher's thread only."""

    def __init__(self) -> None:
        self._tracks: OrderedDict[tuple[str, str], _Track] = OrderedDict()
        self._served: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._retries: dict[tuple[str, str], float] = {}

    def see(self, sighting: Sighting, portal: Portal, mean: Match | None, alone: Match | None) -> FaceEvidence | None:
        """Return the evidence of a request that is now due, or None.

        `mean` compares the mean of the track's good pictures, `alone` the newest one; None when there is none.
        """
        track = self._track(sighting)
        track.add(sighting, alone)
        if mean is not None and mean.person_id is not None:
            return self._recognized(sighting, portal, mean, track)
        if track.settled or not _due(sighting):
            return None
        track.settled = True
        reason = Reason.LOW_QUALITY if mean is None else Reason(mean.reason or Reason.UNKNOWN_FACE)
        return _evidence(sighting, mean, None, reason)

    def forget(self, sighting: Sighting, person_id: str) -> None:
        """Ask again with the next sighting: the request came to nothing for a reason that is not the person's."""
        self._track(sighting).settled = False
        self._served.pop((sighting.device, person_id), None)

    def ask_again(self, person_id: str, devices: Iterable[str], at: float) -> None:
        """Make a new request with the first sighting from `at` on, although the person has stayed in view.

        For a request that opened nothing for a reason that is not the person's; `at` is a CLOCK_MONOTONIC second.
        """
        for device in devices:
            if (device, person_id) in self._served:
                self._retries[device, person_id] = at

    def is_settled(self, sighting: Sighting) -> bool:
        """Return True when a decision was made about this track."""
        return self._track(sighting).settled

    def _recognized(self, sighting: Sighting, portal: Portal, mean: Match, track: _Track) -> FaceEvidence | None:
        key = (sighting.device, str(mean.person_id))
        last = self._served.get(key)
        retry = self._retries.get(key)
        if retry is not None and (last is None or sighting.captured >= retry):
            del self._retries[key]
            last = None
        if last is not None and sighting.captured - last < AWAY_AFTER_S:
            self._serve(key, sighting.captured)
            track.settled = True
            return None
        liveness = None if portal.liveness is Liveness.OFF else track.turned
        waiting = _waits_for(sighting, portal, track, key[1])
        if waiting is None and not track.refused:
            self._serve(key, sighting.captured)
            track.settled = True
            return _evidence(sighting, mean, liveness)
        if waiting is None or track.settled or not waiting.over:
            return None
        track.settled = True
        # No second try in front of the same camera: the person steps away and comes again.
        track.refused = waiting.reason is Reason.LIVENESS_FAILED
        return _evidence(sighting, mean, liveness, waiting.reason)

    def _serve(self, key: tuple[str, str], captured: float) -> None:
        self._served.pop(key, None)
        self._served[key] = captured
        while len(self._served) > _MAX_TRACKS:
            oldest, _ = self._served.popitem(last=False)
            self._retries.pop(oldest, None)

    def _track(self, sighting: Sighting) -> _Track:
        key = (sighting.device, sighting.track)
        if key not in self._tracks:
            self._tracks[key] = _Track()
            while len(self._tracks) > _MAX_TRACKS:
                self._tracks.popitem(last=False)
        return self._tracks[key]


@dataclass(frozen=True, slots=True)
class _Wait:
    """What a recognized face still lacks, and whether its time is over."""

    reason: Reason
    over: bool


def _waits_for(sighting: Sighting, portal: Portal, track: _Track, person: str) -> _Wait | None:
    waited = sighting.captured - sighting.first_seen
    if not track.agrees(person, portal.frames):
        return _Wait(Reason.LOW_QUALITY, sighting.ended or waited >= AGREE_WITHIN_S)
    if portal.liveness is Liveness.CHALLENGE and track.turned < 1:
        return _Wait(Reason.LIVENESS_FAILED, sighting.ended or waited >= TURN_WITHIN_S)
    return None


def _due(sighting: Sighting) -> bool:
    waited = sighting.captured - sighting.first_seen
    return sighting.ended or sighting.frames >= DECIDE_FRAMES or waited >= DECIDE_AFTER_S


def _evidence(
    sighting: Sighting, match: Match | None, liveness: float | None, reason: Reason | None = None
) -> FaceEvidence:
    if match is None:
        return FaceEvidence(None, 0.0, None, sighting.frames, liveness, reason=reason)
    person = match.person_id if reason is None else None
    return FaceEvidence(match.score, match.threshold, match.margin, sighting.frames, liveness, person, reason)
