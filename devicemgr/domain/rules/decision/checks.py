"""A check of a request: the reason that it denies for, and when."""

from collections.abc import Callable
from dataclasses import dataclass

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import Person
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Check:
    """A row of the tables below: deny with `reason` when `objects`; `when` says it in words for the docs."""

    reason: Reason
    when: str
    objects: Callable[[AccessRequest, Person, Snapshot], bool]
