"""Who of the box's users ran a command as its owner, by sudo.

The owner's commands reach the daemon as one user, the service's own. sudo names the caller in SUDO_UID; the command
passes it on, and it stands in the detail of what the owner does. It is a claim: the owner can make up any.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace

from devicemgr.domain.ledger_events import Fact

HEADER = "X-Devicemgr-Sudo-Uid"
FIELD = "sudo_uid"
VARIABLE = "SUDO_UID"
_MAX_UID = 2**32 - 2

_claimed: ContextVar[int | None] = ContextVar("claimed_user", default=None)


def headers() -> dict[str, str]:
    """Return the header by which a command passes the claim on; none where sudo did not run it."""
    found = parse(os.environ.get(VARIABLE))
    return {} if found is None else {HEADER: str(found)}


def parse(text: str | None) -> int | None:
    """Return the user's number; None for anything else."""
    if not text or not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    return number if (number := int(text)) <= _MAX_UID else None


@contextmanager
def claimed(text: str | None) -> Iterator[None]:
    """Let what is recorded in this context carry the claim in `text`, if it is one."""
    token = _claimed.set(parse(text))
    try:
        yield
    finally:
        _claimed.reset(token)


def with_claim(fact: Fact) -> Fact:
    """Return the fact with the claim, where the box's owner (`uid:N`) is its actor and there is one."""
    uid = _claimed.get()
    if uid is None or not (fact.actor or "").startswith("uid:") or FIELD in fact.detail:
        return fact
    return replace(fact, detail={**fact.detail, FIELD: uid})
