"""What every handler gets: the open site, the running daemon or its stand-in, and who is calling."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Request

from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.model import Role
from devicemgr.errors import NotSignedIn
from devicemgr.site.runtime import Runtime
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import UnitOfWork, unit_of_work
from devicemgr.store.database import Session


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: `uid:N` (the box's owner, by the socket), `operator:NAME` or `token:NAME`.

    `holds` says, for what lasts, whether the caller still may; `session` is the secret of a browser's session. A kiosk
    is a display: it only shows (authorization.py), until its token expires in `expires_s`.
    """

    actor: str
    roles: frozenset[Role]
    is_owner: bool = False
    session: str | None = field(default=None, repr=False)
    is_kiosk: bool = False
    expires_s: float | None = None
    holds: Callable[[], bool] = field(default=lambda: True, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a handler needs."""

    site: Site
    runtime: Runtime
    owner_uid: int

    def record(
        self, session: Session, kind: str, caller: Caller, detail: Mapping[str, Any], person_id: str | None = None
    ) -> None:
        """Put an administrative fact into the transaction that makes it true."""
        fact = Fact(kind, datetime.now(UTC), person_id=person_id, actor=caller.actor, detail=detail)
        self.site.ledger.append(session, [fact])

    def change(self, caller: Caller, *, changes_site: bool = True) -> AbstractContextManager[UnitOfWork]:
        """Return a unit of work of the caller for a service; its changes are announced after the commit."""
        return unit_of_work(self.site, caller.actor, self.runtime, changes_site=changes_site)

    def record_soon(self, fact: Fact) -> None:
        """Hand a fact to the daemon's ledger; without a daemon every caller is the owner, and nothing is recorded."""
        if self.runtime.running:
            self.site.ledger.submit(fact)


def get_context(request: Request) -> Context:
    """Return the app's context."""
    context = request.app.state.context
    assert isinstance(context, Context)
    return context


def caller_of(request: Request) -> Caller | None:
    """Whom entry.Entry has found; None where anybody may come."""
    found = getattr(request.state, "caller", None)
    assert found is None or isinstance(found, Caller)
    return found


def get_caller(request: Request) -> Caller:
    """Return the caller, who is known."""
    caller = caller_of(request)
    if caller is None:
        raise NotSignedIn("the caller is unknown; sign in first")
    return caller


Ctx = Annotated[Context, Depends(get_context)]
Who = Annotated[Caller, Depends(get_caller)]
