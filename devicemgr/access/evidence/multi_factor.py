"""What one person has shown at an access point so far: a face, a card, a PIN, while another of them is waited for.

One side of a portal has one place for it. Another person's credential there, or none in time, ends what waited.
"""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from devicemgr.domain.model import AccessPoint, Direction
from devicemgr.domain.rules.decision.requests import SECOND_FACTOR_WITHIN_S, AccessRequest, CardEvidence, FaceEvidence
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import Decision

# A keypad without an enter key: so long after the last digit the PIN is taken as it is.
KEYS_WITHIN_S = 3.0
MAX_KEYS = 16

Side = tuple[str, Direction]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that lacks a factor, the decision if none comes, and what its picture cost."""

    request: AccessRequest
    decision: Decision
    timings_ms: Mapping[str, float]


@dataclass(slots=True)
class _Keys:
    typed: str = ""
    last: float = 0.0


class Showings:
    """For the dispatcher's thread only. Times are CLOCK_MONOTONIC seconds; `clock` gives the time that rights go by."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._waiting: dict[Side, Waiting] = {}
        self._keys: dict[tuple[str, int], _Keys] = {}

    def request(
        self,
        point: AccessPoint,
        rules: Snapshot,
        captured: float,
        *,
        face: FaceEvidence | None = None,
        card: CardEvidence | None = None,
        pin: bool | None = None,
    ) -> AccessRequest:
        """Return the request that this evidence makes, together with what was shown at the same side just before."""
        before = self._fitting(point, captured, face, card)
        return AccessRequest(
            id=before.id if before else str(uuid.uuid4()),
            portal=point.portal,
            direction=point.direction,
            device=point.device,
            at=self._clock(),
            captured=captured,
            now=time.monotonic(),
            face=face or (before.face if before else None),
            card=card or (before.card if before else None),
            pin=pin,
            first=(before.first if before.first is not None else before.captured) if before else captured,
            more_possible=has_reader(rules, point),
        )

    def _fitting(
        self, point: AccessPoint, captured: float, face: FaceEvidence | None, card: CardEvidence | None
    ) -> AccessRequest | None:
        waiting = self._waiting.get((point.portal, point.direction))
        if waiting is None:
            return None
        request = waiting.request
        other_card = card is not None and request.card is not None and request.card.names != card.names
        # Another person's face begins a request of its own, so that both people's refusals are recorded.
        other_face = face is not None and request.face is not None and request.face.person_id != face.person_id
        return None if other_card or other_face or captured - _began(request) > SECOND_FACTOR_WITHIN_S else request

    def keep(self, request: AccessRequest, decision: Decision, timings_ms: Mapping[str, float]) -> Waiting | None:
        """Wait for another factor; what waited there before and was another's is returned, to be refused."""
        side = (request.portal, request.direction)
        before = self._waiting.get(side)
        self._waiting[side] = Waiting(request, decision, timings_ms)
        return before if before is not None and before.request.id != request.id else None

    def end(self, request: AccessRequest) -> Waiting | None:
        """Return what waited at this side and was another's, to be refused, when a decision stands there."""
        before = self._waiting.pop((request.portal, request.direction), None)
        return before if before is not None and before.request.id != request.id else None

    def waiting_at(self, point: AccessPoint) -> AccessRequest | None:
        """Return what has been shown at this side and lacks something."""
        waiting = self._waiting.get((point.portal, point.direction))
        return waiting.request if waiting else None

    def take_overdue(self, now: float) -> list[Waiting]:
        """Those for whom nothing came in time."""
        overdue = [w for w in self._waiting.values() if now - _began(w.request) > SECOND_FACTOR_WITHIN_S]
        for waiting in overdue:
            del self._waiting[waiting.request.portal, waiting.request.direction]
        return [replace(w) for w in overdue]

    def type(self, device: str, channel: int, keys: str, now: float) -> str | None:
        """Take keys of a keypad; return the PIN once it is entered. `*` clears, `#` enters."""
        entry = self._keys.setdefault((device, channel), _Keys())
        if now - entry.last > KEYS_WITHIN_S:
            entry.typed = ""
        entry.last = now
        for key in keys[:MAX_KEYS]:
            if key == "*":
                entry.typed = ""
            elif key == "#":
                del self._keys[device, channel]
                return entry.typed or None
            elif key.isascii() and key.isdigit() and len(entry.typed) < MAX_KEYS:
                entry.typed += key
        return None

    def take_typed(self, now: float) -> list[tuple[str, int, str]]:
        """Return device, channel and digits of keypads without a key for a while."""
        done = [(key, e.typed) for key, e in self._keys.items() if now - e.last > KEYS_WITHIN_S]
        for key, _ in done:
            del self._keys[key]
        return [(device, channel, typed) for (device, channel), typed in done if typed]


def has_reader(rules: Snapshot, point: AccessPoint) -> bool:
    """Return whether one can show a card or a PIN at that side."""
    portal = rules.portals.get(point.portal)
    points = portal.access_points if portal else ()
    return any(other.direction is point.direction and other.device in rules.readers for other in points)


def _began(request: AccessRequest) -> float:
    return request.captured if request.first is None else request.first
