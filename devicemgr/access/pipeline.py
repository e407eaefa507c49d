"""The one way through which a gate opens: request -> decide -> record -> actuate -> outcome -> record.

The dispatcher's thread decides and follows passages. A grant is committed by the ledger's thread, and only then the
release goes to the gate's own thread, once, with a deadline; nothing repeats it. Nothing in here waits for anything.

    face, card, PIN,    ┐
    console's question ─┴▶ intake ──▶ decide ──▶ ledger (commit) ──▶ gate.release ──▶ outcome ──▶ ledger
                                        │ denied ─▶ ledger                              └▶ passages ──▶ ledger
                                        ├ lacks a factor ─▶ waits in showings
                                        └ lacks others ─▶ waits in quorums, until all are granted together
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from devicemgr.access.area_state import AreaState
from devicemgr.access.event_queue import OpeningWanted
from devicemgr.access.evidence.awaited_cards import AwaitedCards
from devicemgr.access.evidence.console_questions import renews
from devicemgr.access.evidence.device_reports import DeviceReports
from devicemgr.access.evidence.face_evidence import Presence
from devicemgr.access.evidence.intake import Intake, Way
from devicemgr.access.evidence.multi_factor import Showings, Waiting
from devicemgr.access.evidence.pins import PinChecked, PinTry
from devicemgr.access.evidence.recent_grants import RecentGrants
from devicemgr.access.ledger_facts import decision_fact, outcome_fact, violation_facts
from devicemgr.access.manual_openings import ManualOpenings
from devicemgr.access.openings import Openings, opening_of
from devicemgr.access.policy_cache import Rulebook, portal_at
from devicemgr.access.portals.indicators import GateLine, Lamps
from devicemgr.access.portals.interlocks import Interlocks
from devicemgr.access.portals.last_run import LeftOpen
from devicemgr.access.portals.passage_tracker import Passages
from devicemgr.access.portals.perimeter import Perimeter
from devicemgr.access.portals.standing_alarms import StandingAlarms
from devicemgr.access.quorum import waiting as quorums
from devicemgr.access.quorum.escorts import Escorts
from devicemgr.access.quorum.judge import Judge
from devicemgr.access.quorum.rows import Rows, Turn
from devicemgr.access.quorum.together import Together
from devicemgr.access.quorum.waiting import Quorums
from devicemgr.access.release import Opening, Outcome, notify_caller
from devicemgr.domain.device_events import (
    DeviceDecided,
    DeviceFact,
    DeviceReported,
    DoorContact,
    GateAlarm,
    PushRefused,
    RexPressed,
)
from devicemgr.domain.ledger_events import Fact, Kind, Reason
from devicemgr.domain.model import AccessPoint, Direction, Portal, Signal
from devicemgr.domain.ports.recognition import Gallery
from devicemgr.domain.rules.areas.facts import Facts
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import Decision
from devicemgr.domain.rules.quorum import ANY_ESCORT
from devicemgr.domain.sighting import Sighting
from devicemgr.errors import DeviceError, OutcomeUnknown, StorageFailed
from devicemgr.ledger.refusals import PUSH_REFUSED
from devicemgr.ledger.writer import Ledger

log = logging.getLogger(__name__)

# While a gate is away, a person who stays in view gets a new request this often.
_GATE_RETRY_S = 3.0


class AccessPipeline:
    """Runs on the dispatcher's thread; `post` hands an outcome or a guard's command over to it.

    `manual` opens on a guard's word, `areas` knows who is where, `perimeter` which devices are away.
    """

    def __init__(
        self,
        ledger: Ledger,
        gates: GateLine,
        rules: Rulebook,
        gallery: Callable[[], Gallery],
        post: Callable[[Outcome | OpeningWanted], None],
        settled: Callable[[str, str], None],
        check_pin: Callable[[PinTry], None],
        id_of: Callable[[str], str | None],
    ) -> None:
        self._ledger = ledger
        self._rules = rules
        self._lamps = Lamps(gates)
        self._presence = Presence()
        self._showings = Showings(rules.now)
        self._grants = RecentGrants()
        self._openings = Openings(ledger, gates, post)
        self.awaited_cards = AwaitedCards()
        known = (self._is_granted_here, self._is_granted_beside, self._grants.has_any)
        way = Way(self._ask, check_pin, settled, *known, partial(ledger.submit, alone=True))
        self._intake = Intake(rules, gallery, self._showings, self._presence, self._lamps, self.awaited_cards, way)
        self.alarms = StandingAlarms(ledger, rules, id_of)
        self.perimeter = Perimeter()
        self._passages = Passages(ledger, rules, self._ended, self._openings.cancel, self._on_forced)
        self._interlocks = Interlocks(
            rules,
            self.state_of,
            self.alarms.door_at,
            lambda portal: self.areas.is_reserved(portal),  # noqa: PLW0108 - the state is made below
            self.perimeter.is_away,
            ledger.submit,
        )
        self.areas = AreaState(
            rules, self._interlocks.not_shut, self.perimeter.unsure, self._interlocks.stamp, ledger.submit
        )
        self._judge = Judge(rules, self.areas)
        self._rows = Rows(self._release_in_turn, self._refuses_turn, self._void)
        self._escorts = Escorts(rules, self.perimeter.senses, ledger.submit)
        self._together = Together(self._openings, self.areas, self._grants, self._rows, self._escorts)
        self._quorums = Quorums(rules, self._escorts, self._way_of_quorums())
        self.manual = ManualOpenings(rules, self._openings, self.areas, post)
        self._reports = DeviceReports(
            ledger, rules, id_of, self.alarms, self._passages, self._grants, self.areas, self.perimeter
        )

    def resume(self, left: LeftOpen) -> None:
        """Go on with a release that the last run left open at its gate; before the dispatcher starts."""
        now = time.monotonic()
        portal, person = left.portal, left.person_id if left.person_id in self._rules.current.people else None
        self._passages.resume(left, person, now)
        begun = now - left.age_s
        held_s = left.waits_s + left.passage_s if left.senses_passage else left.waits_s
        self.areas.reserve(
            left.request, person, portal, left.direction, decided=begun, use_of=left.use_of, held_s=held_s
        )
        if person is not None:
            self._grants.add(portal, left.direction, person, left.request, device=portal.gate, decided=begun)
            self._grants.release(left.request, begun + left.waits_s)

    def _way_of_quorums(self) -> quorums.Way:
        return quorums.Way(
            judge=lambda request, rules, present, before, escorts: self._judge.decide(
                request,
                rules,
                {(request.portal, request.direction): present},
                [(one.request, one.person_id) for one in before],
                escorts,
            ),
            stands_open=self._stands_open,
            is_busy=self._rows.is_busy,
            one_by_one=self._lets_through_one_by_one,
            let_wait=self._let_wait,
            finish=self._decided,
            open_together=lambda members, rules: self._together.open(
                members, rules, one_by_one=self._lets_through_one_by_one(members[0].request.portal)
            ),
            ask_again=lambda person_id, portal, direction: self._ask_again(
                person_id, self._rules.current.portals[portal], direction, time.monotonic()
            ),
        )

    def _lets_through_one_by_one(self, portal: str) -> bool:
        found = self._rules.current.portals.get(portal)
        return found is not None and self.perimeter.senses(found.gate)

    def _let_wait(self, request: AccessRequest, rules: Snapshot) -> None:
        """Show a person that others are waited for."""
        self._show(request, rules, Signal.ASK)
        if request.question is not None:
            self._lamps.answer(request.device, request.question, granted=False, words="wait for the others")

    def on_sighting(self, sighting: Sighting) -> None:
        """Match a face of a track, and make a request when one is due."""
        self._intake.on_sighting(sighting)

    def on_pin(self, checked: PinChecked) -> None:
        """Go on with a PIN that was found right or wrong."""
        self._intake.on_pin(checked)

    def on_device_fact(self, device: str, fact: DeviceFact) -> None:
        """Something happened at a gate, reader or console."""
        if self._intake.on_shown(device, fact):
            return
        match fact:
            case DeviceDecided() | DeviceReported():
                self._reports.on_report(device, fact)
            case PushRefused():
                self._ledger.submit(Fact(PUSH_REFUSED, datetime.now(UTC), device=device, detail=fact.detail))
            case GateAlarm() | DoorContact():
                self.alarms.on_fact(device, fact)
            case _:
                if isinstance(fact, RexPressed) and (portal := portal_at(self._rules.current, device, fact.channel)):
                    self._interlocks.opened(portal.name)
                self._passages.on_device_fact(device, fact)

    def _ask(self, request: AccessRequest, rules: Snapshot, timings_ms: Mapping[str, float]) -> Decision:
        self._quorums.expire(request.captured)
        escorts = self._quorums.escorts_at((request.portal, request.direction))
        decision = self._judge.decide(request, rules, self._quorums.view, escorts=escorts)
        if request.more_possible and self._lacks_factor(request, decision, rules):
            self._refuse(self._showings.keep(request, decision, timings_ms))
            self._show(request, rules, Signal.ASK)
        else:
            self._refuse(self._showings.end(request))
            if decision.granted and self._stands_open(request, decision, rules):
                self._answer_no(request)
            elif not self._quorums.take(request, decision, rules, timings_ms):
                self._decided(request, decision, rules, timings_ms)
        return decision

    def _lacks_factor(self, request: AccessRequest, decision: Decision, rules: Snapshot) -> bool:
        """Return True if another factor is required; of a visitor who still lacks an escort, also beside that."""
        if decision.reason is Reason.ESCORT_REQUIRED:
            decision = self._judge.decide(request, rules, self._quorums.view, escorts=(ANY_ESCORT,))
        return decision.reason is Reason.SECOND_FACTOR_REQUIRED

    def _stands_open(self, request: AccessRequest, decision: Decision, rules: Snapshot) -> bool:
        """Return True if the person has an opening in this place already, whatever led to the request.

        A console that is the gate itself only renews its own pulse.
        """
        if decision.person_id is None:
            return False
        side = (request.portal, request.direction, decision.person_id)
        renewing = request.device if renews(request, rules) else None
        is_next = self._rows.holds(*side)
        return is_next or self._grants.holds_at(*side, renewing=renewing) or self._grants.holds_beside(*side, rules)

    def _answer_no(self, request: AccessRequest) -> None:
        if request.question is not None:
            self._lamps.answer(request.device, request.question, granted=False)

    def _refuse(self, waiting: Waiting | None) -> None:
        """Refuse where the factor that was waited for did not come."""
        if waiting is not None:
            self._decided(waiting.request, waiting.decision, self._rules.current, waiting.timings_ms)

    def _decided(
        self, request: AccessRequest, decision: Decision, rules: Snapshot, timings_ms: Mapping[str, float]
    ) -> None:
        decided = time.monotonic()
        fact = decision_fact(request, decision, decided, timings_ms)
        if decision.granted:
            self._open(request, decision, decided, [*violation_facts(request, decision), fact])
        else:
            self._ledger.submit(fact)
            self._on_denied(request, decision, rules)

    def _open(self, request: AccessRequest, decision: Decision, decided: float, facts: Sequence[Fact]) -> None:
        """Reserve what the grant takes, then record it; the release follows the record."""
        portal, person_id = self._rules.current.portals.get(request.portal), decision.person_id
        if portal is None:
            return
        if person_id is not None:
            self._grants.add(portal, request.direction, person_id, request.id, device=request.device, decided=decided)
        if renews(request, self._rules.current):
            self.areas.renew(portal.name)
        opening = opening_of(request, portal, decided, decision)
        self._reserve_and_record(opening, facts)
        self._escorts.granted(opening, decided)

    def _reserve_and_record(self, opening: Opening, facts: Sequence[Fact]) -> None:
        self.areas.hold(opening)
        try:
            self._openings.record(opening, facts)
        except StorageFailed:
            self.areas.give_back(opening.request)
            raise

    def _on_denied(self, request: AccessRequest, decision: Decision, rules: Snapshot) -> None:
        """Show the refusal; one by an interlock passes by itself, and a face that stays may request again then."""
        waits = decision.reason is Reason.INTERLOCK
        if decision.person_id is not None and waits and request.face is not None:
            self._interlocks.wait(decision.person_id, request.portal, request.direction)
        if decision.person_id is not None and decision.reason is Reason.ANTI_PASSBACK:
            self.areas.stood_at(decision.person_id, request.portal, request.direction)
        self._show(request, rules, Signal.ASK if waits else Signal.DENIED)
        self._answer_no(request)

    def _is_granted_here(self, point: AccessPoint, person: str) -> bool:
        side = (point.portal, point.direction, person)
        return self._grants.holds_at(*side) or self._rows.holds(*side)

    def _is_granted_beside(self, point: AccessPoint, person: str) -> bool:
        return self._grants.holds_beside(point.portal, point.direction, person, self._rules.current)

    def on_outcome(self, outcome: Outcome) -> None:
        """Record the gate's answer, or that there is none, and expect a passage if it may have opened."""
        opening = outcome.opening
        opened = outcome.error is None or isinstance(outcome.error, OutcomeUnknown)
        for one in (opening, *opening.along):
            self._show_outcome(one, opened)
            if not opened:
                self._on_not_opened(one, outcome)
        given_up = self._rows.on_outcome(outcome, opened=opened)
        if not outcome.recorded:
            notify_caller(outcome)
            return
        # The caller is notified when the outcome is on disk too: what was acknowledged is never lost.
        self._ledger.submit(outcome_fact(outcome, self._rules.now()), then=lambda _: notify_caller(outcome))
        if opened:
            self.areas.released(outcome)
            waits = outcome.times.waits_s if outcome.times else opening.portal.release_seconds
            self._grants.release(opening.request, outcome.ended + waits)
            self._passages.expect(outcome)
        for one in given_up:
            self._void(one, "not released: the release before it failed")

    def _void(self, opening: Opening, cause: str) -> None:
        now = time.monotonic()
        self.on_outcome(Outcome(opening, now, now, DeviceError(cause), senses_passage=True))

    def _release_in_turn(self, opening: Opening) -> None:
        self.areas.hold(opening)
        self._escorts.granted(opening, time.monotonic())
        self._openings.release(opening)

    def _refuses_turn(self, turn: Turn) -> Reason | None:
        side = (turn.request.portal, turn.request.direction)
        escorts = self._escorts.view.get(side, ())
        return self._judge.decide(turn.request, self._rules.current, {side: turn.together}, escorts=escorts).reason

    def _ended(self, request: str | None, kind: Kind) -> None:
        """Note that the passage of a request has ended or timed out."""
        self._grants.end(request)
        self._rows.ended(request)
        self._escorts.ended(request, time.monotonic(), passed=kind is Kind.PASSAGE_COMPLETED)

    def _on_not_opened(self, opening: Opening, outcome: Outcome) -> None:
        """Let the person ask again: at once if nothing was recorded, after a pause if the gate has failed."""
        self._grants.forget(opening.request)
        self._escorts.failed(opening.request, outcome.ended)
        self.areas.give_back(opening.request)
        if opening.person_id is not None:
            at = outcome.ended + _GATE_RETRY_S if outcome.recorded else outcome.ended
            self._ask_again(opening.person_id, opening.portal, opening.direction, at)

    def _ask_again(self, person_id: str, portal: Portal, direction: Direction, at: float) -> None:
        cameras = [point.device for point in portal.access_points if point.direction is direction]
        self._presence.ask_again(person_id, cameras, at)

    def facts_for(self, portal: str, rules: Snapshot) -> Facts:
        """Return what a request at a portal would be judged by; any thread, as of the last moment."""
        view = self.areas.view
        not_shut = self._interlocks.as_seen(portal, rules)
        unsure = {**view.unsure, **self.perimeter.unsure(rules)}
        return replace(view, not_shut=not_shut, unsure=unsure, waiting=self._quorums.view, escorts=self._escorts.view)

    def tick(self) -> None:
        """Let releases, passages and what waits for another factor run out; a few times a second."""
        now = time.monotonic()
        self._passages.tick(now)
        self._rows.tick(now)
        self.areas.tick(now)
        self._quorums.tick(now)
        self._escorts.tick(now)
        for one in self._interlocks.tick(now):
            self._ask_again(one.person_id, self._rules.current.portals[one.portal], one.direction, now)
        for waiting in self._showings.take_overdue(now):
            self._refuse(waiting)
        self._intake.tick(now)

    def _on_forced(self, portal: Portal, event: Fact) -> Fact:
        """Look at the interlocks of a portal that was forced; return its event with the alarm that it begins."""
        self._interlocks.opened(portal.name)
        return self.alarms.attach_passage(portal, event)

    def mode_applied(self, portal: str) -> None:
        """Note that a guard's lock, free or normal has reached the gate; any thread."""
        self._passages.mode_applied(portal)
        self.alarms.reset(portal)

    def portals_of(self, gate: str) -> list[str]:
        """Return the portals that a gate opens; any thread."""
        return sorted(portal.name for portal in self._rules.current.portals.values() if portal.gate == gate)

    def state_of(self, portal: str) -> str:
        """idle, released, passing or unknown; any thread."""
        return self._passages.state_of(portal)

    def _show(self, request: AccessRequest, rules: Snapshot, signal: Signal) -> None:
        if portal := rules.portals.get(request.portal):
            self._lamps.show(rules, portal, request.direction, request.device, signal)

    def _show_outcome(self, opening: Opening, opened: bool) -> None:
        signal, at = Signal.GRANTED if opened else Signal.DENIED, opening.presented_at
        self._lamps.show(self._rules.current, opening.portal, opening.direction, at, signal)
        if opening.question is not None and at is not None and at != opening.portal.gate:
            self._lamps.answer(at, opening.question, granted=opened)
        for console, question in opening.answers:
            self._lamps.answer(console, question, granted=opened)
