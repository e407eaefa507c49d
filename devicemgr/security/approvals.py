"""Two-person rule: an admin requests an action by trying it, another approves, and the first repeats it in 15 minutes.

The box's owner (root and the daemon's user) counts as one person, and so does an operator with all their tokens.
An operator who makes an admin, sets their password or makes a token of theirs can act as them: so a new admin, or one
whose password was set by another, may not approve for a day, and no admin approves a request of an identity they made.
"""

from datetime import timedelta
from typing import NoReturn

from devicemgr.domain.model import Role
from devicemgr.errors import ApprovalNeeded, Hint, NotAllowed, RequestError
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import audit_fact
from devicemgr.store.database import Session, clock_of, get_meta, set_meta
from devicemgr.store.people.people import now_text
from devicemgr.store.site import approvals, operators
from devicemgr.store.tables import ApprovalRow, OperatorRow
from devicemgr.text import rfc3339

MINUTES = 15
SETTLING = timedelta(hours=24)
_HAD_TWO_ADMINS = "had_two_admins"


def require(site: Site, actor: str, action: str, subject: str) -> None:
    """Use another admin's approval of this action and subject; without one, request it and raise ApprovalNeeded."""
    with site.database.write(changes_site=False) as session:
        if use_up(site, session, actor, action, subject):
            return
    ask(site, actor, action, subject)


def use_up(site: Site, session: Session, actor: str, action: str, subject: str) -> bool:
    """Use up another admin's approval in a transaction under way; False if there is none."""
    row = _found(session, actor, action, subject)
    if row is None or row.approved_by is None:
        return False
    row.used = now_text()
    _record(site, session, "admin.approval_used", actor, row)
    return True


def ask(site: Site, actor: str, action: str, subject: str) -> NoReturn:
    """Request another admin's approval, unless that was done already, and raise ApprovalNeeded."""
    with site.database.write(changes_site=False) as session:
        row = _found(session, actor, action, subject)
        if row is None:
            row = approvals.add(session, action, subject, actor, _span(session)[1])
            _record(site, session, "admin.approval_asked", actor, row)
        hint = _next_step(session, actor, row.id)
    raise ApprovalNeeded(f"two admins must agree on this within {MINUTES} minutes", hint=hint)


def approve(site: Site, actor: str, approval: str) -> ApprovalRow:
    """Approve a request; NotAllowed for the person who made it, for a new admin and for a token."""
    with site.database.write(changes_site=False) as session:
        row = approvals.get(session, approval, *_span(session))
        if actor.startswith("token:"):
            raise NotAllowed("a token can't approve: a second person must, signed in or on the box")
        if is_own(row, actor):
            raise NotAllowed(f"{row.asked_by} requested this; another admin must approve it", code="own_request")
        _require_settled(site, session, actor)
        _require_not_made_by(site, session, row.asked_by, actor)
        row.approved_by = actor
        _record(site, session, "admin.approval_given", actor, row)
        session.flush()
        return row


def refuse(site: Site, actor: str, approval: str) -> ApprovalRow:
    """Refuse a request, or take one's own back; NotAllowed for a token."""
    with site.database.write(changes_site=False) as session:
        row = approvals.get(session, approval, *_span(session))
        if actor.startswith("token:"):
            raise NotAllowed("a token can't refuse: a person must, signed in or on the box")
        row.used = now_text()
        _record(site, session, "admin.approval_refused", actor, row)
        session.flush()
        return row


def is_own(row: ApprovalRow, actor: str) -> bool:
    """Return True if the actor's person made the request, which then another admin must approve."""
    return _person(row.asked_by) == _person(actor)


def waiting(session: Session) -> list[ApprovalRow]:
    """Return all open requests, newest first."""
    return list(_open(session))


def admins(session: Session) -> list[OperatorRow]:
    """Return the operators with the role admin."""
    return [row for row in operators.all_rows(session) if Role.ADMIN in operators.roles_of(row)]


def require_other_admin(session: Session, actor: str | None, name: str) -> None:
    """Raise RequestError where `name` is the last operator with the role admin, unless the owner of the host acts."""
    if _operator(actor or "") and [row.name for row in admins(session)] == [name]:
        raise RequestError(
            f"{name} is the last admin, and without one no one can add another over the network; add an admin first",
            code="last_admin",
            facts={"operator": name},
        )


def had_two_admins(session: Session) -> bool:
    """Return whether making another admin takes two: there are two, or were and one is left who can agree."""
    found = len(admins(session))
    return found >= 2 or (found == 1 and get_meta(session, _HAD_TWO_ADMINS) is not None)


def note_admins(session: Session) -> None:
    """Remember that there were two admins, so that removing one does not let the other make one alone."""
    if len(admins(session)) >= 2:
        set_meta(session, _HAD_TWO_ADMINS, "yes")


def _require_settled(site: Site, session: Session, actor: str) -> None:
    """Raise NotAllowed for an operator who was added, or whose password was set by another, within a day."""
    row = operators.find(session, _operator(actor))
    since = _since(site)
    if row is not None and row.created > since:
        raise NotAllowed(f"{row.name} was added less than 24 hours ago and may not approve yet; another admin must")
    if row is not None and row.password_reset is not None and row.password_reset > since:
        raise NotAllowed(
            f"the password of {row.name} was set by another person less than 24 hours ago, so {row.name} may not "
            "approve yet; another admin must"
        )


def _require_not_made_by(site: Site, session: Session, requester: str, actor: str) -> None:
    """Raise NotAllowed for an operator who can act as the requester; the owner of the host can act as everyone."""
    if not _operator(requester) or not _operator(actor):
        return
    row = operators.find(session, _operator(requester))
    if row is None:
        raise NotAllowed(f"{requester} requested this and is no operator any more; another admin must request it again")
    since, makers = _since(site), set()
    if row.created > since:
        makers.add(row.created_by)
    if row.password_reset is not None and row.password_reset > since:
        makers.add(row.password_reset_by)
    if requester.startswith("token:"):
        makers |= {token.made_by for token in row.tokens}
    if _person(actor) in {_person(maker) for maker in makers if maker is not None}:
        raise NotAllowed(
            f"{requester} requested this, and {_operator(actor)} made that operator, their password or their token; "
            "another admin must approve it"
        )


def _since(site: Site) -> str:
    # By the time that no jump ahead changes: a forged day settles no operator.
    return rfc3339(site.clock.earliest() - SETTLING)


def _operator(actor: str) -> str:
    """Return the operator's name of an actor; empty for the owner of the host."""
    kind, _, name = actor.partition(":")
    return "" if kind == "uid" else name


def _open(session: Session) -> list[ApprovalRow]:
    return list(approvals.since(session, *_span(session)))


def _span(session: Session) -> tuple[str, str]:
    """Return from when to when an open request was made, by the time that no jump of the clock changes."""
    now = clock_of(session).earliest()
    return rfc3339(now - timedelta(minutes=MINUTES)), rfc3339(now)


def _found(session: Session, actor: str, action: str, subject: str) -> ApprovalRow | None:
    return next((row for row in _open(session) if _is_for(row, actor, action, subject)), None)


def _is_for(row: ApprovalRow, actor: str, action: str, subject: str) -> bool:
    return (_person(row.asked_by), row.action, row.subject) == (_person(actor), action, subject)


def _person(actor: str) -> str:
    kind, _, name = actor.partition(":")
    return "owner of the host" if kind == "uid" else f"operator {name}"


def _next_step(session: Session, actor: str, approval: str) -> Hint:
    others = [row.name for row in admins(session) if f"operator {row.name}" != _person(actor)]
    if not others and _person(actor) == "owner of the host":
        return Hint("add_admin_and_approve", approval=approval)
    return Hint("approve", approval=approval)


def _record(site: Site, session: Session, kind: str, actor: str, row: ApprovalRow) -> None:
    detail = {"request": row.id, "action": row.action, "asked_by": row.asked_by}
    site.ledger.append(session, [audit_fact(kind, actor, detail)])
