"""A check of a request: the reason that it denies for, and when."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import JsonValue, Person
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Check:
    """A row of a table of checks: deny with `reason` when `objects`; `when` says it in words for the docs.

    `reads` gives what is looked at, for an explanation; None where the words say it. `names` gives the name of the rule
    that objects, where there are several; a denial then records it and what was read. `case` tells apart checks of one
    reason.
    """

    reason: Reason
    when: str
    objects: Callable[[AccessRequest, Person, Snapshot], bool]
    reads: Callable[[AccessRequest, Person, Snapshot], Mapping[str, JsonValue]] | None = None
    names: Callable[[AccessRequest, Snapshot], str | None] | None = None
    case: str = ""

    @property
    def code(self) -> str:
        """Return what stands for `when` in clients that have words of their own."""
        return self.case or str(self.reason)
