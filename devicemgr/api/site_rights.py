"""Check who may make the changes of a site's file: the role of each change alone, and two admins for some."""

from collections.abc import Iterable, Mapping
from typing import Any

from devicemgr.api.authorization import require_site_change, require_source
from devicemgr.api.context import Caller
from devicemgr.security import approvals
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
