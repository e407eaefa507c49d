"""Remember who was granted where, so that one person gets one opening at a time in one place.

A place is one side of a portal, and the same side of all portals of a lane group (lanes side by side). A grant holds
until its passage has ended, its release has failed, or its time is over: the release's at the portal itself, the
site's `lanes_side_by_side` at the lanes beside it. Entry and exit are different sides.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass

from devicemgr.domain.model import Direction, Portal
from devicemgr.domain.rules.decision.snapshot import Snapshot

# A card is read again while it is held to the reader, and a face is seen until the person is through.
SAME_PERSON_S = 3.0
# No release (60 s) and no lane group (300 s) holds longer.
_MAX_AGE_S = 300.0

_Key = tuple[str, Direction, str]


@dataclass(slots=True)
class _Grant:
    request: str
    device: str
    decided: float
    released_until: float
    ended: bool = False


class RecentGrants:
    """For the dispatcher's thread only. Times are CLOCK_MONOTONIC seconds."""

    def __init__(self) -> None:
        self._grants: OrderedDict[_Key, _Grant] = OrderedDict()
        self._keys: dict[str, _Key] = {}

    def add(
        self, portal: Portal, direction: Direction, person_id: str, request: str, *, device: str, decided: float
    ) -> None:
        """Remember a grant, in place of the person's earlier one at the same side."""
        self._drop_old(decided)
        key = (portal.name, direction, person_id)
        self._remove(key)
        self._grants[key] = _Grant(request, device, decided, decided + portal.release_seconds)
        self._keys[request] = key

    def release(self, request: str, until: float) -> None:
        """Note until when the gate itself keeps the release of a request."""
        key = self._keys.get(request)
        if key is not None:
            self._grants[key].released_until = until

    def end(self, request: str | None) -> None:
        """Note that the passage of a request has ended."""
        key = self._keys.get(request) if request is not None else None
        if key is not None:
            self._grants[key].ended = True

    def forget(self, request: str) -> None:
        """Forget a grant that opened nothing."""
        key = self._keys.get(request)
        if key is not None:
            self._remove(key)

    def holds_at(self, portal: str, direction: Direction, person_id: str, *, renewing: str | None = None) -> bool:
        """Return True if the person's last grant at this side still stands; one made at `renewing` may be renewed."""
        grant = self._grants.get((portal, direction, person_id))
        if grant is None or grant.device == renewing:
            return False
        since = grant.decided + SAME_PERSON_S
        return time.monotonic() < (since if grant.ended else max(since, grant.released_until))

    def holds_beside(self, portal: str, direction: Direction, person_id: str, rules: Snapshot) -> bool:
        """Return True if the person was granted at another lane of the group and may still be about to pass there."""
        for lane in _lanes_beside(portal, rules):
            grant = self._grants.get((lane, direction, person_id))
            if grant is not None and not grant.ended and time.monotonic() - grant.decided < rules.lanes_side_by_side:
                return True
        return False

    def has_any(self, portal: str, direction: Direction) -> bool:
        """Return True if anyone was granted at this side a moment ago."""
        since = time.monotonic() - SAME_PERSON_S
        side = (portal, direction)
        return any(key[:2] == side and grant.decided > since for key, grant in self._grants.items())

    def _remove(self, key: _Key) -> None:
        grant = self._grants.pop(key, None)
        if grant is not None:
            self._keys.pop(grant.request, None)

    def _drop_old(self, now: float) -> None:
        while self._grants:
            key, grant = next(iter(self._grants.items()))
            if now - grant.decided < _MAX_AGE_S:
                break
            self._remove(key)


def _lanes_beside(portal: str, rules: Snapshot) -> tuple[str, ...]:
    """Return the other portals of the lane group; none for a portal without a group."""
    found = rules.portals.get(portal)
    if found is None or not found.lane_group:
        return ()
    return tuple(
        name for name, other in rules.portals.items() if other.lane_group == found.lane_group and name != portal
    )
