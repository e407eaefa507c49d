"""Who stands before which access point: turns many sightings of a track into one request.

A match asks at once. A face that matches nobody is given a moment and a few frames before it is called unknown, once
a track. Somebody already served who stays in view is not asked about again until they have been away.
"""

from collections import OrderedDict
from dataclasses import dataclass

from devicemgr.events import Reason, Sighting
from devicemgr.ports import Match
from devicemgr.rules.policy import FaceEvidence

DECIDE_AFTER_S = 1.5
DECIDE_FRAMES = 5
AWAY_AFTER_S = 3.0
_MAX_TRACKS = 4096


@dataclass(slots=True)
class _Track:
    settled: bool = False


class Presence:
    """For the dispatcher's thread only."""

    def __init__(self) -> None:
        self._tracks: OrderedDict[tuple[str, str], _Track] = OrderedDict()
        self._served: OrderedDict[tuple[str, str], float] = OrderedDict()

    def see(self, sighting: Sighting, match: Match | None) -> FaceEvidence | None:
        """The evidence of a request that is now due, or None; `match` is None when nothing could be encoded."""
        track = self._track(sighting)
        if match is not None and match.person_id is not None:
            return self._recognised(sighting, match, match.person_id, track)
        if track.settled or not self._due(sighting):
            return None
        track.settled = True
        if match is None:
            return FaceEvidence(None, 0.0, None, sighting.frames, reason=Reason.LOW_QUALITY)
        reason = Reason(match.reason or Reason.UNKNOWN_FACE)
        return FaceEvidence(match.score, match.threshold, match.margin, sighting.frames, reason=reason)

    def forget(self, sighting: Sighting, person_id: str) -> None:
        """The request came to nothing for a reason that is not the person's: ask again with the next sighting."""
        self._track(sighting).settled = False
        self._served.pop((sighting.device, person_id), None)

    def ask_again(self, person_id: str) -> None:
        """What was decided could not be recorded: the next sighting of this person makes a new request."""
        for key in [key for key in self._served if key[1] == person_id]:
            del self._served[key]

    def is_settled(self, sighting: Sighting) -> bool:
        """True when a decision was made about this track."""
        return self._track(sighting).settled

    def _recognised(self, sighting: Sighting, match: Match, person_id: str, track: _Track) -> FaceEvidence | None:
        key = (sighting.device, person_id)
        last = self._served.pop(key, None)
        self._served[key] = sighting.captured
        _trim(self._served)
        track.settled = True
        if last is not None and sighting.captured - last < AWAY_AFTER_S:
            return None
        return FaceEvidence(match.score, match.threshold, match.margin, sighting.frames, person_id=person_id)

    def _due(self, sighting: Sighting) -> bool:
        waited = sighting.captured - sighting.first_seen
        return sighting.ended or sighting.frames >= DECIDE_FRAMES or waited >= DECIDE_AFTER_S

    def _track(self, sighting: Sighting) -> _Track:
        key = (sighting.device, sighting.track)
        if key not in self._tracks:
            self._tracks[key] = _Track()
            _trim(self._tracks)
        return self._tracks[key]


def _trim(entries: OrderedDict[tuple[str, str], _Track] | OrderedDict[tuple[str, str], float]) -> None:
    while len(entries) > _MAX_TRACKS:
        entries.popitem(last=False)
