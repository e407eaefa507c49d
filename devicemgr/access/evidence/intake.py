"""What people show at access points, made into requests: faces, cards, PINs, and consoles' questions."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from devicemgr.access.evidence.awaited_cards import AwaitedCards
from devicemgr.access.evidence.console_questions import ConsoleQuestions, request_of
from devicemgr.access.evidence.face_evidence import Presence
from devicemgr.access.evidence.multi_factor import Showings
from devicemgr.access.evidence.pins import PinChecked, PinTry
from devicemgr.access.ledger_facts import pin_fact
from devicemgr.access.policy_cache import Rulebook, point_of
from devicemgr.access.portals.indicators import Lamps
from devicemgr.domain.device_events import CardRead, DeviceDecided, DeviceFact, KeysPressed, Presented
from devicemgr.domain.ledger_events import Fact, Reason
from devicemgr.domain.model import AccessPoint, Direction
from devicemgr.domain.ports.recognition import Gallery
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import Decision
from devicemgr.domain.sighting import Sighting

# A face before a lane asks again this often while another lane of the group stands open for it.
_LANE_RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class Way:
    """Where requests go, and what is known before one is made.

    `ask` decides a request, `check_pin` has a PIN checked, `settled` tells a camera that a track needs no more
    pictures. `is_granted` gives whether a person has an opening at a side already, `is_granted_beside` whether at a
    lane beside it, and `was_granted` whether anyone was granted there a moment ago. `record_alone` records an event
    behind what was recorded before it, in a transaction of its own.
    """

    ask: Callable[[AccessRequest, Snapshot, Mapping[str, float]], Decision]
    check_pin: Callable[[PinTry], None]
    settled: Callable[[str, str], None]
    is_granted: Callable[[AccessPoint, str], bool]
    is_granted_beside: Callable[[AccessPoint, str], bool]
    was_granted: Callable[[str, Direction], bool]
    record_alone: Callable[[Fact], None]


class Intake:
    """For the dispatcher's thread only."""

    def __init__(
        self,
        rules: Rulebook,
        gallery: Callable[[], Gallery],
        showings: Showings,
        presence: Presence,
        lamps: Lamps,
        awaited_cards: AwaitedCards,
        way: Way,
    ) -> None:
        self._rules = rules
        self._gallery = gallery
        self._showings = showings
        self._presence = presence
        self._lamps = lamps
        self._awaited_cards = awaited_cards
        self._questions = ConsoleQuestions()
        self._way = way

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
            self._way.settled(sighting.device, sighting.track)
        if evidence is None:
            return
        person = evidence.person_id
        if person is not None and self._way.is_granted(point, person):
            return
        if person is not None and self._way.is_granted_beside(point, person):
            self._presence.ask_again(person, [point.device], time.monotonic() + _LANE_RETRY_S)
            return
        request = self._showings.request(point, rules, sighting.captured, face=evidence)
        decision = self._way.ask(request, rules, sighting.timings_ms)
        if decision.reason is Reason.STALE_EVIDENCE and person is not None:
            self._presence.forget(sighting, person)

    def on_shown(self, device: str, fact: DeviceFact) -> bool:
        """Take what was shown at a reader or console; return False for a fact of another kind."""
        if self._is_awaited(device, fact):
            return True
        match fact:
            case CardRead():
                self._on_card(device, fact)
            case KeysPressed():
                entered = self._showings.type(device, fact.channel, fact.keys, time.monotonic())
                if entered is not None:
                    self._on_pin_entered(device, fact.channel, entered)
            case Presented():
                self._on_presented(device, fact)
            case _:
                return False
        return True

    def _is_awaited(self, device: str, fact: DeviceFact) -> bool:
        """Return True for a card that is shown to be assigned; nothing is opened, and it is no request."""
        match fact:
            case CardRead():
                return self._awaited_cards.take(device, fact.channel, fact.names)
            case DeviceDecided() if fact.live:
                # The device has decided already, which is recorded as ever.
                self._awaited_cards.take(device, fact.channel, fact.names)
            case Presented() if fact.names and self._awaited_cards.is_awaited(device, fact.channel):
                # A recorded question that is sent again must not name the card.
                stale = self._questions.why_stale("", fact, time.monotonic(), is_gate=True)
                if not stale and self._awaited_cards.take(device, fact.channel, fact.names):
                    self._lamps.answer(device, fact.serial, granted=False)
                    return True
        return False

    def _on_card(self, device: str, fact: CardRead) -> None:
        rules = self._rules.current
        point = point_of(rules, device, fact.channel)
        if point is None or not (fact.names or fact.unread):
            return
        card = replace(rules.card_read(fact.names), unread=fact.unread)
        opens_nothing = any(card.refusal(at) for at in self._rules.times())
        person = None if opens_nothing else card.person_id
        if person is None or not (self._way.is_granted(point, person) or self._way.is_granted_beside(point, person)):
            request = self._showings.request(point, rules, time.monotonic(), card=card)
            self._way.ask(request, rules, {})

    def _on_pin_entered(self, device: str, channel: int, pin: str) -> None:
        rules = self._rules.current
        point = point_of(rules, device, channel)
        if point is None:
            return
        now = time.monotonic()
        waiting = self._showings.waiting_at(point)
        person = _person_of(waiting) if waiting else None
        if person is not None:
            hashes = rules.pins.get(person), rules.duress_pins.get(person)
            self._way.check_pin(PinTry(device, channel, person, hashes[0], pin, now, hashes[1]))
        elif not self._way.was_granted(point.portal, point.direction):
            self._way.ask(self._showings.request(point, rules, now), rules, {})

    def on_pin(self, checked: PinChecked) -> None:
        """Go on with a PIN that was found right or wrong."""
        rules = self._rules.current
        point = point_of(rules, checked.device, checked.channel)
        waiting = self._showings.waiting_at(point) if point else None
        if point is None:
            return
        request_id = str(uuid.uuid4())  # of a PIN that comes too late for a decision
        try:
            if waiting is not None and _person_of(waiting) == checked.person_id:
                request = self._showings.request(point, rules, checked.entered, pin=checked.right)
                request_id = request.id
                self._way.ask(request, rules, {})
        finally:
            if checked.right and rules.duress_pins:
                self._way.record_alone(pin_fact(point, checked, request_id))

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
        self._way.ask(request_of(fact, point, rules, stale, self._rules.now(), now), rules, {})

    def tick(self, now: float) -> None:
        """Take PINs of keypads without an enter key."""
        for device, channel, typed in self._showings.take_typed(now):
            self._on_pin_entered(device, channel, typed)


def _person_of(request: AccessRequest) -> str | None:
    shown = request.card or request.face
    return shown.person_id if shown else None
