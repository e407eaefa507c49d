"""Use cases of operators: add and remove them, set their passwords, create and revoke their tokens."""

import os
import pwd
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from devicemgr.domain.model import Role
from devicemgr.errors import InvalidInput, RequestError
from devicemgr.security import approvals
from devicemgr.security.passwords import TOKEN_START, digest, new_secret
from devicemgr.security.rate_limit import UNKNOWN, network_of
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.site import operators
from devicemgr.store.tables import OperatorRow
from devicemgr.text import rfc3339, safe


def require_second_admin(site: Site, actor: str, name: str, os_user: str | None) -> None:
    """Require another admin's approval of a new admin, once there were two; AlreadyExists if name or user is taken."""
    with site.database.read() as session:
        operators.require_free(session, name, os_user)
        if not approvals.had_two_admins(session):
            return
    subject = f"{name}, user {os_user} of the box" if os_user else name
    approvals.require(site, actor, "new admin", subject)


def checked_os_user(name: str, owner_uid: int) -> str:
    """Return the user of the box with that name; InvalidInput if there is none, or if they own the box."""
    try:
        found = pwd.getpwnam(name)
    except (KeyError, ValueError, OSError):
        raise InvalidInput(f"this box has no user '{safe(name, 60)}'; make one first, for example by adduser") from None
    if found.pw_uid in (0, owner_uid, os.getuid()):
        raise InvalidInput(f"user '{safe(name, 60)}' owns the box and may do everything already")
    return found.pw_name


def add_operator(
    work: UnitOfWork, name: str, roles: Sequence[Role], os_user: str | None, password_hash: str | None
) -> OperatorRow:
    """Add an operator; for an admin call `require_second_admin` first."""
    at = rfc3339(work.site.clock.earliest())
    row = operators.add(work.session, name, roles, os_user, password_hash, by=work.actor, at=at)
    approvals.note_admins(work.session)
    work.record("admin.operator_added", {"operator": operators.as_json(row)}, after=_rights_of(row))
    return row


def remove_operator(work: UnitOfWork, name: str) -> None:
    """Remove an operator; sessions and tokens end with them."""
    row = operators.get(work.session, name)
    approvals.require_other_admin(work.session, work.actor, name)
    approvals.note_admins(work.session)
    work.record("admin.operator_removed", {"operator": operators.as_json(row)}, before=_rights_of(row))
    work.session.delete(row)


def set_roles(work: UnitOfWork, name: str, roles: Sequence[Role]) -> OperatorRow:
    """Give an operator these roles in place of the present ones; tokens keep no role that their operator loses.

    No one becomes an admin so: who may approve goes by when and by whom an admin was added.
    """
    row = operators.get(work.session, name)
    before, wanted = operators.roles_of(row), frozenset(roles)
    if Role.ADMIN in wanted - before:
        raise RequestError(
            f"{name} is no admin, and becomes none by a change of roles; add an operator with the role admin",
            code="admin_is_added",
            facts={"operator": name},
        )
    if Role.ADMIN in before - wanted:
        approvals.require_other_admin(work.session, work.actor, name)
    if wanted != before:
        rights = _rights_of(row)
        approvals.note_admins(work.session)
        row.roles = sorted(wanted)
        work.record("admin.operator_edited", {"operator": name}, before=rights, after=_rights_of(row))
    return row


def set_password(work: UnitOfWork, name: str, password_hash: str) -> OperatorRow:
    """Set or replace an operator's password; sessions of the old one end."""
    row = operators.get(work.session, name)
    row.password = password_hash
    if work.actor != f"operator:{name}":  # a token of theirs may be in other hands
        row.password_reset, row.password_reset_by = rfc3339(work.site.clock.earliest()), work.actor
    work.record("admin.operator_password_set", {"operator": name})
    return row


def create_token(
    work: UnitOfWork, name: str, roles: Iterable[Role], days: int, *, kiosk: bool = False, address: str | None = None
) -> tuple[dict[str, Any], str]:
    """Create an API token of an operator; return its description and the secret, which is not kept.

    A kiosk's signs a display in, from `address` alone, or from where it is used first.
    """
    secret, wanted = new_secret(TOKEN_START), list(roles)
    if kiosk and set(wanted) != {Role.GUARD}:
        raise InvalidInput("a kiosk token has the role guard and no other: it only shows what guards see")
    if address is not None and not kiosk:
        raise InvalidInput("only a kiosk token is bound to an address; leave the address out")
    place = _network(address) if address is not None else None
    # While the clock may be forged, the end counts from the time that was reached without it.
    expires = rfc3339(work.site.clock.earliest() + timedelta(days=days))
    row = operators.get(work.session, name)
    beyond = sorted(set(wanted) - operators.roles_of(row))
    if beyond:
        raise InvalidInput(f"{name} is no {beyond[0]}, so no token of theirs can be")
    made = operators.add_token(
        work.session, row, digest(secret), wanted, expires, work.actor, kiosk=kiosk, address=place
    )
    token = operators.token_json(made)
    after = {"roles": token["roles"], "expires": token["expires"]}
    work.record("admin.token_made", {"operator": name, "token": token}, after=after)
    return token, secret


def _network(address: str) -> str:
    found = network_of(address)
    if found == UNKNOWN:
        raise InvalidInput(f"'{safe(address, 60)}' is not an address; give the display's, such as 192.0.2.7")
    return found


def revoke_token(work: UnitOfWork, name: str, token: str) -> None:
    """Revoke a token; NotFound if the operator has none of that id."""
    row = operators.get(work.session, name)
    before = next(({"roles": list(t.roles), "expires": t.expires} for t in row.tokens if t.id == token), None)
    operators.remove_token(work.session, row, token)
    work.record("admin.token_removed", {"operator": name, "token": token}, before=before)


def _rights_of(row: OperatorRow) -> dict[str, Any]:
    return {"roles": list(row.roles)}
