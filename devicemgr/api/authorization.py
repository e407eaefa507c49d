"""Who may call what: the one table, and the one place where it is enforced.

Paths are as in the OpenAPI document, without /api/v1. A route that is not here is the box owner's alone
(root, and the daemon's own user), who may do everything.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.routing import compile_path

from devicemgr.api.context import Caller, caller_of
from devicemgr.domain.model import ALL_ROLES, Role
from devicemgr.errors import NotAllowed, NotSignedIn

PREFIX = "/api/v1"

OPEN = {("GET", "/healthz"), ("POST", f"{PREFIX}/session"), ("POST", f"{PREFIX}/session/kiosk")}
"""Answered to callers who are not known; whole paths."""

_KIOSK_CALLS = {("POST", "/session"), ("POST", "/session/kiosk"), ("DELETE", "/session")}
"""What a kiosk may call although it changes something: the sessions of its own browser."""

_ADMIN = frozenset({Role.ADMIN})
_GUARD = _ADMIN | {Role.GUARD}
_TECHNICIAN = _ADMIN | {Role.TECHNICIAN}
_AUDITOR = _ADMIN | {Role.AUDITOR}
_OF_JOB = [("GET", ""), ("DELETE", ""), ("GET", "/rows"), ("GET", "/failures"), ("POST", "/start"), ("POST", "/stop")]

TABLE: Mapping[tuple[str, str], frozenset[Role]] = {
    ("GET", "/healthz"): ALL_ROLES,
    ("GET", "/metrics"): ALL_ROLES,
    ("GET", "/openapi.json"): ALL_ROLES,
    ("GET", "/version"): ALL_ROLES,
    ("GET", "/status"): ALL_ROLES,
    ("GET", "/box"): ALL_ROLES,
    ("GET", "/doctor"): _TECHNICIAN,
    ("GET", "/support"): _TECHNICIAN,
    ("GET", "/session"): ALL_ROLES,
    ("POST", "/session"): ALL_ROLES,
    ("POST", "/session/kiosk"): ALL_ROLES,
    ("DELETE", "/session"): ALL_ROLES,
    ("GET", "/jobs"): ALL_ROLES,
    ("GET", "/jobs/{job}"): ALL_ROLES,
    ("DELETE", "/jobs/{job}"): ALL_ROLES,
    ("GET", "/clock"): _TECHNICIAN | _AUDITOR,
    ("POST", "/clock/accept"): _ADMIN,
    # Guards: what happens at the entrances, and their doors.
    ("GET", "/events"): _GUARD | _AUDITOR,
    ("GET", "/events/stream"): _GUARD | _AUDITOR,
    ("GET", "/portals"): ALL_ROLES,
    ("GET", "/portals/{name}"): ALL_ROLES,
    ("POST", "/portals/{name}/open"): _GUARD,
    ("GET", "/zones/{name}/people"): _GUARD | _AUDITOR,
    ("POST", "/zones/reset"): _GUARD,
    ("POST", "/zones/{name}/reset"): _GUARD,
    ("PUT", "/zones/{name}/count"): _GUARD,
    ("POST", "/people/{badge}/forgive"): _GUARD,
    ("GET", "/people/{badge}/photo"): _GUARD,
    ("GET", "/visitors"): _GUARD | _AUDITOR,
    ("POST", "/visitors"): _GUARD,
    ("GET", "/visitors/hosts"): _GUARD,
    ("GET", "/visitors/{badge}"): _GUARD | _AUDITOR,
    ("POST", "/visitors/{badge}/arrive"): _GUARD,
    ("POST", "/visitors/{badge}/leave"): _GUARD,
    ("POST", "/visitors/{badge}/cancel"): _GUARD,
    ("POST", "/threats/{name}/set"): _GUARD,
    ("POST", "/threats/{name}/end"): _GUARD,
    ("GET", "/alarms"): ALL_ROLES,
    ("GET", "/alarms/history"): _GUARD | _AUDITOR,
    ("POST", "/alarms/{alarm}/acknowledge"): _GUARD,
    ("GET", "/musters"): _GUARD | _AUDITOR,
    ("POST", "/musters"): _GUARD,
    ("GET", "/musters/armed"): _GUARD | _AUDITOR,
    ("PUT", "/musters/armed"): _GUARD,
    ("DELETE", "/musters/armed"): _GUARD,
    ("POST", "/musters/marks"): _GUARD,
    ("GET", "/musters/{muster}"): _GUARD | _AUDITOR,
    ("POST", "/musters/{muster}/end"): _GUARD,
    ("GET", "/reports/denials"): _GUARD | _AUDITOR,
    ("GET", "/reports/visitors"): _GUARD | _AUDITOR,
    ("GET", "/reports/musters"): _GUARD | _AUDITOR,
    ("GET", "/access/try"): _GUARD | _AUDITOR,
    ("GET", "/access/why/{event}"): _GUARD | _AUDITOR,
    ("PUT", "/portals/{name}/mode"): _GUARD,
    # Technicians: devices, portals and the site's file.
    ("GET", "/drivers"): _TECHNICIAN,
    ("GET", "/devices"): _TECHNICIAN | _AUDITOR,
    ("POST", "/devices"): _TECHNICIAN,
    ("GET", "/devices/{name}"): _TECHNICIAN | _AUDITOR,
    ("PUT", "/devices/{name}"): _TECHNICIAN,
    ("PATCH", "/devices/{name}"): _TECHNICIAN,
    ("DELETE", "/devices/{name}"): _TECHNICIAN,
    ("POST", "/devices/{name}/test"): _TECHNICIAN,
    ("GET", "/devices/{name}/info"): _TECHNICIAN | _AUDITOR,
    ("POST", "/devices/{name}/identify"): _TECHNICIAN,
    ("PUT", "/devices/{name}/firmware"): _TECHNICIAN,
    ("GET", "/devices/{name}/firmware"): _TECHNICIAN,
    ("POST", "/devices/{name}/record"): _TECHNICIAN,
    ("POST", "/devices/{name}/reboot"): _TECHNICIAN,
    ("POST", "/devices/{name}/snapshot"): _TECHNICIAN,
    ("GET", "/devices/{name}/trace"): _TECHNICIAN,
    ("POST", "/devices/{name}/pair"): _TECHNICIAN,
    ("POST", "/devices/{name}/readdress"): _TECHNICIAN,
    ("POST", "/devices/{name}/provision"): _TECHNICIAN,
    ("GET", "/provisioning"): _TECHNICIAN,
    ("GET", "/devices/{name}/plan"): _TECHNICIAN,
    ("POST", "/devices/{name}/sync"): _TECHNICIAN,
    ("GET", "/devices/{name}/sync"): _TECHNICIAN,
    ("GET", "/devices/{name}/holdings"): _TECHNICIAN,
    ("POST", "/discoveries"): _TECHNICIAN,
    ("POST", "/discoveries/jobs"): _TECHNICIAN,
    ("POST", "/devices/{name}/test/jobs"): _TECHNICIAN,
    ("POST", "/devices/{name}/provision/jobs"): _TECHNICIAN,
    ("POST", "/devices/{name}/sync/jobs"): _TECHNICIAN,
    ("POST", "/certificates"): _TECHNICIAN,
    ("GET", "/profiles"): _TECHNICIAN | _AUDITOR,
    ("POST", "/portals"): _TECHNICIAN,
    ("PUT", "/portals/{name}"): _TECHNICIAN,
    ("PATCH", "/portals/{name}"): _TECHNICIAN,
    ("DELETE", "/portals/{name}"): _TECHNICIAN,
    ("GET", "/zones"): ALL_ROLES,
    ("POST", "/zones"): _TECHNICIAN,
    ("GET", "/zones/{name}"): ALL_ROLES,
    ("PUT", "/zones/{name}"): _TECHNICIAN,
    ("PATCH", "/zones/{name}"): _TECHNICIAN,
    ("DELETE", "/zones/{name}"): _TECHNICIAN,
    ("GET", "/interlocks"): ALL_ROLES,
    ("POST", "/interlocks"): _TECHNICIAN,
    ("GET", "/interlocks/{name}"): ALL_ROLES,
    ("PUT", "/interlocks/{name}"): _TECHNICIAN,
    ("DELETE", "/interlocks/{name}"): _TECHNICIAN,
    ("GET", "/threats"): ALL_ROLES,
    ("POST", "/threats"): _TECHNICIAN,
    ("GET", "/threats/{name}"): ALL_ROLES,
    ("PUT", "/threats/{name}"): _TECHNICIAN,
    ("PATCH", "/threats/{name}"): _TECHNICIAN,
    ("DELETE", "/threats/{name}"): _TECHNICIAN,
    ("GET", "/plans"): ALL_ROLES,
    ("GET", "/plans/{name}"): ALL_ROLES,
    ("GET", "/plans/{name}/picture"): ALL_ROLES,
    ("PUT", "/plans/{name}"): _TECHNICIAN,
    ("PUT", "/plans/{name}/placements"): _TECHNICIAN,
    ("DELETE", "/plans/{name}"): _TECHNICIAN,
    ("GET", "/outlets"): _TECHNICIAN | _AUDITOR,
    ("POST", "/outlets"): _TECHNICIAN,
    ("GET", "/outlets/{name}"): _TECHNICIAN | _AUDITOR,
    ("PUT", "/outlets/{name}"): _TECHNICIAN,
    ("PATCH", "/outlets/{name}"): _TECHNICIAN,
    ("DELETE", "/outlets/{name}"): _TECHNICIAN,
    ("PUT", "/outlets/{name}/secret"): _ADMIN,
    ("POST", "/outlets/{name}/test"): _TECHNICIAN,
    ("POST", "/outlets/{name}/pause"): _TECHNICIAN,
    ("POST", "/outlets/{name}/resume"): _TECHNICIAN,
    ("POST", "/outlets/{name}/replay"): _TECHNICIAN,
    ("GET", "/site"): _TECHNICIAN | _AUDITOR,
    ("POST", "/site/apply"): _TECHNICIAN,
    # Admins: people, faces, rights.
    ("GET", "/people"): _ADMIN,
    ("POST", "/people"): _ADMIN,
    ("GET", "/people/changes"): _ADMIN,
    ("POST", "/people/suspensions"): _ADMIN,
    ("POST", "/people/import"): _ADMIN,
    ("GET", "/imports"): _ADMIN,
    ("POST", "/imports"): _ADMIN,
    **{(method, f"/imports/{{job}}{part}"): _ADMIN for method, part in _OF_JOB},
    ("GET", "/people/{badge}"): _ADMIN,
    ("PUT", "/people/{badge}"): _ADMIN,
    ("PATCH", "/people/{badge}"): _ADMIN,
    ("DELETE", "/people/{badge}"): _ADMIN,
    ("POST", "/people/{badge}/suspend"): _ADMIN,
    ("POST", "/people/{badge}/resume"): _ADMIN,
    ("GET", "/people/{badge}/export"): _ADMIN,
    ("PUT", "/people/{badge}/levels/{level}"): _ADMIN,
    ("DELETE", "/people/{badge}/levels/{level}"): _ADMIN,
    ("GET", "/cards"): _ADMIN,
    ("GET", "/cards/{number}"): _ADMIN,
    ("PUT", "/cards/{number}/block"): _ADMIN,
    ("DELETE", "/cards/{number}/block"): _ADMIN,
    ("POST", "/cards/{number}/return"): _ADMIN,
    ("POST", "/cards/{number}/replacement"): _ADMIN,
    ("POST", "/people/{badge}/cards"): _ADMIN,
    ("POST", "/people/{badge}/cards/next"): _ADMIN,
    ("DELETE", "/people/{badge}/cards/{number}"): _ADMIN,
    ("PUT", "/people/{badge}/pin"): _ADMIN,
    ("DELETE", "/people/{badge}/pin"): _ADMIN,
    ("POST", "/people/{badge}/face"): _ADMIN,
    ("POST", "/people/{badge}/face/camera"): _ADMIN,
    ("DELETE", "/people/{badge}/face"): _ADMIN,
    ("POST", "/people/{badge}/consent"): _ADMIN,
    ("POST", "/faces/check"): _ADMIN,
    ("POST", "/faces/identify"): _ADMIN,
    ("POST", "/gallery/calibration"): _ADMIN,
    ("GET", "/gallery/migration"): _ADMIN,
    ("POST", "/gallery/migration"): _ADMIN,
    ("POST", "/gallery/migration/back"): _ADMIN,
    ("POST", "/gallery/migration/work"): _ADMIN,
    ("POST", "/gallery/migration/forget"): _ADMIN,
    ("GET", "/levels"): _TECHNICIAN | _AUDITOR,
    ("POST", "/levels"): _ADMIN,
    ("GET", "/levels/{name}"): _TECHNICIAN | _AUDITOR,
    ("PUT", "/levels/{name}"): _ADMIN,
    ("PATCH", "/levels/{name}"): _ADMIN,
    ("DELETE", "/levels/{name}"): _ADMIN,
    ("POST", "/levels/{name}/holders"): _ADMIN,
    ("GET", "/departments"): _TECHNICIAN | _AUDITOR,
    ("GET", "/departments/{name}"): _TECHNICIAN | _AUDITOR,
    ("PUT", "/departments/{name}"): _ADMIN,
    ("PATCH", "/departments/{name}"): _ADMIN,
    ("DELETE", "/departments/{name}"): _ADMIN,
    ("GET", "/calendars"): _TECHNICIAN | _AUDITOR,
    ("POST", "/calendars"): _ADMIN,
    ("GET", "/calendars/{name}"): _TECHNICIAN | _AUDITOR,
    ("PUT", "/calendars/{name}"): _ADMIN,
    ("PATCH", "/calendars/{name}"): _ADMIN,
    ("DELETE", "/calendars/{name}"): _ADMIN,
    ("POST", "/calendars/{name}/refresh"): _ADMIN,
    ("POST", "/schedules/plan"): _ADMIN,
    ("GET", "/sources"): _TECHNICIAN | _AUDITOR,
    ("POST", "/sources"): _ADMIN,
    ("GET", "/sources/{name}"): _TECHNICIAN | _AUDITOR,
    ("PUT", "/sources/{name}"): _ADMIN,
    ("PATCH", "/sources/{name}"): _ADMIN,
    ("DELETE", "/sources/{name}"): _ADMIN,
    ("POST", "/sources/{name}/plan"): _ADMIN,
    ("POST", "/sources/{name}/sync"): _ADMIN,
    ("GET", "/schedules"): _TECHNICIAN | _AUDITOR,
    ("POST", "/schedules"): _ADMIN,
    ("GET", "/schedules/{name}"): _TECHNICIAN | _AUDITOR,
    ("PUT", "/schedules/{name}"): _ADMIN,
    ("PATCH", "/schedules/{name}"): _ADMIN,
    ("DELETE", "/schedules/{name}"): _ADMIN,
    ("GET", "/approvals"): _ADMIN,
    ("POST", "/approvals/{approval}"): _ADMIN,
    ("DELETE", "/approvals/{approval}"): _ADMIN,
    ("GET", "/sessions"): _ADMIN,
    ("DELETE", "/sessions/{session}"): _ADMIN,
    ("GET", "/operators"): _AUDITOR,
    ("POST", "/operators"): _ADMIN,
    ("DELETE", "/operators/{name}"): _ADMIN,
    ("PUT", "/operators/{name}/password"): _ADMIN,
    ("PUT", "/operators/{name}/roles"): _ADMIN,
    ("POST", "/operators/{name}/tokens"): _ADMIN,
    ("DELETE", "/operators/{name}/tokens/{token}"): _ADMIN,
    ("POST", "/keys/rotate"): _ADMIN,
    # Auditors: the record, and what is evaluated of it.
    ("GET", "/reports/presence"): _AUDITOR,
    ("GET", "/reports/first-last"): _AUDITOR,
    ("GET", "/reports/hours"): _AUDITOR,
    ("GET", "/audit/verify"): _AUDITOR,
    ("GET", "/audit/seals"): _AUDITOR,
    ("POST", "/audit/export"): _AUDITOR,
    ("POST", "/audit/bundles"): _AUDITOR,
    ("GET", "/audit/bundles/{bundle}"): _AUDITOR,
}

# A department's levels are levels of its people: who sets either may grant and revoke levels.
_GRANTS = TABLE["PUT", "/people/{badge}/levels/{level}"] & TABLE["DELETE", "/people/{badge}/levels/{level}"]

SITE_CHANGES: Mapping[tuple[str, str], frozenset[Role]] = {
    ("site", "edit"): _ADMIN,
    ("model", "edit"): _ADMIN,
    ("profiles", "add"): _TECHNICIAN,
    ("profiles", "edit"): _TECHNICIAN,
    ("profiles", "remove"): _TECHNICIAN,
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


def features(caller: Caller) -> list[str]:
    """Return the operations that the caller's roles allow, such as `GET /people`; menus show these alone."""
    return [f"{method} {path}" for method, path in TABLE if _may_call(caller, (method, path))]


def sees_names(caller: Caller) -> bool:
    """Return True for those who see names beside badges: guards and admins; auditors and technicians do not."""
    return _may(caller, _GUARD)


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
