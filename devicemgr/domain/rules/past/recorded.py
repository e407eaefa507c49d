"""A request as a recorded decision shows it: who it was, where, when, and the evidence as it was taken then."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.domain.model import Direction, Factor
from devicemgr.domain.rules.decision.requests import AccessRequest, CardEvidence, ConsoleEvidence, FaceEvidence
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.validity import ALWAYS, CardTerm
from devicemgr.text import parse_time

Event = Mapping[str, Any]
DECISIONS = (Kind.ACCESS_GRANTED, Kind.ACCESS_DENIED)


def request_of(event: Event, rules: Snapshot) -> AccessRequest:
    """Return the request of a recorded decision about a person, with what was shown.

    That the face, card or badge was this person's is taken as it was found then, and so is a card that was blocked.
    """
    evidence = event.get("evidence") or {}
    person_id, direction = event.get("person_id"), direction_of(event)
    at, portal = parse_time(event["time"]), event.get("portal") or ""
    by_console = _console(evidence, event, person_id)
    return AccessRequest(
        event.get("request") or "",
        portal,
        direction,
        event.get("device") or "",
        at,
        0.0,
        0.0,
        face=_face(evidence, person_id),
        card=_card(evidence, event, at, person_id),
        pin=_pin(evidence, event),
        more_possible=_has_reader(rules, portal, direction),
        console=by_console,
    )


def direction_of(event: Event) -> Direction:
    """Return which way the person went; entry where an event does not say."""
    found = event.get("direction")
    return Direction(found) if found else Direction.ENTRY


def _is_unsaid(event: Event) -> bool:
    """Return True if what was shown is not recorded, or is a console's own business: then it was enough."""
    return not event.get("evidence") or (event.get("detail") or {}).get("decided_by") == "console"


def _face(evidence: Mapping[str, Any], person_id: str | None) -> FaceEvidence | None:
    face = evidence.get("face")
    if not face:
        return None
    stated = face if isinstance(face, Mapping) else {}
    vendor = stated.get("vendor") or ""
    return FaceEvidence(1.0, 1.0, None, 0, stated.get("liveness"), person_id, vendor=vendor)


def _card(evidence: Mapping[str, Any], event: Event, at: datetime, person_id: str | None) -> CardEvidence | None:
    """Return the card that was shown; which one is in no event, so one that was refused is refused again."""
    reason = event.get("reason")
    if not (evidence.get("card") or _is_unsaid(event)):
        return None
    term = CardTerm(ends=at) if reason == Reason.CARD_EXPIRED else ALWAYS
    return CardEvidence((), person_id, is_blocked=reason == Reason.CARD_BLOCKED, term=term)


def _pin(evidence: Mapping[str, Any], event: Event) -> bool | None:
    found = evidence.get("pin")
    if isinstance(found, bool):
        return found
    return True if _is_unsaid(event) and event.get("reason") != Reason.WRONG_PIN else None


def _console(evidence: Mapping[str, Any], event: Event, person_id: str | None) -> ConsoleEvidence | None:
    if _is_unsaid(event):  # which factors it required is its own business
        return ConsoleEvidence("device", factors=frozenset({Factor.FINGER, Factor.QR}), person_id=person_id)
    shown = frozenset(one for one in (Factor.FINGER, Factor.QR) if evidence.get(one))
    console = evidence.get("console")
    if not (shown or console):
        return None
    stated = console if isinstance(console, Mapping) else {}
    factors = shown | frozenset(one for one in (Factor.FACE, Factor.CARD, Factor.PIN) if evidence.get(one))
    return ConsoleEvidence(stated.get("vendor") or "", stated.get("method") or "", factors, person_id)


def _has_reader(rules: Snapshot, portal: str, direction: Direction) -> bool:
    found = rules.portals.get(portal)
    points = found.access_points if found else ()
    return any(point.direction is direction and point.device in rules.readers for point in points)
