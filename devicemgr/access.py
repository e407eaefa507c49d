"""The one way through which a gate opens: request -> decide -> record -> actuate -> outcome -> record.

The dispatcher's thread decides and follows passages. A grant is committed by the ledger's thread, and only then the
release goes to the gate's own thread, once, with a deadline; nothing repeats it. Nothing in here waits for anything.

    sighting ──▶ presence ──▶ decide ──▶ ledger (commit) ──▶ gate.release ──▶ outcome ──▶ ledger
                              │ denied ─▶ ledger                              └▶ passage states ──▶ ledger
"""

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from devicemgr.chain import Entry
from devicemgr.errors import DevicemgrError, NotFound, OutcomeUnknown, StorageFailed
from devicemgr.events import (
    DeviceFact,
    Fact,
    FireRelease,
    GateAlarm,
    Kind,
    PassageCompleted,
    PassageStarted,
    Reason,
    RexPressed,
    Sighting,
)
from devicemgr.ledger import Ledger
from devicemgr.model import Direction, JsonValue, Portal, PortalMode
from devicemgr.openings import (
    Opening,
    Outcome,
    Sent,
    decision_fact,
    manual_fact,
    outcome_fact,
    passage_fact,
    release_gate,
    unrecorded_fact,
)
from devicemgr.ports import Device, Gallery
from devicemgr.presence import Presence
from devicemgr.rulebook import Rulebook, point_of, portal_at
from devicemgr.rules import passage
from devicemgr.rules.passage import LaneState
from devicemgr.rules.policy import AccessRequest, Decision, Snapshot, decide

log = logging.getLogger(__name__)


class GateLine(Protocol):
    """Runs an action on a gate's own thread, then `done(result, error)` there; `supervisor.Supervisor` does."""

    def command(
        self, name: str, action: Callable[[Device], object], done: Callable[[object, Exception | None], None]
    ) -> None: ...


class AccessPipeline:
    """All methods but `open_manually` run on the dispatcher's thread; `post` hands an outcome over to it."""

    def __init__(
        self, ledger: Ledger, gates: GateLine, rules: Rulebook, gallery: Callable[[], Gallery],
        post: Callable[[Outcome], None], settled: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        self._ledger = ledger
        self._gates = gates
        self._rules = rules
        self._gallery = gallery
        self._post = post
        self._settled = settled
        self._presence = Presence()
        self._lanes: dict[str, tuple[Portal, LaneState]] = {}
        self._relock: dict[str, tuple[float, str]] = {}

    def on_sighting(self, sighting: Sighting) -> None:
        """A face of a track: match it, and make a request when one is due."""
        rules = self._rules.current
        point = point_of(rules, sighting.device)
        if point is None:
            return
        gallery = self._gallery()
        mean = gallery.match(sighting.embedding) if sighting.embedding is not None else None
        alone = gallery.match(sighting.latest) if sighting.latest is not None else None
        evidence = self._presence.see(sighting, rules.portals[point.portal], mean, alone)
        if self._presence.is_settled(sighting) and not sighting.ended:
            self._settled(sighting.device, sighting.track)
        if evidence is None:
            return
        request = AccessRequest(
            id=str(uuid.uuid4()), portal=point.portal, direction=point.direction, device=sighting.device,
            at=datetime.now(UTC), captured=sighting.captured, now=time.monotonic(), face=evidence,
        )  # fmt: skip
        decision = self._decide(request, rules, sighting.timings_ms)
        if decision.reason is Reason.STALE_EVIDENCE and evidence.person_id is not None:
            self._presence.forget(sighting, evidence.person_id)

    def _decide(self, request: AccessRequest, rules: Snapshot, timings_ms: Mapping[str, float]) -> Decision:
        decision = decide(request, rules)
        decided = time.monotonic()
        fact = decision_fact(request, decision, decided, timings_ms)
        if decision.granted:
            portal = rules.portals[request.portal]
            opening = Opening(
                request.id, portal, request.direction, request.captured, decided, decision.person_id
            )  # fmt: skip
            self._ledger.submit(fact, then=partial(self._release, opening), keep=False)
        else:
            self._ledger.submit(fact)
        return decision

    def open_manually(
        self, name: str, direction: Direction, actor: str, on_end: Callable[[DevicemgrError | None], None]
    ) -> str:
        """A guard's word instead of a face: recorded, then released; `on_end(error)` hears the outcome. Any thread."""
        portal = self._rules.current.portals.get(name)
        if portal is None:
            raise NotFound(f"there is no portal '{name}'; `devicemgr portal list` shows them")
        now = time.monotonic()
        opening = Opening(str(uuid.uuid4()), portal, direction, now, now, actor=actor, on_end=on_end)
        self._ledger.submit(manual_fact(opening), then=partial(self._release, opening), keep=False)
        return opening.request

    def _release(self, opening: Opening, entry: Entry | None) -> None:
        """On the ledger's thread, after the commit: without a record there is no release."""
        if entry is None:
            self._ledger.submit(unrecorded_fact(opening))
            refusal = StorageFailed("nothing was opened: it could not be recorded; check the disk of the home folder")
            self._post(Outcome(opening, 0.0, time.monotonic(), refusal, senses_passage=False))
            return
        recorded = time.monotonic()
        self._gates.command(
            opening.portal.gate, partial(release_gate, opening), partial(self._released, opening, recorded)
        )  # fmt: skip

    def _released(self, opening: Opening, recorded: float, result: object, error: Exception | None) -> None:
        """On the gate's thread: hand the outcome to the dispatcher, ahead of the passage that it causes."""
        failure = error if isinstance(error, DevicemgrError) or error is None else DevicemgrError(repr(error))
        sent = result if isinstance(result, Sent) else Sent(senses_passage=True)
        self._post(Outcome(opening, recorded, time.monotonic(), failure or sent.unknown, sent.senses_passage))

    def on_outcome(self, outcome: Outcome) -> None:
        """The gate has answered, or not: record it, and expect somebody to pass if it may have opened."""
        opening = outcome.opening
        if not outcome.recorded:
            if opening.person_id is not None:
                self._presence.ask_again(opening.person_id)
            _tell(outcome)
            return
        # Who asked is told when the outcome is on disk too: what was acknowledged is never lost.
        self._ledger.submit(outcome_fact(outcome), then=lambda _: _tell(outcome))
        if outcome.error is None or isinstance(outcome.error, OutcomeUnknown):
            self._expect_passage(outcome)

    def _expect_passage(self, outcome: Outcome) -> None:
        opening, portal = outcome.opening, outcome.opening.portal
        if outcome.senses_passage:
            self._step(
                portal, passage.Released(opening.request, opening.direction, outcome.ended, portal.release_seconds)
            )  # fmt: skip
        else:
            self._relock[portal.name] = (outcome.ended + portal.release_seconds, opening.request)

    def on_device_fact(self, device: str, fact: DeviceFact) -> None:
        """Something happened at a gate."""
        if isinstance(fact, FireRelease):
            self._rules.set_fire(device, fact.active)
            self._ledger.submit(
                Fact(Kind.FIRE_RELEASE, datetime.now(UTC), device=device, detail={"active": fact.active})
            )  # fmt: skip
            return
        portal = portal_at(self._rules.current, device, fact.channel)
        now = time.monotonic()
        match fact:
            case RexPressed():
                self._record(Kind.REX_PRESSED, portal, device)
            case GateAlarm(_, kind, detail):
                self._record(kind, portal, device, {"cause": detail})
            case PassageStarted(_, direction) if portal:
                self._step(portal, passage.Started(direction, now))
            case PassageCompleted(_, direction, count) if portal:
                for _ in range(min(count, 10_000)):
                    self._step(portal, passage.Completed(direction, now))

    def tick(self) -> None:
        """Let releases and passages run out; a few times a second."""
        now = time.monotonic()
        portals = self._rules.current.portals
        for name, (portal, _) in list(self._lanes.items()):
            self._step(portals.get(name, portal), passage.Tick(now))
        for name, (until, request) in list(self._relock.items()):
            if until <= now:
                del self._relock[name]
                self._ledger.submit(Fact(Kind.PORTAL_LOCKED, datetime.now(UTC), portal=name, request=request))

    def state_of(self, portal: str) -> str:
        """idle, released or passing; any thread."""
        if portal in self._relock:
            return str(passage.StateName.RELEASED)
        _, lane = self._lanes.get(portal, (None, passage.IDLE))
        return str(lane.name)

    def _step(self, portal: Portal, event: passage.Input) -> None:
        free = portal.mode is PortalMode.FREE or self._rules.current.fire_active
        _, lane = self._lanes.pop(portal.name, (portal, passage.IDLE))
        lane, facts = passage.step(lane, event, free=free)
        if lane != passage.IDLE:
            self._lanes[portal.name] = (portal, lane)
        for fact in facts:
            self._ledger.submit(passage_fact(portal, fact))

    def _record(
        self, kind: Kind, portal: Portal | None, device: str, detail: Mapping[str, JsonValue] | None = None
    ) -> None:
        name = portal.name if portal else None
        self._ledger.submit(Fact(kind, datetime.now(UTC), portal=name, device=device, detail=detail or {}))


def _tell(outcome: Outcome) -> None:
    if outcome.opening.on_end:
        outcome.opening.on_end(outcome.error)
