"""Checks of what an identified person may do: validity, levels, schedules, factors."""

from collections.abc import Iterator
from datetime import datetime

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import Factor, JsonValue, Person, PortalMode
from devicemgr.domain.rules.decision.checks import Check
from devicemgr.domain.rules.decision.held_levels import grants_read, host_problem, is_leaving_visitor
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.factors import suffices
from devicemgr.domain.rules.schedules import is_open
from devicemgr.domain.rules.threats.lockdown import (
    is_in_lockdown,
    lockdown_reading,
    requirement_words,
    requirements_at,
    threat_at,
    threat_of,
)
from devicemgr.domain.rules.validity import invalidity
from devicemgr.domain.zones import Waiver
from devicemgr.text import rfc3339

# What a device may refuse for although it does not know the rights as exactly as the rules here do.
REASONS_OF_RIGHTS = frozenset(
    {
        Reason.CONSENT_WITHDRAWN,
        Reason.SUSPENDED,
        Reason.NOT_YET_VALID,
        Reason.EXPIRED,
        Reason.LOCKDOWN,
        Reason.PORTAL_LOCKED,
        Reason.NO_ACCESS_LEVEL,
        Reason.OUTSIDE_SCHEDULE,
    }
)


def _card_refusal(request: AccessRequest) -> Reason | None:
    return None if request.card is None else request.card.refusal(request.at)


def _is_locked(request: AccessRequest, person: Person, snapshot: Snapshot) -> bool:
    """Return True if the portal is locked for the person and no fire input is active: a lock gives way to fire."""
    portal = snapshot.portals.get(request.portal)
    if portal is None or snapshot.fire_active:
        return False
    is_locked = snapshot.modes.get(portal.name, portal.mode) is PortalMode.LOCKED
    return is_locked and not snapshot.waives(person, Waiver.LOCKED)


def _schedules_for(request: AccessRequest, person: Person, snapshot: Snapshot) -> Iterator[str | None]:
    """Of each of the person's levels that covers the portal, the schedule name; None means always."""
    if request.portal not in snapshot.portals:
        return
    for name in person.levels:
        level = snapshot.levels.get(name)
        if level is not None and request.portal in level.portals:
            yield level.portals[request.portal]


def opening_levels(request: AccessRequest, person: Person, snapshot: Snapshot) -> list[str]:
    """Return the person's levels by which the portal opens at all times of the request."""
    times = (request.at, *request.also_at)
    found = [(name, level.portals) for name in sorted(person.levels) if (level := snapshot.levels.get(name))]
    return [
        name
        for name, portals in found
        if request.portal in portals and all(_is_open_now(portals[request.portal], at, snapshot) for at in times)
    ]


def _has_no_level(request: AccessRequest, person: Person, snapshot: Snapshot) -> bool:
    return not any(True for _ in _schedules_for(request, person, snapshot))


def _is_outside(request: AccessRequest, person: Person, snapshot: Snapshot) -> bool:
    return not any(_is_open_now(name, request.at, snapshot) for name in _schedules_for(request, person, snapshot))


def _shown(request: AccessRequest) -> frozenset[Factor]:
    given = {Factor.FACE: request.face, Factor.CARD: request.card, Factor.PIN: request.pin or None}
    shown = frozenset(factor for factor, evidence in given.items() if evidence is not None)
    return shown | (
        request.console.factors & {Factor.FINGER, Factor.QR} if request.console is not None else frozenset()
    )


def _wants_more(request: AccessRequest, person: Person, snapshot: Snapshot) -> bool:
    portal = snapshot.portals.get(request.portal)
    shown = _shown(request)
    doubtful = person.id in snapshot.lookalikes and request.more_possible
    return portal is None or not all(
        suffices(require, shown, consents=person.face_consent, doubtful_face=doubtful)
        for require in requirements_at(portal, threat_at(portal.name, snapshot))
    )


def _is_open_now(name: str | None, at: datetime, snapshot: Snapshot) -> bool:
    if name is None:
        return True
    schedule = snapshot.schedules.get(name)
    return schedule is not None and is_open(schedule, at)


def _validity_read(_: AccessRequest, person: Person, __: Snapshot) -> dict[str, JsonValue]:
    bounds = {"valid_from": person.valid_from, "valid_to": person.valid_to}
    return {name: rfc3339(at) if at is not None else None for name, at in bounds.items()}


def _mode_read(request: AccessRequest, _: Person, snapshot: Snapshot) -> dict[str, JsonValue]:
    portal = snapshot.portals.get(request.portal)
    return {"mode": str(snapshot.modes.get(portal.name, portal.mode)) if portal else None}


def _levels_read(request: AccessRequest, person: Person, snapshot: Snapshot) -> dict[str, JsonValue]:
    covering = [name for name, level in snapshot.levels.items() if request.portal in level.portals]
    found: dict[str, JsonValue] = {"levels": list(sorted(person.levels)), "levels_of_portal": list(sorted(covering))}
    if grants := grants_read(request, person, snapshot):
        found["grants"] = list(grants)
    problem = host_problem(person, snapshot, (request.at, *request.also_at))
    return found | ({"host": problem} if problem is not None else {})


def _schedules_read(request: AccessRequest, person: Person, snapshot: Snapshot) -> dict[str, JsonValue]:
    return {"schedules": list(sorted({name or "always" for name in _schedules_for(request, person, snapshot)}))}


def _factors_read(request: AccessRequest, _: Person, snapshot: Snapshot) -> dict[str, JsonValue]:
    portal = snapshot.portals.get(request.portal)
    shown: list[JsonValue] = list(sorted(map(str, _shown(request))))
    required = requirements_at(portal, threat_at(portal.name, snapshot)) if portal else ()
    return {"shown": shown, "require": requirement_words(required) if required else None}


# fmt: off
CHECKS_OF_RIGHTS = (
    Check(Reason.CARD_BLOCKED, "the card is blocked, such as a lost one, or a temporary card stands in for it",
          lambda request, _, __: _card_refusal(request) is Reason.CARD_BLOCKED),
    Check(Reason.CARD_EXPIRED, "at or after the end of the temporary card",
          lambda request, _, __: _card_refusal(request) is Reason.CARD_EXPIRED),
    Check(Reason.CONSENT_WITHDRAWN, "a face was used, and the person has no consent to face recognition on record",
          lambda request, person, _: request.face is not None and not person.face_consent),
    Check(Reason.SUSPENDED, "the person is suspended",
          lambda request, person, _: invalidity(person, request.at) is Reason.SUSPENDED,
          lambda _, person, __: {"suspended": person.suspended}),
    Check(Reason.NOT_YET_VALID, "before the person's first moment of validity",
          lambda request, person, _: invalidity(person, request.at) is Reason.NOT_YET_VALID,
          _validity_read),
    Check(Reason.EXPIRED, "at or after the end of the person's validity, unless a visitor leaves",
          lambda request, person, _: invalidity(person, request.at) is Reason.EXPIRED
          and not is_leaving_visitor(request, person),
          _validity_read),
    Check(Reason.LOCKDOWN, "a threat is in force at the portal, and allows none of the person's levels",
          is_in_lockdown, lockdown_reading, threat_of),
    Check(Reason.PORTAL_LOCKED, "the portal is locked, and there is no fire",
          _is_locked, _mode_read),
    Check(Reason.NO_ACCESS_LEVEL, "none of the person's levels covers the portal, or the portal is unknown",
          _has_no_level, _levels_read),
    Check(Reason.OUTSIDE_SCHEDULE, "no covering level has a schedule that is open now",
          _is_outside, _schedules_read),
    Check(Reason.WRONG_PIN, "the PIN is not this person's",
          lambda request, _, __: request.pin is False),
    Check(Reason.SECOND_FACTOR_REQUIRED, "the portal asks for more than was shown, or the face is a look-alike's",
          _wants_more, _factors_read),
)
# fmt: on
