"""The one way through which a gate opens: request -> decide -> record -> actuate -> outcome -> record.

The dispatcher's thread decides and follows passages. A grant is committed by the ledger's thread, and only then the
release goes to the gate's own thread, once, with a deadline; nothing repeats it. Nothing in here waits for anything.

    face ──▶ presence ─┐
    card, PIN ─────────┼▶ showings ──▶ decide ──▶ ledger (commit) ──▶ gate.release ──▶ outcome ──▶ ledger
    console's question ┘                │ denied ─▶ ledger                              └▶ passages ──▶ ledger
                                        └ lacks a factor ─▶ waits in showings
"""

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from devicemgr.access.evidence.awaited_cards import AwaitedCards
from devicemgr.access.evidence.console_questions import ConsoleQuestions, request_of
from devicemgr.access.evidence.device_decisions import DeviceLog
from devicemgr.access.evidence.face_evidence import Presence
from devicemgr.access.evidence.multi_factor import Showings, Waiting
from devicemgr.access.evidence.pins import PinChecked, PinTry
from devicemgr.access.evidence.recent_grants import RecentGrants
from devicemgr.access.ledger_facts import decision_fact, manual_fact, outcome_fact, unrecorded_fact
from devicemgr.access.policy_cache import Rulebook, point_of
from devicemgr.access.portals.indicators import GateLine, Lamps
from devicemgr.access.portals.passage_tracker import Passages
from devicemgr.access.portals.standing_alarms import StandingAlarms
from devicemgr.access.release import Opening, Outcome, Sent, cancel_release, release_gate
from devicemgr.domain.device_events import (
    CardRead,
    DeviceDecided,
    DeviceFact,
    DeviceReported,
    DoorContact,
    GateAlarm,
    KeysPressed,
    Presented,
    PushRefused,
)
from devicemgr.domain.ledger_chain import Entry
from devicemgr.domain.ledger_events import Fact, Kind, Reason
from devicemgr.domain.model import AccessPoint, Direction, Portal, Signal
from devicemgr.domain.ports.recognition import Gallery
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import Decision, decide
from devicemgr.domain.sighting import Sighting
from devicemgr.errors import DevicemgrError, Hint, NotFound, OutcomeUnknown, StorageFailed
from devicemgr.ledger.refusals import PUSH_REFUSED
from devicemgr.ledger.writer import Ledger

log = logging.getLogger(__name__)

# A face before a lane asks again this often while another lane of the group stands open for it.
_LANE_RETRY_S = 1.0
# While a gate is away, a person who stays in view gets a new request this often.
_GATE_RETRY_S = 3.0


class AccessPipeline:
    """All methods but `open_manually` run on the dispatcher's thread; `post` hands an outcome over to it."""

    def __init__(
        self,
        ledger: Ledger,
        gates: GateLine,
        rules: Rulebook,
        gallery: Callable[[], Gallery],
        post: Callable[[Outcome], None],
        settled: Callable[[str, str], None],
        check_pin: Callable[[PinTry], None],
        id_of: Callable[[str], str | None],
    ) -> None:
        self._ledger = ledger
        self._gates = gates
        self._rules = rules
        self._gallery = gallery
        self._post = post
        self._settled = settled
        self._check_pin = check_pin
        self._lamps = Lamps(gates)
        self._presence = Presence()
        self._showings = Showings(rules.now)
        self._questions = ConsoleQuestions()
        self._device_log = DeviceLog(id_of)
        self._grants = RecentGrants()
        self.awaited_cards = AwaitedCards()
        self.alarms = StandingAlarms(ledger, rules, id_of)
        self._passages = Passages(ledger, rules, self._grants.end, self._cancel, self.alarms.attach_passage)

    def on_sighting(self, sighting: Sighting) -> None:
        """Match a face of a track, and make a request when one is due."""
        rules = self._rules.current
        point = point_of(rules, sighting.device)
        if point is None:
            return
        gallery = self._gallery()
        if sighting.model != gallery.stats().model:
            # Only while the site changes over to another face model: the recognizers follow in a second.
            return
        mean = gallery.match(sighting.embedding) if sighting.embedding is not None else None
        alone = gallery.match(sighting.latest) if sighting.latest is not None else None
        evidence = self._presence.see(sighting, rules.portals[point.portal], mean, alone)
        if self._presence.is_settled(sighting) and not sighting.ended:
            self._settled(sighting.device, sighting.track)
        if evidence is None:
            return
        if evidence.person_id is not None and self._is_granted_here(point, evidence.person_id):
            return
        if evidence.person_id is not None and self._is_granted_beside(point, evidence.person_id):
            self._presence.ask_again(evidence.person_id, [point.device], time.monotonic() + _LANE_RETRY_S)
            return
        request = self._showings.request(point, rules, sighting.captured, face=evidence)
        decision = self._ask(request, rules, sighting.timings_ms)
        if decision.reason is Reason.STALE_EVIDENCE and evidence.person_id is not None:
            self._presence.forget(sighting, evidence.person_id)

    def on_device_fact(self, device: str, fact: DeviceFact) -> None:
        """Something happened at a gate, reader or console."""
        if self._is_awaited(device, fact):
            return
        match fact:
            case CardRead():
                self._on_card(device, fact)
            case KeysPressed():
                entered = self._showings.type(device, fact.channel, fact.keys, time.monotonic())
                if entered is not None:
                    self._on_pin_entered(device, fact.channel, entered)
            case Presented():
                self._on_presented(device, fact)
            case DeviceDecided() | DeviceReported():
                self._on_device_report(device, fact)
            case PushRefused():
                self._ledger.submit(Fact(PUSH_REFUSED, datetime.now(UTC), device=device, detail=fact.detail))
            case GateAlarm() | DoorContact():
                self.alarms.on_fact(device, fact)
            case _:
                self._passages.on_device_fact(device, fact)

    def _is_awaited(self, device: str, fact: DeviceFact) -> bool:
        """Return True for a card that is shown to be assigned; nothing is opened, and it is no request."""
        match fact:
            case CardRead():
                return self.awaited_cards.take(device, fact.channel, fact.names)
            case DeviceDecided() if fact.live:
                # The device has decided already, which is recorded as ever.
                self.awaited_cards.take(device, fact.channel, fact.names)
            case Presented() if fact.names and self.awaited_cards.is_awaited(device, fact.channel):
                # A recorded question that is sent again must not name the card.
                stale = self._questions.why_stale("", fact, time.monotonic(), is_gate=True)
                if not stale and self.awaited_cards.take(device, fact.channel, fact.names):
                    self._lamps.answer(device, fact.serial, granted=False)
                    return True
        return False

    def _on_card(self, device: str, fact: CardRead) -> None:
        rules = self._rules.current
        point = point_of(rules, device, fact.channel)
        if point is None or not (fact.names or fact.unread):
            return
        card = replace(rules.card_read(fact.names), unread=fact.unread)
        person = None if card.is_blocked else card.person_id
        if person is None or not (self._is_granted_here(point, person) or self._is_granted_beside(point, person)):
            request = self._showings.request(point, rules, time.monotonic(), card=card)
            self._ask(request, rules, {})

    def _on_pin_entered(self, device: str, channel: int, pin: str) -> None:
        rules = self._rules.current
        point = point_of(rules, device, channel)
        if point is None:
            return
        now = time.monotonic()
        waiting = self._showings.waiting_at(point)
        person = _person_of(waiting) if waiting else None
        if person is not None:
            self._check_pin(PinTry(device, channel, person, rules.pins.get(person), pin, now))
        elif not self._grants.has_any(point.portal, point.direction):
            self._ask(self._showings.request(point, rules, now), rules, {})

    def on_pin(self, checked: PinChecked) -> None:
        """Go on with a PIN that was found right or wrong."""
        rules = self._rules.current
        point = point_of(rules, checked.device, checked.channel)
        waiting = self._showings.waiting_at(point) if point else None
        if point is not None and waiting is not None and _person_of(waiting) == checked.person_id:
            self._ask(self._showings.request(point, rules, checked.entered, pin=checked.right), rules, {})

    def _on_presented(self, device: str, fact: Presented) -> None:
        """Decide a console's question: its match is evidence, the rules here decide."""
        rules = self._rules.current
        point = point_of(rules, device, fact.channel)
        if point is None:
            self._lamps.answer(device, fact.serial, granted=False)
            return
        now = time.monotonic()
        is_gate = rules.portals[point.portal].gate == device
        stale = self._questions.why_stale(point.portal, fact, now, is_gate=is_gate)
        self._ask(request_of(fact, point, rules, stale, self._rules.now(), now), rules, {})

    def _on_device_report(self, device: str, fact: DeviceDecided | DeviceReported) -> None:
        rules = self._rules.current
        facts = self._device_log.facts(device, fact, rules)
        for found in facts:
            self._ledger.submit(self.alarms.attach(device, fact, found) if isinstance(fact, DeviceReported) else found)
        if isinstance(fact, DeviceReported) and fact.kind == Kind.DEVICE_CONFIRMED:
            self._passages.proven(device, fact.channel)
        if isinstance(fact, DeviceDecided) and fact.live and fact.granted and facts and facts[0].portal:
            self._on_opened_alone(device, facts[0], rules.portals[facts[0].portal])

    def _on_opened_alone(self, device: str, fact: Fact, portal: Portal) -> None:
        """Expect the passage of a person whom the device has let in by itself."""
        now, direction = time.monotonic(), fact.direction or Direction.ENTRY
        if fact.person_id is not None and fact.request is not None:
            self._grants.add(portal, direction, fact.person_id, fact.request, device=device, decided=now)
        self._passages.released(portal, direction, fact.request, now, fact.person_id)

    def _ask(self, request: AccessRequest, rules: Snapshot, timings_ms: Mapping[str, float]) -> Decision:
        # One reading of the clock for one decision, whatever led to it.
        at, *others = self._rules.times()
        request = replace(request, at=at, also_at=tuple(others))
        decision = decide(request, rules)
        if decision.reason is Reason.SECOND_FACTOR_REQUIRED and request.more_possible:
            self._refuse(self._showings.keep(request, decision, timings_ms))
            self._show(request, rules, Signal.ASK)
        else:
            self._refuse(self._showings.end(request))
            if decision.granted and self._stands_open(request, decision, rules):
                self._answer_no(request)
            else:
                self._decided(request, decision, rules, timings_ms)
        return decision

    def _stands_open(self, request: AccessRequest, decision: Decision, rules: Snapshot) -> bool:
        """Return True if the person has an opening in this place already, whatever led to the request.

        A console that is the gate itself only renews its own pulse.
        """
        if decision.person_id is None:
            return False
        side = (request.portal, request.direction, decision.person_id)
        is_gate = request.question is not None and rules.portals[request.portal].gate == request.device
        renewing = request.device if is_gate else None
        return self._grants.holds_at(*side, renewing=renewing) or self._grants.holds_beside(*side, rules)

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
            portal = rules.portals[request.portal]
            if decision.person_id is not None:
                self._grants.add(
                    portal,
                    request.direction,
                    decision.person_id,
                    request.id,
                    device=request.device,
                    decided=decided,
                )
            opening = Opening(
                request.id,
                portal,
                request.direction,
                request.captured,
                decided,
                decision.person_id,
                presented_at=request.device,
                question=request.question,
            )
            self._ledger.submit(fact, then=partial(self._release, opening), keep=False)
        else:
            self._ledger.submit(fact)
            self._show(request, rules, Signal.DENIED)
            self._answer_no(request)

    def _is_granted_here(self, point: AccessPoint, person: str) -> bool:
        return self._grants.holds_at(point.portal, point.direction, person)

    def _is_granted_beside(self, point: AccessPoint, person: str) -> bool:
        return self._grants.holds_beside(point.portal, point.direction, person, self._rules.current)

    def open_manually(self, name: str, direction: Direction, actor: str, on_end: Callable[[Outcome], None]) -> str:
        """Open on a guard's word instead of a face: record, then release; `on_end` gets the outcome. Any thread."""
        portal = self._rules.current.portals.get(name)
        if portal is None:
            raise NotFound(f"there is no portal '{name}'", hint=Hint("list_portals"))
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
        )

    def _released(self, opening: Opening, recorded: float, result: object, error: Exception | None) -> None:
        """On the gate's thread: hand the outcome to the dispatcher, ahead of the passage that it causes."""
        failure = error if isinstance(error, DevicemgrError) or error is None else DevicemgrError(repr(error))
        if failure is not None:
            about = {"device": opening.portal.gate, "request": opening.request}
            log.warning("portal %s was not opened: %s", opening.portal.name, failure, extra=about)
        sent = result if isinstance(result, Sent) else Sent(senses_passage=True)
        error_or_unknown, now = failure or sent.unknown, time.monotonic()
        self._post(Outcome(opening, recorded, now, error_or_unknown, sent.senses_passage, sent.delivery, sent.times))

    def _cancel(self, portal: Portal, direction: Direction) -> None:
        """Take back a release that has run out here: the gate's own clock may be slower."""
        self._gates.command(portal.gate, partial(cancel_release, portal, direction), _not_canceled)

    def on_outcome(self, outcome: Outcome) -> None:
        """Record the gate's answer, or that there is none, and expect a passage if it may have opened."""
        opening = outcome.opening
        opened = outcome.error is None or isinstance(outcome.error, OutcomeUnknown)
        self._show_outcome(opening, opened)
        if not opened:
            self._on_not_opened(opening, outcome)
        if not outcome.recorded:
            _notify_caller(outcome)
            return
        # The caller is notified when the outcome is on disk too: what was acknowledged is never lost.
        self._ledger.submit(outcome_fact(outcome), then=lambda _: _notify_caller(outcome))
        if opened:
            waits = outcome.times.waits_s if outcome.times else opening.portal.release_seconds
            self._grants.release(opening.request, outcome.ended + waits)
            self._passages.expect(outcome)

    def _on_not_opened(self, opening: Opening, outcome: Outcome) -> None:
        """Let the person ask again: at once if nothing was recorded, after a pause if the gate has failed."""
        self._grants.forget(opening.request)
        if opening.person_id is not None:
            cameras = [point.device for point in opening.portal.access_points if point.direction is opening.direction]
            at = outcome.ended + _GATE_RETRY_S if outcome.recorded else outcome.ended
            self._presence.ask_again(opening.person_id, cameras, at)

    def tick(self) -> None:
        """Let releases, passages and what waits for another factor run out; a few times a second."""
        now = time.monotonic()
        self._passages.tick(now)
        for waiting in self._showings.take_overdue(now):
            self._refuse(waiting)
        for device, channel, typed in self._showings.take_typed(now):
            self._on_pin_entered(device, channel, typed)

    def mode_applied(self, portal: str) -> None:
        """Note that a guard's lock, free or normal has reached the gate; any thread."""
        self._passages.mode_applied(portal)
        self.alarms.reset(portal)

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


def _person_of(request: AccessRequest) -> str | None:
    shown = request.card or request.face
    return shown.person_id if shown else None


def _not_canceled(_: object, error: Exception | None) -> None:
    if error:
        log.warning("Failed to cancel an unused release: %s", error)


def _notify_caller(outcome: Outcome) -> None:
    if outcome.opening.on_end:
        outcome.opening.on_end(outcome)
