"""Check who may make the changes of a site's file: the role of each change alone, and two admins for some."""

from collections.abc import Iterable, Mapping
from typing import Any

from devicemgr.api.authorization import (
    may,
    require_route,
    require_site_change,
    require_source,
    sees_duress,
    sees_names,
)
from devicemgr.api.context import Caller
from devicemgr.domain.rules.outgoing.selection import Extra
from devicemgr.errors import NotAllowed
from devicemgr.security import approvals
from devicemgr.site.outlets import changes as outlet_changes
from devicemgr.site.outlets.fields import OutletFields
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.database import Session
from devicemgr.store.people import people

ACTION = "change of the site's settings"


def require_roles(caller: Caller, changes: Iterable[Mapping[str, Any]]) -> None:
    """Raise NotAllowed for the first change that the caller could not make by its own route."""
    for change in changes:
        require_site_change(caller, change["kind"], change["change"], change["name"])


def require_rights_of_sources(
    caller: Caller, changes: Iterable[Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]
) -> None:
    """Raise NotAllowed for a source that would change people as the caller may not by hand."""
    for change in changes:
        if change["kind"] == "sources" and change["change"] != "remove":
            require_source(caller, change["name"], wanted["sources"][change["name"]])


def may_send_events(caller: Caller, fields: OutletFields) -> bool:
    """Return True for those who may see what an outlet gives out: who sends events elsewhere can read them there.

    Scores of faces are for admins.
    """
    return (
        may(caller, "GET", "/events")
        and (Extra.NAME not in fields.fields or sees_names(caller))
        and (Extra.EVIDENCE not in fields.fields or may(caller, "POST", "/faces/check"))
        and (not fields.duress or sees_duress(caller))
        and all(may(caller, "GET", f"/reports/{one.report}") for one in fields.reports)
    )


def require_events(caller: Caller, name: str, fields: OutletFields) -> None:
    """Raise NotAllowed unless the caller may see what an outlet gives out."""
    if not may_send_events(caller, fields):
        require_route(caller, "GET", "/events", f"let outlet {name} give out events")
        raise NotAllowed(
            f"{caller.actor} may not let outlet {name} give out what only others may see: "
            "names, scores, duress or reports"
        )


def pause_unseen_outlets(
    work: UnitOfWork, caller: Caller, changes: Iterable[Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]
) -> None:
    """Pause what a file has added or changed of outlets that give out what the caller may not see."""
    for change in changes:
        if change["kind"] == "outlets" and change["change"] != "remove":
            fields = OutletFields(**wanted["outlets"][change["name"]])
            if not may_send_events(caller, fields):
                outlet_changes.pause(work, change["name"], is_paused=True)


def two_admin_changes(session: Session, caller: Caller, changes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the settings that two admins must agree on, with their old and new values.

    These are the ones that destroy records or keep faces: a shorter `retention_days`, and `keep_samples` switched on.
    The owner of the host alone may set them while the site is being set up: no person and no admin was added yet.
    """
    fields: Mapping[str, Any] = next((change["fields"] for change in changes if change["kind"] == "site"), {})
    found = [
        f"{name} {str(before).lower()} to {str(after).lower()}"
        for name, (before, after) in sorted(fields.items())
        if (name == "keep_samples" and after) or (name == "retention_days" and _is_shorter(before or 0, after))
    ]
    return [] if caller.is_owner and _is_being_set_up(session) else found


def _is_shorter(before: int, after: int) -> bool:
    """Return whether events are kept for less time; 0 keeps them for good."""
    return after != 0 and (before == 0 or after < before)


def _is_being_set_up(session: Session) -> bool:
    return people.counts(session)["people"] == 0 and not approvals.admins(session)
