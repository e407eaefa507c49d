"""By which outlet a command arrived: it stands in the detail of what the command's operator does by it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace

from devicemgr.domain.ledger_events import Fact
from devicemgr.store.ledger.sudo_claim import with_claim

FIELD = "outlet"
_BY_TOKEN = "token:"  # noqa: S105 - what an actor begins with

_outlet: ContextVar[str | None] = ContextVar("outlet", default=None)


@contextmanager
def by_outlet(name: str) -> Iterator[None]:
    """Let what a token's operator does in this context name the outlet."""
    token = _outlet.set(name)
    try:
        yield
    finally:
        _outlet.reset(token)


def with_origin(fact: Fact) -> Fact:
    """Return the fact with what this context knows of where it comes from: an outlet, or a user behind sudo."""
    outlet = _outlet.get()
    if outlet is None or not (fact.actor or "").startswith(_BY_TOKEN) or FIELD in fact.detail:
        return with_claim(fact)
    return replace(fact, detail={**fact.detail, FIELD: outlet})
