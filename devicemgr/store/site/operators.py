"""Operators and their tokens."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from devicemgr.domain.model import Role
from devicemgr.errors import AlreadyExists, Hint, NotFound
from devicemgr.store.people.people import now_text
from devicemgr.store.tables import ApprovalRow, OperatorRow, TokenRow
from devicemgr.text import safe

_KNOWN = {str(role) for role in Role}


def all_rows(session: Session) -> Sequence[OperatorRow]:
    """Everybody, by name."""
    return session.scalars(select(OperatorRow).order_by(OperatorRow.name)).all()


def find(session: Session, name: str) -> OperatorRow | None:
    """Return the operator of that name, if there is one."""
    return session.scalar(select(OperatorRow).where(OperatorRow.name == name))


def get(session: Session, name: str) -> OperatorRow:
    """Return the operator of that name, or NotFound."""
    row = find(session, name)
    if row is None:
        raise NotFound(f"no operator '{safe(name, 60)}'", hint=Hint("list_operators"))
    return row


def of_os_user(session: Session, user: str) -> OperatorRow | None:
    """Who works as that user of the system."""
    return session.scalar(select(OperatorRow).where(OperatorRow.os_user == user))


def require_free(session: Session, name: str, os_user: str | None) -> None:
    """Raise AlreadyExists when the name or the user of the box is another operator's."""
    if find(session, name) is not None:
        raise AlreadyExists(f"operator '{name}' exists; choose another name", hint=Hint("remove_operator", name=name))
    taken = of_os_user(session, os_user) if os_user else None
    if taken is not None:
        raise AlreadyExists(f"user '{safe(str(os_user), 60)}' works as operator '{taken.name}' already")


def add(
    session: Session,
    name: str,
    roles: Iterable[Role],
    os_user: str | None,
    password: str | None,
    *,
    by: str | None = None,
    at: str | None = None,
) -> OperatorRow:
    """Add an operator, with the password's stored form; AlreadyExists when name or user is taken.

    `by` is the actor who adds them, `at` the time as the rights' clock has it.
    """
    require_free(session, name, os_user)
    row = OperatorRow(
        id=str(uuid.uuid4()),
        name=name,
        roles=sorted(set(roles)),
        os_user=os_user,
        password=password,
        created=at or now_text(),
        created_by=by,
    )
    session.add(row)
    session.flush()
    return row


def add_token(
    session: Session,
    row: OperatorRow,
    digest: str,
    roles: Iterable[Role],
    expires: str,
    by: str | None = None,
    *,
    kiosk: bool = False,
    address: str | None = None,
) -> TokenRow:
    """Return a token of theirs, by its digest, made by the actor `by`; a kiosk's may be bound to an address."""
    token = TokenRow(
        id=str(uuid.uuid4())[:8],
        operator_id=row.id,
        digest=digest,
        roles=sorted(set(roles)),
        created=now_text(),
        expires=expires,
        made_by=by,
        kiosk=kiosk,
        address=address,
    )
    row.tokens.append(token)
    session.flush()
    return token


def bind_token(session: Session, token_id: str, address: str) -> None:
    """Bind a kiosk's token to an address, unless it is bound already."""
    unbound = update(TokenRow).where(TokenRow.id == token_id, TokenRow.address.is_(None))
    session.execute(unbound.values(address=address))


def remove_token(session: Session, row: OperatorRow, token_id: str) -> None:
    """Take a token back, or NotFound; its pending requests for approval end."""
    found = next((token for token in row.tokens if token.id == token_id), None)
    if found is None:
        raise NotFound(f"{row.name} has no token '{safe(token_id, 60)}'", hint=Hint("list_operators"))
    row.tokens.remove(found)
    # Who may approve goes by who made their tokens, which would be forgotten with the token.
    pending = update(ApprovalRow).where(ApprovalRow.asked_by == f"token:{row.name}", ApprovalRow.used.is_(None))
    session.execute(pending.values(used=now_text()))
    session.flush()


def token_of(session: Session, digest: str) -> tuple[TokenRow, OperatorRow] | None:
    """Return a token by its digest, and whose it is."""
    found = session.execute(select(TokenRow, OperatorRow).join(OperatorRow).where(TokenRow.digest == digest)).first()
    return (found[0], found[1]) if found else None


def roles_of(row: OperatorRow | TokenRow) -> frozenset[Role]:
    """Its roles; what is no role of this version counts for nothing."""
    return frozenset(Role(name) for name in row.roles if name in _KNOWN)


def as_json(row: OperatorRow) -> dict[str, Any]:
    """Without secrets."""
    return {
        "name": row.name,
        "roles": list(row.roles),
        "os_user": row.os_user,
        "password": row.password is not None,
        "created": row.created,
        "tokens": [token_json(token) for token in row.tokens],
    }


def token_json(token: TokenRow) -> dict[str, Any]:
    """Return the token's row for the API, without the token itself, which is not stored."""
    shown = {"id": token.id, "roles": list(token.roles), "created": token.created, "expires": token.expires}
    return shown | {"kiosk": token.kiosk, "address": token.address}
