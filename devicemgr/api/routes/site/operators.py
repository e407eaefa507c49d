"""/operators: who may work with the daemon, and their tokens."""

import os
import pwd
from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from devicemgr.api.context import Caller, Context, Ctx, Who
from devicemgr.domain.model import Role
from devicemgr.errors import InvalidInput
from devicemgr.security import approvals
from devicemgr.security.passwords import TOKEN_START, digest, hash_password, new_secret
from devicemgr.store.site import operators
from devicemgr.text import rfc3339, safe, slug

router = APIRouter(prefix="/operators", tags=["operators"])


class NewOperator(BaseModel):
    """An operator to add; without user and password only tokens sign them in."""

    model_config = ConfigDict(extra="forbid")
    name: str
    roles: list[Role] = Field(min_length=1, max_length=8)
    os_user: str | None = Field(None, max_length=64)
    password: SecretStr | None = None


class NewPassword(BaseModel):
    """At least 12 characters."""

    model_config = ConfigDict(extra="forbid")
    password: SecretStr


class NewToken(BaseModel):
    """What a token may do, and for how many days."""

    model_config = ConfigDict(extra="forbid")
    roles: list[Role] = Field(min_length=1, max_length=8)
    days: int = Field(ge=1, le=3650)


@router.get("")
def list_operators(context: Ctx, _: Who) -> list[dict[str, Any]]:
    """Everybody, with the tokens' ids, without secrets."""
    with context.site.database.read() as session:
        return [operators.as_json(row) for row in operators.all_rows(session)]


@router.post("", status_code=201)
def add_operator(body: NewOperator, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add an operator; an admin, once there were two, with the approval of a second one."""
    name = slug("operator", body.name)
    user = _os_user(body.os_user, context.owner_uid) if body.os_user else None
    stored = hash_password(body.password.get_secret_value()) if body.password else None
    if Role.ADMIN in body.roles:
        _require_second_admin(context, caller, name, user)
    with context.site.database.write(changes_site=False) as session:
        at = rfc3339(context.site.clock.earliest())
        row = operators.add(session, name, body.roles, user, stored, by=caller.actor, at=at)
        approvals.note_admins(session)
        answer = operators.as_json(row)
        context.record(session, "admin.operator_added", caller, {"operator": answer})
    return answer


@router.delete("/{name}")
def remove_operator(name: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Remove an operator; sessions and tokens end with them."""
    with context.site.database.write(changes_site=False) as session:
        row = operators.get(session, name)
        approvals.note_admins(session)
        context.record(session, "admin.operator_removed", caller, {"operator": operators.as_json(row)})
        session.delete(row)
    return {"name": name, "removed": True}


@router.put("/{name}/password")
def set_operator_password(name: str, body: NewPassword, context: Ctx, caller: Who) -> dict[str, Any]:
    """Set or replace a password; sessions of the old one end."""
    stored = hash_password(body.password.get_secret_value())
    with context.site.database.write(changes_site=False) as session:
        row = operators.get(session, name)
        row.password = stored
        if caller.actor != f"operator:{name}":  # a token of theirs may be in other hands
            row.password_reset, row.password_reset_by = rfc3339(context.site.clock.earliest()), caller.actor
        context.record(session, "admin.operator_password_set", caller, {"operator": name})
        return operators.as_json(row)


@router.post("/{name}/tokens", status_code=201)
def make_token(name: str, body: NewToken, context: Ctx, caller: Who) -> dict[str, Any]:
    """Make an API token; `token` is told here and never again."""
    secret = new_secret(TOKEN_START)
    # While the clock may be forged, the end counts from the time that was reached without it.
    expires = rfc3339(context.site.clock.earliest() + timedelta(days=body.days))
    with context.site.database.write(changes_site=False) as session:
        row = operators.get(session, name)
        beyond = sorted(set(body.roles) - operators.roles_of(row))
        if beyond:
            raise InvalidInput(f"{name} is no {beyond[0]}, so no token of theirs can be")
        answer = operators.token_json(
            operators.add_token(session, row, digest(secret), body.roles, expires, caller.actor)
        )
        context.record(session, "admin.token_made", caller, {"operator": name, "token": answer})
    return answer | {"operator": name, "token": secret}


@router.delete("/{name}/tokens/{token}")
def remove_token(name: str, token: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Take a token back."""
    with context.site.database.write(changes_site=False) as session:
        operators.remove_token(session, operators.get(session, name), token)
        context.record(session, "admin.token_removed", caller, {"operator": name, "token": token})
    return {"operator": name, "id": token, "removed": True}


def _require_second_admin(context: Context, caller: Caller, name: str, user: str | None) -> None:
    with context.site.database.read() as session:
        operators.require_free(session, name, user)
        if not approvals.had_two_admins(session):
            return
    subject = f"{name}, user {user} of the box" if user else name
    approvals.require(context.site, caller.actor, "new admin", subject)


def _os_user(name: str, owner: int) -> str:
    try:
        found = pwd.getpwnam(name)
    except (KeyError, ValueError, OSError):
        raise InvalidInput(f"this box has no user '{safe(name, 60)}'; make one first, for example by adduser") from None
    if found.pw_uid in (0, owner, os.getuid()):
        raise InvalidInput(f"user '{safe(name, 60)}' owns the box and may do everything already")
    return found.pw_name
