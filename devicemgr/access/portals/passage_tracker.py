"""What gates report: passages by releases or without one, alarms; and releases that run out.

For the dispatcher's thread, but for `state_of`.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from devicemgr.access.ledger_facts import passage_fact
from devicemgr.access.policy_cache import Rulebook, portal_at
from devicemgr.access.portals.last_run import LeftOpen
from devicemgr.access.release import Outcome
from devicemgr.domain.device_events import (
    DeviceFact,
    FireRelease,
    PassageCompleted,
    PassageStarted,
    PushRefused,
    RexPressed,
)
from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import Direction, JsonValue, Portal, PortalMode
from devicemgr.domain.ports.device import ReleaseTimes
from devicemgr.domain.rules import passage_state
from devicemgr.domain.rules.passage_state import LaneState
from devicemgr.ledger.writer import Ledger

_MAX_COUNTED = 10_000
_MAX_EXPECTED = 1000
_ENDS = (Kind.PASSAGE_COMPLETED, Kind.PASSAGE_TIMED_OUT)
UNKNOWN = "unknown"


class Passages:
    """Follows each portal's lane through rules.passage, and records what comes of it.

    `ended` is called with the request and the kind of end of each passage that was completed or timed out, `cancel` for
    a release that ran out here and must not stay in force at the gate; `forced` gives the event of a passage that
    nothing released the alarm that it begins.
    """

    def __init__(
        self,
        ledger: Ledger,
        rules: Rulebook,
        ended: Callable[[str | None, Kind], None],
        cancel: Callable[[Portal, Direction], None],
        forced: Callable[[Portal, Fact], Fact],
    ) -> None:
        self._ledger = ledger
        self._rules = rules
        self._ended = ended
        self._cancel = cancel
        self._forced = forced
        self._passage_s: dict[str, float] = {}
        self._lanes: dict[str, tuple[Portal, LaneState]] = {}
        self._relock: dict[str, tuple[float, str]] = {}
        self._opened: dict[str, float] = {}
        self._unknown: set[str] = set()
        self._people: dict[str, str] = {}

    def expect(self, outcome: Outcome) -> None:
        """Expect a passage: the gate was released, or may have been, and the next person passes by this release."""
        opening, portal = outcome.opening, outcome.opening.portal
        self._remember(opening.request, opening.person_id)
        if outcome.error is not None:
            self._unknown.add(portal.name)
        else:
            self._unknown.discard(portal.name)
        times = outcome.times or ReleaseTimes(portal.release_seconds)
        if outcome.senses_passage:
            self._passage_s[portal.name] = times.passage_s or passage_state.PASSAGE_TIMEOUT_S
            released = passage_state.Released(opening.request, opening.direction, outcome.ended, times.waits_s)
            self._step(portal, released)
        else:
            self._relock[portal.name] = (outcome.ended + times.waits_s, opening.request)

    def released(
        self, portal: Portal, direction: Direction, request: str | None, now: float, person_id: str | None = None
    ) -> None:
        """As `expect`, for a device that has opened by itself."""
        self._remember(request, person_id)
        self._step(portal, passage_state.Released(request, direction, now, portal.release_seconds))

    def opened_alone(self, portal: Portal, now: float) -> None:
        """Count a portal as released whose device has opened by itself, and whose gate senses no passage."""
        self._opened[portal.name] = now + portal.release_seconds

    def resume(self, left: LeftOpen, person_id: str | None, now: float) -> None:
        """Go on expecting the passage of a release that the last run left open."""
        portal, begun = left.portal, now - left.age_s
        if not left.senses_passage:
            self._relock[portal.name] = (begun + left.waits_s, left.request)
            return
        self._remember(left.request, person_id)
        self._passage_s[portal.name] = left.passage_s
        _, lane = self._lanes.get(portal.name, (portal, passage_state.IDLE))
        event = passage_state.Released(left.request, left.direction, begun, left.waits_s)
        lane, _ = passage_state.step(lane, event, free=False, passage_timeout=left.passage_s)
        if left.started_s is not None:  # recorded already
            started = passage_state.Started(left.direction, now - left.started_s)
            lane, _ = passage_state.step(lane, started, free=False, passage_timeout=left.passage_s)
        self._lanes[portal.name] = (portal, lane)

    def on_device_fact(self, device: str, fact: DeviceFact) -> None:
        """Something happened at a gate or reader; fire inputs are fire.FireWatch's."""
        if isinstance(fact, FireRelease | PushRefused):
            return
        portal = portal_at(self._rules.current, device, fact.channel)
        now = time.monotonic()
        match fact:
            case RexPressed():
                self._record(Kind.REX_PRESSED, portal, device)
            case PassageStarted() | PassageCompleted() if portal:
                self._unknown.discard(portal.name)
                self._moved(portal, fact, now)

    def _moved(self, portal: Portal, fact: PassageStarted | PassageCompleted, now: float) -> None:
        match fact:
            case PassageStarted(_, direction):
                self._step(portal, passage_state.Started(direction, now))
            case PassageCompleted(_, direction, count):
                for _ in range(min(count, _MAX_COUNTED)):
                    self._step(portal, passage_state.Completed(direction, now))

    def mode_applied(self, portal: str) -> None:
        """Forget that the state was unknown: a mode has been applied since; any thread."""
        self._unknown.discard(portal)

    def proven(self, device: str, channel: int) -> None:
        """Forget that a portal's state was unknown: the gate's own memory says that it did as it was commanded."""
        if portal := portal_at(self._rules.current, device, channel):
            self._unknown.discard(portal.name)

    def tick(self, now: float) -> None:
        """Let releases and passages run out."""
        portals = self._rules.current.portals
        for name, (portal, _) in list(self._lanes.items()):
            self._step(portals.get(name, portal), passage_state.Tick(now))
        for name, (until, request) in list(self._relock.items()):
            if until <= now:
                del self._relock[name]
                self._ledger.submit(Fact(Kind.PORTAL_RELOCKED, datetime.now(UTC), portal=name, request=request))
        self._opened = {name: until for name, until in self._opened.items() if until > now}

    def state_of(self, portal: str) -> str:
        """idle, released, passing, or unknown: a release whose answer was lost may have opened it; any thread."""
        if portal in self._unknown:
            return UNKNOWN
        if portal in self._relock or portal in self._opened:
            return str(passage_state.StateName.RELEASED)
        _, lane = self._lanes.get(portal, (None, passage_state.IDLE))
        return str(lane.name)

    def _remember(self, request: str | None, person_id: str | None) -> None:
        """Keep whose passage a request is; the oldest goes where gates report no end of theirs."""
        if request is not None and person_id is not None:
            self._people[request] = person_id
            if len(self._people) > _MAX_EXPECTED:
                del self._people[next(iter(self._people))]

    def _person_of(self, request: str | None) -> str | None:
        """Return whose passage a request is; None for one who has been erased since."""
        person_id = self._people.get(request or "")
        return person_id if person_id in self._rules.current.people else None

    def _step(self, portal: Portal, event: passage_state.Input) -> None:
        free = self._rules.mode_of(portal).mode is PortalMode.FREE
        _, lane = self._lanes.pop(portal.name, (portal, passage_state.IDLE))
        seconds = self._passage_s.get(portal.name, passage_state.PASSAGE_TIMEOUT_S)
        lane, facts = passage_state.step(lane, event, free=free, passage_timeout=seconds)
        if lane != passage_state.IDLE:
            self._lanes[portal.name] = (portal, lane)
        for fact in facts:
            found = passage_fact(portal, fact, self._person_of(fact.request), self._rules.now())
            self._ledger.submit(self._forced(portal, found) if found.kind == Kind.PORTAL_FORCED else found)
            if fact.kind in _ENDS:
                self._people.pop(fact.request or "", None)
                self._ended(fact.request, fact.kind)
            if fact.kind is Kind.PASSAGE_TIMED_OUT and not free:
                self._cancel_unused(portal, fact.direction, lane)

    def _cancel_unused(self, portal: Portal, direction: Direction | None, lane: LaneState) -> None:
        """Never while another release of that side waits: the gate counts them together."""
        if direction is not None and not any(waiting.direction is direction for waiting in lane.waiting):
            self._cancel(portal, direction)

    def _record(
        self, kind: Kind, portal: Portal | None, device: str, detail: Mapping[str, JsonValue] | None = None
    ) -> None:
        name = portal.name if portal else None
        self._ledger.submit(Fact(kind, datetime.now(UTC), portal=name, device=device, detail=detail or {}))
