"""Who may call what: the one table, and the one place where it is enforced.

The table is `rights.table.TABLE`; what is made of several parts needs the roles of each of them.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.routing import compile_path

from devicemgr.api.context import Caller, caller_of
from devicemgr.api.rights.table import ADMIN, GUARD, TABLE, TECHNICIAN
from devicemgr.domain.model import Role
from devicemgr.errors import NotAllowed, NotSignedIn
from devicemgr.security.sessions import Identity

PREFIX = "/api/v1"

OPEN = {("GET", "/healthz"), ("POST", f"{PREFIX}/session"), ("POST", f"{PREFIX}/session/kiosk")}
"""Answered to callers who are not known; whole paths."""

_KIOSK_CALLS = {("POST", "/session"), ("POST", "/session/kiosk"), ("DELETE", "/session")}
"""What a kiosk may call although it changes something: the sessions of its own browser."""


# A department's levels are levels of its people: who sets either may grant and revoke levels.
_GRANTS = TABLE["PUT", "/people/{badge}/levels/{level}"] & TABLE["DELETE", "/people/{badge}/levels/{level}"]

SITE_CHANGES: Mapping[tuple[str, str], frozenset[Role]] = {
    ("site", "edit"): ADMIN,
    ("model", "edit"): ADMIN,
    ("profiles", "add"): TECHNICIAN,
    ("profiles", "edit"): TECHNICIAN,
    ("profiles", "remove"): TECHNICIAN,
    ("devices", "add"): TABLE["POST", "/devices"],
    ("devices", "edit"): TABLE["PATCH", "/devices/{name}"],
    ("devices", "remove"): TABLE["DELETE", "/devices/{name}"],
    ("portals", "add"): TABLE["POST", "/portals"],
    ("portals", "edit"): TABLE["PATCH", "/portals/{name}"],
    ("portals", "remove"): TABLE["DELETE", "/portals/{name}"],
    ("zones", "add"): TABLE["POST", "/zones"],
    ("zones", "edit"): TABLE["PATCH", "/zones/{name}"],
    ("zones", "remove"): TABLE["DELETE", "/zones/{name}"],
    ("interlocks", "add"): TABLE["POST", "/interlocks"],
    ("interlocks", "edit"): TABLE["PUT", "/interlocks/{name}"],
    ("interlocks", "remove"): TABLE["DELETE", "/interlocks/{name}"],
    ("threats", "add"): TABLE["POST", "/threats"],
    ("threats", "edit"): TABLE["PATCH", "/threats/{name}"],
    ("threats", "remove"): TABLE["DELETE", "/threats/{name}"],
    ("plans", "add"): TABLE["PUT", "/plans/{name}"],
    ("plans", "edit"): TABLE["PUT", "/plans/{name}"] & TABLE["PUT", "/plans/{name}/placements"],
    ("plans", "remove"): TABLE["DELETE", "/plans/{name}"],
    ("outlets", "add"): TABLE["POST", "/outlets"],
    ("outlets", "edit"): TABLE["PATCH", "/outlets/{name}"],
    ("outlets", "remove"): TABLE["DELETE", "/outlets/{name}"],
    ("calendars", "add"): TABLE["POST", "/calendars"],
    ("calendars", "edit"): TABLE["POST", "/calendars"],
    ("calendars", "remove"): TABLE["DELETE", "/calendars/{name}"],
    ("schedules", "add"): TABLE["POST", "/schedules"],
    ("schedules", "edit"): TABLE["POST", "/schedules"],
    ("schedules", "remove"): TABLE["DELETE", "/schedules/{name}"],
    ("levels", "add"): TABLE["POST", "/levels"],
    ("levels", "edit"): TABLE["POST", "/levels"],
    ("levels", "remove"): TABLE["DELETE", "/levels/{name}"],
    ("departments", "add"): TABLE["PUT", "/departments/{name}"] & _GRANTS,
    ("departments", "edit"): TABLE["PUT", "/departments/{name}"] & _GRANTS,
    ("departments", "remove"): TABLE["DELETE", "/departments/{name}"] & _GRANTS,
    ("sources", "add"): TABLE["POST", "/sources"],
    ("sources", "edit"): TABLE["PATCH", "/sources/{name}"],
    ("sources", "remove"): TABLE["DELETE", "/sources/{name}"],
}
"""Who may make which change of a site's file: those who may call the route for that change alone."""

PEOPLE_CHANGES: Mapping[str, frozenset[Role]] = {
    "add": TABLE["POST", "/people"],
    "edit": TABLE["PATCH", "/people/{badge}"],
    "suspend": TABLE["POST", "/people/{badge}/suspend"],
    "resume": TABLE["POST", "/people/{badge}/resume"],
    "remove": TABLE["DELETE", "/people/{badge}"],
    "levels": _GRANTS,
    "department": TABLE["PATCH", "/people/{badge}"] & _GRANTS,
    "cards": TABLE["POST", "/people/{badge}/cards"] & TABLE["DELETE", "/people/{badge}/cards/{number}"],
    "face": TABLE["POST", "/people/{badge}/face"],
}
"""Who may make which change by a table of people: those who may call the route for that change alone."""

_PATTERNS = [(key, compile_path(key[1])[0]) for key in TABLE]


def route_of(method: str, path: str) -> str:
    """Return a call as the table names it, so that nothing of what a caller put into the path is repeated."""
    inside = path.removeprefix(PREFIX)
    named = [key[1] for key, pattern in _PATTERNS if key[0] == method and pattern.match(inside)]
    return f"{method} {named[0]}" if named else "another route"


def refuse_early(caller: Caller, method: str, path: str) -> None:
    """NotAllowed for a whole path that `authorize` would refuse, before anything of the body is read."""
    inside = path.removeprefix(PREFIX)
    named = [key for key, pattern in _PATTERNS if key[0] == method and pattern.match(inside)]
    if named and not any(_may_call(caller, key) for key in named):
        raise _refusal_of_call(caller, "do this", named[0])


def authorize(request: Request) -> None:
    """Before each handler: NotAllowed unless the caller has a role that the table gives its route."""
    caller = caller_of(request)
    key = (request.method, request.scope["route"].path_format.removeprefix(PREFIX))
    if caller is None:
        if (request.method, request.scope["path"]) not in OPEN:
            raise NotSignedIn("the caller is unknown; sign in first")
    elif not _may_call(caller, key):
        raise _refusal_of_call(caller, "do this", key)


def require_site_change(caller: Caller, kind: str, change: str, name: str) -> None:
    """Raise NotAllowed unless the caller may make this one change of a site's file."""
    allowed = SITE_CHANGES.get((kind, change), frozenset())
    if not _may(caller, allowed):
        raise _refusal(caller, f"{change} {kind} {name}".rstrip() + " in the site's file", allowed)


def require_route(caller: Caller, method: str, path: str, what: str) -> None:
    """Raise NotAllowed unless the caller may also call another route, for a part of its work that this call does."""
    if not may(caller, method, path):
        raise _refusal_of_call(caller, what, (method, path))


def may(caller: Caller, method: str, path: str) -> bool:
    """Return True if the caller's roles allow an operation, such as `GET`, `/people`."""
    return _may_call(caller, (method, path))


def may_by_token(found: Identity, method: str, path: str) -> bool:
    """Return True if the roles of a token allow an operation; for what arrives otherwise than by a request."""
    return may(Caller(found.actor, found.roles, is_kiosk=found.is_kiosk), method, path)


def features(caller: Caller) -> list[str]:
    """Return the operations that the caller's roles allow, such as `GET /people`; menus show these alone."""
    return [f"{method} {path}" for method, path in TABLE if _may_call(caller, (method, path))]


def sees_names(caller: Caller) -> bool:
    """Return True for those who see names beside badges: guards and admins; auditors and technicians do not."""
    return _may(caller, GUARD)


def sees_duress(caller: Caller) -> bool:
    """Return True for those who may know of duress signals: the owner of the host, and operators with that role."""
    return caller.is_owner or Role.DURESS in caller.roles


def require_people_change(caller: Caller, change: str, badge: str) -> None:
    """Raise NotAllowed unless the caller may make this change of a person, of PEOPLE_CHANGES, by a table."""
    allowed = PEOPLE_CHANGES.get(change, frozenset())
    if not _may(caller, allowed):
        raise _refusal(caller, f"change people by this table ({change} of badge {badge})", allowed)


def require_source(caller: Caller, name: str, stated: Mapping[str, Any]) -> None:
    """Raise NotAllowed unless the caller may make each change by hand that a source would make by itself."""
    parts = ["add", "edit", "suspend", "resume", "cards"]
    parts += ["levels"] if stated.get("map") else []
    parts += ["remove"] if stated.get("missing") == "remove" or stated.get("erase_after_days") else []
    for part in parts:
        allowed = PEOPLE_CHANGES.get(part, frozenset())
        if not _may(caller, allowed):
            raise _refusal(caller, f"let source {name} change people ({part})", allowed)


def _allowed(key: tuple[str, str]) -> frozenset[Role]:
    return TABLE.get(key, frozenset())


def _may_call(caller: Caller, key: tuple[str, str]) -> bool:
    """Return True if the roles allow a call; a kiosk's are those of a guard at most, and it only shows."""
    if caller.is_kiosk and key[0] != "GET" and key not in _KIOSK_CALLS:
        return False
    return _may(caller, _allowed(key))


def _may(caller: Caller, allowed: frozenset[Role]) -> bool:
    return caller.is_owner or bool(caller.roles & allowed)


def _refusal_of_call(caller: Caller, what: str, key: tuple[str, str]) -> NotAllowed:
    if caller.is_kiosk:
        return NotAllowed(f"{caller.actor} is a kiosk, which only shows; sign in to {what}", code="kiosk_only_shows")
    return _refusal(caller, what, _allowed(key))


def _refusal(caller: Caller, what: str, allowed: frozenset[Role]) -> NotAllowed:
    who = " or ".join(role for role in Role if role in allowed) or "the owner of the host"
    facts = {"roles": sorted(str(role) for role in allowed)}
    return NotAllowed(f"{caller.actor} may not {what}; it is for: {who}", facts=facts)
