"""How urgent an event is to a receiver of syslog, and to one of CEF."""

from collections.abc import Mapping
from dataclasses import dataclass

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.rules.alarms import begin, begins, ends
from devicemgr.outlets.sender import Event

ADMIN = "admin."
_LOWEST_PRIORITY = 5


@dataclass(frozen=True, slots=True)
class Severity:
    """A severity by RFC 5424, table 2 (0 to 7, the lowest is the most urgent), and by CEF (0 to 10, the highest is)."""

    syslog: int
    cef: int


# The priorities of alarms, 1 to 5, are the severities Alert, Critical, Error, Warning and Notice.
_OF_PRIORITY: Mapping[int, Severity] = {
    1: Severity(1, 10),
    2: Severity(2, 8),
    3: Severity(3, 7),
    4: Severity(4, 5),
    5: Severity(5, 3),
}
_NOTICE, _INFORMATIONAL = Severity(5, 3), Severity(6, 1)


def severity_of(event: Event) -> Severity:
    """Return how urgent an event is: an alarm by its priority, denials, changes and ends of alarms Notice."""
    kind = str(event["kind"])
    if begins(event):
        return _OF_PRIORITY[begin(None, event).priority]
    if kind == Kind.ALARM_ESCALATED:
        detail = event.get("detail") or {}
        return _OF_PRIORITY.get(detail.get("priority", _LOWEST_PRIORITY), _NOTICE)
    if kind == Kind.ACCESS_DENIED or kind.startswith(ADMIN) or ends(event):
        return _NOTICE
    return _INFORMATIONAL
