"""/operators: who may work with the daemon, and their tokens."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field, SecretStr

from devicemgr.api.context import Ctx, Who
from devicemgr.api.conventions.models import Removed, RequestBody, ResponseBody, Time
from devicemgr.api.conventions.paging import Paged
from devicemgr.domain.model import Role
from devicemgr.security import service
from devicemgr.security.passwords import hash_password
from devicemgr.store.site import operators
from devicemgr.text import slug

router = APIRouter(prefix="/operators", tags=["operators"])


class OperatorCreate(RequestBody):
    """An operator to add; without user and password only tokens sign them in."""

    name: str = Field(examples=["berik"])
    roles: list[Role] = Field(min_length=1, max_length=8)
    os_user: str | None = Field(None, max_length=64)
    password: SecretStr | None = None


class PasswordSet(RequestBody):
    """At least 12 characters."""

    password: SecretStr


class RolesSet(RequestBody):
    """All roles of the operator from now on."""

    roles: list[Role] = Field(min_length=1, max_length=8)


class TokenCreate(RequestBody):
    """What a token may do, and for how many days; a kiosk's has the role guard alone, and only shows."""

    roles: list[Role] = Field(min_length=1, max_length=8)
    days: int = Field(ge=1, le=3650, examples=[90])
    kiosk: bool = Field(False, description="For a display: it signs a desk in, from one address, and only shows.")
    address: str | None = Field(
        None, max_length=64, description="The display's; without it, the one from which it signs in first."
    )


class Token(ResponseBody):
    """An API token, without the token itself."""

    id: str = Field(examples=["1f2e3d4c"])
    roles: list[str] = Field(examples=[["guard"]])
    created: Time
    expires: Time
    kiosk: bool = Field(description="A display's: it only shows.")
    address: str | None = Field(description="From which alone a kiosk's token counts; null until it is used first.")


class TokenCreated(Token):
    """A new token; `token` is shown only here."""

    operator: str = Field(examples=["berik"])
    token: str


class TokenRemoved(ResponseBody):
    """A token that was revoked."""

    operator: str = Field(examples=["berik"])
    id: str = Field(examples=["1f2e3d4c"])
    removed: bool


class Operator(ResponseBody):
    """An operator, without secrets."""

    name: str = Field(examples=["berik"])
    roles: list[str] = Field(examples=[["guard"]])
    os_user: str | None = Field(description="Their Unix account.")
    password: bool = Field(description="Whether they have a password.")
    created: Time
    tokens: list[Token]


@router.get("", response_model=list[Operator])
def list_operators(context: Ctx, _: Who, page: Paged) -> list[dict[str, Any]]:
    """List operators by name with the ids of their tokens, without secrets."""
    with context.site.database.read() as session:
        found = page.cut(operators.all_rows(session), key=lambda row: row.name, text=lambda row: (row.name,))
        return [operators.as_json(row) for row in found]


@router.post("", status_code=201, response_model=Operator)
def add_operator(body: OperatorCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add an operator; an admin, once there were two, with the approval of a second one."""
    name = slug("operator", body.name)
    user = service.checked_os_user(body.os_user, context.owner_uid) if body.os_user else None
    # Before the transaction: hashing takes a while, and the ledger waits for the database.
    password_hash = hash_password(body.password.get_secret_value()) if body.password else None
    if Role.ADMIN in body.roles:
        service.require_second_admin(context.site, caller.actor, name, user)
    with context.change(caller, changes_site=False) as work:
        return operators.as_json(service.add_operator(work, name, body.roles, user, password_hash))


@router.delete("/{name}", response_model=Removed)
def remove_operator(name: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Remove an operator; sessions and tokens end with them."""
    with context.change(caller, changes_site=False) as work:
        service.remove_operator(work, name)
    return {"name": name, "removed": True}


@router.put("/{name}/roles", response_model=Operator)
def set_operator_roles(name: str, body: RolesSet, context: Ctx, caller: Who) -> dict[str, Any]:
    """Replace an operator's roles; no one becomes an admin so, and the last admin stays one."""
    with context.change(caller, changes_site=False) as work:
        return operators.as_json(service.set_roles(work, name, body.roles))


@router.put("/{name}/password", response_model=Operator)
def set_operator_password(name: str, body: PasswordSet, context: Ctx, caller: Who) -> dict[str, Any]:
    """Set or replace a password; sessions of the old one end."""
    password_hash = hash_password(body.password.get_secret_value())
    with context.change(caller, changes_site=False) as work:
        return operators.as_json(service.set_password(work, name, password_hash))


@router.post("/{name}/tokens", status_code=201, response_model=TokenCreated)
def create_token(name: str, body: TokenCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Create an API token; `token` is shown here and never again."""
    with context.change(caller, changes_site=False) as work:
        token, secret = service.create_token(work, name, body.roles, body.days, kiosk=body.kiosk, address=body.address)
    return token | {"operator": name, "token": secret}


@router.delete("/{name}/tokens/{token}", response_model=TokenRemoved)
def revoke_token(name: str, token: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Revoke a token."""
    with context.change(caller, changes_site=False) as work:
        service.revoke_token(work, name, token)
    return {"operator": name, "id": token, "removed": True}
